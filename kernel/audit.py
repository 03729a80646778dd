"""The audit: one hash-chained row per deed, in the deed's own transaction.

Every writer process keeps chains of its own, so that writers on many nodes never wait for one another, and
as many of them as it has units that are committed at the same time, so that neither do those: row *n*
carries the hash of row *n-1* of the same chain. A register of chains, itself chained, shows if a whole chain
was taken away. A deed that cannot be audited does not happen (:class:`AuditError`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select
from sqlalchemy.exc import IntegrityError

from kernel.database import Database
from kernel.errors import AuditError
from kernel.forking import renew_in_children
from kernel.origin import current_origin
from kernel.prepared import Prepared
from kernel.randomness import Randomness
from kernel.sentences import in_a_sentence
from kernel.tables import audit_chain, audit_event
from kernel.transaction import Transaction, forgetting

Told = Callable[[Sequence[Mapping[str, Any]]], None]
JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]

_SECRET_WORDS = ("password", "secret", "token", "code", "answer", "cookie", "assertion", "private", "link")
_INSERT = Prepared(audit_event.insert(), columns=[column.name for column in audit_event.columns])
_MOMENT = 1.0
"""Seconds that a unit waits for another to open a chain."""
_CANONICAL = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode
_GENESIS = hashlib.sha256(b"switchyard audit").digest()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does a deed: ``kind`` is account, client, system or operator."""

    kind: str
    id: str
    session: str = ""


SYSTEM = Actor("system", "switchyard")


@dataclass(frozen=True, slots=True)
class _Head:
    chain: str
    seq: int
    hash: bytes


@dataclass(slots=True)
class _Taken:
    """The end of a chain before a transaction took it, and as its rows leave it."""

    before: _Head | None
    now: _Head | None
    has_turn: bool


def _row_hash(row: Mapping[str, Any]) -> bytes:
    stamp = row["at"].astimezone(dt.UTC).isoformat(timespec="microseconds")
    values = [row["chain"], row["seq"], stamp]
    values += [row[name] for name in ("tag", "actor_kind", "actor_id", "session", "organization", "target")]
    values += [row[name] for name in ("outcome", "reason", "address", "request_id", "details")]
    return hashlib.sha256(row["previous_hash"] + _CANONICAL(values).encode()).digest()


def _chain_hash(number: int, chain: str, node: str, opened_at: dt.datetime, previous: bytes) -> bytes:
    canonical = json.dumps([number, chain, node, opened_at.isoformat(timespec="microseconds")])
    return hashlib.sha256(previous + canonical.encode()).digest()


class AuditTrail:
    """The chains of this process. Shared by all its threads; safe across a fork.

    A transaction has a chain for itself from its first row to its end. Where there is one transaction at a
    time, as on SQLite, there is one chain. ``told`` is handed the rows of each unit once they are committed.
    """

    def __init__(self, randomness: Randomness, *, node: str, told: Told | None = None) -> None:
        self._randomness = randomness
        self._node = node
        self._told = told
        self._opening = threading.Lock()
        self._free: list[_Head] = []
        self._taken: dict[Transaction, _Taken] = {}
        renew_in_children(self)

    def take(self, transaction: Transaction, now: dt.datetime) -> tuple[_Head | None, _Head]:
        """Take a chain for the rows of one unit of work; return its head before (None: no chain) and now.

        The chain is kept until the transaction ends, and handed on to units that share it. Who finds none
        free opens one inside its own transaction, so that what is undone leaves no empty chain behind.
        """
        taken = self._taken.get(transaction)
        if taken is None:
            turn, head = False, self._a_free_one()
            if head is None:  # one at a time opens another; meanwhile there may be a free one again
                # A moment at most: who waits here may hold what the other waits for, and no database sees it.
                turn = self._opening.acquire(timeout=_MOMENT)
                head = self._a_free_one()
                if turn and head is not None:
                    self._opening.release()
                    turn = False
            taken = self._taken[transaction] = _Taken(head, head, has_turn=turn)
            transaction.at_end(partial(self._end, transaction))
        return taken.now, taken.now or self._open_chain(transaction.connection, now)

    def move(self, transaction: Transaction, head: _Head | None) -> None:
        """Say where the chain ends now that the transaction has taken."""
        self._taken[transaction].now = head

    def tell(self, transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
        """Have the rows told once the transaction has committed them; those that are still in ``rows``."""
        told = self._told
        if told is not None:
            transaction.at_end(lambda committed: told(rows) if committed else None)

    def renew(self) -> None:
        """Leave the chains to the parent, in a process that was forked off; this one opens its own."""
        self._opening = threading.Lock()
        self._free, self._taken = [], {}

    def _end(self, transaction: Transaction, committed: bool | None) -> None:  # noqa: FBT001 - called back by position
        """Give the chain back; it is never used again where nobody knows whether its rows were committed."""
        taken = self._taken.pop(transaction, None)
        if taken is None:  # of the parent, in a process that was forked off
            return
        head = taken.now if committed else taken.before
        if head is not None and committed is not None:
            self._free.append(head)
        if taken.has_turn:
            self._opening.release()

    def _a_free_one(self) -> _Head | None:
        try:
            return self._free.pop()
        except IndexError:
            return None

    def _open_chain(self, connection: Connection, now: dt.datetime) -> _Head:
        chain = self._randomness.ulid(now)
        latest = (
            select(audit_chain.c.number, audit_chain.c.hash).order_by(audit_chain.c.number.desc()).limit(1)
        )
        for _ in range(64):
            last = connection.execute(latest).first()
            number, previous = (last.number + 1, last.hash) if last else (1, _GENESIS)
            row: dict[str, Any] = {
                "number": number,
                "chain": chain,
                "node": self._node,
                "opened_at": now,
                "previous_hash": previous,
            }
            row["hash"] = _chain_hash(number, chain, self._node, now, previous)
            try:
                with connection.begin_nested():
                    connection.execute(audit_chain.insert(), row)
            except IntegrityError:
                continue  # another process opened its chain at this very number; take the next
            return _Head(chain, 0, row["hash"])
        raise AuditError(reason="no chain number could be had")


class Audit:
    """The pen of one unit of work.

    Rows are noted while the deed runs and written as its last statements: whoever has a chain waits for no
    row that another unit holds, or for a moment where units share a transaction.
    """

    def __init__(self, trail: AuditTrail, transaction: Transaction, now: dt.datetime) -> None:
        self._trail = trail
        self._transaction = transaction
        self._now = now
        self._written: tuple[_Head | None] | None = None
        self._noted: list[dict[str, Any]] = []

    def record(
        self,
        tag: str,
        *,
        actor: Actor,
        target: str = "",
        outcome: str = "done",
        reason: str = "",
        organization: str = "",
        details: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """Note one row: ``tag`` is ``source:subject:action``, ``outcome`` is ``done`` or ``refused``.

        ``reason`` may be what somebody typed: it is written as it may stand in a line of others.

        Raises:
            AuditError: if ``details`` names a secret.
        """
        _refuse_secrets(details or {})
        origin = current_origin()
        self._noted.append(
            {
                "at": self._now,
                "tag": tag,
                "actor_kind": actor.kind,
                "actor_id": actor.id,
                "session": actor.session,
                "organization": organization,
                "target": target,
                "outcome": outcome,
                "reason": in_a_sentence(reason),
                "address": origin.address,
                "request_id": origin.request_id,
                "details": dict(details or {}),
            }
        )

    def part(self) -> AbstractContextManager[None]:
        """Forget the rows that the body notes if it raises: what it did is undone."""
        return forgetting(self._noted)

    def write(self) -> None:
        """Write what was noted into the chain, in the unit's own transaction and just before its commit."""
        if not self._noted:
            return
        before, head = self._trail.take(self._transaction, self._now)
        for noted in self._noted:
            row = {**noted, "chain": head.chain, "seq": head.seq + 1, "previous_hash": head.hash}
            row["hash"] = _row_hash(row)
            _INSERT.at_last(self._transaction, **row)
            head = _Head(head.chain, head.seq + 1, row["hash"])
        self._trail.move(self._transaction, head)
        self._written = (before,)
        self._trail.tell(self._transaction, self._noted)

    def undo(self) -> None:
        """Take the chain back to where it was before :meth:`write`, while the transaction still goes on."""
        if self._written is not None:
            self._trail.move(self._transaction, *self._written)
            self._noted.clear()  # what is undone is told to nobody, though others' commit with it is


def _refuse_secrets(details: Mapping[str, JsonValue]) -> None:
    for key in details:
        if any(word in key.lower() for word in _SECRET_WORDS):
            raise AuditError(reason="a detail names a secret", key=key)


@dataclass(slots=True)
class VerifyReport:
    """What :func:`verify_chains` found; sound when ``faults`` is empty."""

    chains: int = 0
    events: int = 0
    faults: list[str] = field(default_factory=list)


def verify_chains(database: Database) -> VerifyReport:
    """Walk every chain and name each place that does not verify: changed, missing or foreign rows."""
    report = VerifyReport()
    with database.read() as connection:
        registered = connection.execute(select(audit_chain).order_by(audit_chain.c.number)).mappings().all()
        openings = _verify_register(registered, report)
        for chain, opening in openings.items():
            report.chains += 1
            rows = connection.execute(
                select(audit_event).where(audit_event.c.chain == chain).order_by(audit_event.c.seq)
            ).mappings()
            _verify_chain(chain, opening, rows, report)
        strangers = connection.execute(
            select(func.count())
            .select_from(audit_event)
            .where(audit_event.c.chain.not_in(select(audit_chain.c.chain)))
        ).scalar_one()
    if strangers:
        report.faults.append(f"{strangers} events belong to no registered chain")
    return report


def _verify_register(rows: Iterable[RowMapping], report: VerifyReport) -> dict[str, bytes]:
    openings: dict[str, bytes] = {}
    previous, number = _GENESIS, 0
    for row in rows:
        number += 1
        expected = _chain_hash(row["number"], row["chain"], row["node"], row["opened_at"], previous)
        if row["number"] != number or row["previous_hash"] != previous or row["hash"] != expected:
            report.faults.append(f"the register of chains breaks at number {number}")
            number = row["number"]
        openings[row["chain"]] = previous = row["hash"]
    return openings


def _verify_chain(chain: str, opening: bytes, rows: Iterable[RowMapping], report: VerifyReport) -> None:
    previous, seq = opening, 0
    for row in rows:
        seq += 1
        report.events += 1
        if row["seq"] != seq or row["previous_hash"] != previous or row["hash"] != _row_hash(dict(row)):
            report.faults.append(f"chain {chain} breaks at event {seq}")
            seq = row["seq"]
        previous = row["hash"]
