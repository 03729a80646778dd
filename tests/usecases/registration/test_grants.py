"""Granting and revoking access roles (MAN-107 §8; R-164..R-185, R-201..R-205)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from kernel.audit import verify_chains
from kernel.tables import audit_event
from registration.domain.authority import Caller
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import ExistingPerson, NewPerson
from registration.domain.plan import ChangeKind, Plan, RequestMade
from registration.storage.tables import access_grant, account, membership_desired, outbox, person, request
from registration.usecases.grant_access_roles import grant_access_roles
from registration.usecases.offer_access_roles import offer_access_roles
from registration.usecases.preview_grant import preview_grant
from registration.usecases.preview_revoke import preview_revoke
from registration.usecases.revoke_access_roles import revoke_access_roles
from registration.usecases.show_request import show_request
from tests.support.registration_world import EMI_SUBMIT, EMI_VIEW, REPORTS, World, a_form, a_world

if TYPE_CHECKING:
    from sqlalchemy import Table

    from kernel.database import Database


@pytest.fixture
def world(registration_database: Database) -> World:
    return a_world(registration_database)


def rows(world: World, table: Table) -> list[dict[str, object]]:
    with world.services.store.read() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def done(made: RequestMade | Refused) -> RequestMade:
    assert isinstance(made, RequestMade), made
    return made


def refusal(made: object) -> Refusal:
    assert isinstance(made, Refused), made
    return made.reason


def test_a_new_person_gets_number_account_user_name_and_access_in_one_request(world: World) -> None:
    """R-045, R-203, R-204, R-237: the whole of step A.03."""
    made = done(world.grant("ra", NewPerson(a_form("Jim", "Smith")), EMI_SUBMIT, REPORTS))
    assert made.user_name == "smithj"
    assert made.person_no > 200_000
    assert world.drain()
    assert {
        (made.account_id, f"100001:{EMI_SUBMIT}"),
        (made.account_id, f"100001:{REPORTS}"),
    } <= world.gateway.memberships()
    assert world.gateway.activation_mails.count(made.account_id) == 1


def test_the_person_hears_her_user_name_and_both_hear_of_the_change(world: World) -> None:
    """R-205, R-211."""
    made = done(world.grant("ra", NewPerson(a_form("Jim", "Smith")), EMI_SUBMIT))
    mails = [mail for mail in world.mails() if f"{made.number}" in mail[2] or mail[1].startswith("jim.")]
    told = {(template, to) for template, to, _ in mails}
    assert told == {
        ("user-name", "jim.smith@acme.example"),
        ("access-changed", "jim.smith@acme.example"),
        ("access-changed-copy", "rita.rights@acme.example"),
    }
    text = next(text for template, _, text in mails if template == "user-name")
    assert "User ID: smithj" in text
    assert str(made.person_no) in text


def test_the_request_is_complete_only_when_the_gateway_has_everything(world: World) -> None:
    """Decision C-09, R-209: nobody is told "done" before it is done."""
    world.drain()
    made = done(world.grant("ra", NewPerson(a_form("Jim", "Smith")), EMI_SUBMIT))
    before = show_request(world.services, caller=world.caller("ra"), number=made.number)
    assert not isinstance(before, Refused)
    assert before.state == "applied"
    assert [item.waiting is not None for item in before.items] == [False, True, True]
    assert not [
        mail for mail in world.mails() if mail[0] == "request-complete" and str(made.number) in mail[2]
    ]
    world.drain()
    after = show_request(world.services, caller=world.caller("ra"), number=made.number)
    assert not isinstance(after, Refused)
    assert after.state == "provisioned"
    assert [item.live_at for item in after.items] == [None, world.clock.now(), world.clock.now()]
    complete = [
        mail[1] for mail in world.mails() if mail[0] == "request-complete" and str(made.number) in mail[2]
    ]
    assert sorted(complete) == ["jim.smith@acme.example", "rita.rights@acme.example"]


def test_the_plan_says_exactly_what_is_written(world: World) -> None:
    """I-21."""
    someone = NewPerson(a_form("Jim", "Smith"))
    plan = preview_grant(
        world.services,
        caller=world.caller("ra"),
        organization_id=world.organization_id,
        person=someone,
        role_keys=[REPORTS, EMI_SUBMIT],
    )
    assert isinstance(plan, Plan)
    assert [(change.kind, change.key) for change in plan.changes] == [
        (ChangeKind.PERSON_REGISTERED, ""),
        (ChangeKind.ACCOUNT_CREATED, "personal"),
        (ChangeKind.ACCESS_GRANTED, EMI_SUBMIT),
        (ChangeKind.ACCESS_GRANTED, REPORTS),
        (ChangeKind.GATEWAY_JOINED, EMI_SUBMIT),
        (ChangeKind.GATEWAY_JOINED, REPORTS),
        (ChangeKind.MAIL_SENT, "user-name"),
        (ChangeKind.MAIL_SENT, "access-changed"),
        (ChangeKind.MAIL_SENT, "access-changed-copy"),
    ]
    people = len(rows(world, person))
    assert len(rows(world, person)) == people, "a preview writes nothing"
    assert not [row for row in rows(world, account) if row["user_name"] == "smithj"]


def test_a_changed_form_is_not_what_was_confirmed(world: World) -> None:
    """RG-12, RG-16, I-21: person, roles and details are bound to the confirmed plan."""
    caller, organization_id = world.caller("ra"), world.organization_id
    plan = preview_grant(
        world.services,
        caller=caller,
        organization_id=organization_id,
        person=NewPerson(a_form("Jim", "Smith")),
        role_keys=[EMI_SUBMIT],
    )
    assert isinstance(plan, Plan)
    tampered = [
        (NewPerson(a_form("Jim", "Smith", main_email="eve@evil.example")), [EMI_SUBMIT]),
        (NewPerson(a_form("Jim", "Smith", address_2="Unit 2")), [EMI_SUBMIT]),
        (NewPerson(a_form("Jim", "Smith")), [EMI_SUBMIT, REPORTS]),
        (world.person("pc"), [EMI_SUBMIT]),
    ]
    for someone, roles in tampered:
        answer = grant_access_roles(
            world.services,
            caller=caller,
            organization_id=organization_id,
            person=someone,
            role_keys=roles,
            plan_digest=plan.digest,
            idempotency_key=world.key(),
        )
        assert refusal(answer) is Refusal.STALE_PLAN
    assert not rows(world, access_grant)


def test_a_plan_that_others_overtook_is_refused_as_stale(world: World) -> None:
    """I-21: another administrator granted the role meanwhile."""
    target = world.person("pc")
    common = {
        "caller": world.caller("ra"),
        "organization_id": world.organization_id,
        "person": target,
    }
    plan = preview_grant(world.services, role_keys=[EMI_SUBMIT, REPORTS], **common)
    assert isinstance(plan, Plan)
    done(world.grant("ra", target, REPORTS))
    answer = grant_access_roles(
        world.services,
        role_keys=[EMI_SUBMIT, REPORTS],
        plan_digest=plan.digest,
        idempotency_key="late",
        **common,
    )
    assert refusal(answer) in {Refusal.ALREADY_HELD, Refusal.STALE_PLAN}


def test_a_form_sent_twice_makes_one_request(world: World) -> None:
    """I-22."""
    common = {
        "caller": world.caller("ra"),
        "organization_id": world.organization_id,
        "person": NewPerson(a_form("Jim", "Smith")),
        "role_keys": [EMI_SUBMIT],
    }
    plan = preview_grant(world.services, **common)
    assert isinstance(plan, Plan)
    before = len(rows(world, request))
    first = done(
        grant_access_roles(world.services, plan_digest=plan.digest, idempotency_key="draft-1", **common)
    )
    again = done(
        grant_access_roles(world.services, plan_digest=plan.digest, idempotency_key="draft-1", **common)
    )
    assert (again.number, again.person_no, again.user_name) == (first.number, first.person_no, "smithj")
    assert (first.repeated, again.repeated) == (False, True)
    assert len(rows(world, request)) == before + 1
    other = {**common, "role_keys": [REPORTS]}
    assert (
        refusal(
            grant_access_roles(world.services, plan_digest=plan.digest, idempotency_key="draft-1", **other)
        )
        is Refusal.KEY_REUSED
    )


def test_an_existing_account_is_used_and_never_a_second_one_made(world: World) -> None:
    """R-039, R-046, R-177."""
    made = done(world.grant("ra", world.person("pc"), EMI_SUBMIT))
    assert made.account_id == world.people["pc"].account_id
    assert len([row for row in rows(world, account) if row["person_id"] == made.person_id]) == 1
    assert "account-created" not in str(
        preview_grant(
            world.services,
            caller=world.caller("ra"),
            organization_id=world.organization_id,
            person=world.person("pc"),
            role_keys=[REPORTS],
        )
    )


@pytest.mark.parametrize(
    "role",
    [
        "registration-primary-contact",
        "registration-customer-relations",
        "mtr-manage",
        "mim-submit",
        "no-such-role",
        "reports-public",
        "capacity-auction-participate",
    ],
)
def test_a_role_that_is_not_offered_cannot_be_granted(world: World, role: str) -> None:
    """RG-07, RG-14, I-05, I-06: whatever the form says."""
    assert refusal(world.grant("ra", world.person("pc"), role)) is Refusal.ROLE_NOT_OFFERED


@pytest.mark.parametrize("who", ["ar", "pc"])
def test_only_a_rights_administrator_grants(world: World, who: str) -> None:
    """R-089, R-110, I-14."""
    assert refusal(world.grant(who, world.person("ra"), EMI_SUBMIT)) is Refusal.NOT_ALLOWED
    refused = [row for row in rows(world, audit_event) if row["outcome"] == "refused"]
    assert not refused, "a preview is no deed"


def test_an_administrator_may_change_the_own_access(world: World) -> None:
    """R-093: and hears of it once, not twice."""
    made = done(world.grant("ra", world.person("ra"), REPORTS))
    told = [
        mail for mail in world.mails() if mail[0].startswith("access-changed") and str(made.number) in mail[2]
    ]
    assert [mail[0] for mail in told] == ["access-changed"]


def test_excluded_roles_are_refused_in_every_way(world: World) -> None:
    """R-127, RG-05, I-04: together, one after the other, and against a contact role."""
    assert refusal(world.grant("ra", world.person("pc"), EMI_SUBMIT, EMI_VIEW)) is Refusal.EXCLUDED
    done(world.grant("ra", world.person("pc"), EMI_SUBMIT))
    assert refusal(world.grant("ra", world.person("pc"), EMI_VIEW)) is Refusal.EXCLUDED
    done(world.name("ra", "applicant-representative", world.person("pc")))
    assert refusal(world.name("pc", "dispatch-data-viewer", world.person("pc"))) is Refusal.EXCLUDED
    done(world.name("pc", "dispatch-data-submitter", world.person("pc")))


def test_revoking_takes_the_membership_away_and_keeps_history(world: World) -> None:
    """R-181, R-190."""
    made = done(world.grant("ra", NewPerson(a_form("Jim", "Smith")), EMI_SUBMIT, REPORTS))
    world.drain()
    revoked = done(world.revoke("ra", made.person_id, REPORTS))
    world.drain()
    mine = {group for owner, group in world.gateway.memberships() if owner == made.account_id}
    assert mine == {f"100001:{EMI_SUBMIT}"}
    history = [row for row in rows(world, access_grant) if row["account_id"] == made.account_id]
    assert len(history) == 2
    ended = next(row for row in history if row["access_role_key"] == REPORTS)
    assert ended["revoke_request_id"] == revoked.request_id
    assert ended["revoked_by"] == world.people["ra"].account_id


def test_revoke_all_ends_every_grant_of_the_organization_only(world: World) -> None:
    """R-179, R-218."""
    elsewhere = world.add_organization("OTHER POWER", ("physical-market",))
    world.add_trust(elsewhere, "Other")
    made = done(world.grant("ra", NewPerson(a_form("Jim", "Smith")), EMI_SUBMIT, REPORTS))
    done(world.grant("Otherra", ExistingPerson(made.person_id), REPORTS, organization_id=elsewhere))
    done(world.revoke("ra", made.person_id))
    world.drain()
    mine = {group for owner, group in world.gateway.memberships() if owner == made.account_id}
    assert mine == {f"100002:{REPORTS}"}


def test_a_membership_stays_while_a_contact_role_gives_it(world: World) -> None:
    """I-18: and the confirm page says so."""
    done(world.name("ra", "applicant-representative", world.person("ra")))
    made = done(world.name("ra", "dispatch-data-submitter", NewPerson(a_form("Sue", "Mitter"))))
    done(world.grant("ra", ExistingPerson(made.person_id), EMI_SUBMIT))
    world.drain()
    plan = preview_revoke(
        world.services,
        caller=world.caller("ra"),
        organization_id=world.organization_id,
        person_id=made.person_id,
        role_keys=[EMI_SUBMIT],
    )
    assert isinstance(plan, Plan)
    kept = plan.of(ChangeKind.GATEWAY_KEPT)
    assert [(change.key, change.detail) for change in kept] == [(EMI_SUBMIT, "Dispatch Data Submitter")]
    revoked = done(world.revoke("ra", made.person_id, EMI_SUBMIT))
    world.drain()
    assert (made.account_id, f"100001:{EMI_SUBMIT}") in world.gateway.memberships()
    view = show_request(world.services, caller=world.caller("ra"), number=revoked.number)
    assert not isinstance(view, Refused)
    assert view.state == "provisioned"


def test_what_is_not_granted_cannot_be_revoked(world: World) -> None:
    """R-168, R-178: access that comes with a contact role ends with that role."""
    services, caller = world.services, world.caller("ra")
    for keys in ([REPORTS], ["registration-primary-contact"], ["no-such-role"]):
        answer = revoke_access_roles(
            services,
            caller=caller,
            organization_id=world.organization_id,
            person_id=world.people["pc"].person_id,
            role_keys=keys,
            plan_digest="x",
            idempotency_key=world.key(),
        )
        assert refusal(answer) is Refusal.NOT_HELD


def test_another_organizations_administrator_reaches_nothing(world: World) -> None:
    """RG-02: by id, by stale page, by any deed; the answer is the same as for what does not exist."""
    elsewhere = world.add_organization("OTHER POWER", ("physical-market",))
    world.add_trust(elsewhere, "Other")
    answers = [
        world.grant("Otherra", world.person("pc"), REPORTS),
        world.revoke("Otherra", world.people["pc"].person_id),
        world.name("Otherpc", "primary-contact", world.person("pc")),
        offer_access_roles(
            world.services,
            caller=world.caller("Otherra"),
            organization_id=world.organization_id,
            person=world.person("pc"),
        ),
        world.grant("Otherra", world.person("pc"), REPORTS, organization_id="01NOSUCHORGANIZATION000000"),
    ]
    assert {refusal(answer) for answer in answers} == {Refusal.NOT_FOUND}
    answer = grant_access_roles(
        world.services,
        caller=world.caller("Otherra"),
        organization_id=world.organization_id,
        person=world.person("pc"),
        role_keys=[REPORTS],
        plan_digest="x",
        idempotency_key=world.key(),
    )
    assert refusal(answer) is Refusal.NOT_FOUND
    assert not rows(world, access_grant)
    last = [row for row in rows(world, audit_event) if row["outcome"] == "refused"]
    assert [row["actor_id"] for row in last] == [world.people["Otherra"].account_id]


def test_an_administrator_whose_role_ended_cannot_finish_an_open_page(world: World) -> None:
    """RG-13."""
    other = done(world.name("pc", "rights-administrator", NewPerson(a_form("Ron", "Other"))))
    world.people["ron"] = other
    plan = preview_grant(
        world.services,
        caller=world.caller("ron"),
        organization_id=world.organization_id,
        person=world.person("pc"),
        role_keys=[REPORTS],
    )
    assert isinstance(plan, Plan)
    done(world.end("pc", "rights-administrator", "ron"))
    answer = grant_access_roles(
        world.services,
        caller=world.caller("ron"),
        organization_id=world.organization_id,
        person=world.person("pc"),
        role_keys=[REPORTS],
        plan_digest=plan.digest,
        idempotency_key="open-page",
    )
    assert refusal(answer) is Refusal.NOT_FOUND


def test_an_invalid_person_is_refused_with_every_fault(world: World) -> None:
    """R-025."""
    answer = world.grant(
        "ra", NewPerson(a_form("Jim", "Smith", postal_code="99999", main_email="x")), REPORTS
    )
    assert isinstance(answer, Refused)
    assert answer.reason is Refusal.INVALID
    assert {fault.field for fault in answer.faults} == {"postal_code", "main_email"}


def test_nothing_chosen_and_nobody_known_are_refused(world: World) -> None:
    assert refusal(world.grant("ra", world.person("pc"))) is Refusal.NOTHING_CHOSEN
    assert refusal(world.grant("ra", ExistingPerson("01NOBODY"), REPORTS)) is Refusal.NOT_FOUND


def test_the_offer_shows_what_is_held_and_what_can_be_had(world: World) -> None:
    """R-173..R-175, C-09."""
    done(world.grant("ra", world.person("pc"), EMI_SUBMIT))
    offer = offer_access_roles(
        world.services,
        caller=world.caller("ra"),
        organization_id=world.organization_id,
        person=world.person("pc"),
    )
    assert not isinstance(offer, Refused)
    held = {role.key: role for role in offer.held}
    assert set(held) == {EMI_SUBMIT, "registration-base", "registration-primary-contact"}
    assert held[EMI_SUBMIT].revocable
    assert held[EMI_SUBMIT].live_at is None
    assert held["registration-base"].by_contact_role == ("Primary Contact",)
    assert not held["registration-base"].revocable
    offers = {role.key for group in offer.groups for role in group.roles}
    assert EMI_SUBMIT not in offers
    assert REPORTS in offers
    world.drain()
    again = offer_access_roles(
        world.services,
        caller=world.caller("ra"),
        organization_id=world.organization_id,
        person=world.person("pc"),
    )
    assert not isinstance(again, Refused)
    assert all(role.live_at is not None for role in again.held)


def test_nothing_is_left_of_a_deed_that_breaks(world: World) -> None:
    """I-12: what is rolled back is never delivered, mailed, numbered or audited."""

    def explode(name: str) -> None:
        if name == "before-commit":
            raise RuntimeError(name)

    from dataclasses import replace

    world.drain()
    before = {table.name: rows(world, table) for table in (person, account, request, outbox, access_grant)}
    broken = replace(world.services, failpoint=explode)
    plan = preview_grant(
        broken,
        caller=world.caller("ra"),
        organization_id=world.organization_id,
        person=NewPerson(a_form("Jim", "Smith")),
        role_keys=[REPORTS],
    )
    assert isinstance(plan, Plan)
    with pytest.raises(RuntimeError):
        grant_access_roles(
            broken,
            caller=world.caller("ra"),
            organization_id=world.organization_id,
            person=NewPerson(a_form("Jim", "Smith")),
            role_keys=[REPORTS],
            plan_digest=plan.digest,
            idempotency_key="broken",
        )
    after = {table.name: rows(world, table) for table in (person, account, request, outbox, access_grant)}
    assert after == before
    assert done(world.grant("ra", NewPerson(a_form("Jim", "Smith")), REPORTS)).user_name == "smithj"


def test_every_deed_is_audited_and_the_chain_verifies(world: World) -> None:
    """I-13, R-243."""
    made = done(world.grant("ra", NewPerson(a_form("Jim", "Smith")), REPORTS))
    tags = [row["tag"] for row in rows(world, audit_event) if row["details"].get("request") == made.number]  # type: ignore[attr-defined]
    assert sorted(tags) == [
        "registration:access:granted",
        "registration:account:requested",
        "registration:person:registered",
    ]
    assert not verify_chains(world.services.store.database).faults


def test_the_command_line_cannot_grant(world: World) -> None:
    """Staff register; a participant's access is the participant's to grant."""
    plan = preview_grant(
        world.services,
        caller=Caller.console(),
        organization_id=world.organization_id,
        person=world.person("pc"),
        role_keys=[REPORTS],
    )
    assert refusal(plan) is Refusal.NOT_ALLOWED


def test_desired_memberships_count_their_sources(world: World) -> None:
    """I-18: a row exists iff something gives the access."""
    done(world.name("ra", "applicant-representative", world.person("ra")))
    found = {
        (row["account_id"], row["access_role_key"]): row["sources"] for row in rows(world, membership_desired)
    }
    ra = world.people["ra"].account_id
    assert found[ra, "registration-base"] == 2
    assert found[ra, "registration-rights-administrator"] == 1


def test_the_plan_for_a_stranger_shows_no_contact_data(world: World) -> None:
    """RG-20: whoever knows the address recognizes it; the mail goes to the whole one."""
    elsewhere = world.add_organization("OTHER POWER", ("physical-market",))
    world.add_trust(elsewhere, "Other")
    common = {
        "caller": world.caller("ra"),
        "organization_id": world.organization_id,
        "person": world.person("Otherpc"),
        "role_keys": [REPORTS],
    }
    plan = preview_grant(world.services, **common)
    assert isinstance(plan, Plan)
    assert (plan.subject.email, plan.subject.user_name) == ("p***@acme.example", "")
    assert "paul.otherprime" not in str(plan)
    made = done(
        grant_access_roles(world.services, plan_digest=plan.digest, idempotency_key="stranger", **common)
    )
    told = [mail[1] for mail in world.mails() if mail[0] == "access-changed" and str(made.number) in mail[2]]
    assert told == ["paul.otherprime@acme.example"]
    again = preview_grant(world.services, **{**common, "role_keys": [EMI_SUBMIT]})
    assert isinstance(again, Plan)
    assert again.subject.email == "paul.otherprime@acme.example", "from now on she is one of their own"
