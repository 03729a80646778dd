"""How a write through SCIM may end, beside the refusals of the identity provider."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.provisioning import Taken
from idp.usecases.change_account import AccountRefusal
from idp.usecases.members import MemberRefusal
from idp.usecases.search_accounts import AccountView, GroupView

MOST_TRIES = 40
"""How often a write is computed anew because another one came first, before its client is told to wait."""


@dataclass(frozen=True, slots=True)
class UserWritten:
    """The user is as ``view`` shows it; ``changed`` is False when nothing was to do (H12)."""

    view: AccountView
    changed: bool = True


@dataclass(frozen=True, slots=True)
class GroupWritten:
    """The group is as ``view`` shows it, its members left out unless they were asked for."""

    view: GroupView
    changed: bool = True


@dataclass(frozen=True, slots=True)
class ConditionFailed:
    """Refused: the resource is not at a version that the request demands (L2)."""


@dataclass(frozen=True, slots=True)
class NotTheirs:
    """Refused: a person's own resource, of which only some attributes are the person's to change (M2)."""


@dataclass(frozen=True, slots=True)
class NotTheirAccess:
    """Refused: a group that states access, of a client whose groups may not (SA-07)."""


WriteRefusal = NotTheirs | NotTheirAccess | Taken | AccountRefusal | ConditionFailed | MemberRefusal
