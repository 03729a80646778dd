"""What a provisioning client states about an account or a group, and how a write of it may be refused.

``source`` is the provisioning client that owns a row; ``source_version`` is the fence by which a late
write of a stalled worker is told from a fresh one (registration rules §9).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from idp.domain.account import AccountKind, AccountOrganization

SOURCE_VERSION_MARK = '"sourceVersion":null'
"""Where a prepared document keeps the place of the source's version, which is a column of its own."""


class AttributeValue(NamedTuple):
    """One searchable value of a resource.

    ``path`` is the attribute in lower case, ``item`` numbers the entries of a multi-valued attribute, and
    ``value`` is the text it is compared by. The row of an entry as a whole has the entry's path and no text.
    """

    path: str
    item: int
    value: str


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """An account as its source wants it: ``document`` is prepared JSON, ``values`` what is searched by.

    Of a change ``values`` are those that differ, and ``emptied`` the paths whose stored ones they replace.

    ``active`` is None where the source does not say: a new account is active then, and one that exists
    stays as it is, for leaving a word out must not switch an account on again. ``invite`` False keeps the
    activation message back, and ``invitation_days`` says how long its link works. ``manager`` is the id of
    the account that leads this one; ``free_manager`` says that it may be one nobody knows. ``changed`` names
    what a change changes, where that is known before the documents are compared.
    """

    kind: AccountKind
    user_name: str
    external_id: str | None
    display_name: str
    given_name: str
    family_name: str
    middle_name: str
    email: str
    phone: str
    language: str
    active: bool | None
    invite: bool
    person_id: str
    custodian_person_id: str
    organizations: tuple[AccountOrganization, ...]
    allowed_addresses: tuple[str, ...]
    source_version: int | None
    document: str
    values: tuple[AttributeValue, ...]
    emptied: frozenset[str] = frozenset()
    invitation_days: int | None = None
    manager: str = ""
    free_manager: bool = False
    changed: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """A group as its source wants it, without its members."""

    external_id: str | None
    display_name: str
    organization_id: str
    organization_short_name: str
    access_role_key: str
    access_role_name: str
    application_key: str
    account_kinds: tuple[str, ...]
    source_version: int | None
    document: str
    values: tuple[AttributeValue, ...]


class UniqueAttribute(StrEnum):
    """Attributes that two resources may not share; the value is the name on the wire."""

    USER_NAME = "userName"
    EXTERNAL_ID = "externalId"
    DISPLAY_NAME = "displayName"


@dataclass(frozen=True, slots=True)
class Taken:
    """Refused: another resource has the value already; the unique index decided."""

    attribute: UniqueAttribute


@dataclass(frozen=True, slots=True)
class Stale:
    """Refused: the stored row carries ``stored``, a later version of the source than the write."""

    stored: int


@dataclass(frozen=True, slots=True)
class Moved:
    """Refused: the row is no longer at the version the change was computed from."""


@dataclass(frozen=True, slots=True)
class Unfenced:
    """Refused: the group has no fence yet, so one cannot be raised without stating its attributes."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Refused: there is no such resource, or it belongs to another source."""


@dataclass(frozen=True, slots=True)
class Protected:
    """Refused: an operator protected the account, or one whose access the write would change (O8)."""


@dataclass(frozen=True, slots=True)
class Immutable:
    """Refused: the attribute may not change after the resource was made."""

    attribute: str


@dataclass(frozen=True, slots=True)
class UnknownManager:
    """Refused: the manager is no account of the source."""


@dataclass(frozen=True, slots=True)
class OwnManager:
    """Refused: the account would lead itself."""


@dataclass(frozen=True, slots=True)
class UnknownMembers:
    """Refused: these ids name neither an account nor a group of the source."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Circular:
    """Refused: the group would be a member of itself, directly or around."""


@dataclass(frozen=True, slots=True)
class TooNested:
    """Refused: too many groups would be in one, directly and around."""
