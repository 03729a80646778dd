"""What the log tells of an error that nobody foresaw: enough to mend it, and nobody's data."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from sqlalchemy import Column, MetaData, String, Table, insert
from sqlalchemy.exc import DBAPIError

from kernel.errors import SwitchyardError
from kernel.logged_errors import LogFormatter, traced
from kernel.prepared import Prepared
from kernel.settings import KernelSettings
from kernel.web.http import Request, Response
from kernel.web.lane import serve
from switchyard.wiring import set_up_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from kernel.database import Database

PERSON = "nora.field@acme.example"
THING = Table(
    "thing", MetaData(), Column("address", String(26), primary_key=True), Column("born", String(10))
)
_PREPARED = Prepared(THING.insert(), columns=["address"])


def _by_core(connection: Connection) -> None:
    connection.execute(insert(THING).values(address=PERSON))


def _by_prepared_statement(connection: Connection) -> None:
    _PREPARED.within(connection, address=PERSON)


@pytest.fixture
def database(gateway_database: Database) -> Database:
    """Give a database, of either kind, that knows a person."""
    THING.metadata.create_all(gateway_database.engine)
    with gateway_database.write() as connection:
        _by_core(connection)
    return gateway_database


@pytest.fixture
def _logs() -> Iterator[None]:
    """Write logs as an installation does, for this test."""
    before = structlog.get_config()
    set_up_logs(KernelSettings(log_level="info"))
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("_logs")
@pytest.mark.parametrize("write", [_by_core, _by_prepared_statement])
def test_the_log_names_what_was_violated_and_never_whose_row(
    database: Database, write: Callable[[Connection], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """SECURITY.md, logs: the DETAIL of PostgreSQL is a person's data."""

    def endpoint(_: Request) -> Response:
        with database.write() as connection:
            write(connection)
        raise AssertionError("the row is there already")

    answer = serve({"GET": endpoint}, Request("GET", "/x", "", {}, b"", "192.0.2.1", {}), request_id="r-1")
    assert answer.status == 500
    written = capsys.readouterr()
    assert written.out == "", "standard output is for what a command answers"
    [line] = written.err.splitlines()
    told = json.loads(line)["exception"]
    assert PERSON not in line
    assert "Traceback (most recent call last):" in told
    assert "IntegrityError" in told
    assert "thing" in told
    if database.dialect == "postgresql":
        assert "psycopg.errors.UniqueViolation: sqlstate=23505" in told
        assert "table=thing constraint=thing_pkey" in told


def _unreadable(database: Database, words: str) -> DBAPIError:
    with database.read() as connection, pytest.raises(DBAPIError, match="invalid input syntax") as caught:
        connection.exec_driver_sql("SELECT CAST(%(given)s AS timestamp)", {"given": words})
    assert words in str(caught.value)
    return caught.value


@pytest.mark.parametrize("words", ["nora.field@acme.example is no date", "'; --"])
def test_what_the_database_could_not_read_is_not_quoted(
    postgresql_gateway_database: Database, words: str
) -> None:
    """The first line of such an error holds the value itself."""
    error = _unreadable(postgresql_gateway_database, words)
    told = traced((type(error), error, error.__traceback__))
    assert words not in told
    assert "sqlstate=22007" in told
    assert "[SQL: SELECT CAST(" in told


def test_what_libraries_log_is_worded_alike(postgresql_gateway_database: Database) -> None:
    """A server that serves us logs an error of ours through the standard library."""
    formatter = LogFormatter("%(message)s")
    error = _unreadable(postgresql_gateway_database, PERSON)
    info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("library", logging.ERROR, "", 0, "it failed", (), info)
    assert PERSON not in formatter.format(record)


def test_other_errors_are_told_with_what_led_to_them() -> None:
    """Causes, contexts, groups and errors that lead to themselves: as Python tells them, in its order."""
    first, second = ValueError("first"), SwitchyardError(number=2)
    second.__cause__ = first
    third = KeyError("third")
    third.__context__ = second
    first.__context__ = third  # a ring ends
    told = traced((KeyError, third, None))
    assert told.splitlines() == [
        "ValueError: first",
        "",
        "The above exception was the direct cause of the following exception:",
        "",
        "kernel.errors.SwitchyardError: ('internal_error', {'number': 2})",
        "",
        "During handling of the above exception, another exception occurred:",
        "",
        "KeyError: 'third'",
    ]
    group = ExceptionGroup("several", [OSError("one"), RuntimeError()])
    assert traced((ExceptionGroup, group, None)).splitlines() == [
        "ExceptionGroup: several (2 sub-exceptions)",
        "OSError: one",
        "RuntimeError",
    ]


def test_a_long_chain_of_errors_is_told_whole() -> None:
    """What is logged last of all must not fail of how long it took to come to this, nor of how deep it lies."""
    chain: Exception = ValueError("first")
    group: Exception = ValueError("innermost")
    for number in range(2_000):
        later = KeyError(number)
        later.__cause__, chain = chain, later
        group = ExceptionGroup(str(number), [group])
    told = traced((KeyError, chain, None)).splitlines()
    assert (
        told[0],
        told[-1],
        told.count("The above exception was the direct cause of the following exception:"),
    ) == (
        "ValueError: first",
        "KeyError: 1999",
        2_000,
    )
    told = traced((ExceptionGroup, group, None)).splitlines()
    assert (told[0], told[-1], len(told)) == (
        "ExceptionGroup: 1999 (1 sub-exception)",
        "ValueError: innermost",
        2_001,
    )


def test_an_error_without_words_and_one_with_notes_are_told() -> None:
    """What is logged last of all must not fail of the error itself; Python says no more of such a one."""

    class Wordless(Exception):  # noqa: N818 - stands for a library's own
        def __str__(self) -> str:
            raise RuntimeError

    assert traced((Wordless, Wordless(), None)).endswith("Wordless: <exception str() failed>")
    noted = ValueError("first")
    noted.add_note("while it started")
    assert traced((ValueError, noted, None)).splitlines() == ["ValueError: first", "while it started"]


@pytest.mark.usefixtures("_logs")
def test_who_asks_is_answered_though_the_log_takes_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """P1: with the disk of the log full every request was answered 500, and had been done."""

    def endpoint(_: Request) -> Response:
        structlog.get_logger().info("thing.done")
        return Response(201)

    with Path("/dev/full").open("wb", buffering=0) as raw:
        monkeypatch.setattr("sys.stderr", io.TextIOWrapper(raw, write_through=True))
        answer = serve(
            {"GET": endpoint}, Request("GET", "/x", "", {}, b"", "192.0.2.1", {}), request_id="r-1"
        )
    assert answer.status == 201
