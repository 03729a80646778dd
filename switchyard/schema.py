"""The schema of both databases: bring it up to date, take it back, tell whether it is what the code expects.

Each system has a history of its own under ``migrations/<system>``. Both dialects run the same history.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, text

import idp.storage.tables
import kernel.tables
import keys.storage.tables
import registration.storage.tables
from kernel.database import Database
from kernel.errors import SettingsError
from switchyard.revisions import MIGRATIONS, System, is_current, newest, standing

SYSTEMS: tuple[System, ...] = ("gateway", "registration")

_METADATA: dict[System, tuple[MetaData, ...]] = {
    "gateway": (kernel.tables.METADATA, keys.storage.tables.METADATA, idp.storage.tables.METADATA),
    "registration": (kernel.tables.METADATA, registration.storage.tables.METADATA),
}
_UPGRADE_LOCK = 7_316_220_955
_IN_PROCESS = threading.Lock()  # Alembic's context is one for the whole process


def metadata_of(system: System) -> tuple[MetaData, ...]:
    """Return the tables that make the database of ``system``."""
    return _METADATA[system]


def _config(system: System, connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("version_locations", str(MIGRATIONS / system))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = list(_METADATA[system])
    return config


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """Lend a connection in a transaction during which nobody else changes the schema.

    Both dialects change tables inside a transaction, so a half-done upgrade never stays. PostgreSQL holds an
    advisory lock; for SQLite, where even opening a new file can collide, a lock file beside it.
    """
    with _IN_PROCESS, _lock_file(database), database.engine.begin() as connection:
        if database.dialect == "postgresql":
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        yield connection


@contextmanager
def _lock_file(database: Database) -> Iterator[None]:
    path = database.engine.url.database
    if database.dialect != "sqlite" or not path or path == ":memory:":
        yield
        return
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)  # who may open it may hold up every upgrade
    with os.fdopen(lock, "w") as file:
        with suppress(PermissionError):  # of somebody else, who lets us write
            os.fchmod(lock, 0o600)  # one of a former version could be read by all
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def upgrade(database: Database, system: System, revision: str = "head") -> None:
    """Bring the schema to ``revision``; several nodes may start at once, one does the work.

    Raises:
        SettingsError: if the database stands at a revision that this code does not know.
    """
    with _alone(database) as connection:
        if revision != "head" or not is_current(connection, system):
            try:
                command.upgrade(_config(system, connection), revision)
            except CommandError:
                raise SettingsError(_stranger(connection, system)) from None


def _stranger(connection: Connection, system: System) -> str:
    """Return what to say of a database that stands at a revision of another version of the code."""
    return (
        f"the database of the {system} stands at revision {', '.join(standing(connection))}, and this "
        f"version knows none beyond {newest(system)}: run the newer version, or restore a backup of before"
    )


def downgrade(database: Database, system: System, revision: str) -> None:
    """Take the schema back to ``revision`` (``base`` is empty).

    Raises:
        SettingsError: if there is no such revision.
    """
    with _alone(database) as connection:
        try:
            command.downgrade(_config(system, connection), revision)
        except CommandError as error:
            raise SettingsError(f"{system} cannot go back to revision {revision}: {error}") from None


def differences(database: Database, system: System) -> list[str]:
    """Return what the database lacks or has too much of, against the tables in the code; empty when equal."""
    with database.engine.connect() as connection:
        if not is_current(connection, system):
            stands = ", ".join(standing(connection)) or "none"
            return [f"stands at revision {stands}, the code at {newest(system)}: `switchyard db upgrade`"]
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "render_as_batch": database.dialect == "sqlite"}
        )
        found = compare_metadata(context, list(_METADATA[system]))  # type: ignore[arg-type]  # a list is taken too
        connection.rollback()
    return [_worded(difference) for difference in found]


def _worded(difference: object) -> str:
    """Return one difference by its kind and the names it is about, not by the whole definition."""
    if isinstance(difference, list):  # what differs of one column comes as a list
        return "; ".join(map(_worded, difference))
    kind, *about = difference if isinstance(difference, tuple) else (str(difference),)
    return f"{kind.replace('_', ' ')}: {' '.join(filter(None, map(_name, about)))}"


def _name(thing: object) -> str:
    if isinstance(thing, str):
        return thing
    name, table = getattr(thing, "name", None), getattr(thing, "table", None)
    return f"{name or ''} of {table.name}" if table is not None else str(name or "")
