"""Naming and ending contacts, and the trust model from its first representative on (R-082..R-111)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from kernel.tables import audit_event
from registration.domain.authority import Caller
from registration.domain.organization import OrganizationForm
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import ExistingPerson, NewPerson
from registration.domain.plan import ChangeKind, Plan, RequestMade
from registration.storage.tables import account, contact_assignment, contact_counter
from registration.usecases.offer_contact_roles import offer_contact_roles
from registration.usecases.preview_contact import preview_contact
from registration.usecases.preview_first_authorized_representative import (
    preview_first_authorized_representative,
)
from registration.usecases.register_first_authorized_representative import (
    register_first_authorized_representative,
)
from registration.usecases.register_organization import OrganizationRegistered, register_organization
from registration.usecases.show_organization import show_organization
from tests.support.registration_world import EMI_SUBMIT, World, a_form, a_world

if TYPE_CHECKING:
    from kernel.database import Database


@pytest.fixture
def world(registration_database: Database) -> World:
    return a_world(registration_database, staff=True)


def done(made: RequestMade | Refused) -> RequestMade:
    assert isinstance(made, RequestMade), made
    return made


def refusal(made: object) -> Refusal:
    assert isinstance(made, Refused), made
    return made.reason


def test_the_trust_model_is_built_from_the_first_representative_down(world: World) -> None:
    """R-004, R-005, R-085, R-087, R-107, R-224: each gets an account the same way as everybody."""
    world.drain()
    for who, role in (
        ("ar", "registration-authorized-representative"),
        ("pc", "registration-primary-contact"),
        ("ra", "registration-rights-administrator"),
    ):
        groups = {
            group for owner, group in world.gateway.memberships() if owner == world.people[who].account_id
        }
        assert groups == {"100002:registration-base", f"100002:{role}"}
        assert world.people[who].account_id in world.gateway.activation_mails


def test_only_staff_establish_the_first_representative_and_only_where_there_is_none(world: World) -> None:
    """R-004, R-006."""
    common = {
        "person": NewPerson(a_form("Eve", "Second")),
        "evidence": "letter of 1 June",
    }
    staff, organization_id = world.caller("cr"), world.organization_id
    answer = register_first_authorized_representative(
        world.services,
        caller=staff,
        organization_id=organization_id,
        idempotency_key="1",
        plan_digest="x",
        **common,
    )
    assert refusal(answer) is Refusal.NOT_VACANT
    vacant = world.add_organization("EMPTY POWER", ())
    for caller, expected in ((world.caller("ra"), Refusal.NOT_FOUND), (staff, Refusal.STALE_PLAN)):
        answer = register_first_authorized_representative(
            world.services,
            caller=caller,
            organization_id=vacant,
            idempotency_key="2",
            plan_digest="unseen",
            **common,
        )
        assert refusal(answer) is expected
    plan = preview_first_authorized_representative(
        world.services, caller=staff, organization_id=vacant, person=common["person"]
    )
    assert isinstance(plan, Plan)
    done(
        register_first_authorized_representative(
            world.services,
            caller=staff,
            organization_id=vacant,
            idempotency_key="3",
            plan_digest=plan.digest,
            **common,
        )
    )


def test_each_group_names_exactly_whom_the_matrix_says(world: World) -> None:
    """I-14, R-084..R-090: every refusal, from outside too."""
    allowed = {
        ("ar", "authorized-representative"),
        ("ar", "primary-contact"),
        ("pc", "primary-contact"),
        ("pc", "rights-administrator"),
        ("ra", "applicant-representative"),
    }
    for who in ("ar", "pc", "ra", "cr"):
        for role in (
            "authorized-representative",
            "primary-contact",
            "rights-administrator",
            "applicant-representative",
            "settlements",
        ):
            plan = preview_contact(
                world.services,
                caller=world.caller(who),
                organization_id=world.organization_id,
                role_key=role,
                person=NewPerson(a_form("New", "Comer")),
            )
            if (who, role) in allowed:
                assert isinstance(plan, Plan), (who, role, plan)
            else:
                assert refusal(plan) is Refusal.NOT_ALLOWED, (who, role)


def test_the_sole_primary_contact_goes_only_after_a_second_is_named(world: World) -> None:
    """R-097..R-099, I-03."""
    assert refusal(world.end("pc", "primary-contact", "pc")) is Refusal.MINIMUM
    world.people["pc2"] = done(world.name("pc", "primary-contact", NewPerson(a_form("Pia", "Second"))))
    done(world.end("pc2", "primary-contact", "pc"))
    assert refusal(world.end("ar", "primary-contact", "pc2")) is Refusal.MINIMUM
    world.drain()
    groups = {group for owner, group in world.gateway.memberships() if owner == world.people["pc"].account_id}
    assert groups == set(), "the functions go with the role"


def test_a_person_who_keeps_another_role_keeps_the_account_and_its_base(world: World) -> None:
    """R-105, R-231, I-18."""
    done(world.name("pc", "primary-contact", world.person("ra")))
    done(world.end("pc", "primary-contact", "ra"))
    world.drain()
    groups = {group for owner, group in world.gateway.memberships() if owner == world.people["ra"].account_id}
    assert groups == {"100002:registration-base", "100002:registration-rights-administrator"}


def test_counters_follow_the_open_assignments(world: World) -> None:
    """I-02."""
    world.people["pc2"] = done(world.name("pc", "primary-contact", NewPerson(a_form("Pia", "Second"))))
    done(world.end("pc", "primary-contact", "pc2"))
    with world.services.store.read() as connection:
        counters = {row.role_key: row.n for row in connection.execute(select(contact_counter))}
        held = [
            row.role_key
            for row in connection.execute(
                select(contact_assignment).where(contact_assignment.c.ended_at.is_(None))
            )
        ]
    assert counters == {key: held.count(key) for key in set(held)}


def test_a_role_that_implies_nothing_gives_no_account(world: World) -> None:
    """R-130, decision C-07."""
    done(world.name("ra", "applicant-representative", world.person("ra")))
    made = done(world.name("ra", "settlements", NewPerson(a_form("Sid", "Settle"))))
    assert (made.account_id, made.user_name) == ("", "")
    with world.services.store.read() as connection:
        found = connection.execute(select(account).where(account.c.person_id == made.person_id)).first()
    assert found is None
    granted = done(world.grant("ra", ExistingPerson(made.person_id), "reports-settlement"))
    assert granted.user_name == "settles"


def test_a_role_that_implies_access_brings_it_and_takes_it_along(world: World) -> None:
    """R-132, R-163."""
    done(world.name("ra", "applicant-representative", world.person("ra")))
    plan = preview_contact(
        world.services,
        caller=world.caller("ra"),
        organization_id=world.organization_id,
        role_key="dispatch-data-submitter",
        person=NewPerson(a_form("Sue", "Mitter")),
    )
    assert isinstance(plan, Plan)
    assert [change.key for change in plan.of(ChangeKind.GATEWAY_JOINED)] == [EMI_SUBMIT]
    made = done(world.name("ra", "dispatch-data-submitter", NewPerson(a_form("Sue", "Mitter"))))
    world.drain()
    assert (made.account_id, f"100002:{EMI_SUBMIT}") in world.gateway.memberships()


def test_roles_that_are_not_open_or_not_for_persons_are_not_given(world: World) -> None:
    """R-125, R-129."""
    done(world.name("ra", "applicant-representative", world.person("ra")))
    for role in ("control-room", "capacity-auction-contact"):
        assert refusal(world.name("ra", role, world.person("pc"))) is Refusal.ROLE_NOT_OFFERED
    assert refusal(world.name("ra", "no-such-role", world.person("pc"))) is Refusal.NOT_ALLOWED
    assert refusal(world.name("ra", "applicant-representative", world.person("ra"))) is Refusal.ALREADY_HELD


def test_the_contact_page_shows_counts_and_what_may_be_changed(world: World) -> None:
    """R-124."""
    offers = offer_contact_roles(
        world.services, caller=world.caller("pc"), organization_id=world.organization_id
    )
    assert not isinstance(offers, Refused)
    by_key = {offer.key: offer for offer in offers}
    assert (by_key["primary-contact"].existing, by_key["primary-contact"].min_required) == (1, 1)
    assert by_key["primary-contact"].may_change
    assert not by_key["authorized-representative"].may_change
    assert "capacity-auction-contact" not in by_key


def test_vacancies_are_asked_for_one_level_up(world: World) -> None:
    """R-006, R-103, R-104."""
    vacant = world.add_organization("EMPTY POWER", ())
    view = show_organization(world.services, caller=world.caller("cr"), organization_id=vacant)
    assert not isinstance(view, Refused)
    assert view.needs_representative
    assert [(task.role_key, task.candidates) for task in view.tasks] == [
        ("authorized-representative", "operator")
    ]
    own = show_organization(world.services, caller=world.caller("ra"), organization_id=world.organization_id)
    assert not isinstance(own, Refused)
    assert [(task.role_key, task.candidates) for task in own.tasks] == [
        ("applicant-representative", "rights-administrator")
    ]
    assert own.may_grant
    assert not own.needs_representative
    assert "Applicant Representative" in own.vacancies


def test_an_organization_is_registered_once(world: World) -> None:
    """R-003, I-22."""
    staff = world.caller("cr")
    form = OrganizationForm("Bruce Power L.P.", "BRUCE", "122846", ("generator",))
    first = register_organization(world.services, caller=staff, form=form, idempotency_key="a")
    again = register_organization(world.services, caller=staff, form=form, idempotency_key="a")
    assert isinstance(first, OrganizationRegistered)
    assert isinstance(again, OrganizationRegistered)
    assert (first.number, again.organization_id, again.repeated) == (122_846, first.organization_id, True)

    def register(**more: object) -> object:
        values = {"legal_name": "Other", "short_name": "OTHER", "number": "", "participations": ()}
        changed = OrganizationForm(**{**values, **more})  # type: ignore[arg-type]
        return register_organization(world.services, caller=staff, form=changed, idempotency_key=world.key())

    assert refusal(register(short_name="bruce")) is Refusal.NAME_TAKEN
    assert refusal(register(number="122846")) is Refusal.NUMBER_TAKEN
    assert refusal(register(participations=("no-such",))) is Refusal.UNKNOWN_PARTICIPATION
    assert refusal(register(legal_name="")) is Refusal.INVALID
    other = register_organization(world.services, caller=staff, form=form, idempotency_key="b")
    assert refusal(other) is Refusal.NAME_TAKEN
    reused = OrganizationForm("Else", "ELSE")
    answer = register_organization(world.services, caller=staff, form=reused, idempotency_key="a")
    assert refusal(answer) is Refusal.KEY_REUSED


@pytest.mark.parametrize("who", ["ar", "pc", "ra"])
def test_a_participant_registers_no_organization(world: World, who: str) -> None:
    """R-004, I-14."""
    answer = register_organization(
        world.services, caller=world.caller(who), form=OrganizationForm("X", "X"), idempotency_key="x"
    )
    assert refusal(answer) is Refusal.NOT_ALLOWED
    assert refusal(
        register_organization(
            world.services, caller=Caller("01STRANGER"), form=OrganizationForm("X", "X"), idempotency_key="x"
        )
    ) is (Refusal.NOT_ALLOWED)
    with world.services.store.read() as connection:
        rows = connection.execute(select(audit_event).where(audit_event.c.outcome == "refused")).all()
    assert [(row.tag, row.reason) for row in rows] == [
        ("registration:organization:registered", "not-allowed")
    ] * 2
