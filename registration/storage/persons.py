"""Persons: registering, finding and searching them. Every version is kept (R-032)."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, fields

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, exists, func, or_, select

from kernel.database import insert
from registration.domain.person import Person, PersonDetails
from registration.domain.search import MOST_RESULTS, PersonRow, PersonSearch
from registration.domain.text import APART, SILENT, sort_key
from registration.storage.tables import person, person_organization, person_version

_current = person.join(
    person_version,
    and_(person_version.c.person_id == person.c.id, person_version.c.ended_at.is_(None)),
)


def _details(row: RowMapping) -> PersonDetails:
    return PersonDetails(**{field.name: row[field.name] for field in fields(PersonDetails)})


def _person(row: RowMapping) -> Person:
    return Person(row["id"], row["person_no"], row["version_no"], _details(row))


def _selected() -> list[ColumnElement[object]]:
    columns = [person_version.c[field.name] for field in fields(PersonDetails)]
    return [person.c.id, person.c.person_no, person.c.version_no, *columns]


def find(connection: Connection, person_id: str) -> Person | None:
    """Return a person as of now, or None."""
    statement = select(*_selected()).select_from(_current).where(person.c.id == person_id)
    row = connection.execute(statement).mappings().first()
    return _person(row) if row else None


def add(
    connection: Connection,
    details: PersonDetails,
    *,
    identifier: str,
    number: int,
    now: dt.datetime,
    changed_by: str,
    request_id: str,
) -> Person:
    """Register a person under a Person ID that is hers for good (R-016)."""
    connection.execute(
        person.insert(),
        {"id": identifier, "person_no": number, "version_no": 1, "state": "active", "created_at": now},
    )
    connection.execute(
        person_version.insert(),
        {
            **asdict(details),
            "person_id": identifier,
            "version_no": 1,
            "first_key": sort_key(details.first_name),
            "last_key": sort_key(details.last_name),
            "started_at": now,
            "changed_by": changed_by,
            "reason": "registered",
            "request_id": request_id,
        },
    )
    return Person(identifier, number, 1, details)


def attach(
    connection: Connection, *, person_id: str, organization_id: str, now: dt.datetime, request_id: str
) -> None:
    """Remember that the organization has dealt with the person; a second time changes nothing."""
    statement = insert(connection, person_organization).on_conflict_do_nothing()
    connection.execute(
        statement,
        {
            "organization_id": organization_id,
            "person_id": person_id,
            "started_at": now,
            "request_id": request_id,
        },
    )


def _is_own(organization_id: str) -> ColumnElement[bool]:
    return exists().where(
        person_organization.c.organization_id == organization_id,
        person_organization.c.person_id == person.c.id,
    )


def belongs(connection: Connection, *, person_id: str, organization_id: str) -> bool:
    """Tell whether the organization has dealt with the person."""
    statement = select(_is_own(organization_id)).where(person.c.id == person_id)
    return bool(connection.execute(statement).scalar())


def _spoken(column: ColumnElement[str]) -> ColumnElement[str]:
    """Return a kept name as :func:`registration.domain.text.search_key` makes of it."""
    for silent in SILENT:
        column = func.replace(column, silent, "")
    return func.replace(column, APART, " ")


def _contains(column: ColumnElement[str], wanted: str) -> ColumnElement[bool]:
    return _spoken(column).contains(wanted, autoescape=True)


def search(
    connection: Connection, wanted: PersonSearch, *, organization_id: str, everybody: bool
) -> list[PersonRow]:
    """Return the persons that match and that the searcher may see, one more than are shown at most.

    One's own people are found by any part of a name (R-021). Strangers are found only by whoever knows them:
    by their whole last name together with their whole first name or their Person ID. So nobody can leaf
    through the registry by counting up Person IDs (EN-07).
    """
    matches: list[ColumnElement[bool]] = []
    if wanted.number is not None:
        matches.append(person.c.person_no == wanted.number)
    if wanted.last_key:
        matches.append(_contains(person_version.c.last_key, wanted.last_key))
    if wanted.first_key:
        matches.append(_contains(person_version.c.first_key, wanted.first_key))
    own = _is_own(organization_id)
    seen: ColumnElement[bool] = own
    if wanted.may_find_strangers:
        known = _spoken(person_version.c.last_key) == wanted.last_key
        if wanted.first_key:
            known = and_(known, _spoken(person_version.c.first_key) == wanted.first_key)
        seen = or_(own, known)
    statement = (
        select(
            person.c.id,
            person.c.person_no,
            person_version.c.last_name,
            person_version.c.first_name,
            person_version.c.preferred_name,
            person_version.c.middle_name,
            own.label("own"),
        )
        .select_from(_current)
        .where(person.c.state == "active", *matches)
        .order_by(own.desc(), person_version.c.last_key, person_version.c.first_key, person.c.person_no)
        .limit(MOST_RESULTS + 1)
    )
    if not everybody:
        statement = statement.where(seen)
    return [
        PersonRow(
            person_id=row.id,
            person_no=row.person_no,
            last_name=row.last_name,
            first_name=row.first_name,
            preferred_name=row.preferred_name,
            middle_name=row.middle_name,
            own=bool(row.own),
        )
        for row in connection.execute(statement)
    ]


def shares(connection: Connection, details: PersonDetails, *, organization_id: str) -> tuple[bool, bool]:
    """Tell whether somebody of the organization has the same phone without extension, or the same e-mail."""
    base = select(func.count()).select_from(_current).where(_is_own(organization_id))
    phone = (
        not details.extension
        and connection.execute(
            base.where(person_version.c.main_phone == details.main_phone, person_version.c.extension == "")
        ).scalar_one()
    )
    email = connection.execute(
        base.where(func.lower(person_version.c.main_email) == details.main_email.lower())
    ).scalar_one()
    return bool(phone), bool(email)
