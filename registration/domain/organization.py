"""An organization: what Customer Relations fills in to register one, and its checks (R-001..R-003)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from registration.domain.outcomes import Fault, FaultCode
from registration.domain.text import has_control, tidy

LONGEST_LEGAL_NAME: Final = 200
HIGHEST_NUMBER: Final = 999_999_999
_SHORT_NAME = re.compile(r"[A-Z0-9][A-Z0-9 .&'-]{0,38}[A-Z0-9.]|[A-Z0-9]")


class OrganizationKind(StrEnum):
    """The operator itself is an organization too: its staff hold their access in it."""

    PARTICIPANT = "participant"
    OPERATOR = "operator"


class OrganizationStatus(StrEnum):
    """Where an organization stands; access is granted to registered ones only (R-001, R-002)."""

    APPLIED = "applied"
    REGISTERED = "registered"
    SUSPENDED = "suspended"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class OrganizationForm:
    """What somebody typed to register an organization. An empty ``number`` asks for the next free one."""

    legal_name: str = ""
    short_name: str = ""
    number: str = ""
    participations: tuple[str, ...] = ()
    owns_facilities: bool = False


@dataclass(frozen=True, slots=True)
class OrganizationDetails:
    """The checked form."""

    legal_name: str
    short_name: str
    number: int | None
    participations: tuple[str, ...]
    owns_facilities: bool


@dataclass(frozen=True, slots=True)
class Organization:
    """A registered organization; ``number`` is the Organization ID that every page repeats (R-003)."""

    id: str
    number: int
    short_name: str
    legal_name: str
    kind: OrganizationKind
    status: OrganizationStatus
    owns_facilities: bool
    created_at: dt.datetime


def check_organization(form: OrganizationForm) -> OrganizationDetails | tuple[Fault, ...]:
    """Return the normalised details, or every fault of the form."""
    legal_name, short_name, number = tidy(form.legal_name), tidy(form.short_name).upper(), tidy(form.number)
    faults = tuple(_faults(legal_name, short_name, number))
    if faults:
        return faults
    return OrganizationDetails(
        legal_name=legal_name,
        short_name=short_name,
        number=int(number) if number else None,
        participations=tuple(dict.fromkeys(form.participations)),
        owns_facilities=form.owns_facilities,
    )


def _faults(legal_name: str, short_name: str, number: str) -> Iterator[Fault]:
    if not legal_name:
        yield Fault("legal_name", FaultCode.MISSING)
    elif has_control(legal_name):
        yield Fault("legal_name", FaultCode.NOT_TEXT)
    elif len(legal_name) > LONGEST_LEGAL_NAME:
        yield Fault("legal_name", FaultCode.TOO_LONG)
    if not short_name:
        yield Fault("short_name", FaultCode.MISSING)
    elif not _SHORT_NAME.fullmatch(short_name):
        yield Fault("short_name", FaultCode.NOT_A_SHORT_NAME)
    if number and not (number.isascii() and number.isdigit() and 0 < int(number[:20]) <= HIGHEST_NUMBER):
        yield Fault("number", FaultCode.NOT_A_NUMBER)
