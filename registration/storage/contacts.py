"""Contact assignments and their counters: minimum, maximum and exclusions are decided by the database."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import Connection, and_, select, update
from sqlalchemy.exc import IntegrityError

from kernel.database import insert
from registration.domain.catalogue import ContactRole
from registration.domain.contact_roles import ContactHolder
from registration.storage.tables import (
    account,
    contact_assignment,
    contact_counter,
    person,
    person_version,
)


class Added(StrEnum):
    """What came of adding a holder."""

    DONE = "done"
    HELD = "held"
    EXCLUDED = "excluded"
    MAXIMUM = "maximum"


def roles_of(connection: Connection, *, person_id: str, organization_id: str) -> dict[str, dt.datetime]:
    """Return the contact roles a person holds in an organization now, with their start."""
    statement = select(contact_assignment.c.role_key, contact_assignment.c.started_at).where(
        contact_assignment.c.organization_id == organization_id,
        contact_assignment.c.holder_id == person_id,
        contact_assignment.c.holder_kind == "person",
        contact_assignment.c.ended_at.is_(None),
    )
    return {row.role_key: row.started_at for row in connection.execute(statement)}


def holders(connection: Connection, organization_id: str) -> dict[str, list[ContactHolder]]:
    """Return who holds which contact role of an organization now, by role, eldest first."""
    statement = (
        select(
            contact_assignment.c.role_key,
            contact_assignment.c.started_at,
            person.c.id,
            person.c.person_no,
            person_version.c.first_name,
            person_version.c.last_name,
        )
        .join(person, person.c.id == contact_assignment.c.holder_id)
        .join(
            person_version,
            and_(person_version.c.person_id == person.c.id, person_version.c.ended_at.is_(None)),
        )
        .where(
            contact_assignment.c.organization_id == organization_id,
            contact_assignment.c.ended_at.is_(None),
        )
        .order_by(contact_assignment.c.started_at, person.c.person_no)
    )
    found: dict[str, list[ContactHolder]] = {}
    for row in connection.execute(statement):
        holder = ContactHolder(row.id, row.person_no, f"{row.first_name} {row.last_name}", row.started_at)
        found.setdefault(row.role_key, []).append(holder)
    return found


def is_vacant(connection: Connection, *, organization_id: str, role_key: str) -> bool:
    """Tell whether nobody holds the role."""
    count = select(contact_counter.c.n).where(
        contact_counter.c.organization_id == organization_id, contact_counter.c.role_key == role_key
    )
    return not connection.execute(count).scalar()


def add(  # noqa: PLR0913 - a row has as many columns as it has
    connection: Connection,
    *,
    identifier: str,
    organization_id: str,
    role_key: str,
    role: ContactRole,
    person_id: str,
    slot: str | None,
    now: dt.datetime,
    added_by: str,
    reason: str,
    request_id: str,
) -> Added:
    """Add a holder and count it. Anything but DONE leaves the unit of work to be rolled back.

    The counter starts at a minimum of 0, the state of a vacant group, and takes on the role's minimum as soon
    as that is reached: from then on it cannot be undercut.
    """
    counted = (
        insert(connection, contact_counter)
        .values(
            organization_id=organization_id,
            role_key=role_key,
            n=1,
            min_required=1 if role.minimum == 1 else 0,
            max_permitted=role.max_permitted,
        )
        .on_conflict_do_update(
            index_elements=[contact_counter.c.organization_id, contact_counter.c.role_key],
            set_={"n": contact_counter.c.n + 1},
        )
    )
    try:
        with connection.begin_nested():
            connection.execute(counted)
    except IntegrityError:
        return Added.MAXIMUM
    connection.execute(
        update(contact_counter)
        .where(
            contact_counter.c.organization_id == organization_id,
            contact_counter.c.role_key == role_key,
            contact_counter.c.n >= role.minimum,
            contact_counter.c.min_required < role.minimum,
        )
        .values(min_required=role.minimum)
    )
    try:
        with connection.begin_nested():
            connection.execute(
                contact_assignment.insert(),
                {
                    "id": identifier,
                    "organization_id": organization_id,
                    "role_key": role_key,
                    "holder_kind": "person",
                    "holder_id": person_id,
                    "exclusion_slot": slot,
                    "started_at": now,
                    "added_by": added_by,
                    "add_reason": reason,
                    "add_request_id": request_id,
                },
            )
    except IntegrityError:
        held = roles_of(connection, person_id=person_id, organization_id=organization_id)
        return Added.HELD if role_key in held else Added.EXCLUDED
    return Added.DONE


def end(
    connection: Connection,
    *,
    organization_id: str,
    role_key: str,
    person_id: str,
    now: dt.datetime,
    ended_by: str,
    reason: str,
    request_id: str,
) -> bool | None:
    """End a holder's role: True if done, False if that would go below the minimum, None if it was not held.

    Anything but True leaves the unit of work to be rolled back.
    The count is lowered by one conditional statement: of two contacts who remove each other at the same
    moment, the second finds the count at the minimum (R-096..R-102, I-03, RA-04).
    """
    ended = connection.execute(
        update(contact_assignment)
        .where(
            contact_assignment.c.organization_id == organization_id,
            contact_assignment.c.role_key == role_key,
            contact_assignment.c.holder_id == person_id,
            contact_assignment.c.ended_at.is_(None),
        )
        .values(ended_at=now, ended_by=ended_by, end_reason=reason, end_request_id=request_id)
        .returning(contact_assignment.c.id)
    ).first()
    if ended is None:
        return None
    lowered = connection.execute(
        update(contact_counter)
        .where(
            contact_counter.c.organization_id == organization_id,
            contact_counter.c.role_key == role_key,
            contact_counter.c.n > contact_counter.c.min_required,
        )
        .values(n=contact_counter.c.n - 1)
        .returning(contact_counter.c.n)
    ).first()
    return lowered is not None


def counts(connection: Connection, organization_id: str) -> dict[str, tuple[int, int]]:
    """Return number of holders and binding minimum of each counted role."""
    statement = select(contact_counter.c.role_key, contact_counter.c.n, contact_counter.c.min_required).where(
        contact_counter.c.organization_id == organization_id
    )
    return {row.role_key: (row.n, row.min_required) for row in connection.execute(statement)}


def represented_by(connection: Connection, account_id: str) -> dict[str, frozenset[str]]:
    """Return the organizations the account's person holds contact roles in, with the roles."""
    statement = (
        select(contact_assignment.c.organization_id, contact_assignment.c.role_key)
        .join(account, account.c.person_id == contact_assignment.c.holder_id)
        .where(
            account.c.id == account_id,
            account.c.kind == "personal",
            contact_assignment.c.holder_kind == "person",
            contact_assignment.c.ended_at.is_(None),
        )
    )
    found: dict[str, set[str]] = {}
    for row in connection.execute(statement):
        found.setdefault(row.organization_id, set()).add(row.role_key)
    return {identifier: frozenset(roles) for identifier, roles in found.items()}
