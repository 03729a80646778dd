"""The unit of work: everything a deed needs to be one transaction.

A use case opens ``store.write()`` once. What it writes, its audit row and its messages to the outside
are committed together or not at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from kernel.audit import Audit, AuditTrail
from kernel.clock import Clock
from kernel.courier.outbox import Post
from kernel.crypto import Sealer
from kernel.database import Database
from kernel.randomness import Randomness


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of work. ``now`` is read once, so that every row of a deed carries the same moment."""

    connection: Connection
    now: dt.datetime
    audit: Audit
    courier: Post
    randomness: Randomness
    sealer: Sealer


class Store:
    """Opens units of work on one database."""

    def __init__(
        self, database: Database, clock: Clock, randomness: Randomness, sealer: Sealer, *, node: str = "node"
    ) -> None:
        self.database = database
        self.clock = clock
        self.randomness = randomness
        self.sealer = sealer
        self._trail = AuditTrail(randomness, node=node)

    def read(self) -> AbstractContextManager[Connection]:
        """Lend a connection for looking."""
        return self.database.read()

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Lend a connection for looking at one state, however many statements it takes."""
        return self.database.snapshot()

    @contextmanager
    def write(self) -> Iterator[Unit]:
        """Open a unit of work: committed when the body ends, rolled back if it raises."""
        with self.database.transaction() as transaction:
            now, connection = self.clock.now(), transaction.connection
            audit = Audit(self._trail, transaction, now)
            post = Post(connection, now, self.randomness, self.sealer)
            try:
                yield Unit(connection, now, audit, post, self.randomness, self.sealer)
                audit.write()
            except BaseException:
                audit.undo()
                raise
