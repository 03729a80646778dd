"""A PostgreSQL server that goes away and comes back: nobody asks it each time, and nobody notices."""

from __future__ import annotations

import json
import socket
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select, text
from structlog.testing import capture_logs

from kernel.audit import SYSTEM
from kernel.database import Database
from kernel.errors import DatabaseAwayError
from kernel.prepared import Prepared
from kernel.store import Unit
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
    assert targets(store) == ["a"]
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

    for _ in range(2):
        assert refused(endpoint)["error"].startswith("connection")
    database.dispose()


def refused(endpoint: Callable[[Request], Response]) -> Any:
    """Serve, see that everybody may come again, and return the line of the log."""
    request = Request("GET", "/x", "", {}, b"", "192.0.2.1", {})
    with capture_logs() as lines:
        answer = serve({"GET": endpoint}, request, request_id="r-1")
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (503, "2")
    [line] = [each for each in lines if each["event"] == "database.away"]
    return line


@contextmanager
def _asking_each_time(store: Store) -> Iterator[Callable[[], Any]]:
    yield lambda: _LOOK.all(store.database)


@contextmanager
def _asking_core(lent: AbstractContextManager[Any]) -> Iterator[Callable[[], Any]]:
    with lent as found:
        connection = found.connection if isinstance(found, Unit) else found
        yield lambda: connection.execute(select(audit_event.c.target)).all()


@pytest.mark.parametrize(
    "lend",
    [
        lambda store: _asking_core(store.read()),
        lambda store: _asking_core(store.snapshot()),
        lambda store: _asking_core(store.write()),
        lambda store: _asking_core(store.write(line="row")),
        _asking_each_time,
    ],
)
def test_who_is_cut_off_in_the_middle_may_come_again(
    postgresql_gateway_database: Database,
    lend: Callable[[Store], AbstractContextManager[Callable[[], Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """503, not 500: whatever was begun is undone, and the log says why."""
    store = a_store(postgresql_gateway_database)

    def endpoint(_: Request) -> Response:
        with lend(store) as ask:
            ask()
            cut_all(postgresql_gateway_database)
            if lend is _asking_each_time:  # it asks again itself, on a connection that is cut as well
                monkeypatch.setattr(postgresql_gateway_database, "drop_reader", lambda: None)
            ask()
        raise AssertionError("it was cut off")

    assert refused(endpoint)["kind"] in {"AdminShutdown", "OperationalError"}
    monkeypatch.undo()
    deed(store, "a")
    assert targets(store) == ["a"]


@pytest.mark.parametrize("line", ["", "row"])
def test_how_a_commit_went_on_which_the_connection_broke_is_said_to_be_unknown(
    postgresql_gateway_database: Database, line: str
) -> None:
    """N1: whoever asked is to look; nobody is told that nothing was changed, or to ask again unseen."""
    store = a_store(postgresql_gateway_database)
    deed(store, "before")

    def endpoint(_: Request) -> Response:
        with store.write(line=line) as unit:
            unit.connection.execute(select(audit_event.c.target)).all()
            unit.audit.record("test:thing:made", actor=SYSTEM, target="a")
            cut_all(postgresql_gateway_database)
        raise AssertionError("it was cut off")

    with capture_logs() as lines:
        answer = serve(
            {"GET": endpoint}, Request("GET", "/x", "", {}, b"", "192.0.2.1", {}), request_id="r-1"
        )
    assert answer.status == 500
    assert "Retry-After" not in dict(answer.headers)
    told = json.loads(answer.body)["error_description"]
    assert "Look whether it was done" in told
    assert [each["event"] for each in lines] == ["database.commit_lost"]


@pytest.mark.parametrize("state", ["25006", "53100", "53200", "58030"])
@pytest.mark.parametrize("line", ["", "row"])
def test_what_a_database_cannot_do_now_may_be_tried_again(
    postgresql_gateway_database: Database, state: str, line: str
) -> None:
    """It takes no changes, its disk or memory is full, its disk fails: all of the unit is undone."""
    store = a_store(postgresql_gateway_database)

    def endpoint(_: Request) -> Response:
        with store.write(line=line) as unit:
            unit.audit.record("test:thing:made", actor=SYSTEM, target="never")
            unit.connection.execute(
                text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$")
            )
        raise AssertionError("it was refused")

    assert refused(endpoint)["error"].startswith(f"sqlstate={state}")
    deed(store, "a")
    assert targets(store) == ["a"]


def test_so_is_what_it_refuses_as_it_is_committed(postgresql_gateway_database: Database) -> None:
    """What goes out with the COMMIT fails there, and the server says that nothing stands."""
    store = a_store(postgresql_gateway_database)

    def endpoint(_: Request) -> Response:
        with store.write() as unit:
            unit.audit.record("test:thing:made", actor=SYSTEM, target="never")
            unit.connection.execute(text("SET TRANSACTION READ ONLY"))
        raise AssertionError("it was refused")

    assert refused(endpoint)["kind"] == "ReadOnlySqlTransaction"
    deed(store, "a")
    assert targets(store) == ["a"]


def test_a_file_whose_disk_is_full_may_have_room_another_time(sqlite_gateway_database: Database) -> None:
    """SQLite undoes all of it by itself."""
    store = a_store(sqlite_gateway_database)
    with store.write() as unit:
        pages = unit.connection.execute(text("PRAGMA page_count")).scalar_one()

    def endpoint(_: Request) -> Response:
        with store.write() as unit:
            unit.connection.execute(text(f"PRAGMA max_page_count = {pages}"))
            for number in range(1_000):
                unit.audit.record("test:thing:made", actor=SYSTEM, target=f"{number}" * 50)
        raise AssertionError("there was room")

    assert refused(endpoint)["error"] == "database or disk is full"
    with store.write() as unit:
        unit.connection.execute(text(f"PRAGMA max_page_count = {pages + 1_000}"))
    deed(store, "a")
    assert targets(store) == ["a"]


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
