"""A PostgreSQL server that goes away and comes back: nobody asks it each time, and nobody notices."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select
from structlog.testing import capture_logs

from kernel.audit import SYSTEM
from kernel.database import Database
from kernel.errors import DatabaseAwayError
from kernel.prepared import Prepared
from kernel.tables import audit_event
from kernel.web.http import Request, Response
from kernel.web.lane import serve
from tests.support.clock import a_store
from tests.support.postgresql_sessions import cut_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel.store import Store


def deed(store: Store, target: str) -> None:
    with store.write() as unit:
        unit.audit.record("test:thing:made", actor=SYSTEM, target=target)


def targets(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(select(audit_event.c.target).order_by(audit_event.c.target)).scalars())


def test_a_connection_that_the_server_ended_is_replaced_before_it_is_used(
    postgresql_gateway_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A healthy one is used without a question; one that was cut is found out without a failed deed."""
    store = a_store(postgresql_gateway_database)
    engine = postgresql_gateway_database.engine
    asked, opened = [], []
    ping = engine.dialect.do_ping
    monkeypatch.setattr(engine.dialect, "do_ping", lambda raw: asked.append(raw) or ping(raw))
    event.listen(engine, "connect", lambda raw, _record: opened.append(raw))
    deed(store, "a")
    opened.clear()
    deed(store, "b")
    assert targets(store) == ["a", "b"]
    assert (asked, opened) == ([], [])
    cut_all(postgresql_gateway_database)
    asked.clear()
    deed(store, "c")
    assert targets(store) == ["a", "b", "c"]
    assert len(asked) == 1


_LOOK = Prepared(select(audit_event.c.target))


def _writes(store: Store) -> None:
    deed(store, "a")


def _writes_in_line(store: Store) -> None:
    with store.write(line="row"):
        pass


def _takes_a_snapshot(store: Store) -> None:
    with store.snapshot():
        pass


def _asks_by_prepared_statement(store: Store) -> None:
    _LOOK.all(store.database)


@pytest.fixture
def silent() -> Iterator[str]:
    """Give the address of a server that lets everybody connect, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"postgresql://nobody@127.0.0.1:{server.getsockname()[1]}/none?connect_timeout=2"


@pytest.mark.parametrize(
    "act", [targets, _writes, _writes_in_line, _takes_a_snapshot, _asks_by_prepared_statement]
)
def test_a_database_that_takes_nobody_is_told_as_such_and_everybody_may_come_again(
    act: Callable[[Store], Any],
) -> None:
    """503: nothing was asked of it; the log says why, and the thread that wanted it goes on."""
    database = Database("postgresql://nobody@/none?host=/nowhere")
    store = a_store(database)

    def endpoint(_: Request) -> Response:
        act(store)
        raise AssertionError("nobody is there")

    request = Request("GET", "/x", "", {}, b"", "192.0.2.1", {})
    for _ in range(2):
        with capture_logs() as lines:
            answer = serve({"GET": endpoint}, request, request_id="r-1")
        assert (answer.status, dict(answer.headers)["Retry-After"]) == (503, "2")
        [line] = [each for each in lines if each["event"] == "database.away"]
        assert line["error"].startswith("connection")
    database.dispose()


def test_a_database_that_says_nothing_is_given_up(silent: str) -> None:
    """Whoever waits for it may hold a line in which others stand."""
    database = Database(silent)
    with pytest.raises(DatabaseAwayError, match="the database cannot be used: connection"):
        targets(a_store(database))
    database.dispose()


def test_a_connection_has_bounds_unless_its_address_says_others(
    postgresql_gateway_database: Database,
) -> None:
    """A server that is not there, or that does not even acknowledge what it is sent, is given up."""
    url = postgresql_gateway_database.engine.url
    said = {"connect_timeout": "7", "tcp_user_timeout": "9000"}
    for found, expected in ((url, ("5", "60000")), (url.update_query_dict(said), ("7", "9000"))):
        database = Database(found.render_as_string(hide_password=False))
        with database.read() as connection:
            raw: Any = connection.connection.dbapi_connection
            given = raw.info.get_parameters()
        assert (given["connect_timeout"], given["tcp_user_timeout"]) == expected
        database.dispose()
