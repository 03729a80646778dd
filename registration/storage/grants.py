"""Access grants, and the memberships that follow from grants and contact roles together."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update
from sqlalchemy.exc import IntegrityError

from kernel.database import insert
from registration.domain.outbox import group_id
from registration.storage.tables import access_grant, gateway_group, membership_desired


def open_grants(connection: Connection, *, organization_id: str, account_id: str) -> dict[str, dt.datetime]:
    """Return the access roles granted to an account for an organization, with their start."""
    statement = select(access_grant.c.access_role_key, access_grant.c.started_at).where(
        access_grant.c.organization_id == organization_id,
        access_grant.c.account_id == account_id,
        access_grant.c.ended_at.is_(None),
    )
    return {row.access_role_key: row.started_at for row in connection.execute(statement)}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccessGrant:
    """An access role that a personal account is to have for an organization."""

    id: str
    organization_id: str
    account_id: str
    access_role: str
    started_at: dt.datetime
    granted_by: str
    reason: str
    ticket: str
    request_id: str


def add(connection: Connection, new: NewAccessGrant) -> bool:
    """Grant an access role; False if it is granted already or the kind of account may not hold it (I-06)."""
    try:
        with connection.begin_nested():
            connection.execute(
                access_grant.insert(),
                {
                    "id": new.id,
                    "organization_id": new.organization_id,
                    "account_id": new.account_id,
                    "account_kind": "personal",
                    "access_role_key": new.access_role,
                    "started_at": new.started_at,
                    "granted_by": new.granted_by,
                    "reason": new.reason,
                    "ticket": new.ticket,
                    "grant_request_id": new.request_id,
                },
            )
    except IntegrityError:
        return False
    return True


def end(
    connection: Connection,
    *,
    organization_id: str,
    account_id: str,
    access_role: str,
    now: dt.datetime,
    revoked_by: str,
    reason: str,
    request_id: str,
) -> bool:
    """End a grant; False if there was none. The row stays, with its interval closed."""
    ended = connection.execute(
        update(access_grant)
        .where(
            access_grant.c.organization_id == organization_id,
            access_grant.c.account_id == account_id,
            access_grant.c.access_role_key == access_role,
            access_grant.c.ended_at.is_(None),
        )
        .values(ended_at=now, revoked_by=revoked_by, revoke_reason=reason, revoke_request_id=request_id)
        .returning(access_grant.c.id)
    ).first()
    return ended is not None


def memberships(connection: Connection, *, organization_id: str, account_id: str) -> dict[str, dt.datetime]:
    """Return the access roles an account has in an organization by any source, with their start."""
    statement = select(membership_desired.c.access_role_key, membership_desired.c.started_at).where(
        membership_desired.c.organization_id == organization_id,
        membership_desired.c.account_id == account_id,
    )
    return {row.access_role_key: row.started_at for row in connection.execute(statement)}


def put_membership(
    connection: Connection,
    *,
    organization_id: str,
    account_id: str,
    access_role: str,
    sources: int,
    slot: str | None,
    now: dt.datetime,
) -> bool:
    """Set how many sources give a membership: with none the row goes (I-18).

    False if the account already has a role that excludes this one; the unique index over the slot decides
    (R-127, I-04), and the unit of work has to be rolled back.
    """
    key = (
        membership_desired.c.organization_id == organization_id,
        membership_desired.c.account_id == account_id,
        membership_desired.c.access_role_key == access_role,
    )
    if sources == 0:
        connection.execute(membership_desired.delete().where(*key))
        return True
    statement = (
        insert(connection, membership_desired)
        .values(
            organization_id=organization_id,
            account_id=account_id,
            access_role_key=access_role,
            sources=sources,
            exclusion_slot=slot,
            started_at=now,
        )
        .on_conflict_do_update(
            index_elements=[
                membership_desired.c.organization_id,
                membership_desired.c.account_id,
                membership_desired.c.access_role_key,
            ],
            set_={"sources": sources},
        )
    )
    try:
        with connection.begin_nested():
            connection.execute(statement)
    except IntegrityError:
        return False
    return True


def has_any(connection: Connection, *, organization_id: str, account_id: str) -> bool:
    """Tell whether an account has any access for an organization."""
    found = (
        select(func.count())
        .select_from(membership_desired)
        .where(
            membership_desired.c.organization_id == organization_id,
            membership_desired.c.account_id == account_id,
        )
    )
    return bool(connection.execute(found).scalar_one())


def raise_group(
    connection: Connection, *, organization_id: str, organization_number: int, access_role: str
) -> tuple[str, bool]:
    """Raise the version of a group because its members change; make the group on its first member.

    Returns the group's id, and whether it was made just now. The version is the fence of every member change:
    a late packet of a stalled worker carries a lower one.
    """
    identifier = group_id(organization_number, access_role)
    statement = (
        insert(connection, gateway_group)
        .values(
            id=identifier,
            organization_id=organization_id,
            access_role_key=access_role,
            version=1,
            shape_version=1,
        )
        .on_conflict_do_update(
            index_elements=[gateway_group.c.id], set_={"version": gateway_group.c.version + 1}
        )
        .returning(gateway_group.c.version)
    )
    return identifier, connection.execute(statement).scalar_one() == 1


def is_staff(connection: Connection, *, account_id: str, operator_id: str, access_role: str) -> bool:
    """Tell whether an account holds an access role in the operator's own organization."""
    granted = open_grants(connection, organization_id=operator_id, account_id=account_id)
    return access_role in granted
