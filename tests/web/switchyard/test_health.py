"""Readiness: a node is taken from behind its proxy when it cannot do its work, and only then."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import flask
import pytest
from sqlalchemy import text

from kernel.database import Database
from switchyard import health
from switchyard.revisions import newest
from tests.support.clock import a_store
from tests.support.postgresql_sessions import cut_all

if TYPE_CHECKING:
    from tests.support.databases import Databases


def ready(database: Database) -> tuple[int, Any]:
    """Return how a Gateway on the database answers, and what it says that it lacks."""
    app = flask.Flask(__name__)
    health.add_routes(app, a_store(database), "gateway")
    answer = app.test_client().get("/readyz")
    return answer.status_code, answer.json["lacking"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_nobody_on_the_way_keeps_what_a_node_says_of_itself(databases: Databases, path: str) -> None:
    """RFC 9111 §5.2.2.5: a node that was ready a minute ago may not be now."""
    app = flask.Flask(__name__)
    health.add_routes(app, a_store(databases.new("empty")), "gateway")
    headers = app.test_client().get(path).headers
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


@pytest.fixture
def upgraded(gateway_database: Database) -> Database:
    """Give the database of a Gateway, at the newest revision that its code knows."""
    with gateway_database.write() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32))"))
    stands_at(gateway_database, newest("gateway"))
    return gateway_database


def stands_at(database: Database, revision: str) -> None:
    with database.write() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})


def test_a_node_without_its_schema_is_not_ready(databases: Databases) -> None:
    assert ready(databases.new("empty")) == (503, ["the database is not up to date"])


def test_a_node_whose_database_is_away_is_not_ready() -> None:
    database = Database("postgresql://nobody@/none?host=/nowhere")
    assert ready(database) == (503, ["the database does not answer"])
    database.dispose()


def test_a_node_on_an_older_schema_is_not_ready(upgraded: Database) -> None:
    stands_at(upgraded, "0000")
    assert ready(upgraded) == (503, ["the database is not up to date"])


def test_a_node_that_runs_stays_ready_when_a_newer_version_upgrades_the_schema(upgraded: Database) -> None:
    """Nodes are started anew one after the other; those that were not yet serve meanwhile."""
    assert ready(upgraded) == (200, [])
    stands_at(upgraded, "9999")
    assert ready(upgraded) == (200, [])


def test_a_node_whose_database_takes_no_changes_is_not_ready(postgresql_gateway_database: Database) -> None:
    """As one that stands by for another server: nobody could sign in there."""
    name = postgresql_gateway_database.engine.url.database
    with postgresql_gateway_database.write() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    cut_all(postgresql_gateway_database)
    status, lacking = ready(postgresql_gateway_database)
    assert (status, "the database takes no changes" in lacking) == (503, True)


def with_room(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    """Let every disk of this machine have so many bytes left."""
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=free))


def test_a_node_whose_disk_is_full_is_not_ready(
    sqlite_databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody who signs in there is answered 503: who looks after the node has to hear why."""
    database = sqlite_databases.new("empty")
    with_room(monkeypatch, 1024 * 1024)
    assert ready(database) == (503, ["the database is not up to date"])
    with_room(monkeypatch, 1024 * 1024 - 1)
    assert ready(database) == (503, ["the database is not up to date", "the disk of the database is full"])


def test_the_disk_of_a_node_is_not_that_of_its_postgresql(
    postgresql_databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_room(monkeypatch, 0)
    assert ready(postgresql_databases.new("empty")) == (503, ["the database is not up to date"])
