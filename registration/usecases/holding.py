"""The access a person has for an organization: what gives it, since when it is live. No deed of its own."""

from __future__ import annotations

from sqlalchemy import Connection

from registration.domain.access import HeldRole
from registration.domain.membership import GRANT, sources_by_role
from registration.domain.outbox import Aggregate, State, group_id, membership_id
from registration.domain.text import sort_key
from registration.storage import grants, outbox
from registration.usecases.standing import Standing, Subject, sources


def held_roles(connection: Connection, standing: Standing, subject: Subject) -> tuple[HeldRole, ...]:
    """Return the person's access roles for the organization, by application and name (R-173)."""
    if subject.account is None:
        return ()
    organization, catalogue = standing.organization, standing.catalogue
    given = sources_by_role(sources(standing, subject.grants, subject.contact_roles))
    since = grants.memberships(connection, organization_id=organization.id, account_id=subject.account.id)
    ids = {key: membership_id(subject.account.id, group_id(organization.number, key)) for key in since}
    deliveries = outbox.deliveries(
        connection, [(Aggregate.MEMBERSHIP.value, identifier) for identifier in ids.values()]
    )
    held = []
    for key, start in since.items():
        role = catalogue.access_roles.get(key)
        delivery = deliveries.get((Aggregate.MEMBERSHIP.value, ids[key]))
        by = given.get(key, frozenset())
        held.append(
            HeldRole(
                key=key,
                name=role.name if role else key,
                application_name=catalogue.applications[role.system].name if role else "",
                since=start,
                live_at=delivery.updated_at if delivery and delivery.state is State.DONE else None,
                by_contact_role=tuple(
                    catalogue.contact_roles[contact].name for contact in sorted(by - {GRANT})
                ),
                revocable=GRANT in by,
            )
        )
    return tuple(sorted(held, key=lambda role: (sort_key(role.application_name), sort_key(role.name))))
