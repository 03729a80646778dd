"""Connections as the server sees them: ended from its side."""

from __future__ import annotations

from sqlalchemy import text

from kernel.database import Database


def cut_all(database: Database) -> None:
    """End every connection to the database from the server's side, and wait until they are gone."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    another = Database(database.engine.url.render_as_string(hide_password=False))
    with another.read() as connection:
        connection.execute(text(f"SELECT pg_terminate_backend(pid, 10000) {others}"))
        assert connection.execute(text(f"SELECT count(*) {others}")).scalar_one() == 0
    another.dispose()
