"""A request: every deed has a number, and tells what is registered and what is live (R-011, R-237)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from registration.domain.outbox import State


class RequestKind(StrEnum):
    """The types of request; each page repeats the type."""

    REGISTER_ORGANIZATION = "register-organization"
    NAME_FIRST_REPRESENTATIVE = "name-first-representative"
    ADD_STAFF = "add-staff"
    NAME_CONTACT = "name-contact"
    END_CONTACT = "end-contact"
    GRANT_ACCESS = "grant-access"
    REVOKE_ACCESS = "revoke-access"


class RequestState(StrEnum):
    """Where a request stands: applied in the registry, provisioned when every item is live in the Gateway."""

    APPLIED = "applied"
    PROVISIONED = "provisioned"


class Shown(StrEnum):
    """Which requests a list shows: all, those with something on its way, those the Gateway refused."""

    ALL = ""
    WAITING = "waiting"
    REFUSED = "refused"


class WaitReason(StrEnum):
    """Why an item is not live yet."""

    QUEUED = "queued"
    UNREACHABLE = "unreachable"
    RETRYING = "retrying"
    BLOCKED = "blocked"
    DECISION = "decision"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What an item waits for. With UNREACHABLE, ``since`` is when the Gateway was last found out of reach."""

    reason: WaitReason
    since: dt.datetime
    next_try_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """The outbox row behind an item, as far as a request page needs it."""

    state: State
    attempts: int
    updated_at: dt.datetime
    next_at: dt.datetime
    depends_on: str | None = None
    """The aggregate a blocked row waits for, by the name under which it waits."""


@dataclass(frozen=True, slots=True)
class RequestItemView:
    """One change: registered at once, live when the Gateway said so (C-09).

    What is neither live nor waiting nor ``overtaken`` does not go to the Gateway.
    """

    kind: str
    key: str
    name: str
    detail: str
    registered_at: dt.datetime
    live_at: dt.datetime | None
    waiting: Waiting | None
    overtaken: bool = False
    """Whether a later request overtook it before it was sent."""


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request with its items, for its page."""

    id: str
    number: int
    kind: RequestKind
    state: RequestState
    organization_id: str
    organization_number: int
    organization_name: str
    made_by: str
    made_at: dt.datetime
    provisioned_at: dt.datetime | None
    person_no: int | None
    person_name: str
    user_name: str
    external_id: str
    """What the account of the request is called in the Gateway, or an empty text."""
    reason: str
    ticket: str
    items: tuple[RequestItemView, ...]

    @property
    def overtaken(self) -> bool:
        """Whether a later request overtook some of it, which never was in effect then."""
        return any(item.overtaken for item in self.items)


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request in a list."""

    id: str
    number: int
    kind: RequestKind
    state: RequestState
    organization_id: str
    organization_name: str
    person_name: str
    made_by: str
    made_at: dt.datetime
    provisioned_at: dt.datetime | None
    overtaken: bool
    """Whether a later request overtook some of it."""


FAILED: Final = frozenset({State.DEAD, State.ABANDONED})
NEEDS_SOMEBODY: Final = frozenset({WaitReason.DECISION, WaitReason.FAILED})
"""Reasons that no waiting cures: Customer Relations have to look, and send it again."""


def waiting_for(  # noqa: PLR0911 - one line for each reason
    delivery: Delivery | None,
    *,
    unreachable_since: dt.datetime | None,
    registered_at: dt.datetime,
    behind: Delivery | None = None,
) -> Waiting:
    """Say in one word why an item is not live, and since when.

    ``behind`` is the row that a blocked one waits for: what that waits for, both do.
    """
    if delivery is not None and delivery.state is State.BLOCKED and behind is not None:
        reason = waiting_for(behind, unreachable_since=unreachable_since, registered_at=registered_at)
        if reason.reason in NEEDS_SOMEBODY:
            return reason
    if delivery is None:
        return Waiting(WaitReason.QUEUED, registered_at, None)
    if delivery.state in FAILED:
        return Waiting(WaitReason.FAILED, delivery.updated_at, None)
    if delivery.state is State.CASE:
        return Waiting(WaitReason.DECISION, delivery.updated_at, None)
    if unreachable_since is not None:
        return Waiting(WaitReason.UNREACHABLE, unreachable_since, delivery.next_at)
    if delivery.state is State.BLOCKED:
        return Waiting(WaitReason.BLOCKED, delivery.updated_at, None)
    if delivery.state in {State.RETRY, State.CONFLICT}:
        return Waiting(WaitReason.RETRYING, delivery.updated_at, delivery.next_at)
    return Waiting(WaitReason.QUEUED, registered_at, None)
