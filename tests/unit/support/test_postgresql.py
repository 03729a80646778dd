"""The throw-away PostgreSQL of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from tests.support.postgresql import create_database, drop_database

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_real_postgresql_answers_whoever_runs_the_tests(
    postgresql_admin: tuple[str, Callable[[str], str]], worker_name: str
) -> None:
    """A database is created from a template, used and dropped."""
    admin, _ = postgresql_admin
    name = f"switchyard_try_{worker_name}"
    create_database(admin, name)
    with psycopg.connect(admin.replace("dbname=postgres", f"dbname={name}")) as connection:
        assert connection.execute("SHOW server_version_num").fetchone() is not None
    drop_database(admin, name)
