"""Consents, and the questions that wait for an answer: each is decided once, and taken up once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, delete, select, update

from idp.storage.tables import client, consent, consent_request
from kernel.database import insert
from kernel.sweeping import remove_some

_MOST_WAITING = 50
OVER_AT = consent_request.c.expires_at
"""When a question is over."""


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """An authorization request that waits for its person. ``scope`` is what she is asked about."""

    digest: bytes
    session_id: str
    account_id: str
    client_id: str
    scope: tuple[str, ...]
    request: Mapping[str, Any]
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class GivenConsent:
    """What a person agreed to, for a page; ``given_at`` is when she last agreed to something of it."""

    client_id: str
    client_name: str
    scope: tuple[str, ...]
    given_at: dt.datetime


def consent_given(connection: Connection, account_id: str, client_id: str) -> tuple[str, ...]:
    """Return what the account agreed to for the client: nothing, if it was never asked or took it back."""
    found = connection.scalars(
        select(consent.c.scope).where(consent.c.account_id == account_id, consent.c.client_id == client_id)
    )
    return tuple(found)


def keep_consent(
    connection: Connection, account_id: str, client_id: str, scope: Iterable[str], *, now: dt.datetime
) -> None:
    """Remember what the account agrees to now, beside what it agreed to before: one row a scope."""
    common = {"account_id": account_id, "client_id": client_id, "given_at": now}
    connection.execute(
        insert(connection, consent).on_conflict_do_nothing(), [{**common, "scope": each} for each in scope]
    )


def take_consent_back(connection: Connection, account_id: str, client_id: str) -> bool:
    """Forget a consent; False if there was none."""
    done = connection.execute(
        delete(consent).where(consent.c.account_id == account_id, consent.c.client_id == client_id)
    )
    return done.rowcount > 0


def consents_of(connection: Connection, account_id: str) -> list[GivenConsent]:
    """Return what the account agreed to, client by client, by their names."""
    rows = connection.execute(
        select(consent.c.client_id, client.c.name, consent.c.scope, consent.c.given_at)
        .join(client, client.c.id == consent.c.client_id)
        .where(consent.c.account_id == account_id)
        .order_by(client.c.name, client.c.id, consent.c.scope)
    ).all()
    return [
        GivenConsent(client_id, name, tuple(row[2] for row in of_one), max(row[3] for row in of_one))
        for (client_id, name), found in groupby(rows, key=lambda row: (row[0], row[1]))
        if (of_one := list(found))
    ]


# --- questions that wait ---------------------------------------------------------------------------


def add_consent_request(connection: Connection, new: ConsentRequest) -> None:
    """Store a question. The newest fifty of an account are kept: whoever asks for ever fills nothing."""
    of_account = consent_request.c.account_id == new.account_id
    others = (of_account, consent_request.c.digest != new.digest)
    newest = (
        select(consent_request.c.digest)
        .where(*others)
        .order_by(consent_request.c.expires_at.desc())
        .limit(_MOST_WAITING - 1)
    )
    connection.execute(
        consent_request.insert(),
        {
            "digest": new.digest,
            "session_id": new.session_id,
            "account_id": new.account_id,
            "client_id": new.client_id,
            "scope": " ".join(new.scope),
            "request": dict(new.request),
            "expires_at": new.expires_at,
        },
    )
    # After it: what is new takes the account, and whoever deletes that takes its questions later.
    connection.execute(delete(consent_request).where(*others, consent_request.c.digest.not_in(newest)))


_ASKED = (
    consent_request.c.digest,
    consent_request.c.session_id,
    consent_request.c.account_id,
    consent_request.c.client_id,
    consent_request.c.scope,
    consent_request.c.request,
    consent_request.c.expires_at,
)


def _to_request(row: Any) -> ConsentRequest:  # noqa: ANN401 - a row of _ASKED
    return ConsentRequest(row[0], row[1], row[2], row[3], tuple(row[4].split()), row[5], row[6])


def find_consent_request(
    connection: Connection, digest: bytes, session_id: str, *, now: dt.datetime
) -> ConsentRequest | None:
    """Return a question of this session that waits for its answer, or None."""
    row = connection.execute(
        select(*_ASKED).where(
            consent_request.c.digest == digest,
            consent_request.c.session_id == session_id,
            consent_request.c.decided_at.is_(None),
            consent_request.c.expires_at > now,
        )
    ).first()
    return None if row is None else _to_request(row)


def decide_consent_request(
    connection: Connection, digest: bytes, session_id: str, *, allowed: bool, now: dt.datetime
) -> ConsentRequest | None:
    """Answer a question of this session; None if it is not there, over, or answered: one UPDATE decides."""
    row = connection.execute(
        update(consent_request)
        .where(
            consent_request.c.digest == digest,
            consent_request.c.session_id == session_id,
            consent_request.c.decided_at.is_(None),
            consent_request.c.expires_at > now,
        )
        .values(decided_at=now, allowed=allowed)
        .returning(*_ASKED)
    ).first()
    return None if row is None else _to_request(row)


def take_up_consent_request(
    connection: Connection, digest: bytes, session_id: str, *, now: dt.datetime
) -> tuple[ConsentRequest, bool] | None:
    """Take an answered question up, once, with whether it was allowed; None for everybody else."""
    row = connection.execute(
        update(consent_request)
        .where(
            consent_request.c.digest == digest,
            consent_request.c.session_id == session_id,
            consent_request.c.decided_at.is_not(None),
            consent_request.c.resumed_at.is_(None),
            consent_request.c.expires_at > now,
        )
        .values(resumed_at=now)
        .returning(*_ASKED, consent_request.c.allowed)
    ).first()
    return None if row is None else (_to_request(row), bool(row[7]))


def sweep(connection: Connection, *, before: dt.datetime) -> int:
    """Remove some questions that are over before ``before``; return how many."""
    over = consent_request.c.expires_at < before
    return remove_some(connection, consent_request, over, oldest_first=OVER_AT)
