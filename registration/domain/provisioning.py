"""What the Gateway shall know: users, groups and memberships, and the port through which it is told."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Protocol

from registration.domain.outbox import Action, Aggregate, Verdict, judge


def account_external_id(account_id: str) -> str:
    """Return what an account of ours is called in the Gateway."""
    return f"acct:{account_id}"


@dataclass(frozen=True, slots=True)
class DesiredUser:
    """An account as the Gateway shall have it. ``version`` is the fence: it only grows."""

    account_id: str
    user_name: str
    kind: str
    active: bool
    version: int
    person_no: int
    given_name: str
    family_name: str
    middle_name: str
    display_name: str
    email: str = field(repr=False)
    phone_uri: str = field(repr=False)
    language: str
    organizations: tuple[tuple[int, str], ...]
    """Number and short name of each organization the account has access for."""
    activation_days: int
    tenant: str

    @property
    def external_id(self) -> str:
        """The correlation key; a user name never correlates."""
        return account_external_id(self.account_id)


@dataclass(frozen=True, slots=True)
class DesiredGroup:
    """A group as the Gateway shall have it: one access role in one organization."""

    group_id: str
    organization_number: int
    organization_short_name: str
    access_role: str
    access_role_name: str
    application: str
    account_kinds: tuple[str, ...]
    version: int
    shape_version: int
    """Grows when the group's own attributes change, not when members come and go."""

    @property
    def external_id(self) -> str:
        """The correlation key."""
        return f"grp:{self.group_id}"

    @property
    def display_name(self) -> str:
        """What people read; nobody parses it."""
        return f"{self.organization_short_name}/{self.access_role_name}"


@dataclass(frozen=True, slots=True)
class DesiredMembership:
    """Whether an account shall be in a group; ``version`` is the group's fence, read with it."""

    account_id: str
    group_id: str
    present: bool
    version: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the Gateway answered. ``status`` 0 means that no answer came; whether it acted is unknown then."""

    status: int
    scim_type: str = ""
    detail: str = ""
    retry_after: dt.timedelta | None = None
    remote_id: str = ""
    etag: str = ""
    method: str = ""
    path: str = ""
    milliseconds: int = 0
    is_scim: bool = True
    """False for a refusal whose body is no error of SCIM's: whoever said that was not the SCIM server."""

    def verdict(self, action: Action, *, active: bool = True) -> Verdict:
        """Return what the answer means."""
        return judge(
            action,
            status=self.status,
            scim_type=self.scim_type,
            detail=self.detail,
            active=active,
            is_scim=self.is_scim,
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A resource the Gateway has."""

    remote_id: str
    external_id: str


class Directory(Protocol):
    """The Gateway's SCIM face, as the worker needs it."""

    def create_user(self, user: DesiredUser) -> Answer:
        """POST the user."""
        ...

    def change_user(self, remote_id: str, user: DesiredUser) -> Answer:
        """PATCH the user to what is desired."""
        ...

    def find_user(self, *, external_id: str) -> tuple[Answer, Found | None]:
        """GET the user with this very external id."""
        ...

    def create_group(self, group: DesiredGroup) -> Answer:
        """POST the group, without members."""
        ...

    def change_group(self, remote_id: str, group: DesiredGroup) -> Answer:
        """PATCH the group's own attributes."""
        ...

    def find_group(self, *, external_id: str) -> tuple[Answer, Found | None]:
        """GET the group with this very external id."""
        ...

    def held_version(self, kind: Aggregate, remote_id: str) -> tuple[Answer, int | None]:
        """GET the version that a user or group is held at; None where the server keeps none."""
        ...

    def add_member(self, group_remote_id: str, user_remote_id: str, *, version: int) -> Answer:
        """PATCH one member into the group."""
        ...

    def remove_member(self, group_remote_id: str, user_remote_id: str, *, version: int) -> Answer:
        """PATCH one member out of the group."""
        ...
