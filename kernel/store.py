"""The unit of work: everything a deed needs to be one transaction.

A use case opens ``store.write()`` once. What it writes, its audit row and its messages to the outside
are committed together or not at all.
"""

from __future__ import annotations

import datetime as dt
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType

from sqlalchemy import Connection

from kernel.audit import Audit, AuditTrail, Told
from kernel.clock import Clock
from kernel.courier.outbox import Post
from kernel.crypto import Sealer
from kernel.database import Database
from kernel.randomness import Randomness
from kernel.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of work. ``now`` is read once, so that every row of a deed carries the same moment."""

    transaction: Transaction
    now: dt.datetime
    audit: Audit
    courier: Post
    randomness: Randomness
    sealer: Sealer

    @property
    def connection(self) -> Connection:
        """The connection of its transaction."""
        return self.transaction.connection


class _Written(AbstractContextManager[Unit]):
    """The body of a ``with`` that is one unit of work; a class, because it costs a fifth of a generator."""

    __slots__ = ("_audit", "_store", "_trail", "_transaction")

    def __init__(self, store: Store, trail: AuditTrail, line: str) -> None:
        self._store = store
        self._trail = trail
        self._transaction = store.database.transaction(line)
        self._audit: Audit

    def __enter__(self) -> Unit:
        store, transaction = self._store, self._transaction.__enter__()
        try:
            now = store.clock.now()
            self._audit = Audit(self._trail, transaction, now)
            post = Post(transaction, now, store.randomness, store.sealer)
            return Unit(transaction, now, self._audit, post, store.randomness, store.sealer)
        except BaseException as error:
            self._transaction.__exit__(type(error), error, error.__traceback__)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._audit.write()
            else:
                self._audit.undo()
        except BaseException as failed:
            self._audit.undo()
            self._transaction.__exit__(type(failed), failed, failed.__traceback__)
            raise
        self._transaction.__exit__(kind, error, trace)


class Store:
    """Opens units of work on one database. ``told`` is handed the audit's rows of each that was committed."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        randomness: Randomness,
        sealer: Sealer,
        *,
        node: str = "node",
        told: Told | None = None,
    ) -> None:
        self.database = database
        self.clock = clock
        self.randomness = randomness
        self.sealer = sealer
        self._trail = AuditTrail(randomness, node=node, told=told)

    def read(self) -> AbstractContextManager[Connection]:
        """Lend a connection for looking."""
        return self.database.read()

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Lend a connection for looking at one state, however many statements it takes."""
        return self.database.snapshot()

    def write(self, *, line: str = "") -> AbstractContextManager[Unit]:
        """Open a unit of work: committed when the body ends, rolled back if it raises.

        ``line`` names the one row that many write at once: their units come one after the other, and may
        share a commit. Of those that do, one that would have to wait for yet another row is undone with an
        :class:`~kernel.errors.UndoneError`, and is to be done again without a line.
        """
        return _Written(self, self._trail, line)
