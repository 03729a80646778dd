"""Show a request: what is registered, since when each change is live, what still waits (C-09)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import Connection

from registration.domain.authority import Caller
from registration.domain.outcomes import Refusal, Refused
from registration.domain.provisioning import account_external_id
from registration.domain.request import Delivery, RequestItemView, RequestView, waiting_for
from registration.storage import accounts, identities, organizations, outbox, persons, requests
from registration.storage.requests import StoredItem, StoredRequest
from registration.usecases.services import RegistrationServices


def show_request(services: RegistrationServices, *, caller: Caller, number: int) -> RequestView | Refused:
    """Return a request's page; one the caller may not see does not exist (EN-07).

    It is seen by staff, by whoever made it, by the person it is about, and by those who administer people for
    the organization.
    """
    with services.store.read() as connection:
        found = requests.by_number(connection, number)
        if found is None or not _may_see(connection, caller, found):
            return Refused(Refusal.NOT_FOUND)
        return _view(connection, found)


def _may_see(connection: Connection, caller: Caller, found: StoredRequest) -> bool:
    rights = identities.rights(connection, caller, found.organization_id)
    if rights.may_search:
        return True
    account = accounts.find(connection, caller.account_id)
    if account is None or not account.is_active or caller.at_console:
        return False
    made = found.actor_kind == "account" and found.actor_id == account.id
    return made or found.person_id == account.person_id


def _view(connection: Connection, found: StoredRequest) -> RequestView:
    items = requests.items_of(connection, found.id)
    aggregates = [(item.aggregate_kind, item.aggregate_id) for item in items if item.aggregate_kind]
    deliveries = outbox.deliveries(connection, aggregates)
    behind = outbox.deliveries(connection, outbox.dependencies(deliveries.values()))
    health = outbox.health(connection)
    unreachable_since = health.failing_since if health.is_open else None
    organization = organizations.find(connection, found.organization_id)
    person = persons.find(connection, found.person_id) if found.person_id else None
    account = accounts.find(connection, found.account_id) if found.account_id else None
    return RequestView(
        id=found.id,
        number=found.number,
        kind=found.kind,
        state=found.state,
        organization_id=found.organization_id,
        organization_number=organization.number if organization else 0,
        organization_name=organization.legal_name if organization else "",
        made_by=_maker(connection, found),
        made_at=found.made_at,
        provisioned_at=found.provisioned_at,
        person_no=person.number if person else None,
        person_name=person.details.full_name if person else "",
        user_name=account.user_name if account else "",
        external_id=account_external_id(account.id) if account else "",
        reason=found.reason,
        ticket=found.ticket,
        items=tuple(_item(found, item, {**behind, **deliveries}, unreachable_since) for item in items),
    )


def _item(
    found: StoredRequest,
    item: StoredItem,
    deliveries: Mapping[tuple[str, str], Delivery],
    unreachable_since: dt.datetime | None,
) -> RequestItemView:
    waiting = None
    if item.aggregate_kind and item.provisioned_at is None:
        delivery = deliveries.get((item.aggregate_kind, item.aggregate_id))
        needed = outbox.dependencies([delivery] if delivery else [])
        waiting = waiting_for(
            delivery,
            unreachable_since=unreachable_since,
            registered_at=found.made_at,
            behind=deliveries.get(needed[0]) if needed else None,
        )
    return RequestItemView(
        kind=item.kind,
        key=item.key,
        name=item.name,
        detail=item.detail,
        registered_at=found.made_at,
        live_at=None if item.overtaken else item.provisioned_at,
        waiting=waiting,
        overtaken=item.overtaken,
    )


def _maker(connection: Connection, found: StoredRequest) -> str:
    if found.actor_kind != "account":
        return ""
    account = accounts.find(connection, found.actor_id)
    person = persons.find(connection, account.person_id) if account else None
    return person.details.full_name if person else ""
