"""Which access roles can be offered to an account for an organization (R-173..R-178)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from registration.domain.catalogue import AccessRole, Catalogue
from registration.domain.text import sort_key

EVERYBODY: Final = "every-organization"
"""Heading key of the roles that need no participation."""


@dataclass(frozen=True, slots=True)
class OfferedRole:
    """An access role that can be granted."""

    key: str
    name: str
    description: str
    application: str
    application_name: str


@dataclass(frozen=True, slots=True)
class OfferGroup:
    """The offered roles of one participation; ``heading`` is empty for what every organization has."""

    heading_key: str
    heading: str
    roles: tuple[OfferedRole, ...]


@dataclass(frozen=True, slots=True)
class HeldRole:
    """An access role an account has for the organization, and what gives it.

    ``revocable`` tells that a grant gives it; what comes with a contact role ends with that role only.
    ``live_at`` is when the Gateway confirmed the membership, None while it is on its way.
    """

    key: str
    name: str
    application_name: str
    since: dt.datetime
    live_at: dt.datetime | None
    by_contact_role: tuple[str, ...]
    revocable: bool


@dataclass(frozen=True, slots=True)
class AccessOffer:
    """What "Select Access Roles" shows: roles held above, roles offered below, grouped."""

    held: tuple[HeldRole, ...]
    groups: tuple[OfferGroup, ...]
    person: str = ""
    """Whose roles they are: name, and Person ID of somebody who is registered."""


def may_be_granted(
    role: AccessRole, *, account_kind: str, participations: Collection[str], registered: bool = True
) -> bool:
    """Tell whether a Rights Administrator can grant ``role`` to an account of this kind (R-174, R-095).

    Roles that come with a contact role, or that are for the operator's staff, are never offered: otherwise a
    Rights Administrator could hand out a Primary Contact's functions (RG-14).
    """
    if not registered or role.anonymous or role.granted_by != "rights-administrator":
        return False
    if account_kind not in role.account_kinds or role.account_naming == "email":
        return False
    return is_open(role, participations)


def is_open(role: AccessRole, participations: Collection[str]) -> bool:
    """Tell whether one of the organization's participations opens ``role`` (RG-07)."""
    return not role.requires_participation or bool({*role.requires_participation} & {*participations})


def offered(
    catalogue: Catalogue, *, account_kind: str, participations: Collection[str], granted: Collection[str]
) -> tuple[OfferGroup, ...]:
    """Return the roles that can be granted, grouped by the participation that opens them (R-175).

    A role stands once, under the first of the organization's participations that opens it; roles already
    granted are left out.
    """
    grouped: dict[str, list[OfferedRole]] = {}
    for key, role in catalogue.access_roles.items():
        if key in granted or not may_be_granted(
            role, account_kind=account_kind, participations=participations
        ):
            continue
        heading = next(
            (gate for gate in catalogue.participations if gate in _gates(role, participations)), EVERYBODY
        )
        application = catalogue.applications[role.system]
        grouped.setdefault(heading, []).append(
            OfferedRole(key, role.name, role.description, role.system, application.name)
        )
    order = [*catalogue.participations, EVERYBODY]
    return tuple(
        OfferGroup(heading, _heading(catalogue, heading), _sorted(grouped[heading]))
        for heading in order
        if heading in grouped
    )


def conflicting(catalogue: Catalogue, roles: Iterable[str]) -> tuple[str, str] | None:
    """Return the first two access roles of ``roles`` that exclude each other, or None (R-127)."""
    chosen = list(dict.fromkeys(roles))
    for key in chosen:
        for other in catalogue.access_roles[key].excludes:
            if other in chosen:
                return key, other
    return None


def _gates(role: AccessRole, participations: Collection[str]) -> set[str]:
    return {*role.requires_participation} & {*participations}


def _heading(catalogue: Catalogue, key: str) -> str:
    return "" if key == EVERYBODY else catalogue.participations[key].name


def _sorted(roles: list[OfferedRole]) -> tuple[OfferedRole, ...]:
    return tuple(sorted(roles, key=lambda role: (sort_key(role.application_name), sort_key(role.name))))
