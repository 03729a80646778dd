"""Fresh databases for tests: SQLite files and a real PostgreSQL, each copied from a template made once.

Ask for ``gateway_database`` or ``registration_database`` and the test runs on both; ask for
``sqlite_gateway_database`` or ``postgresql_gateway_database`` and it runs on one. ``databases`` makes as many as
a test needs. The command line option ``--database sqlite|postgresql`` narrows a run while one works; the full
command never narrows and never skips. ``SWITCHYARD_TEST_POSTGRESQL`` names a system server to use in place of the
throw-away one (a libpq address of a role that may create databases).
"""

from __future__ import annotations

import importlib
import itertools
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import pytest

from tests.support.postgresql import PostgresqlServer, create_database, drop_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel.database import Database

Schema = Literal["gateway", "registration", "kernel", "empty"]
Dialect = Literal["sqlite", "postgresql"]

# Which packages own the tables of which database.
SCHEMAS: dict[Schema, tuple[str, ...]] = {
    "empty": (),
    "kernel": ("kernel.tables",),
    "gateway": ("kernel.tables", "keys.storage.tables", "idp.storage.tables"),
    "registration": ("kernel.tables", "registration.storage.tables"),
}
DIALECTS: tuple[Dialect, ...] = ("sqlite", "postgresql")


def create_schema(database: Database, schema: Schema) -> None:
    """Create the tables of ``schema`` from the packages' own metadata."""
    with database.engine.connect():  # an empty schema is a file, too
        pass
    for module in SCHEMAS[schema]:
        importlib.import_module(module).METADATA.create_all(database.engine)


@contextmanager
def closing_database(url: str) -> Iterator[Database]:
    """Open the database at ``url`` and close it when the block ends."""
    from kernel.database import Database

    database = Database(url)
    try:
        yield database
    finally:
        database.dispose()


class Databases:
    """Makes fresh databases of one dialect for one test and takes them away after it."""

    def __init__(
        self, dialect: Dialect, make_url: Callable[[Schema], str], drop: Callable[[str], None]
    ) -> None:
        self.dialect = dialect
        self._make_url = make_url
        self._drop = drop
        self._opened: list[Database] = []
        self._urls: list[str] = []

    def url(self, schema: Schema) -> str:
        """Return the address of a fresh database with the tables of ``schema``, for real processes."""
        url = self._make_url(schema)
        self._urls.append(url)
        return url

    def open(self, url: str, *, pool_size: int = 8) -> Database:
        """Open the database at ``url``; it is closed when the test ends."""
        from kernel.database import Database

        database = Database(url, pool_size=pool_size)
        self._opened.append(database)
        return database

    def new(self, schema: Schema, *, pool_size: int = 8) -> Database:
        """Return a fresh open database with the tables of ``schema``."""
        return self.open(self.url(schema), pool_size=pool_size)

    def gateway(self, *, pool_size: int = 8) -> Database:
        """Return a fresh Gateway database."""
        return self.new("gateway", pool_size=pool_size)

    def registration(self, *, pool_size: int = 8) -> Database:
        """Return a fresh Registration database."""
        return self.new("registration", pool_size=pool_size)

    def close(self) -> None:
        """Close and drop everything this test made."""
        for database in self._opened:
            database.dispose()
        for url in self._urls:
            self._drop(url)


# --------------------------------------------------------------------------- templates, once per worker


@pytest.fixture(scope="session")
def _sqlite_templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Schema], Path]:
    """Return what gives the template file of a schema, made on first use."""
    folder = tmp_path_factory.mktemp("sqlite-templates")

    def template(schema: Schema) -> Path:
        path: Path = folder / f"{schema}.db"
        if not path.exists():
            # Closing the last connection moves the write-ahead log into the file, so that one copy is enough.
            unfinished = path.with_suffix(".unfinished")
            unfinished.touch()
            with closing_database(f"sqlite:///{unfinished}") as database:
                create_schema(database, schema)
            unfinished.rename(path)
        return path

    return template


@pytest.fixture(scope="session")
def postgresql_admin() -> Iterator[tuple[str, Callable[[str], str]]]:
    """Give the maintenance address of a real PostgreSQL, and what turns a database name into its URL."""
    address = os.environ.get("SWITCHYARD_TEST_POSTGRESQL")
    if address:
        yield address, lambda name: _system_url(address, name)
        return
    with PostgresqlServer() as server:
        yield server.admin, server.url


def _system_url(address: str, name: str) -> str:
    from psycopg.conninfo import conninfo_to_dict
    from sqlalchemy import URL

    given = conninfo_to_dict(address)
    host = str(given.get("host") or "")
    socket = host.startswith("/") or not host
    url = URL.create(
        "postgresql+psycopg",
        username=given.get("user"),
        password=given.get("password"),
        host=None if socket else host,
        port=int(str(given["port"])) if given.get("port") else None,
        database=name,
        query={"host": host} if socket and host else {},
    )
    return url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def _postgresql_templates(
    postgresql_admin: tuple[str, Callable[[str], str]], worker_name: str
) -> Iterator[Callable[[Schema], str]]:
    """Give what returns the name of a schema's template database, made on first use."""
    admin, to_url = postgresql_admin
    made: dict[Schema, str] = {}

    def template(schema: Schema) -> str:
        if schema not in made:
            name = f"switchyard_template_{schema}_{worker_name}"
            drop_database(admin, name)
            create_database(admin, name)
            with closing_database(to_url(name)) as database:
                create_schema(database, schema)
            made[schema] = name
        return made[schema]

    yield template
    for name in made.values():
        drop_database(admin, name)


@pytest.fixture(scope="session")
def worker_name() -> str:
    """Return a name that no other test process on this machine uses at this time."""
    return f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"


# --------------------------------------------------------------------------- what tests ask for


@pytest.fixture
def sqlite_databases(_sqlite_templates: Callable[[Schema], Path], tmp_path: Path) -> Iterator[Databases]:
    """Give a maker of fresh SQLite databases."""
    numbers = itertools.count(1)

    def make_url(schema: Schema) -> str:
        path = tmp_path / f"{schema}-{next(numbers)}.db"
        shutil.copyfile(_sqlite_templates(schema), path)
        return f"sqlite:///{path}"

    made = Databases("sqlite", make_url, lambda _url: None)
    yield made
    made.close()


_numbers = itertools.count(1)


@pytest.fixture
def postgresql_databases(
    postgresql_admin: tuple[str, Callable[[str], str]],
    _postgresql_templates: Callable[[Schema], str],
    worker_name: str,
) -> Iterator[Databases]:
    """Give a maker of fresh PostgreSQL databases."""
    admin, to_url = postgresql_admin
    names: dict[str, str] = {}

    def make_url(schema: Schema) -> str:
        name = f"switchyard_{worker_name}_{next(_numbers)}"
        create_database(admin, name, template=_postgresql_templates(schema))
        url = to_url(name)
        names[url] = name
        return url

    made = Databases("postgresql", make_url, lambda url: drop_database(admin, names[url]))
    yield made
    made.close()


@pytest.fixture
def databases(database_dialect: Dialect, request: pytest.FixtureRequest) -> Databases:
    """Give a maker of fresh databases; the test runs once on SQLite and once on PostgreSQL."""
    made: Databases = request.getfixturevalue(f"{database_dialect}_databases")
    return made


@pytest.fixture
def gateway_database(databases: Databases) -> Database:
    """Give a fresh Gateway database; the test runs on both dialects."""
    return databases.gateway()


@pytest.fixture
def registration_database(databases: Databases) -> Database:
    """Give a fresh Registration database; the test runs on both dialects."""
    return databases.registration()


@pytest.fixture
def kernel_database(databases: Databases) -> Database:
    """Give a fresh database with the kernel's own tables; the test runs on both dialects."""
    return databases.new("kernel")


@pytest.fixture
def sqlite_gateway_database(sqlite_databases: Databases) -> Database:
    """Give a fresh Gateway database on SQLite."""
    return sqlite_databases.gateway()


@pytest.fixture
def sqlite_registration_database(sqlite_databases: Databases) -> Database:
    """Give a fresh Registration database on SQLite."""
    return sqlite_databases.registration()


@pytest.fixture
def postgresql_gateway_database(postgresql_databases: Databases) -> Database:
    """Give a fresh Gateway database on PostgreSQL."""
    return postgresql_databases.gateway()


@pytest.fixture
def postgresql_registration_database(postgresql_databases: Databases) -> Database:
    """Give a fresh Registration database on PostgreSQL."""
    return postgresql_databases.registration()


# --------------------------------------------------------------------------- hooks


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer ``--database`` to narrow a run to one dialect while one works."""
    parser.addoption(
        "--database", choices=DIALECTS, default=None, help="run database tests on one dialect only"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that needs ``database_dialect`` once per dialect."""
    if "database_dialect" not in metafunc.fixturenames:
        return
    narrowed: Dialect | None = metafunc.config.getoption("--database")
    wanted = (narrowed,) if narrowed else DIALECTS
    values = [
        pytest.param(dialect, marks=[pytest.mark.postgresql] if dialect == "postgresql" else [])
        for dialect in wanted
    ]
    metafunc.parametrize("database_dialect", values)
