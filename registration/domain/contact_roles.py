"""Contact roles of an organization: which can be held, how many holders, what each brings (R-124..R-132)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from registration.domain.catalogue import Catalogue, ContactRole


@dataclass(frozen=True, slots=True)
class ContactHolder:
    """Somebody who holds a contact role now."""

    person_id: str
    person_no: int
    name: str
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class ContactRoleOffer:
    """A contact role as a page shows it: counts (R-124), holders, and whether the caller may change it."""

    key: str
    name: str
    description: str
    min_required: int | None
    max_permitted: int | None
    holders: tuple[ContactHolder, ...]
    may_change: bool

    @property
    def existing(self) -> int:
        """How many hold it now."""
        return len(self.holders)


def is_open(role: ContactRole, participations: Collection[str]) -> bool:
    """Tell whether the organization's participations open ``role`` to it (R-129)."""
    return not role.requires_participation or bool({*role.requires_participation} & {*participations})


def may_be_held_by_person(role: ContactRole) -> bool:
    """Tell whether a person, rather than a section only, may hold ``role`` (R-125)."""
    return role.contact_type in {"person", "both"}


def conflicting(catalogue: Catalogue, contact_role: str, held: Collection[str]) -> str | None:
    """Return a held contact role that excludes ``contact_role`` for one person, or None (R-127, I-04)."""
    return next((other for other in catalogue.contact_roles[contact_role].excludes if other in held), None)


def implied(catalogue: Catalogue, contact_role: str, participations: Collection[str]) -> tuple[str, ...]:
    """Return the access roles that ``contact_role`` brings with these participations (I-05)."""
    found = []
    for key in catalogue.contact_roles[contact_role].implies:
        gates = catalogue.access_roles[key].requires_participation
        if not gates or {*gates} & {*participations}:
            found.append(key)
    return tuple(found)
