"""The help desk: how its staff know who asks, and at whose account they do nothing (G-65 to G-67).

What is stated here stands in the audit, so all of it are words of a list, and the number of a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from idp.domain.account import Account
from idp.domain.ticket import is_ticket


class Check(StrEnum):
    """What staff compare before they believe who asks; each of them has to be right (G-65, G-67)."""

    CALLED_BACK = "called-back"
    PERSON_ID = "person-id"
    ORGANIZATION = "organization"


class Ground(StrEnum):
    """Why something is done: its holder asked for it, or staff saw for themselves that she is in danger."""

    HOLDER = "holder"
    STAFF = "staff"


class Doubt(StrEnum):
    """Why a request is denied."""

    NOT_REACHED = "not-reached"
    WRONG_ANSWERS = "wrong-answers"
    NOT_ALLOWED = "not-allowed"
    IMPOSTOR = "impostor"


class DeskRefusal(StrEnum):
    """Why the help desk does nothing to an account."""

    OWN = "own"
    STAFF = "staff"
    UNVERIFIED = "unverified"
    TICKET = "ticket"
    MEANWHILE = "meanwhile"


@dataclass(frozen=True, slots=True)
class Verification:
    """How staff know who asks: the number of the request, and what they compared."""

    ticket: str
    checks: frozenset[Check] = field(default_factory=frozenset)
    ground: Ground = Ground.HOLDER

    def faults(self, *, protects: bool) -> tuple[DeskRefusal, ...]:
        """Tell why a deed must not follow; ``protects`` if it only takes from whoever uses the account.

        Nobody has to ask for what protects a holder: who took the account over answers her telephone, too.
        """
        is_sure = self.checks == frozenset(Check) or (self.ground is Ground.STAFF and protects)
        found = ((is_sure, DeskRefusal.UNVERIFIED), (self.has_ticket, DeskRefusal.TICKET))
        return tuple(fault for is_right, fault in found if not is_right)

    @property
    def has_ticket(self) -> bool:
        """Tell whether the number of the request is stated, and is one."""
        return bool(self.ticket) and is_ticket(self.ticket)

    @property
    def told(self) -> Mapping[str, str]:
        """What the audit holds of it."""
        checks = " ".join(each.value for each in Check if each in self.checks)
        return {"ticket": self.ticket, "ground": self.ground.value, "checks": checks}


@dataclass(frozen=True, slots=True)
class Desk:
    """Staff at the help desk who do something to an account.

    ``staff_id`` is the account that acts and ``account_id`` the one that they looked at: whoever has its
    user name since is somebody else. ``role`` of ``source`` is what staff are known by.
    """

    staff_id: str
    account_id: str
    role: str
    source: str
    verification: Verification


def at_whose(account: Account, *, staff_id: str, is_staff: bool) -> DeskRefusal | None:
    """Tell why staff may do nothing to an account: it is their own, or one of their kind's."""
    if account.id == staff_id:
        return DeskRefusal.OWN
    return DeskRefusal.STAFF if is_staff else None
