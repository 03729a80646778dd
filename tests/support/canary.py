"""Looks for planted secrets where none may be: logs, databases, audit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import MetaData, create_engine, select

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from switchyard.story import Story

# What a token, a code in an address or a key looks like in a log line.
_SHAPES = {
    "a signed token": re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\."),
    "a code or token parameter": re.compile(
        r"(?:code|token|code_verifier|client_secret|password|assertion)=[\w.~%-]{16,}"
    ),
    "a private key": re.compile(r"PRIVATE KEY"),
    "a bearer token": re.compile(r"[Bb]earer [\w.~+/-]{16,}"),
}


def secrets_of(story: Story) -> dict[str, str]:
    """Return everything the people of a story kept to themselves, by what it is."""
    found: dict[str, str] = {}
    for person in story.people.values():
        found[f"password of {person.name}"] = person.password
        if person.totp_secret:
            found[f"authenticator key of {person.name}"] = person.totp_secret
        for cookie in person.visitor.client.cookies.jar:
            if cookie.value and len(cookie.value) >= 20 and "language" not in cookie.name:
                found[f"cookie {cookie.name} of {person.name}"] = cookie.value
    for message in story.mail.messages():
        for link in message["links"]:
            token = link.rpartition("/")[2]
            if "/activate/" in link:
                found[f"activation link {message['number']}"] = token
    return found


def found_in(text: str, secrets: dict[str, str]) -> list[str]:
    """Return which of the secrets stand in ``text``, and what looks like one."""
    named = [what for what, secret in secrets.items() if secret in text]
    return named + [what for what, shape in _SHAPES.items() if shape.search(text)]


def texts_of_database(url: str) -> Iterator[tuple[str, str]]:
    """Give every value of every table as text, with the name of its column."""
    engine = create_engine(url)
    try:
        metadata = MetaData()
        with engine.connect() as connection:
            metadata.reflect(connection)
            for table in metadata.sorted_tables:
                for row in connection.execute(select(table)).mappings():
                    yield from ((f"{table.name}.{name}", shown) for name, shown in _shown(row.items()))
    finally:
        engine.dispose()


def _shown(values: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, str]]:
    for name, value in values:
        if isinstance(value, bytes):
            yield str(name), value.decode("latin-1")
        elif value is not None:
            yield str(name), str(value)
