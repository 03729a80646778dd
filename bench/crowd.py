"""Many accounts at once: one that the service made, copied row by row in bulk.

The service makes the first account with all its rows, so that whatever it stores of an account is there for
every copy; the copies differ in id and number alone. A hundred thousand take seconds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from kernel.store import Store

MARK = "7777777"
"""The number of the account that is copied: no other number in its rows reads like it."""

_TABLES = (("account", "id"), ("account_value", "account_id"))
_AT_ONCE = 5_000


def multiply(store: Store, original: str, names: Iterable[str]) -> list[str]:
    """Copy the account ``original`` once for each name, then take it away; return the ids of the copies."""
    chosen = list(names)
    first = store.clock.now() - dt.timedelta(milliseconds=len(chosen))
    ids = [store.randomness.ulid(first + dt.timedelta(milliseconds=number)) for number in range(len(chosen))]
    with store.write() as unit:
        connection = unit.connection
        mark = "?" if store.database.dialect == "sqlite" else "%s"
        for table, key in _TABLES:
            found = connection.exec_driver_sql(f"SELECT * FROM {table} WHERE {key} = {mark}", (original,))
            columns, rows = list(found.keys()), [tuple(row) for row in found]
            places = ", ".join(mark for _ in columns)
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"
            for start in range(0, len(chosen), _AT_ONCE):
                copies = [
                    _copy(row, original, identifier, name)
                    for identifier, name in zip(
                        ids[start : start + _AT_ONCE], chosen[start : start + _AT_ONCE], strict=True
                    )
                    for row in rows
                ]
                connection.exec_driver_sql(statement, copies)
        for table, key in reversed(_TABLES):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE {key} = {mark}", (original,))
    return ids


def _copy(row: Sequence[Any], original: str, identifier: str, name: str) -> tuple[Any, ...]:
    return tuple(
        value.replace(original, identifier).replace(MARK, name) if isinstance(value, str) else value
        for value in row
    )
