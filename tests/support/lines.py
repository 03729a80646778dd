"""Units of work that stand in one line: what each of them saw, and how many transactions they took."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from kernel.audit import SYSTEM
from kernel.postgresql_units import PostgresqlUnits
from kernel.tables import audit_event
from tests.support.clock import a_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.audit import Told
    from kernel.shared_commits import Line
    from kernel.store import Store, Unit
    from tests.support.databases import Databases

ROW = "row"
"""The line of PostgreSQL; SQLite has but one."""


def a_store_of_things(databases: Databases, *, told: Told | None = None) -> Store:
    """Return a store, and its table of nested things, whose parents are looked for at the commit."""
    found = a_store(databases.new("kernel"), told=told)
    parent = "TEXT REFERENCES thing DEFERRABLE INITIALLY DEFERRED"
    with found.database.write() as connection:
        connection.execute(text(f"CREATE TABLE thing (name TEXT PRIMARY KEY, parent {parent})"))
    return found


def a_thing(unit: Unit, name: str, parent: str | None = None) -> None:
    """Make a thing, and note it in the audit."""
    unit.connection.execute(
        text("INSERT INTO thing VALUES (:name, :parent)"), {"name": name, "parent": parent}
    )
    unit.audit.record("test:thing:made", actor=SYSTEM, target=name)


def things(store: Store) -> set[str]:
    """Return the things that another connection finds."""
    with store.read() as connection:
        return set(connection.execute(text("SELECT name FROM thing")).scalars())


def audited(store: Store) -> set[str]:
    """Return the things that the audit tells of."""
    with store.read() as connection:
        return set(connection.execute(select(audit_event.c.target)).scalars())


def the_line(store: Store) -> Line:
    """Return the line in which the units stand; on PostgreSQL it is kept from now on."""
    writer = store.database.writer
    return writer.line(ROW) if isinstance(writer, PostgresqlUnits) else writer


def in_line(store: Store, deeds: list[Callable[[Unit], None]]) -> tuple[list[Any], int]:
    """Do the deeds, in this order, in units of work each of which waits in line for the one before it.

    Return what each unit's thread saw when it went on, the error or all things that another connection finds
    then, and how many transactions were committed.
    """
    line = the_line(store)
    seen: list[Any] = [None] * len(deeds)
    committed: dict[int, bool | None] = {}

    def run(number: int) -> None:
        try:
            with store.write(line=ROW) as unit:
                for behind in threads[number + 1 : number + 2]:
                    behind.start()
                    while not line.waiting:
                        os.sched_yield()
                which = id(unit.transaction)
                unit.transaction.at_end(lambda kept: committed.update({which: kept}))
                deeds[number](unit)
            seen[number] = things(store)
        except BaseException as error:  # noqa: BLE001 - a thread tells the test what it met
            seen[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(deeds))]
    threads[0].start()
    for thread in threads:
        thread.join(60)
    return seen, list(committed.values()).count(True)
