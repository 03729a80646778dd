"""Delivery to the Gateway: order, repeats, faults, conflicts (registration outbox; OB-01..OB-13)."""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from registration.domain.authority import Caller
from registration.domain.outbox import Aggregate, Lane
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import ExistingPerson, NewPerson
from registration.domain.plan import RequestMade
from registration.domain.provisioning import Answer
from registration.domain.request import RequestView, WaitReason
from registration.storage import outbox as rows
from registration.storage.tables import account as account_table
from registration.storage.tables import delivery_attempt, gateway_group, outbox, target_health
from registration.usecases.deliver import deliver_once
from registration.usecases.provision_again import provision_again
from registration.usecases.send_again import send_again
from registration.usecases.show_request import show_request
from tests.support.registration_world import EMI_SUBMIT, REPORTS, World, a_form, a_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.database import Database


@pytest.fixture
def world(registration_database: Database) -> World:
    world = a_world(registration_database)
    world.drain()
    world.gateway.requests.clear()
    return world


def granted(world: World, *roles: str, last: str = "Smith") -> RequestMade:
    made = world.grant("ra", NewPerson(a_form("Jim", last)), *(roles or (EMI_SUBMIT,)))
    assert isinstance(made, RequestMade), made
    return made


def view(world: World, made: RequestMade) -> RequestView:
    found = show_request(world.services, caller=world.caller("ra"), number=made.number)
    assert not isinstance(found, Refused)
    return found


def once(fault: str, request: str) -> Callable[[str], str | None]:
    """Return a fault that hits the first request of a kind only."""
    left = [fault]

    def strike(name: str) -> str | None:
        return left.pop() if name == request and left else None

    return strike


def states(world: World) -> set[str]:
    with world.services.store.read() as connection:
        return set(connection.execute(select(outbox.c.state)).scalars())


def test_users_and_groups_go_before_their_memberships(world: World) -> None:
    """The dependencies: user and group shell before the member."""
    granted(world, EMI_SUBMIT, REPORTS)
    world.drain()
    names = [name for name, _ in world.gateway.requests]
    assert names.index("create_user") < names.index("add_member")
    assert sorted(names[:3]) == ["create_group", "create_group", "create_user"]


def test_a_membership_waits_for_its_user_and_is_woken_by_it(world: World) -> None:
    """BLOCKED leaves to PENDING when the dependency acks."""
    made = granted(world)
    world.gateway.fault = once("500", "create_user")
    world.drain()
    waiting = {item.kind: item.waiting.reason for item in view(world, made).items if item.waiting}
    assert waiting == {"account-created": WaitReason.RETRYING, "access-granted": WaitReason.BLOCKED}
    world.clock.advance(dt.timedelta(seconds=2))
    world.drain()
    assert view(world, made).state == "provisioned"


@pytest.mark.parametrize("request_name", ["create_user", "create_group", "add_member"])
@pytest.mark.parametrize("fault", ["drop-before", "drop-after", "500", "503", "429", "412"])
def test_any_single_fault_is_made_good(world: World, fault: str, request_name: str) -> None:
    """I-01, OB-02, OB-03: after a lost answer the same request is repeated, and takes effect once."""
    made = granted(world, EMI_SUBMIT)
    world.gateway.fault = once(fault, request_name)
    world.settle()
    assert states(world) == {"done"}
    assert (made.account_id, f"100001:{EMI_SUBMIT}") in world.gateway.memberships()
    assert world.gateway.activation_mails.count(made.account_id) == 1
    assert view(world, made).state == "provisioned"


def test_a_gateway_that_is_away_holds_nothing_up_for_ever(world: World) -> None:
    """OB-05: registering goes on; the page says what it waits for; all arrives afterwards."""
    world.gateway.down = True
    started = world.clock.now()
    first = granted(world)
    with capture_logs() as logs:
        for _ in range(30):
            world.drain()
            world.clock.advance(dt.timedelta(seconds=2))
    assert [line["event"] for line in logs].count("delivery.gateway_fails") == 1, "said once, not every time"
    waiting = [item.waiting for item in view(world, first).items if item.waiting]
    assert {item.reason for item in waiting} == {WaitReason.UNREACHABLE}
    assert all(item.since == started for item in waiting)
    asked = len(world.gateway.requests)
    second = granted(world, last="Second")
    for _ in range(60):
        world.drain()
        world.clock.advance(dt.timedelta(minutes=24))
    assert len(world.gateway.requests) - asked <= 61, "one probe at a time, not a herd"
    with world.services.store.read() as connection:
        assert set(connection.execute(select(outbox.c.attempts)).scalars()) == {0}, "nothing counts as tried"
    world.gateway.down = False
    world.settle()
    assert view(world, first).state == view(world, second).state == "provisioned"
    with world.services.store.read() as connection:
        assert not rows.health(connection).is_open


def test_a_refused_credential_opens_the_breaker_and_kills_no_row(world: World) -> None:
    """401/403 are ours to mend, not the row's fault; who reads the log finds it there."""
    made = granted(world)
    world.gateway.fault = lambda _name: "401"
    with capture_logs() as logs:
        world.drain()
    assert len(world.gateway.requests) == 1
    assert states(world) <= {"pending", "done"}
    assert view(world, made).items[1].waiting is not None
    assert [(line["event"], line["cause"]) for line in logs] == [("delivery.gateway_fails", "unauthorized")]
    world.gateway.fault = lambda _name: None
    with capture_logs() as logs:
        world.settle()
    assert view(world, made).state == "provisioned"
    assert [line["event"] for line in logs] == ["delivery.gateway_is_back"]


def test_an_account_that_is_kept_from_us_holds_nobody_else_up(world: World) -> None:
    """O8, I-10: an operator may protect one account; its own row waits for somebody, every other one goes on."""
    kept = granted(world, EMI_SUBMIT, REPORTS)
    world.settle()
    world.gateway.fault = lambda name: "protected" if name == "remove_member" else None
    assert isinstance(world.revoke("ra", kept.person_id, REPORTS), RequestMade)
    other = granted(world, last="Second")
    world.settle()
    assert states(world) == {"done", "dead"}
    assert view(world, other).state == "provisioned"
    with world.services.store.read() as connection:
        assert not rows.health(connection).is_open


def test_what_takes_access_away_overtakes_everything(world: World) -> None:
    """I-10, OB-08: also while every other row is dead or blocked."""
    made = granted(world, EMI_SUBMIT, REPORTS)
    world.drain()
    for number in range(5):
        granted(world, last=f"Other{'abcde'[number]}")
    assert isinstance(world.revoke("ra", made.person_id, REPORTS), RequestMade)
    with world.services.store.write() as unit:
        unit.connection.execute(
            update(outbox)
            .where(outbox.c.lane != Lane.DENY.value, outbox.c.state != "done")
            .values(state="dead")
        )
    world.gateway.requests.clear()
    assert deliver_once(world.services, worker="deny", lanes=[Lane.DENY])
    assert [name for name, _ in world.gateway.requests] == ["remove_member"]
    assert (made.account_id, f"100001:{REPORTS}") not in world.gateway.memberships()


def test_the_deny_lane_is_first_in_everybodys_order(world: World) -> None:
    made = granted(world, REPORTS)
    world.drain()
    for last in ("Aa", "Bb", "Cc"):
        granted(world, last=last)
    assert isinstance(world.revoke("ra", made.person_id), RequestMade)
    world.gateway.requests.clear()
    deliver_once(world.services, worker="any")
    assert world.gateway.requests[0][0] == "remove_member"


def test_a_grant_that_was_revoked_before_it_was_sent_never_opens_anything(world: World) -> None:
    """OB-04: level-triggered; the page calls the first change overtaken."""
    made = granted(world, REPORTS)
    assert isinstance(world.revoke("ra", made.person_id), RequestMade)
    world.drain()
    assert (made.account_id, f"100001:{REPORTS}") not in world.gateway.memberships()
    assert "add_member" not in [name for name, _ in world.gateway.requests]
    item = next(item for item in view(world, made).items if item.kind == "access-granted")
    assert (item.overtaken, item.live_at) == (True, None)


def test_what_is_sent_again_before_it_was_sent_is_overtaken_by_nothing(world: World) -> None:
    """R-237: only a later request overtakes; the page says since when the access is live."""
    made = granted(world, REPORTS)
    assert isinstance(provision_again(world.services, caller=Caller.console()), int)
    world.drain()
    assert (made.account_id, f"100001:{REPORTS}") in world.gateway.memberships()
    items = [item for item in view(world, made).items if item.kind == "access-granted"]
    assert [(item.overtaken, item.live_at) for item in items] == [(False, world.clock.now())]


def test_a_late_packet_of_a_stalled_worker_changes_nothing(world: World) -> None:
    """OB-11, I-11: fencing by the group's version."""
    made = granted(world, REPORTS)
    world.drain()
    stalled: list[Callable[[], Answer]] = []
    gateway = world.gateway
    assert isinstance(world.revoke("ra", made.person_id), RequestMade)
    with world.services.store.read() as connection:
        group = rows.remote_id(connection, Aggregate.GROUP, f"100001:{REPORTS}") or ""
        user = rows.remote_id(connection, Aggregate.USER, made.account_id) or ""
    stalled.append(lambda: gateway.add_member(group, user, version=1))
    world.drain()
    late = stalled[0]()
    assert (late.status, late.detail) == (409, "staleVersion")
    assert (made.account_id, f"100001:{REPORTS}") not in world.gateway.memberships()


def test_a_worker_that_lost_its_lease_cannot_settle(world: World) -> None:
    """OB-11: of two workers with the same row only the later claimant's word counts."""
    granted(world)
    from registration.domain.outbox import LEASE, Verdict, settle

    store = world.services.store
    with store.write() as unit:
        row = rows.claim(unit.connection, owner="paused", now=unit.now)
    assert row is not None
    world.clock.advance(LEASE)
    with store.write() as unit:
        taken = rows.claim(unit.connection, owner="second", now=unit.now)
    assert taken is not None
    assert (taken.id, taken.lease_no) == (row.id, row.lease_no + 1)
    with store.write() as unit:
        done = settle(row, Verdict.ACK, now=unit.now, spread=0)
        assert not rows.settle(unit.connection, row, done, now=unit.now, status=200)
        done = settle(taken, Verdict.ACK, now=unit.now, spread=0)
        assert rows.settle(unit.connection, taken, done, now=unit.now, status=200)


def test_a_change_made_while_its_row_is_out_is_delivered_afterwards(world: World) -> None:
    """Rule 1 of the outbox: whoever settles sees that the version grew, and puts the row back."""
    made = granted(world, REPORTS)
    world.drain()

    def meanwhile(name: str) -> str | None:
        if name == "remove_member":
            world.gateway.fault = lambda _name: None
            again = world.grant("ra", ExistingPerson(made.person_id), REPORTS)
            assert isinstance(again, RequestMade)
        return None

    assert isinstance(world.revoke("ra", made.person_id), RequestMade)
    world.gateway.fault = meanwhile
    world.drain()
    assert (made.account_id, f"100001:{REPORTS}") in world.gateway.memberships()
    assert states(world) == {"done"}


@pytest.mark.parametrize("point", ["after-claim", "after-2xx", "after-mark"])
def test_a_worker_killed_at_any_point_loses_and_repeats_nothing(world: World, point: str) -> None:
    """OB-01, OB-02, plan F6: one account, one activation mail, whatever died when."""

    class KilledError(BaseException):
        """Stands for kill -9: nothing after it runs."""

    def kill(name: str) -> None:
        if name == point:
            raise KilledError

    made = granted(world, EMI_SUBMIT, REPORTS)
    dying = replace(world.services, failpoint=kill)
    for _ in range(40):
        try:
            alive = deliver_once(dying, worker="dying")
        except KilledError:
            world.clock.advance(dt.timedelta(seconds=31))
            continue
        if not alive:
            break
    world.settle()
    assert states(world) == {"done"}
    mine = {group for owner, group in world.gateway.memberships() if owner == made.account_id}
    assert mine == {f"100001:{EMI_SUBMIT}", f"100001:{REPORTS}"}
    assert world.gateway.activation_mails.count(made.account_id) == 1
    assert view(world, made).state == "provisioned"


def test_a_user_the_gateway_lost_is_made_again_with_all_memberships(world: World) -> None:
    """404 on PATCH: re-create if desired active."""
    made = granted(world, EMI_SUBMIT)
    world.drain()
    gateway = world.gateway
    remote = next(user for user in gateway.users.values() if user.external_id == f"acct:{made.account_id}")
    del gateway.users[remote.id]
    for group in gateway.groups.values():
        group.members.discard(remote.id)
    with world.services.store.write() as unit:
        rows.enqueue(
            unit.connection,
            unit.randomness,
            kind=Aggregate.USER,
            aggregate_id=made.account_id,
            lane=Lane.UPDATE,
            now=unit.now,
            request_id=None,
        )
    world.settle()
    assert (made.account_id, f"100001:{EMI_SUBMIT}") in gateway.memberships()


def test_a_deactivated_account_the_gateway_lost_stays_lost(world: World) -> None:
    """404 on PATCH of a deactivated account: as good as done, never created again (R-043)."""
    made = granted(world, EMI_SUBMIT)
    world.drain()
    remote = next(u for u in world.gateway.users.values() if u.external_id == f"acct:{made.account_id}")
    del world.gateway.users[remote.id]
    with world.services.store.write() as unit:
        unit.connection.execute(
            update(account_table)
            .where(account_table.c.id == made.account_id)
            .values(status="deactivated", version=account_table.c.version + 1)
        )
        rows.enqueue(
            unit.connection,
            unit.randomness,
            kind=Aggregate.USER,
            aggregate_id=made.account_id,
            lane=Lane.DENY,
            now=unit.now,
            request_id=None,
        )
    world.settle()
    assert made.account_id not in world.gateway.actives()
    assert states(world) == {"done"}


def test_a_group_the_gateway_lost_is_made_again_with_its_members(world: World) -> None:
    first = granted(world, REPORTS)
    world.drain()
    world.gateway.groups.clear()
    second = granted(world, REPORTS, last="Second")
    world.settle()
    members = {owner for owner, group in world.gateway.memberships() if group == f"100001:{REPORTS}"}
    assert members == {first.account_id, second.account_id}


def test_a_user_name_that_is_somebody_elses_is_a_case_and_never_taken_over(world: World) -> None:
    """Section 9: adopt by externalId only; a foreign account is left alone."""
    granted(world, last="Foreign")
    with world.services.store.write() as unit:
        unit.connection.execute(update(outbox).where(outbox.c.state != "done").values(state="abandoned"))
    made = granted(world, last="Owned")
    from tests.support.registration_world import _Remote

    world.gateway.users["alien"] = _Remote("alien", "okta:1", 1, made.user_name)
    world.drain()
    with world.services.store.read() as connection:
        row = connection.execute(select(outbox).where(outbox.c.aggregate_id == made.account_id)).one()
    assert (row.state, row.last_error_class) == ("case", "taken")
    assert world.gateway.users["alien"].external_id == "okta:1"
    reasons = [item.waiting.reason for item in view(world, made).items if item.waiting]
    assert WaitReason.DECISION in reasons


def test_a_request_the_gateway_refuses_for_good_is_dead_and_shown_as_failed(world: World) -> None:
    made = granted(world)
    world.gateway.fault = lambda name: "400" if name == "create_user" else None
    world.drain()
    failed = next(item for item in view(world, made).items if item.kind == "account-created")
    assert failed.waiting is not None
    assert failed.waiting.reason is WaitReason.FAILED


def test_a_registry_that_came_back_from_a_backup_is_obeyed_again(world: World) -> None:
    """OB-11, I-01: it counts again what it had counted before; what it takes away is taken away all the same."""
    left = granted(world, EMI_SUBMIT, REPORTS)
    stays = granted(world, REPORTS, last="Second")
    world.settle()
    for remote in (*world.gateway.users.values(), *world.gateway.groups.values()):
        remote.version += 20
    made = world.revoke("ra", left.person_id)
    assert isinstance(made, RequestMade)
    again = world.grant("ra", ExistingPerson(stays.person_id), EMI_SUBMIT)
    assert isinstance(again, RequestMade)
    world.drain()
    assert states(world) == {"done"}
    held = {pair for pair in world.gateway.memberships() if pair[0] in {left.account_id, stays.account_id}}
    assert held == {(stays.account_id, f"100001:{role}") for role in (EMI_SUBMIT, REPORTS)}
    assert view(world, made).state == view(world, again).state == "provisioned"


def test_what_was_refused_goes_out_again_once_its_cause_is_mended(world: World) -> None:
    """I-01, I-10: an account was kept from us while its access ended; it does not stay open for ever."""
    made = granted(world, REPORTS)
    world.settle()
    world.gateway.fault = lambda name: "protected" if name == "remove_member" else None
    gone = world.revoke("ra", made.person_id)
    assert isinstance(gone, RequestMade)
    world.settle()
    assert [item.waiting.reason for item in view(world, gone).items if item.waiting] == [WaitReason.FAILED]
    world.gateway.fault = lambda _name: None
    world.settle()
    assert (made.account_id, f"100001:{REPORTS}") in world.gateway.memberships(), "nothing happens by itself"
    assert send_again(world.services, caller=Caller.console(), number=gone.number) == 1
    world.drain()
    assert (made.account_id, f"100001:{REPORTS}") not in world.gateway.memberships()
    assert view(world, gone).state == "provisioned"
    assert send_again(world.services, caller=Caller.console(), number=gone.number) == 0


def test_what_waits_for_a_refused_account_says_so_and_goes_with_it(world: World) -> None:
    """C-09: a membership behind a refused account waits for somebody, however many requests lie between."""
    first = granted(world, EMI_SUBMIT)
    world.gateway.fault = lambda name: "400" if name == "create_user" else None
    world.drain()
    later = world.grant("ra", ExistingPerson(first.person_id), REPORTS)
    assert isinstance(later, RequestMade)
    world.drain()
    assert {item.waiting.reason for item in view(world, later).items if item.waiting} == {WaitReason.FAILED}
    world.gateway.fault = lambda _name: None
    assert send_again(world.services, caller=Caller.console(), number=later.number) == 1
    world.settle()
    assert view(world, first).state == view(world, later).state == "provisioned"


def test_an_overtaken_request_that_is_sent_again_brings_nothing_back(world: World) -> None:
    """Level-triggered: what is sent is what should be now."""
    made = granted(world, REPORTS)
    world.gateway.fault = lambda name: "400" if name == "add_member" else None
    world.drain()
    world.gateway.fault = lambda _name: None
    assert isinstance(world.revoke("ra", made.person_id), RequestMade)
    world.settle()
    send_again(world.services, caller=Caller.console(), number=made.number)
    world.settle()
    assert (made.account_id, f"100001:{REPORTS}") not in world.gateway.memberships()


@pytest.mark.parametrize("who", ["ar", "pc", "ra"])
def test_customer_relations_alone_send_again(world: World, who: str) -> None:
    """I-14."""
    made = granted(world)
    assert send_again(world.services, caller=world.caller(who), number=made.number) == Refused(
        Refusal.NOT_ALLOWED
    )
    assert send_again(world.services, caller=Caller.console(), number=1) == Refused(Refusal.NOT_FOUND)


def test_a_gateway_that_came_back_from_a_backup_is_told_everything_again(world: World) -> None:
    """I-01: nobody has back what was taken away since, and nobody lacks what was given since."""
    leaves = granted(world, EMI_SUBMIT, REPORTS)
    stays = granted(world, REPORTS, last="Second")
    world.settle()
    kept = copy.deepcopy((world.gateway.users, world.gateway.groups))
    assert isinstance(world.revoke("ra", leaves.person_id), RequestMade)
    assert isinstance(world.grant("ra", ExistingPerson(stays.person_id), EMI_SUBMIT), RequestMade)
    comes = granted(world, EMI_SUBMIT, last="Third")
    world.settle()
    wanted = world.gateway.memberships()
    world.gateway.users, world.gateway.groups = kept
    assert {owner for owner, _ in world.gateway.memberships() - wanted} == {leaves.account_id}
    told = provision_again(world.services, caller=Caller.console())
    assert isinstance(told, int)
    world.settle()
    assert world.gateway.memberships() == wanted
    assert comes.account_id in world.gateway.actives()
    assert states(world) == {"done"}
    world.gateway.requests.clear()
    assert provision_again(world.services, caller=Caller.console()) == told
    assert deliver_once(world.services, worker="test")
    assert world.gateway.requests[0][0] == "remove_member", "what takes access away goes first"
    world.settle()
    assert world.gateway.memberships() == wanted


@pytest.mark.parametrize("who", ["ar", "pc", "ra"])
def test_customer_relations_alone_tell_everything_again(world: World, who: str) -> None:
    """I-14."""
    assert provision_again(world.services, caller=world.caller(who)) == Refused(Refusal.NOT_ALLOWED)


def test_a_version_beyond_belief_is_not_counted_on_from(world: World) -> None:
    """A number that no registry gave must not become ours."""
    left = granted(world, REPORTS)
    world.settle()
    for remote in world.gateway.groups.values():
        remote.version = 2**40
    assert isinstance(world.revoke("ra", left.person_id), RequestMade)
    world.drain()
    with world.services.store.read() as connection:
        versions = connection.execute(select(gateway_group.c.version)).scalars()
        assert max(versions) < 10
    assert "conflict" in states(world)


def test_what_is_tried_again_by_itself_waits_for_nobodys_decision(world: World) -> None:
    """C-09: the page says what somebody has to do, and of nothing else."""
    made = granted(world)
    world.gateway.fault = lambda name: "412" if name == "add_member" else None
    world.drain()
    reasons = {item.waiting.reason for item in view(world, made).items if item.waiting}
    assert reasons == {WaitReason.RETRYING}


def test_attempts_are_kept_without_anything_personal(world: World) -> None:
    """I-25, OB-12: nothing in the outbox names a person."""
    made = granted(world)
    world.gateway.fault = once("500", "create_user")
    world.settle()
    with world.services.store.read() as connection:
        kept = str(connection.execute(select(delivery_attempt)).mappings().all())
        kept += str(connection.execute(select(outbox)).mappings().all())
        kept += str(connection.execute(select(target_health)).mappings().all())
        count = len(connection.execute(select(delivery_attempt.c.id)).all())
    assert count >= 4
    for word in ("Smith", "Jim", "acme.example", "555", made.user_name):
        assert word not in kept or word == made.user_name


def test_an_account_is_told_for_which_organizations_it_acts(world: World) -> None:
    """The extension's organizations follow the first and the last membership of each."""
    elsewhere = world.add_organization("OTHER POWER", ("physical-market",))
    world.add_trust(elsewhere, "Other")
    made = granted(world, REPORTS)
    world.drain()
    from registration.storage import desired

    def organizations() -> tuple[tuple[int, str], ...]:
        with world.services.store.read() as connection:
            found = desired.user(connection, made.account_id, activation_days=90, tenant="ieso")
        assert found is not None
        return found.organizations

    assert organizations() == ((100_001, "ACME GENERATION"),)
    shared = ExistingPerson(made.person_id)
    assert isinstance(world.grant("Otherra", shared, REPORTS, organization_id=elsewhere), RequestMade)
    assert organizations() == ((100_001, "ACME GENERATION"), (100_002, "OTHER POWER"))
    world.gateway.requests.clear()
    world.drain()
    assert "change_user" in [name for name, _ in world.gateway.requests]
    assert isinstance(world.revoke("Otherra", made.person_id, organization_id=elsewhere), RequestMade)
    assert organizations() == ((100_001, "ACME GENERATION"),)


def test_a_denial_behind_ten_thousand_grants_is_the_next_to_go(world: World) -> None:
    """OB-08: and finding it reads an index over open rows, not the rows that were ever delivered."""
    made = granted(world, REPORTS)
    world.drain()
    now = world.clock.now()
    waiting = [
        {
            "id": f"X{number:025d}",
            "target": rows.TARGET,
            "lane": Lane.GRANT.value,
            "lane_rank": 2,
            "aggregate_kind": Aggregate.MEMBERSHIP.value,
            "aggregate_id": f"nobody{number}@100001:nothing",
            "desired_version": 1,
            "acked_version": 0,
            "state": "pending",
            "attempts": 0,
            "next_at": now,
            "lease_no": 0,
            "created_at": now,
            "updated_at": now,
        }
        for number in range(10_000)
    ]
    with world.services.store.write() as unit:
        unit.connection.execute(outbox.insert(), waiting)
    assert isinstance(world.revoke("ra", made.person_id), RequestMade)
    world.gateway.requests.clear()
    assert deliver_once(world.services, worker="any")
    assert [name for name, _ in world.gateway.requests] == ["remove_member"]


def test_claiming_reads_the_index_of_open_rows(sqlite_registration_database: Database) -> None:
    """However many aggregates were ever delivered, a worker looks at those that are open."""
    statements: list[str] = []

    def keep(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    from sqlalchemy import event

    from tests.support.clock import NOON

    engine = sqlite_registration_database.engine
    event.listen(engine, "before_cursor_execute", keep)
    with sqlite_registration_database.read() as connection:
        rows.has_due(connection, now=NOON)
    with sqlite_registration_database.write() as connection:
        rows.claim(connection, owner="x", now=NOON)
    event.remove(engine, "before_cursor_execute", keep)
    asked = [statement for statement in statements if "FROM outbox" in statement]
    assert len(asked) == 2
    with sqlite_registration_database.read() as connection:
        for statement in asked:
            filled = ("x",) * statement.count("?")
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", filled).all())
            assert "ix_outbox_open" in plan, plan
            assert "TEMP B-TREE" not in plan, plan
