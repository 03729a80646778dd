"""Counting the tries of a code: in its flow, and for its account, before the code is looked at (MF-04)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from idp.domain.account import Account
from idp.domain.lockout import Counted, LockRule
from idp.outbound.mail import post_locked
from idp.storage.devices import accounts_known_to
from idp.storage.flows import count_flow_try
from idp.storage.lockouts import Locked, account_key, clear_at_last, count_try
from idp.usecases.dispatcher import Position, show
from idp.usecases.flow_outcomes import AlreadyDone, FlowLost, FlowPage, SlowDown, WrongCode
from idp.usecases.letterhead import letterhead
from idp.usecases.limits import LOCK_LETTERS
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.ratelimit import take
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class CodeTry:
    """An admitted try of a code; ``locked_until`` is set if it is the last one before a lock."""

    key: bytes
    left: int
    locked_until: dt.datetime | None


def admit_code(
    unit: Unit, services: IdpServices, position: Position, account: Account
) -> CodeTry | SlowDown | FlowPage | AlreadyDone | FlowLost:
    """Count one try of a code; five in a flow, ten in a row for an account, then it waits.

    If another request has moved the flow meanwhile, it is shown as it stands and nothing is counted.
    """
    left = count_flow_try(unit.connection, position.flow, now=unit.now)
    if left is None:
        return show(unit, services, position)
    known = accounts_known_to(unit.connection, [account.id], position.flow.browser)
    key = account_key(account.id, position.flow.browser if known else None)
    rule = LockRule(services.settings.lock_after, services.settings.lock_first)
    counted = count_try(unit.connection, Counted.FACTOR, key, rule=rule, now=unit.now)
    if isinstance(counted, Locked):
        return SlowDown(counted.until - unit.now)
    return CodeTry(key, left, counted.locked_until)


def refuse_code(
    unit: Unit, services: IdpServices, account: Account, tried: CodeTry, *, tag: str, reason: str
) -> WrongCode:
    """Note a wrong code, tell the holder of a new lock, and answer how many tries this flow has left."""
    unit.audit.record(
        tag, actor=Actor("account", account.id), target=account.id, outcome="refused", reason=reason
    )
    if tried.locked_until is None:
        return WrongCode(tried.left)
    if take(unit.connection, LOCK_LETTERS, account.id, now=unit.now).allowed:
        post_locked(unit, account, letterhead(services), until=tried.locked_until)
    return WrongCode(0)


def accept_code(unit: Unit, tried: CodeTry) -> None:
    """Forget the failures that a right code makes up for: its own counter and no other (LK-06)."""
    clear_at_last(unit.transaction, Counted.FACTOR, tried.key)
