"""Accounts: what signs in. The record comes from its source; what a person adds to it lives elsewhere."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from idp.domain.networks import is_within


class AccountKind(StrEnum):
    """What kind of account it is (G-05, G-24)."""

    PERSONAL = "personal"
    MACHINE = "machine"
    WORKSPACE = "workspace"


class Waiver(StrEnum):
    """What the policy in force asks of everybody and an operator may waive for one account."""

    SECOND_FACTOR = "second_factor"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class AccountOrganization:
    """An organization an account belongs to."""

    id: str
    short_name: str


@dataclass(frozen=True, slots=True)
class Account:
    """An account as its source wants it, and when it was activated.

    ``id`` is the subject of tokens and is never given to another account (G-09). ``language`` is a language
    tag or empty; :attr:`mail_language` is what a message to the account is written in. ``waived`` names what
    the policy asks of everybody but of this account (:class:`Waiver`). Since ``protected_at`` no SCIM client
    may touch the account, not even the one that owns it.

    ``active`` tells whether the account may be used: its source wants it to be, and the operator's staff did
    not lock it. Since ``locked_at`` they keep it locked; ``active_after_lock`` is what ``active`` is without
    the lock, and None where there is none.
    """

    id: str
    source: str
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
    active: bool
    activated_at: dt.datetime | None
    person_id: str
    custodian_person_id: str
    organizations: tuple[AccountOrganization, ...]
    allowed_addresses: tuple[str, ...]
    source_version: int
    version: int
    created_at: dt.datetime
    updated_at: dt.datetime
    waived: tuple[str, ...] = ()
    protected_at: dt.datetime | None = None
    locked_at: dt.datetime | None = None
    active_after_lock: bool | None = None

    @property
    def display(self) -> str:
        """How the account is called on pages and in messages."""
        whole = f"{self.given_name} {self.family_name}".strip()
        return self.display_name or whole or self.user_name

    @property
    def first_organization_id(self) -> str:
        """The id of the first organization that its source states, for the audit; empty without one."""
        return self.organizations[0].id if self.organizations else ""

    @property
    def is_machine(self) -> bool:
        """Tell whether the account stands for an application and not for a person."""
        return self.kind is AccountKind.MACHINE

    def may_sign_in_from(self, address: str) -> bool:
        """Tell whether a sign-in may come from ``address``: a machine's from its own alone (MA-04)."""
        return not (self.is_machine and self.allowed_addresses) or is_within(address, self.allowed_addresses)

    @property
    def is_wanted(self) -> bool:
        """Tell whether the source of the account wants it to be active, locked or not."""
        return self.active if self.active_after_lock is None else self.active_after_lock

    @property
    def is_usable(self) -> bool:
        """Tell whether the account may sign in at all: active, and activated once (LG-11)."""
        return self.active and self.activated_at is not None

    @property
    def awaits_activation(self) -> bool:
        """Tell whether the account is active and nobody has activated it yet."""
        return self.active and self.activated_at is None

    @property
    def mail_language(self) -> str:
        """The language of messages to the account: ``fr`` or ``en``."""
        return "fr" if self.language.lower().startswith("fr") else "en"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the person behind the account, as far as known."""
        return tuple(name for name in (self.given_name, self.middle_name, self.family_name) if name)
