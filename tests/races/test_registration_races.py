"""Races in Registration: sixteen threads on four nodes, and the database decides (I-03, I-07, I-22; RA-04, RA-05)."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import pytest
from sqlalchemy import func, select

from kernel.audit import verify_chains
from registration.domain.authority import Caller
from registration.domain.organization import OrganizationForm
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import ExistingPerson, NewPerson
from registration.domain.plan import Plan, RequestMade
from registration.storage.tables import (
    account,
    contact_assignment,
    contact_counter,
    membership_desired,
    organization,
    outbox,
    person,
    request,
    user_name_registry,
)
from registration.usecases.deliver import deliver_once
from registration.usecases.end_contact import end_contact
from registration.usecases.grant_access_roles import grant_access_roles
from registration.usecases.preview_contact import preview_contact
from registration.usecases.preview_grant import preview_grant
from registration.usecases.register_organization import OrganizationRegistered, register_organization
from tests.support.clock import a_store
from tests.support.registration_world import EMI_SUBMIT, EMI_VIEW, REPORTS, World, a_form, a_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.databases import Databases

pytestmark = pytest.mark.race

THREADS = 16
NODES = 4
T = TypeVar("T")


@pytest.fixture
def nodes(databases: Databases) -> list[World]:
    """Several nodes of one Registration, each with its own pool, its own audit chain and its own writer."""
    url = databases.url("registration")
    first = a_world(databases.open(url))
    worlds = [first]
    for number in range(1, NODES):
        store = a_store(databases.open(url), clock=first.clock, node=f"node-{number}")
        worlds.append(replace(first, services=replace(first.services, store=store, node=f"node-{number}")))
    return worlds


def at_once(nodes: list[World], act: Callable[[World, int], T], *, threads: int = THREADS) -> list[T]:
    """Let every thread do its act at the same moment, each on its node."""
    barrier = threading.Barrier(threads)

    def run(number: int) -> T:
        barrier.wait()
        return act(nodes[number % len(nodes)], number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def count(world: World, statement: object) -> int:
    with world.services.store.read() as connection:
        return int(connection.execute(statement).scalar_one())  # type: ignore[call-overload]


def test_namesakes_registered_at_once_get_different_names(nodes: list[World]) -> None:
    """I-07, R-043: sixteen Jim Smiths in one organization's name; nobody is refused, nobody shares."""
    plans = []
    for number in range(THREADS):
        someone = NewPerson(a_form("Jim", "Smith", main_email=f"jim{number}@acme.example"))
        plan = preview_grant(
            nodes[0].services,
            caller=nodes[0].caller("ra"),
            organization_id=nodes[0].organization_id,
            person=someone,
            role_keys=[REPORTS],
        )
        assert isinstance(plan, Plan)
        plans.append((someone, plan.digest))

    def grant(world: World, number: int) -> RequestMade | Refused:
        someone, digest = plans[number]
        return grant_access_roles(
            world.services,
            caller=world.caller("ra"),
            organization_id=world.organization_id,
            person=someone,
            role_keys=[REPORTS],
            plan_digest=digest,
            idempotency_key=f"namesake-{number}",
        )

    made = at_once(nodes, grant)
    assert all(isinstance(one, RequestMade) for one in made), made
    names = [one.user_name for one in made if isinstance(one, RequestMade)]
    assert len(set(names)) == THREADS
    assert {"smithj", "smitji", "smijim"} <= set(names)
    numbers = [one.person_no for one in made if isinstance(one, RequestMade)]
    assert len(set(numbers)) == THREADS
    assert count(nodes[0], select(func.count()).select_from(user_name_registry)) == THREADS + 3
    assert not verify_chains(nodes[0].services.store.database).faults


@pytest.mark.parametrize("number", ["", "122846"])
def test_an_organization_that_is_confirmed_many_times_at_once_is_registered_once(
    nodes: list[World], number: str
) -> None:
    """I-22, R-003: nobody is told that somebody else has its name; who asks for it next is."""
    form = OrganizationForm("Bruce Power L.P.", "BRUCE", number, ("generator",))

    def register(world: World, _number: int) -> OrganizationRegistered | Refused:
        return register_organization(
            world.services, caller=Caller.console(), form=form, idempotency_key="one form"
        )

    made = at_once(nodes, register)
    assert Counter(type(one) for one in made) == {OrganizationRegistered: THREADS}, made
    assert len({replace(one, repeated=True) for one in made if isinstance(one, OrganizationRegistered)}) == 1
    assert [one.repeated for one in made if isinstance(one, OrganizationRegistered)].count(False) == 1
    other = register_organization(
        nodes[0].services, caller=Caller.console(), form=form, idempotency_key="another form"
    )
    assert isinstance(other, Refused)
    assert other.reason is Refusal.NAME_TAKEN


def test_of_different_forms_with_one_key_at_once_one_is_done(nodes: list[World]) -> None:
    """I-22: neither waits for a row of the other, so the key decides; the others are told to start again."""

    def register(world: World, number: int) -> OrganizationRegistered | Refused:
        form = OrganizationForm(f"Power {number} L.P.", f"POWER {number}", "", ("generator",))
        return register_organization(
            world.services, caller=Caller.console(), form=form, idempotency_key="one draft"
        )

    made = at_once(nodes, register)
    assert [type(one) for one in made].count(OrganizationRegistered) == 1, made
    assert {one.reason for one in made if isinstance(one, Refused)} == {Refusal.KEY_REUSED}
    with nodes[0].services.store.read() as connection:
        named = select(func.count()).where(organization.c.short_name.like("POWER %"))
        assert connection.execute(named).scalar_one() == 1


def test_namesakes_of_different_organizations_get_different_names_too(nodes: list[World]) -> None:
    """I-07: here no organization's lock helps; only the registry of names decides."""
    first = nodes[0]
    organizations = [first.organization_id]
    for number in range(3):
        identifier = first.add_organization(f"POWER {number}", ("physical-market",))
        first.add_trust(identifier, f"{'abc'[number]}x")
        organizations.append(identifier)
    admins = ["ra", "axra", "bxra", "cxra"]

    def grant(world: World, number: int) -> RequestMade | Refused:
        return world.grant(
            admins[number % 4],
            NewPerson(a_form("Li", "Wu", main_email=f"li{number}@acme.example")),
            REPORTS,
            organization_id=organizations[number % 4],
        )

    made = at_once(nodes, grant)
    assert all(isinstance(one, RequestMade) for one in made), made
    names = [one.user_name for one in made if isinstance(one, RequestMade)]
    assert len(set(names)) == THREADS


def test_two_primary_contacts_who_remove_each_other_at_once_leave_one(nodes: list[World]) -> None:
    """I-03, RA-04: whatever the interleaving; naive counting loses both on PostgreSQL."""
    first = nodes[0]
    second = first.name("pc", "primary-contact", NewPerson(a_form("Pia", "Second")))
    assert isinstance(second, RequestMade)
    first.people["pc2"] = second
    pairs = [("pc", "pc2"), ("pc2", "pc")]
    digests = []
    for by, who in pairs:
        plan = preview_contact(
            first.services,
            caller=first.caller(by),
            organization_id=first.organization_id,
            role_key="primary-contact",
            person=first.person(who),
            ending_role=True,
        )
        assert isinstance(plan, Plan)
        digests.append(plan.digest)

    def end(world: World, number: int) -> RequestMade | Refused:
        by, who = pairs[number % 2]
        return end_contact(
            world.services,
            caller=world.caller(by),
            organization_id=world.organization_id,
            role_key="primary-contact",
            person_id=world.people[who].person_id,
            plan_digest=digests[number % 2],
            idempotency_key=f"end-{number}",
        )

    made = at_once(nodes, end)
    assert len([one for one in made if isinstance(one, RequestMade)]) == 1
    held = (
        select(func.count())
        .select_from(contact_assignment)
        .where(
            contact_assignment.c.organization_id == first.organization_id,
            contact_assignment.c.role_key == "primary-contact",
            contact_assignment.c.ended_at.is_(None),
        )
    )
    assert count(first, held) == 1
    counter = select(contact_counter.c.n).where(
        contact_counter.c.organization_id == first.organization_id,
        contact_counter.c.role_key == "primary-contact",
    )
    assert count(first, counter) == 1


def test_the_counter_refuses_even_without_the_organizations_lock(nodes: list[World]) -> None:
    """The database decides, never code: the guarded statement alone keeps the last holder (I-03)."""
    from registration.storage import contacts

    first = nodes[0]
    holders = ["pc"]
    for name in "abcdefghijklmno":
        made = first.name("pc", "primary-contact", NewPerson(a_form("Pia", f"Second{name}")))
        assert isinstance(made, RequestMade)
        first.people[name] = made
        holders.append(name)

    class RefusedError(Exception):
        """Rolls the unit back."""

    def undo_unless(done: bool) -> None:  # noqa: FBT001
        if not done:
            raise RefusedError

    def end(world: World, number: int) -> bool:
        try:
            with world.services.store.write() as unit:
                ended = contacts.end(
                    unit.connection,
                    organization_id=world.organization_id,
                    role_key="primary-contact",
                    person_id=world.people[holders[number]].person_id,
                    now=unit.now,
                    ended_by="race",
                    reason="",
                    request_id="01REQUEST",
                )
                undo_unless(ended is True)
        except RefusedError:
            return False
        return True

    assert sorted(at_once(nodes, end)) == [False] + [True] * 15


def test_a_form_confirmed_sixteen_times_at_once_makes_one_request(nodes: list[World]) -> None:
    """I-22, EN: double submit."""
    first = nodes[0]
    someone = NewPerson(a_form("Jim", "Smith"))
    plan = preview_grant(
        first.services,
        caller=first.caller("ra"),
        organization_id=first.organization_id,
        person=someone,
        role_keys=[REPORTS],
    )
    assert isinstance(plan, Plan)
    before = count(first, select(func.count()).select_from(request))
    people = count(first, select(func.count()).select_from(person))

    def grant(world: World, number: int) -> RequestMade | Refused:
        del number
        return grant_access_roles(
            world.services,
            caller=world.caller("ra"),
            organization_id=world.organization_id,
            person=someone,
            role_keys=[REPORTS],
            plan_digest=plan.digest,
            idempotency_key="one-draft",
        )

    made = at_once(nodes, grant)
    assert all(isinstance(one, RequestMade) for one in made), made
    assert Counter(one.repeated for one in made if isinstance(one, RequestMade)) == {False: 1, True: 15}
    assert len({one.number for one in made if isinstance(one, RequestMade)}) == 1
    assert count(first, select(func.count()).select_from(request)) == before + 1
    assert count(first, select(func.count()).select_from(person)) == people + 1


def test_one_person_granted_by_several_organizations_at_once_gets_one_account(nodes: list[World]) -> None:
    """R-039, R-046: a person without an account, wanted by four organizations."""
    first = nodes[0]
    named = first.name("ra", "applicant-representative", first.person("ra"))
    assert isinstance(named, RequestMade)
    shared = first.name("ra", "settlements", NewPerson(a_form("Sid", "Settle")))
    assert isinstance(shared, RequestMade)
    assert shared.account_id == ""
    organizations, admins = [first.organization_id], ["ra"]
    for number in range(3):
        identifier = first.add_organization(f"POWER {number}", ("physical-market",))
        first.add_trust(identifier, f"{'abc'[number]}x")
        organizations.append(identifier)
        admins.append(f"{'abc'[number]}xra")

    def grant(world: World, number: int) -> RequestMade | Refused:
        return world.grant(
            admins[number], ExistingPerson(shared.person_id), REPORTS, organization_id=organizations[number]
        )

    made = at_once(nodes, grant, threads=4)
    for one in made:
        assert isinstance(one, RequestMade) or one.reason is Refusal.STALE_PLAN, one
    assert any(isinstance(one, RequestMade) for one in made)
    accounts = select(func.count()).select_from(account).where(account.c.person_id == shared.person_id)
    assert count(first, accounts) == 1


def test_excluded_roles_granted_at_once_leave_one(nodes: list[World]) -> None:
    """I-04, RG-05: submit and view, sixteen times at the same moment."""
    first = nodes[0]

    def grant(world: World, number: int) -> RequestMade | Refused:
        return world.grant("ra", world.person("pc"), EMI_SUBMIT if number % 2 else EMI_VIEW)

    made = at_once(nodes, grant)
    assert len([one for one in made if isinstance(one, RequestMade)]) == 1
    held = (
        select(func.count())
        .select_from(membership_desired)
        .where(
            membership_desired.c.account_id == first.people["pc"].account_id,
            membership_desired.c.access_role_key.in_([EMI_SUBMIT, EMI_VIEW]),
        )
    )
    assert count(first, held) == 1


def test_grants_and_revocations_at_once_end_where_the_last_commit_says(nodes: list[World]) -> None:
    """RA-05, I-01: with workers of two nodes delivering all the while."""
    first = nodes[0]
    target = first.people["pc"]
    stop = threading.Event()

    def work(world: World) -> None:
        while not stop.is_set():
            if not deliver_once(world.services, worker=world.services.node):
                stop.wait(0.002)

    workers = [threading.Thread(target=work, args=(world,)) for world in nodes[:2]]
    for worker in workers:
        worker.start()

    def flip(world: World, number: int) -> int:
        done = 0
        for turn in range(6):
            if (number + turn) % 2:
                answer = world.grant("ra", ExistingPerson(target.person_id), REPORTS)
            else:
                answer = world.revoke("ra", target.person_id, REPORTS)
            done += isinstance(answer, RequestMade)
        return done

    changes = sum(at_once(nodes, flip))
    stop.set()
    for worker in workers:
        worker.join()
    first.settle()
    assert changes > 1
    held = (
        select(func.count())
        .select_from(membership_desired)
        .where(
            membership_desired.c.account_id == target.account_id,
            membership_desired.c.access_role_key == REPORTS,
        )
    )
    present = (target.account_id, f"100001:{REPORTS}") in first.gateway.memberships()
    assert present == bool(count(first, held))
    assert first.backlog() == {"done"}
    assert not verify_chains(first.services.store.database).faults


def test_sixteen_workers_share_the_outbox_without_sending_anything_twice(nodes: list[World]) -> None:
    """One lease per aggregate: every user is created by exactly one request (OB-03)."""
    first = nodes[0]
    for number in range(10):
        made = first.grant("ra", NewPerson(a_form("Jim", f"Smith{'abcdefghij'[number]}")), REPORTS)
        assert isinstance(made, RequestMade)

    def work(world: World, number: int) -> int:
        handled = 0
        while deliver_once(world.services, worker=f"w{number}"):
            handled += 1
        return handled

    handled = at_once(nodes, work)
    first.settle()
    created = [key for name, key in first.gateway.requests if name == "create_user"]
    assert len(created) == len(set(created)) == 13
    assert sum(handled) >= count(first, select(func.count()).select_from(outbox))
    assert len(first.gateway.activation_mails) == 13


def test_a_role_with_room_for_one_gets_one(nodes: list[World]) -> None:
    """R-126, RG-06: sixteen persons at the same moment, counted by one statement."""
    from registration.storage import contacts
    from tests.support.registration_world import CATALOGUE

    single = CATALOGUE.contact_roles["settlements"].model_copy(update={"max_permitted": 1})

    class RefusedError(Exception):
        """Rolls the unit back."""

    def add(world: World, number: int) -> contacts.Added:
        added = contacts.Added.DONE
        try:
            with world.services.store.write() as unit:
                new = contacts.NewContact(
                    id=unit.randomness.ulid(unit.now),
                    organization_id=world.organization_id,
                    role_key="settlements",
                    role=single,
                    person_id=f"01PERSON{number}",
                    slot=None,
                    started_at=unit.now,
                    added_by="race",
                    reason="",
                    request_id="01REQUEST",
                )
                added = contacts.add(unit.connection, new)
                undo_unless_done(added)
        except RefusedError:
            pass
        return added

    def undo_unless_done(added: contacts.Added) -> None:
        if added is not contacts.Added.DONE:
            raise RefusedError

    added = at_once(nodes, add)
    assert Counter(added) == {contacts.Added.DONE: 1, contacts.Added.MAXIMUM: THREADS - 1}
    counter = select(contact_counter.c.n).where(contact_counter.c.role_key == "settlements")
    assert count(nodes[0], counter) == 1
