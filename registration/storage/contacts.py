"""Contact assignments and their counters: minimum, maximum and exclusions are decided by the database."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContact:
    """A person who is to hold a contact role. ``slot`` is what no two roles of one person may share."""

    id: str
    organization_id: str
    role_key: str
    role: ContactRole
    person_id: str
    slot: str | None
    started_at: dt.datetime
    added_by: str
    reason: str
    request_id: str


def add(connection: Connection, new: NewContact) -> Added:
    """Add a holder and count it. Anything but DONE leaves the unit of work to be rolled back."""
    if not _count_one_more(connection, new):
        return Added.MAXIMUM
    _raise_minimum(connection, new)
    if not _insert(connection, new):
        held = roles_of(connection, person_id=new.person_id, organization_id=new.organization_id)
        return Added.HELD if new.role_key in held else Added.EXCLUDED
    return Added.DONE


def _count_one_more(connection: Connection, new: NewContact) -> bool:
    """Count a holder; False if there would be more than the role permits."""
    counted = (
        insert(connection, contact_counter)
        .values(
            organization_id=new.organization_id,
            role_key=new.role_key,
            n=1,
            min_required=1 if new.role.minimum == 1 else 0,
            max_permitted=new.role.max_permitted,
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
        return False
    return True


def _raise_minimum(connection: Connection, new: NewContact) -> None:
    """Hold the organization to the role's minimum once it is reached; before, fewer are allowed."""
    connection.execute(
        update(contact_counter)
        .where(
            contact_counter.c.organization_id == new.organization_id,
            contact_counter.c.role_key == new.role_key,
            contact_counter.c.n >= new.role.minimum,
            contact_counter.c.min_required < new.role.minimum,
        )
        .values(min_required=new.role.minimum)
    )


def _insert(connection: Connection, new: NewContact) -> bool:
    """Store the assignment; False if the person holds the role, or another one of its slot."""
    try:
        with connection.begin_nested():
            connection.execute(
                contact_assignment.insert(),
                {
                    "id": new.id,
                    "organization_id": new.organization_id,
                    "role_key": new.role_key,
                    "holder_kind": "person",
                    "holder_id": new.person_id,
                    "exclusion_slot": new.slot,
                    "started_at": new.started_at,
                    "added_by": new.added_by,
                    "add_reason": new.reason,
                    "add_request_id": new.request_id,
                },
            )
    except IntegrityError:
        return False
    return True


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
