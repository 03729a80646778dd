"""What must hold under any race is a constraint: past every deed, the database itself refuses (I-02..I-07)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from registration.domain.person import NewPerson
from registration.domain.plan import RequestMade
from registration.domain.user_names import Candidate, Step
from registration.storage import accounts, grants
from registration.storage.tables import (
    access_grant,
    account,
    contact_assignment,
    contact_counter,
    membership_desired,
    organization,
    participation,
    person_version,
    request,
    user_name_registry,
)
from tests.support.registration_world import EMI_SUBMIT, EMI_VIEW, REPORTS, World, a_form, a_world

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Executable, Table

    from kernel.database import Database


@pytest.fixture
def world(registration_database: Database) -> World:
    world = a_world(registration_database)
    made = world.grant("ra", NewPerson(a_form("Jim", "Smith")), EMI_SUBMIT)
    assert isinstance(made, RequestMade)
    world.people["jim"] = made
    return world


def copied(world: World, table: Table, **changes: object) -> dict[str, object]:
    """Return the first row of a table with some columns changed."""
    with world.services.store.read() as connection:
        row: Mapping[str, object] = connection.execute(select(table).limit(1)).mappings().one()
    return {**row, **changes}


def refused(world: World, statement: Executable, *values: object) -> None:
    with pytest.raises(IntegrityError), world.services.store.write() as unit:
        unit.connection.execute(statement, *values)  # type: ignore[call-overload]


def test_the_count_of_holders_never_goes_below_the_minimum(world: World) -> None:
    """I-02, I-03."""
    refused(world, update(contact_counter).values(n=0))


def test_the_count_of_holders_never_goes_above_the_maximum(world: World) -> None:
    """R-126, RG-06."""
    refused(world, update(contact_counter).values(max_permitted=1, n=2))


def test_nobody_holds_a_role_twice_or_two_that_exclude_each_other(world: World) -> None:
    """R-127, I-04."""
    again = copied(world, contact_assignment, id="01AGAIN")
    refused(world, contact_assignment.insert(), again)
    slot = {"exclusion_slot": "a|b", "holder_id": "01SOMEBODY"}
    one = copied(world, contact_assignment, id="01ONE", role_key="a", **slot)
    other = copied(world, contact_assignment, id="01OTHER", role_key="b", **slot)
    with world.services.store.write() as unit:
        unit.connection.execute(contact_assignment.insert(), one)
    refused(world, contact_assignment.insert(), other)
    with world.services.store.write() as unit:
        ended = update(contact_assignment).where(contact_assignment.c.id == "01ONE")
        unit.connection.execute(ended.values(ended_at=unit.now))
        unit.connection.execute(contact_assignment.insert(), other)


def test_no_account_has_two_access_roles_that_exclude_each_other(world: World) -> None:
    """R-127, I-04, RG-05."""
    with world.services.store.write() as unit:
        slot = f"{EMI_SUBMIT}|{EMI_VIEW}"
        put = grants.put_membership(
            unit.connection,
            organization_id=world.organization_id,
            account_id=world.people["jim"].account_id,
            access_role=EMI_VIEW,
            sources=1,
            slot=slot,
            now=unit.now,
        )
    assert not put


def test_a_membership_without_a_source_cannot_be_kept(world: World) -> None:
    """I-18."""
    refused(world, update(membership_desired).values(sources=0))


def test_a_role_is_granted_once_and_only_to_its_kind_of_account(world: World) -> None:
    """I-06: a machine's role never hangs on a person's account, nor the reverse."""
    refused(world, access_grant.insert(), copied(world, access_grant, id="01AGAIN"))
    refused(
        world, access_grant.insert(), copied(world, access_grant, id="01KIND", access_role_key="mim-submit")
    )
    machine = copied(world, access_grant, id="01KIND", access_role_key=REPORTS, account_kind="machine")
    refused(world, access_grant.insert(), machine)


def test_a_person_has_one_personal_account(world: World) -> None:
    """R-039: another one only for one organization (R-041) or after deactivation (R-043)."""
    refused(world, account.insert(), copied(world, account, id="01AGAIN", user_name="second"))
    scoped = copied(world, account, id="01SCOPED", user_name="third", scope_org_id=world.organization_id)
    with world.services.store.write() as unit:
        unit.connection.execute(account.insert(), scoped)


def test_a_user_name_is_issued_once_for_ever_whatever_its_case(world: World) -> None:
    """R-043, I-07: also after the account is gone."""
    with world.services.store.write() as unit:
        candidates = [Candidate("SmithJ", Step.LEGACY), Candidate("free", Step.LEGACY)]
        issued = accounts.issue_name(unit.connection, candidates, account_id="01OTHER", now=unit.now)
    assert issued is not None
    assert issued.name == "free"
    refused(world, user_name_registry.insert(), copied(world, user_name_registry, account_id="01OTHER"))


def test_mandatory_attributes_of_a_person_cannot_be_blanked(world: World) -> None:
    """R-029."""
    for name in ("first_name", "last_name", "main_phone", "main_email", "address_1", "city"):
        refused(world, update(person_version).values({name: ""}))


def test_numbers_names_and_open_participations_are_unique(world: World) -> None:
    """R-003, R-016."""
    one = {"id": "01ORG", "short_name": "OTHER", "number": 5}
    refused(world, organization.insert(), copied(world, organization, **{**one, "number": 100_001}))
    refused(
        world, organization.insert(), copied(world, organization, **{**one, "short_name": "ACME GENERATION"})
    )
    refused(world, participation.insert(), copied(world, participation, id="01AGAIN"))


def test_one_form_makes_one_request_even_past_every_check(world: World) -> None:
    """I-22."""
    refused(world, request.insert(), copied(world, request, id="01AGAIN", number=1))


def test_what_history_hangs_on_cannot_be_deleted(world: World) -> None:
    """Nothing is deleted: foreign keys hold the registry together."""
    for table in (account, organization, request):
        refused(world, delete(table))
