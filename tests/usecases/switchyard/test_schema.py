"""The migrations make exactly the tables of the code, forward and back, on both databases."""

import threading
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.schema import CreateTable

from kernel.database import Database
from switchyard import schema
from switchyard.revisions import MIGRATIONS, System, is_current, newest
from tests.support.databases import Databases


@pytest.fixture(params=schema.SYSTEMS)
def system(request: pytest.FixtureRequest) -> System:
    found: System = request.param
    return found


@pytest.fixture
def empty(databases: Databases) -> Database:
    return databases.new("empty")


def test_an_empty_database_is_not_current(empty: Database, system: System) -> None:
    with empty.engine.connect() as connection:
        assert not is_current(connection, system)


def test_the_newest_revision_holds_what_the_code_expects(empty: Database, system: System) -> None:
    schema.upgrade(empty, system)
    assert schema.differences(empty, system) == []
    with empty.engine.connect() as connection:
        assert is_current(connection, system)


def test_upgrading_again_changes_nothing(empty: Database, system: System) -> None:
    schema.upgrade(empty, system)
    schema.upgrade(empty, system)
    assert schema.differences(empty, system) == []


def test_the_way_back_leaves_nothing_behind(empty: Database, system: System) -> None:
    schema.upgrade(empty, system)
    schema.downgrade(empty, system, "base")
    assert set(inspect(empty.engine).get_table_names()) <= {"alembic_version"}


def test_nodes_that_start_at_once_upgrade_once(empty: Database, system: System) -> None:
    faults: list[BaseException] = []
    barrier = threading.Barrier(4)

    def start() -> None:
        barrier.wait()
        try:
            schema.upgrade(empty, system)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            faults.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert schema.differences(empty, system) == []


def test_the_newest_revision_is_the_end_of_a_straight_history(system: System) -> None:
    """Workers read it from the names of the files, and Alembic from what stands in them."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("version_locations", str(MIGRATIONS / system))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [newest(system)]


def test_nobody_else_can_hold_up_an_upgrade(tmp_path: Path) -> None:
    """Whoever may open the lock file may lock it, for reading too."""
    old = tmp_path / "old.db.lock"
    old.touch()
    old.chmod(0o644)  # as former versions made it
    for name in ("new", "old"):
        database = Database(f"sqlite:///{tmp_path / name}.db")
        schema.upgrade(database, "gateway")
        database.dispose()
        assert (tmp_path / f"{name}.db.lock").stat().st_mode & 0o777 == 0o600


def test_the_next_version_of_an_account_lies_beside_it(empty: Database) -> None:
    """A membership raises an account's version: PostgreSQL writes no index entry where its page has room."""
    schema.upgrade(empty, "gateway")
    if empty.dialect == "postgresql":
        with empty.engine.connect() as connection:
            asked = "SELECT reloptions FROM pg_class WHERE oid = 'account'::regclass"
            assert connection.exec_driver_sql(asked).scalar_one() == ["fillfactor=75"]


def test_tables_that_stand_in_the_order_of_their_key_are_made_so(empty: Database, system: System) -> None:
    """Alembic does not compare it: each row would be written twice, and nobody would notice."""
    schema.upgrade(empty, system)
    said = {
        name
        for metadata in schema.metadata_of(system)
        for name, table in metadata.tables.items()
        if "WITHOUT ROWID" in str(CreateTable(table).compile(empty.engine))
    }
    if empty.dialect == "postgresql":
        assert said == set()  # it has none
    else:
        with empty.engine.connect() as connection:
            asked = "SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'"
            assert said == set(connection.exec_driver_sql(asked).scalars()) != set()
