"""Organizations and their participations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, RowMapping, func, select
from sqlalchemy.exc import IntegrityError

from registration.domain.organization import (
    Organization,
    OrganizationDetails,
    OrganizationKind,
    OrganizationStatus,
)
from registration.storage import numbers
from registration.storage.tables import organization, organization_version, participation


def _organization(row: RowMapping) -> Organization:
    return Organization(
        id=row["id"],
        number=row["number"],
        short_name=row["short_name"],
        legal_name=row["legal_name"],
        kind=OrganizationKind(row["kind"]),
        status=OrganizationStatus(row["status"]),
        owns_facilities=bool(row["owns_facilities"]),
        created_at=row["created_at"],
    )


def find(connection: Connection, organization_id: str, *, lock: bool = False) -> Organization | None:
    """Return an organization, or None.

    ``lock`` keeps other deeds on the same organization waiting until this one is done, so that what a deed
    has read stays true until it commits. (SQLite has one writer anyway.)
    """
    statement = select(organization).where(organization.c.id == organization_id)
    if lock:
        statement = statement.with_for_update(key_share=True)
    row = connection.execute(statement).mappings().first()
    return _organization(row) if row else None


def find_operator(connection: Connection) -> Organization | None:
    """Return the operator's own organization, or None before its first member of staff."""
    statement = select(organization).where(organization.c.kind == OrganizationKind.OPERATOR.value)
    row = connection.execute(statement).mappings().first()
    return _organization(row) if row else None


def all_of(connection: Connection, identifiers: Iterable[str] | None = None) -> list[Organization]:
    """Return every organization, or those of ``identifiers``, by short name."""
    statement = select(organization).order_by(organization.c.short_name)
    if identifiers is not None:
        statement = statement.where(organization.c.id.in_(list(identifiers)))
    return [_organization(row) for row in connection.execute(statement).mappings()]


def number_is_taken(connection: Connection, number: int) -> bool:
    """Tell whether an Organization ID is in use."""
    found = select(func.count()).select_from(organization).where(organization.c.number == number)
    return bool(connection.execute(found).scalar_one())


def free_number(connection: Connection, *, first: int) -> int:
    """Take the next Organization ID that is not in use; some are given by hand."""
    while True:
        number = numbers.next_number(connection, numbers.ORGANIZATION, first=first)
        if not number_is_taken(connection, number):
            return number


def short_name_is_taken(connection: Connection, short_name: str) -> bool:
    """Tell whether a short name is in use."""
    found = select(func.count()).select_from(organization).where(organization.c.short_name == short_name)
    return bool(connection.execute(found).scalar_one())


def add(
    connection: Connection,
    details: OrganizationDetails,
    *,
    identifier: str,
    number: int,
    kind: OrganizationKind,
    now: dt.datetime,
    changed_by: str,
) -> bool:
    """Register an organization with its first version; False if number or short name is taken."""
    row: Mapping[str, object] = {
        "id": identifier,
        "number": number,
        "kind": kind.value,
        "short_name": details.short_name,
        "legal_name": details.legal_name,
        "status": OrganizationStatus.REGISTERED.value,
        "owns_facilities": details.owns_facilities,
        "version_no": 1,
        "created_at": now,
    }
    try:
        with connection.begin_nested():
            connection.execute(organization.insert(), row)
    except IntegrityError:
        return False
    connection.execute(
        organization_version.insert(),
        {
            "organization_id": identifier,
            "version_no": 1,
            "short_name": details.short_name,
            "legal_name": details.legal_name,
            "status": OrganizationStatus.REGISTERED.value,
            "started_at": now,
            "changed_by": changed_by,
            "reason": "registered",
        },
    )
    return True


def approve_participation(
    connection: Connection, *, identifier: str, organization_id: str, type_key: str, now: dt.datetime
) -> None:
    """Record an approved participation (R-120)."""
    connection.execute(
        participation.insert(),
        {
            "id": identifier,
            "organization_id": organization_id,
            "type_key": type_key,
            "status": "approved",
            "started_at": now,
        },
    )


def participations(connection: Connection, organization_id: str) -> frozenset[str]:
    """Return the types of the approved, open participations: what opens roles (R-120, R-129)."""
    statement = select(participation.c.type_key).where(
        participation.c.organization_id == organization_id,
        participation.c.status == "approved",
        participation.c.ended_at.is_(None),
    )
    return frozenset(connection.execute(statement).scalars())
