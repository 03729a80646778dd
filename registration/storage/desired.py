"""The present desired state of one aggregate, with the fence that belongs to it."""

from __future__ import annotations

from sqlalchemy import Connection, and_, exists, select, update

from registration.domain.catalogue import Catalogue
from registration.domain.outbox import Aggregate, split_membership
from registration.domain.provisioning import DesiredGroup, DesiredMembership, DesiredUser
from registration.storage.tables import (
    account,
    gateway_group,
    membership_desired,
    organization,
    person,
    person_version,
)


def user(connection: Connection, account_id: str, *, activation_days: int, tenant: str) -> DesiredUser | None:
    """Return the account as the Gateway shall have it, or None if there is no such account."""
    row = (
        connection.execute(
            select(account, person.c.person_no, person_version)
            .join(person, person.c.id == account.c.person_id)
            .join(
                person_version,
                and_(person_version.c.person_id == person.c.id, person_version.c.ended_at.is_(None)),
            )
            .where(account.c.id == account_id)
        )
        .mappings()
        .first()
    )
    if row is None:
        return None
    represented = connection.execute(
        select(organization.c.number, organization.c.short_name)
        .where(
            organization.c.id.in_(
                select(membership_desired.c.organization_id).where(
                    membership_desired.c.account_id == account_id
                )
            )
        )
        .order_by(organization.c.number)
    )
    preferred = row["preferred_name"] or f"{row['first_name']} {row['last_name']}"
    phone = f"tel:{row['main_phone']}" + (f";ext={row['extension']}" if row["extension"] else "")
    return DesiredUser(
        account_id=account_id,
        user_name=row["user_name"],
        kind=row["kind"],
        active=row["status"] not in {"suspended", "deactivated"},
        version=row["version"],
        person_no=row["person_no"],
        given_name=row["first_name"],
        family_name=row["last_name"],
        middle_name=row["middle_name"],
        display_name=preferred,
        email=row["main_email"],
        phone_uri=phone,
        language=row["language"],
        organizations=tuple((number, short_name) for number, short_name in represented),
        activation_days=activation_days,
        tenant=tenant,
    )


def group(connection: Connection, group_id: str, catalogue: Catalogue) -> DesiredGroup | None:
    """Return the group as the Gateway shall have it, or None if there is no such group."""
    row = connection.execute(
        select(
            gateway_group.c.access_role_key,
            gateway_group.c.version,
            gateway_group.c.shape_version,
            organization.c.number,
            organization.c.short_name,
        )
        .join(organization, organization.c.id == gateway_group.c.organization_id)
        .where(gateway_group.c.id == group_id)
    ).first()
    role = catalogue.access_roles.get(row.access_role_key) if row else None
    if row is None or role is None:
        return None
    return DesiredGroup(
        group_id=group_id,
        organization_number=row.number,
        organization_short_name=row.short_name,
        access_role=role.key,
        access_role_name=role.name,
        application=role.system,
        account_kinds=tuple(role.account_kinds),
        version=row.version,
        shape_version=row.shape_version,
    )


def membership(connection: Connection, membership_id: str) -> DesiredMembership | None:
    """Return whether the account shall be in the group, with the group's fence; None without the group."""
    account_id, group_id = split_membership(membership_id)
    present = exists().where(
        membership_desired.c.organization_id == gateway_group.c.organization_id,
        membership_desired.c.access_role_key == gateway_group.c.access_role_key,
        membership_desired.c.account_id == account_id,
    )
    row = connection.execute(
        select(gateway_group.c.version, present.label("present")).where(gateway_group.c.id == group_id)
    ).first()
    if row is None:
        return None
    return DesiredMembership(account_id, group_id, bool(row.present), row.version)


def outpace(connection: Connection, kind: Aggregate, identifier: str, *, held: int) -> bool:
    """Raise the version of an account or group above ``held``; False if it is not behind.

    It only ever is where the registry came back from a backup and the Gateway did not.
    """
    table = account if kind is Aggregate.USER else gateway_group
    behind = update(table).where(table.c.id == identifier, table.c.version < held)
    return connection.execute(behind.values(version=held + 1)).rowcount == 1


def memberships_of_account(connection: Connection, account_id: str) -> list[str]:
    """Return the groups an account shall be in."""
    statement = (
        select(gateway_group.c.id)
        .join(
            membership_desired,
            and_(
                membership_desired.c.organization_id == gateway_group.c.organization_id,
                membership_desired.c.access_role_key == gateway_group.c.access_role_key,
            ),
        )
        .where(membership_desired.c.account_id == account_id)
        .order_by(gateway_group.c.id)
    )
    return list(connection.execute(statement).scalars())


def members_of_group(connection: Connection, group_id: str) -> list[str]:
    """Return the accounts that shall be in a group."""
    statement = (
        select(membership_desired.c.account_id)
        .join(
            gateway_group,
            and_(
                membership_desired.c.organization_id == gateway_group.c.organization_id,
                membership_desired.c.access_role_key == gateway_group.c.access_role_key,
            ),
        )
        .where(gateway_group.c.id == group_id)
        .order_by(membership_desired.c.account_id)
    )
    return list(connection.execute(statement).scalars())
