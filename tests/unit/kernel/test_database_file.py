"""The file of a SQLite database belongs to its owner alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from kernel.database import Database

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_database_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    """Names, addresses and password hashes lie in it; its log and index are made with the same mode."""
    database = Database(f"sqlite:///{tmp_path / 'any.db'}")
    with database.write() as connection:
        connection.execute(text("create table any (one integer)"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    database.dispose()
    assert modes == {"any.db": 0o600, "any.db-wal": 0o600, "any.db-shm": 0o600}


def test_a_path_that_cannot_be_made_is_named_by_sqlite(tmp_path: Path) -> None:
    """Opening a database in a folder that there is not makes nothing."""
    Database(f"sqlite:///{tmp_path / 'no-such' / 'any.db'}").dispose()
    assert list(tmp_path.iterdir()) == []
