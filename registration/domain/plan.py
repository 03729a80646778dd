"""What a confirm page shows and what confirming does: one and the same list of changes (I-21).

A plan is worked out from the registry before anything is written. Its digest travels through the confirm
page; the deed works the plan out again in its own transaction and refuses if it has become another one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from registration.domain.membership import Effect


class ChangeKind(StrEnum):
    """The kinds of change a confirm page can list."""

    PERSON_REGISTERED = "person-registered"
    ACCOUNT_CREATED = "account-created"
    ACCESS_GRANTED = "access-granted"
    ACCESS_REVOKED = "access-revoked"
    CONTACT_ADDED = "contact-added"
    CONTACT_ENDED = "contact-ended"
    GATEWAY_JOINED = "gateway-joined"
    GATEWAY_LEFT = "gateway-left"
    GATEWAY_KEPT = "gateway-kept"
    MAIL_SENT = "mail-sent"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan.

    ``key`` and ``name`` are of the role (or, for a mail, its template and recipient); ``application``
    names the application an access role opens; ``detail`` says what keeps access that stays.
    """

    kind: ChangeKind
    key: str
    name: str
    application: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PlanSubject:
    """Whom a plan is about. A person who is not registered yet has no id and no Person ID (RG-16)."""

    person_id: str
    person_no: int | None
    name: str
    email: str
    user_name: str = ""
    fingerprint: str = ""
    """Digest of everything else that would be registered: no hidden field changes after confirming."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one deed would change, in order."""

    organization_id: str
    subject: PlanSubject
    changes: tuple[Change, ...]

    @property
    def digest(self) -> str:
        """The SHA-256 of the plan; equal digests mean equal plans."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def of(self, *kinds: ChangeKind) -> tuple[Change, ...]:
        """Return the changes of the given kinds, in order."""
        return tuple(change for change in self.changes if change.kind in kinds)


@dataclass(frozen=True, slots=True)
class RequestMade:
    """A deed that was done: its request, and the person it is about.

    ``repeated`` tells that this very form was confirmed before: nothing was done a second time (I-22).
    """

    request_id: str
    number: int
    person_id: str
    person_no: int
    account_id: str
    user_name: str
    repeated: bool = False


def membership_change(
    kind: Effect, *, key: str, name: str, application: str, kept_by: Iterable[str]
) -> Change | None:
    """Return the line that tells what happens in the Gateway, or None if nothing does."""
    kinds = {
        Effect.JOINS: ChangeKind.GATEWAY_JOINED,
        Effect.LEAVES: ChangeKind.GATEWAY_LEFT,
        Effect.STAYS: ChangeKind.GATEWAY_KEPT,
    }
    found = kinds.get(kind)
    if found is None:
        return None
    detail = ", ".join(kept_by) if found is ChangeKind.GATEWAY_KEPT else ""
    return Change(found, key, name, application, detail)
