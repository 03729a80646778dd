"""The lock that the operator's staff put on an account, and what its source sees of it meanwhile.

Source and staff each close for themselves, and both must open: what a source states while an account is
locked counts from the moment at which the lock is taken off.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from enum import StrEnum

from idp.domain.account import Account


class LockReason(StrEnum):
    """Why staff lock an account: a word for the audit, which holds nothing of a person."""

    COMPROMISED = "compromised"
    LOST_DEVICE = "lost-device"
    SUSPICION = "suspicion"
    REQUESTED = "requested"


_ACTIVE = {True: '"active":true', False: '"active":false'}


def locked(account: Account, *, at: dt.datetime) -> Account:
    """Return the account locked at ``at``, whether its source wants it to be active or not."""
    return dataclasses.replace(
        account,
        active=False,
        active_after_lock=account.is_wanted,
        locked_at=at,
        version=account.version + 1,
        updated_at=at,
    )


def unlocked(account: Account, *, at: dt.datetime) -> Account:
    """Return the account without its lock: it is active if its source wants it to be."""
    return dataclasses.replace(
        account,
        active=account.is_wanted,
        active_after_lock=None,
        locked_at=None,
        version=account.version + 1,
        updated_at=at,
    )


def shown(account: Account, document: str) -> str:
    """Return a document that its source states as everybody sees it: of a locked account it says inactive.

    Prepared JSON; quotes inside a text are escaped, so that none of them is taken for the attribute.
    """
    return _with_active(document, active=False) if account.locked_at is not None else document


def stated(account: Account, document: str) -> str:
    """Return a document that is shown as the source of the account states it."""
    return _with_active(document, active=account.is_wanted) if account.locked_at is not None else document


def _with_active(document: str, *, active: bool) -> str:
    other, wanted = _ACTIVE[not active], _ACTIVE[active]
    if other in document or wanted in document:
        return document.replace(other, wanted)
    joint = "" if document == "{}" else ","
    return f"{document[:-1]}{joint}{wanted}}}"
