"""A search keeps the database busy for a bounded time, whatever it asks (RFC 7644 §3.12, RX-05, DB-06)."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, text

from idp.storage.provisioning_log import Range, page_of_all
from scim.settings import ScimSettings
from tests.support.scim import SEARCH_SCHEMA, ScimWorld, a_group, a_scim_world_of, a_user
from tests.support.scim_checks import is_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.database import Database


def _costly(name: str) -> str:
    """Return a filter of the most terms it may have, none of which an index serves or a resource meets."""
    return " or ".join(f'{name} co "~{number}"' for number in range(200))


CASES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("GET", "/Users", {}),
    ("GET", "/Users", {"count": "0"}),
    ("GET", "/Users", {"cursor": ""}),
    ("GET", "/Groups", {}),
    ("GET", "/", {}),
    ("GET", "/", {"sortBy": "id"}),
    ("GET", "/", {"sortBy": "id", "cursor": ""}),
    ("POST", "/Users/.search", {}),
    ("POST", "/Groups/.search", {}),
    ("POST", "/.search", {}),
    ("POST", "/.search", {"sortBy": "displayName"}),
)


@pytest.fixture
def hasty(world: ScimWorld) -> ScimWorld:
    """Give the same service over the same connections, with next to no time for a search."""
    for number in range(30):
        assert world.post("/Users", a_user(f"u{number}")).status == 201
        assert world.post("/Groups", a_group(f"g{number}")).status == 201
    settings = ScimSettings(search_time=dt.timedelta(microseconds=1))
    return a_scim_world_of(world.services, settings=settings)


def _ask(world: ScimWorld, method: str, path: str, query: dict[str, str]) -> Any:
    asked = {"filter": _costly("members.value" if "Groups" in path else "displayName"), **query}
    if method == "GET":
        return world.get(path, query=asked)
    return world.post(path, {"schemas": [SEARCH_SCHEMA], **asked})


@pytest.mark.parametrize(("method", "path", "query"), CASES)
def test_a_search_that_takes_the_database_too_long_is_refused(
    hasty: ScimWorld, world: ScimWorld, method: str, path: str, query: dict[str, str]
) -> None:
    """RFC 7644 §3.12: 400 tooMany, and what to do; who has more time is answered on the same connections."""
    refused = _ask(hasty, method, path, query)
    is_error(refused, 400, "tooMany")
    assert "narrower filter" in refused.detail
    assert "'eq'" in refused.detail
    for _ in range(3):
        answered = _ask(world, method, path, query)
        assert (answered.status, answered["totalResults"]) == (200, 0), answered.body


def test_the_refusal_is_recorded(hasty: ScimWorld) -> None:
    """O11: with its keyword and the whole sentence."""
    refused = _ask(hasty, "GET", "/Users", {})
    hasty.services.requests.flush(hasty.services.store.database)
    with hasty.services.store.read() as connection:
        records = page_of_all(connection, Range(frozenset(), limit=1_000))
    told = [(each.operation.value, each.scim_type, each.reason) for each in records if each.status == 400]
    assert told == [("search", "tooMany", refused.detail)]


def test_what_finds_one_resource_is_not_stopped(hasty: ScimWorld) -> None:
    """D1, D3: a resource by its address or a unique attribute is asked for in an index, and is no search."""
    found = hasty.get("/Users", query={"filter": 'userName eq "u7"'})
    assert found["totalResults"] == 1
    assert hasty.get(f"/Users/{found['Resources'][0]['id']}").status == 200
    assert (
        hasty.patch(f"/Users/{found['Resources'][0]['id']}", {"op": "remove", "path": "title"}).status == 200
    )


def test_the_limit_is_left_on_no_connection(hasty: ScimWorld, gateway_database: Database) -> None:
    """DB-06: PostgreSQL has the limit that it had before, on every connection that was lent."""
    assert _ask(hasty, "GET", "/Users", {}).status == 400
    if gateway_database.dialect == "postgresql":
        pool: Any = gateway_database.engine.pool
        lent = [gateway_database.engine.connect() for _ in range(max(pool.checkedin(), 1))]
        told = {each.scalar(text("SHOW statement_timeout")) for each in lent}
        for each in lent:
            each.close()
        assert told == {"0"}


@contextmanager
def _a_long_search(world: ScimWorld, database: Database) -> Iterator[None]:
    """Have a search under way that was stopped once and is asked anew, with more time."""
    stopped, anew, go = threading.Event(), threading.Event(), threading.Event()
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(_ask(world, "GET", "/Users", {})))

    def note(_context: object) -> None:
        if threading.current_thread() is thread:
            stopped.set()

    def wait(*_statement: object) -> None:
        if threading.current_thread() is thread and stopped.is_set():
            anew.set()
            assert go.wait(30)

    event.listen(database.engine, "handle_error", note)
    event.listen(database.engine, "before_cursor_execute", wait)
    thread.start()
    try:
        assert anew.wait(30)
        yield
    finally:
        go.set()
        thread.join()
        event.remove(database.engine, "handle_error", note)
        event.remove(database.engine, "before_cursor_execute", wait)
    assert [each.status for each in answers] == [200]


def test_a_client_has_so_many_long_searches_at_once(hasty: ScimWorld, gateway_database: Database) -> None:
    """RX-13, RFC 6585 §4: 429 and when to come again, on whatever address; others are answered."""
    settings = ScimSettings(long_search=dt.timedelta(microseconds=1), long_searches=1)
    world = a_scim_world_of(hasty.services, settings=settings)
    with _a_long_search(world, gateway_database):
        for path in ("/Users", "/Groups", "/"):
            refused = _ask(world, "GET", path, {})
            is_error(refused, 429)
            assert 1 <= int(refused.headers["retry-after"]) <= 5
        assert world.get("/Users", query={"filter": 'userName eq "u7"'})["totalResults"] == 1
        assert world.get("/Users", query={"filter": 'userName eq "u7"'}, client_id="other").status == 200
    assert _ask(world, "GET", "/Users", {}).status == 200
