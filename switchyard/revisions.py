"""Which revision a database stands at, and whether it is the newest of this code.

Web workers ask this when they start and when ``/readyz`` is called. It is asked without Alembic, which only
whoever changes a schema loads (:mod:`switchyard.schema`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, column, inspect, select, table

System = Literal["gateway", "registration"]
MIGRATIONS = Path(__file__).parent / "migrations"
_STANDING = table("alembic_version", column("version_num"))


@cache
def newest(system: System) -> str:
    """Return the newest revision of ``system``; histories are straight, and files begin with their number."""
    return max(file.name.partition("_")[0] for file in (MIGRATIONS / system).glob("[0-9]*_*.py"))


def is_current(connection: Connection, system: System) -> bool:
    """Tell whether the database stands at the newest revision of ``system``."""
    return standing(connection) == [newest(system)]


def may_be_served(connection: Connection, system: System) -> bool:
    """Tell whether a node that runs can go on: the database stands at its newest revision, or beyond.

    Whoever upgrades does so before the nodes are started anew one after the other, and those that were not
    yet would otherwise all be taken from behind their proxy at once.
    """
    found = standing(connection)
    return bool(found) and min(found) >= newest(system)


def standing(connection: Connection) -> list[str]:
    """Return the revision that the database stands at; empty for a new one."""
    if not inspect(connection).has_table(_STANDING.name):
        return []
    return list(connection.scalars(select(_STANDING.c.version_num)))
