"""Who provisions: a client that owns what it made, by what it may do and how its requests are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from idp.domain.scim_scopes import GROUPS_READ, GROUPS_WRITE, READ, USERS_READ, USERS_WRITE, WRITE, may
from idp.domain.security_events import Payload
from kernel.audit import Actor
from scim.domain.bulk_plan import is_reference
from scim.domain.catalogue import GROUPS, STANDARD_GROUPS, STANDARD_USERS, USERS, Catalogue
from scim.domain.patch_effort import Effort
from scim.domain.profile import Profile, Tolerance

__all__ = ["GROUPS_READ", "GROUPS_WRITE", "READ", "USERS_READ", "USERS_WRITE", "WRITE", "ScimClient"]


@dataclass(frozen=True, slots=True)
class ScimClient:
    """A client whose token was accepted; ``id`` is the source of the resources it makes.

    ``require_match`` refuses a write of an existing resource that names no version (RFC 6585 §3). ``scopes``
    are those of the token, and ``requests_per_second`` is None where the settings say how many. ``events``
    is how much it hears of what it provisions. Without ``extension`` our own extension is as unknown to it as
    any foreign one. With ``leave_out_unknown_members`` its groups are written without the members
    that are none of its resources (J2). ``account_id`` is set where a person asks for her own resource.
    ``effort`` is what this one request has cost so far.
    """

    id: str
    profile: Profile = Profile.RFC
    require_match: bool = False
    scopes: frozenset[str] = frozenset()
    requests_per_second: int | None = None
    events: Payload = Payload.NONE
    extension: bool = False
    leave_out_unknown_members: bool = False
    account_id: str = ""
    effort: Effort = field(default_factory=Effort, compare=False)

    @property
    def tolerance(self) -> Tolerance:
        """What the client may do beyond the standard."""
        return self.profile.tolerance

    @property
    def users(self) -> Catalogue:
        """The attributes of users that there are for the client."""
        return USERS if self.extension else STANDARD_USERS

    @property
    def groups(self) -> Catalogue:
        """The attributes of groups that there are for the client."""
        return GROUPS if self.extension else STANDARD_GROUPS

    def leaves_out_unknown(self, members: Iterable[str]) -> bool:
        """Tell whether a group is written without those of ``members`` that are none of its resources (J2).

        A reference to an operation of a bulk job is never left out: one that leads nowhere is a fault of the
        request itself (K2).
        """
        return self.leave_out_unknown_members and not any(map(is_reference, members))

    @property
    def actor(self) -> Actor:
        """Who the audit says it was."""
        return Actor("account", self.account_id) if self.account_id else Actor("client", self.id)

    def may(self, scope: str, *, any_type: bool = False) -> bool:
        """Tell whether the token allows what needs ``scope``, for one type of resource at least."""
        return may(self.scopes, scope, any_type=any_type)
