"""Human numbers: rows that only ever grow, so that a number is never given twice."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from kernel.database import insert
from registration.storage.tables import sequence

ORGANIZATION: Final = "organization"
PERSON: Final = "person"
REQUEST: Final = "request"
MACHINE: Final = "machine"


def next_number(connection: Connection, name: str, *, first: int) -> int:
    """Take the next number of a sequence; the very first is ``first``. One statement, so never twice."""
    fresh = insert(connection, sequence).values(name=name, last_value=first)
    statement = fresh.on_conflict_do_update(
        index_elements=[sequence.c.name], set_={"last_value": sequence.c.last_value + 1}
    ).returning(sequence.c.last_value)
    return int(connection.execute(statement).scalar_one())
