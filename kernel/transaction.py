"""One transaction of a database, and what is to be done when it has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import Connection


@contextmanager
def forgetting(noted: list[Any]) -> Iterator[None]:
    """Take what the body adds to ``noted`` out again if it raises, and nothing else."""
    before = len(noted)
    try:
        yield
    except BaseException:
        del noted[before:]
        raise


class Transaction:
    """One transaction, in which one unit of work runs, or several one after the other."""

    __slots__ = ("_told", "connection", "last")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.last: list[tuple[bytes, Sequence[Any]]] = []
        """Statements and values that go out with the COMMIT of PostgreSQL; nobody reads what they give."""
        self._told: list[Callable[[bool | None], None]] = []

    def part(self) -> AbstractContextManager[None]:
        """Forget the last statements that the body adds if it raises: what it did is undone."""
        return forgetting(self.last)

    def at_end(self, tell: Callable[[bool | None], None]) -> None:
        """Have ``tell`` called once, before the next transaction of this writer begins.

        It is told whether the transaction was committed or undone; ``None`` means that nobody knows.
        """
        self._told.append(tell)

    def end(self, *, committed: bool | None) -> None:
        """Tell everybody who wants to know; for whoever ends the transaction."""
        for tell in self._told:
            tell(committed)
