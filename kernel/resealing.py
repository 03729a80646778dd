"""Sealing anew under the newest key-encryption key what former ones sealed, while everything goes on (KM-03).

Each value says which key sealed it, so nothing is kept of how far a round came: one that was cut off is begun
again and passes by what is done. A value that somebody replaces or wipes meanwhile is left to them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, LargeBinary, func, select, update

from kernel.errors import SealError
from kernel.store import Store
from kernel.sweeping import BATCH


@dataclass(frozen=True, slots=True)
class SealedPlace:
    """A column of sealed values; each is bound to what ``row`` holds beside it, which names one row."""

    column: Column[Any]
    row: Column[Any]

    @property
    def name(self) -> str:
        """Return the place as operators read it."""
        return f"{self.column.table.name}.{self.column.name}"


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many values were sealed anew, and the rows whose value no key of the ring opens: it stays."""

    done: int
    lost: tuple[str, ...]


_Rows = Sequence[tuple[str, bytes]]


def reseal(
    store: Store, places: Iterable[SealedPlace], *, rest: Callable[[], None] = lambda: None
) -> Resealed:
    """Seal anew every value that a former key sealed, in small bites, with a ``rest`` after each."""
    done, lost = 0, list[str]()
    for place in places:
        rows = _former(store, place, after="")
        while rows:
            done += _bite(store, place, rows, lost)
            rest()
            rows = _former(store, place, after=rows[-1][0])
    return Resealed(done, tuple(lost))


def sealed_by(store: Store, places: Iterable[SealedPlace]) -> Counter[int]:
    """Return how many values each key-encryption key sealed, by its number."""
    found: Counter[int] = Counter()
    with store.read() as connection:
        for place in places:
            number = _number(place)
            statement = select(number, func.count()).where(place.column.is_not(None)).group_by(number)
            for byte, count in connection.execute(statement):
                found[bytes(byte)[0]] += count
    return found


def _number(place: SealedPlace) -> Any:  # noqa: ANN401 - a function of the database
    return func.substr(place.column, 2, 1, type_=LargeBinary())


def _former(store: Store, place: SealedPlace, *, after: str) -> _Rows:
    statement = (
        select(place.row, place.column)
        .where(place.column.is_not(None), place.row > after, _number(place) != bytes([store.sealer.newest]))
        .order_by(place.row)
        .limit(BATCH)
    )
    with store.read() as connection:
        return [(row, bytes(sealed)) for row, sealed in connection.execute(statement)]


def _bite(store: Store, place: SealedPlace, rows: _Rows, lost: list[str]) -> int:
    where = {"table": place.column.table.name, "column": place.column.name}
    done = 0
    with store.write() as unit:
        for row, sealed in rows:
            try:
                anew = store.sealer.seal(store.sealer.open(sealed, row=row, **where), row=row, **where)
            except SealError:
                lost.append(f"{place.name} {row}")
                continue
            kept = update(place.column.table).where(place.row == row, place.column == sealed)
            done += unit.connection.execute(kept.values({place.column.name: anew})).rowcount
    return done
