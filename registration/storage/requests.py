"""Requests and their items: what was asked for, when it was registered, and since when it is live."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    case,
    exists,
    false,
    func,
    or_,
    select,
    true,
    update,
)

from kernel.audit import Actor
from kernel.database import insert
from registration.domain.outbox import Aggregate, State
from registration.domain.request import FAILED, RequestKind, RequestRow, RequestState, Shown
from registration.storage.tables import (
    account,
    organization,
    outbox,
    person_version,
    request,
    request_item,
)


@dataclass(frozen=True, slots=True)
class Item:
    """One change of a request, tied to the version of the aggregate that makes it live."""

    kind: str
    key: str
    name: str
    detail: str = ""
    aggregate: Aggregate | None = None
    aggregate_id: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A request as it is kept."""

    id: str
    number: int
    kind: RequestKind
    state: RequestState
    organization_id: str
    actor_kind: str
    actor_id: str
    person_id: str | None
    account_id: str | None
    fingerprint: str
    reason: str
    ticket: str
    made_at: dt.datetime
    provisioned_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item as it is kept."""

    kind: str
    key: str
    name: str
    detail: str
    aggregate_kind: str
    aggregate_id: str
    provisioned_at: dt.datetime | None
    overtaken: bool


def _request(row: RowMapping) -> StoredRequest:
    return StoredRequest(
        id=row["id"],
        number=row["number"],
        kind=RequestKind(row["kind"]),
        state=RequestState(row["state"]),
        organization_id=row["organization_id"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        person_id=row["person_id"],
        account_id=row["account_id"],
        fingerprint=row["fingerprint"],
        reason=row["reason"],
        ticket=row["ticket"],
        made_at=row["made_at"],
        provisioned_at=row["provisioned_at"],
    )


def by_key(connection: Connection, actor: Actor, idempotency_key: str) -> StoredRequest | None:
    """Return the request an actor already made with this key, or None (I-22)."""
    statement = select(request).where(
        request.c.actor_kind == actor.kind,
        request.c.actor_id == actor.id,
        request.c.idempotency_key == idempotency_key,
    )
    row = connection.execute(statement).mappings().first()
    return _request(row) if row else None


def by_number(connection: Connection, number: int) -> StoredRequest | None:
    """Return a request by its number, or None."""
    row = connection.execute(select(request).where(request.c.number == number)).mappings().first()
    return _request(row) if row else None


def by_id(connection: Connection, identifier: str) -> StoredRequest | None:
    """Return a request by its id, or None."""
    row = connection.execute(select(request).where(request.c.id == identifier)).mappings().first()
    return _request(row) if row else None


def add(  # noqa: PLR0913 - a row has as many columns as it has
    connection: Connection,
    *,
    identifier: str,
    number: int,
    kind: RequestKind,
    organization_id: str,
    actor: Actor,
    idempotency_key: str,
    fingerprint: str,
    now: dt.datetime,
    **more: object,
) -> bool:
    """Write a request, applied at ``now``; False if its key was used before.

    ``more`` are its other columns: person_id, plan, reason, ticket...
    """
    row: dict[str, object] = {"plan": {}, "reason": "", "ticket": "", **more}
    written = connection.execute(
        insert(connection, request)
        .values(
            **row,
            id=identifier,
            number=number,
            kind=kind.value,
            state=RequestState.APPLIED.value,
            organization_id=organization_id,
            actor_kind=actor.kind,
            actor_id=actor.id,
            idempotency_key=idempotency_key,
            fingerprint=fingerprint,
            made_at=now,
        )
        .on_conflict_do_nothing(
            index_elements=[request.c.actor_kind, request.c.actor_id, request.c.idempotency_key]
        )
    )
    return written.rowcount == 1


def complete(
    connection: Connection,
    identifier: str,
    *,
    person_id: str | None,
    account_id: str | None,
) -> None:
    """Fill in whom a request turned out to be about."""
    connection.execute(
        update(request).where(request.c.id == identifier).values(person_id=person_id, account_id=account_id)
    )


def add_items(connection: Connection, request_id: str, items: Iterable[Item]) -> None:
    """Write the items of a request in order."""
    rows = [
        {
            "request_id": request_id,
            "position": position,
            "kind": item.kind,
            "key": item.key,
            "name": item.name,
            "detail": item.detail,
            "aggregate_kind": item.aggregate.value if item.aggregate else "",
            "aggregate_id": item.aggregate_id,
            "version": item.version,
            "superseded": False,
        }
        for position, item in enumerate(items, start=1)
    ]
    if rows:
        connection.execute(request_item.insert(), rows)


def items_of(connection: Connection, request_id: str) -> list[StoredItem]:
    """Return the items of a request in order."""
    statement = (
        select(request_item).where(request_item.c.request_id == request_id).order_by(request_item.c.position)
    )
    return [
        StoredItem(
            kind=row.kind,
            key=row.key,
            name=row.name,
            detail=row.detail,
            aggregate_kind=row.aggregate_kind,
            aggregate_id=row.aggregate_id,
            provisioned_at=row.provisioned_at,
            overtaken=bool(row.superseded),
        )
        for row in connection.execute(statement)
    ]


def mark_live(
    connection: Connection, *, kind: Aggregate, aggregate_id: str, version: int, now: dt.datetime
) -> list[str]:
    """Mark the items that are live since the Gateway has ``version``; return the requests this completes.

    A change of a membership that a later request overtook before it was sent is marked as overtaken: it
    never was live itself. Being sent again, to a Gateway that lost it or came back from a backup, overtakes
    nothing. Each completed request is returned once, to whoever completed it: the guarded update
    decides.
    """
    later = request_item.alias("later")
    overtaken = and_(
        request_item.c.aggregate_kind == Aggregate.MEMBERSHIP.value,
        exists().where(
            later.c.aggregate_kind == kind.value,
            later.c.aggregate_id == aggregate_id,
            later.c.version > request_item.c.version,
            later.c.version <= version,
        ),
    )
    touched = connection.execute(
        update(request_item)
        .where(
            request_item.c.aggregate_kind == kind.value,
            request_item.c.aggregate_id == aggregate_id,
            request_item.c.version <= version,
            request_item.c.provisioned_at.is_(None),
        )
        .values(provisioned_at=now, superseded=case((overtaken, true()), else_=false()))
        .returning(request_item.c.request_id)
    ).scalars()
    return [found for found in sorted(set(touched)) if finish(connection, found, now=now)]


def finish(connection: Connection, request_id: str, *, now: dt.datetime) -> bool:
    """Close a request whose every item is live; False if something still waits or it was closed before.

    The row is locked first: of two deliveries that end at the same moment neither sees the other's item,
    and each would leave the closing to the other. Who waits for the lock looks again after it.
    """
    connection.execute(select(request.c.id).where(request.c.id == request_id).with_for_update())
    waiting = exists().where(
        request_item.c.request_id == request_id,
        request_item.c.aggregate_kind != "",
        request_item.c.provisioned_at.is_(None),
    )
    result = connection.execute(
        update(request)
        .where(request.c.id == request_id, request.c.state == RequestState.APPLIED.value, ~waiting)
        .values(state=RequestState.PROVISIONED.value, provisioned_at=now)
    )
    return result.rowcount == 1


def waiting_items(connection: Connection, organization_id: str | None = None) -> dict[str, int]:
    """Return how many items of each organization are registered but not live yet."""
    statement = (
        select(request.c.organization_id, func.count().label("n"))
        .join(request_item, request_item.c.request_id == request.c.id)
        .where(
            request.c.state == RequestState.APPLIED.value,
            request_item.c.aggregate_kind != "",
            request_item.c.provisioned_at.is_(None),
        )
        .group_by(request.c.organization_id)
    )
    if organization_id is not None:
        statement = statement.where(request.c.organization_id == organization_id)
    return {row.organization_id: row.n for row in connection.execute(statement)}


_IS_OVERTAKEN: Final = exists().where(
    request_item.c.request_id == request.c.id, request_item.c.superseded.is_(true())
)

_IS_STUCK: Final = exists().where(
    request_item.c.request_id == request.c.id,
    request_item.c.provisioned_at.is_(None),
    outbox.c.aggregate_kind == request_item.c.aggregate_kind,
    outbox.c.aggregate_id == request_item.c.aggregate_id,
    outbox.c.state.in_([state.value for state in (State.CASE, *FAILED)]),
)
"""One of the request's changes waits for somebody."""

_MAKER_VERSION = person_version.alias("maker_version")


def list_rows(
    connection: Connection,
    *,
    organizations: Iterable[str] | None,
    page: int,
    size: int,
    show: Shown = Shown.ALL,
) -> tuple[list[RequestRow], int]:
    """Return one page of requests, newest first, and how many there are; None means every organization."""
    where: ColumnElement[bool] = (
        true() if organizations is None else or_(request.c.organization_id.in_(list(organizations)))
    )
    if show is not Shown.ALL:
        where = and_(where, request.c.state == RequestState.APPLIED.value)
    if show is Shown.REFUSED:
        where = and_(where, _IS_STUCK)
    total = int(connection.execute(select(func.count()).select_from(request).where(where)).scalar_one())
    statement = (
        select(
            request,
            organization.c.short_name,
            person_version.c.first_name,
            person_version.c.last_name,
            _MAKER_VERSION.c.first_name.label("maker_first"),
            _MAKER_VERSION.c.last_name.label("maker_last"),
            _IS_OVERTAKEN.label("overtaken"),
        )
        .join(organization, organization.c.id == request.c.organization_id)
        .outerjoin(
            person_version,
            and_(person_version.c.person_id == request.c.person_id, person_version.c.ended_at.is_(None)),
        )
        .outerjoin(account, and_(request.c.actor_kind == "account", account.c.id == request.c.actor_id))
        .outerjoin(
            _MAKER_VERSION,
            and_(_MAKER_VERSION.c.person_id == account.c.person_id, _MAKER_VERSION.c.ended_at.is_(None)),
        )
        .where(where)
        .order_by(request.c.number.desc())
        .limit(size)
        .offset((page - 1) * size)
    )
    rows = [
        RequestRow(
            id=row.id,
            number=row.number,
            kind=RequestKind(row.kind),
            state=RequestState(row.state),
            organization_id=row.organization_id,
            organization_name=row.short_name,
            person_name=" ".join(part for part in (row.first_name, row.last_name) if part),
            made_by=" ".join(part for part in (row.maker_first, row.maker_last) if part),
            made_at=row.made_at,
            provisioned_at=row.provisioned_at,
            overtaken=bool(row.overtaken),
        )
        for row in connection.execute(statement)
    ]
    return rows, total
