"""Many at once, exactly one winner: links, codes, steps, flows and locks, on both databases and two nodes."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from idp.domain.lockout import Counted, LockRule
from idp.storage.accounts import touch_versions
from idp.storage.credentials import find_password, replace_password
from idp.storage.flows import resume_flow
from idp.storage.lockouts import Try, account_key, count_try
from idp.storage.tables import failure_count, one_time_secret, password, session
from idp.usecases.activate_account import Activated, activate_account
from idp.usecases.finish_login import finish_login
from idp.usecases.flow_outcomes import AlreadyDone, Done, FlowPage, LinkDead, NotSignedIn
from idp.usecases.invitation import invite
from idp.usecases.present_passkey import present_passkey
from kernel.audit import verify_chains
from kernel.crypto import digest
from kernel.tables import rate_limit
from tests.support.gatehouse import PASSWORD, Gatehouse, a_gatehouse, from_place, two_nodes
from tests.support.passkeys import a_passkey, asked
from tests.support.soft_passkey import SoftPasskey
from tests.support.together import done_or_waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.databases import Databases

pytestmark = pytest.mark.race
THREADS = 16


@pytest.fixture
def nodes(databases: Databases, clock: FrozenClock) -> list[Gatehouse]:
    """Give two nodes of one Gateway on one database."""
    return two_nodes(databases, clock, threads=THREADS)


def at_once(deeds: list[Callable[[], object]]) -> list[object]:
    """Run the deeds from as many threads, all released at the same moment."""
    barrier = threading.Barrier(len(deeds))

    def run(deed: Callable[[], object]) -> object:
        barrier.wait()
        return deed()

    with ThreadPoolExecutor(len(deeds)) as threads:
        return list(threads.map(run, deeds))


def test_one_link_activates_once(nodes: list[Gatehouse]) -> None:
    """RC-05, RC-20, I2: sixteen posts of one link on two nodes."""
    account = nodes[0].provision()
    token = nodes[0].link_token(account.email)

    def post(number: int) -> Callable[[], object]:
        word = f"{PASSWORD}-{number:02d}"
        return lambda: activate_account(
            nodes[number % 2].services, token=token, browser=f"browser-{number}", password=word, repeat=word
        )

    answers = at_once([post(number) for number in range(THREADS)])
    winners = [number for number, answer in enumerate(answers) if isinstance(answer, Activated)]
    assert len(winners) == 1
    assert [each for each in answers if not isinstance(each, Activated)] == [LinkDead()] * (THREADS - 1)
    assert len(nodes[0].audit("gateway:account:activated")) == 1
    flow = nodes[0].start()
    won = f"{PASSWORD}-{winners[0]:02d}"
    assert nodes[0].give_password(flow, "browser-elsewhere", "fieldn", won) != NotSignedIn()


def test_one_code_serves_one_of_many_flows(nodes: list[Gatehouse]) -> None:
    """MF-03, I2: one time step, sixteen flows that gave the password, two nodes."""
    holder = nodes[0].a_holder()
    flows = []
    for number in range(THREADS):
        browser = f"browser-{number}"
        flow = nodes[0].start(browser)
        nodes[0].give_password(flow, browser, "fieldn")
        flows.append((flow, browser))
    code = nodes[0].code(holder.seed)
    answers = at_once(
        [
            lambda flow=flow, browser=browser, node=nodes[number % 2]: node.give_code(flow, browser, code)
            for number, (flow, browser) in enumerate(flows)
        ]
    )
    assert sum(isinstance(answer, Done) for answer in answers) == 1
    assert len(nodes[0].audit("gateway:second-factor:proved")) == 1


def test_one_flow_makes_one_session(nodes: list[Gatehouse]) -> None:
    """One code posted sixteen times to one flow: one session, the others are told that it is done."""
    holder = nodes[0].a_holder()
    flow = nodes[0].start("browser-new")
    nodes[0].give_password(flow, "browser-new", "fieldn")
    code = nodes[0].code(holder.seed)
    answers = at_once(
        [
            lambda node=nodes[number % 2]: node.give_code(flow, "browser-new", code)
            for number in range(THREADS)
        ]
    )
    assert sum(isinstance(answer, Done) for answer in answers) == 1
    assert sum(isinstance(answer, AlreadyDone) for answer in answers) == THREADS - 1
    with nodes[0].services.store.read() as connection:
        opened = connection.scalar(select(func.count()).select_from(session))
    assert opened == 2


def test_one_wizard_is_finished_once(nodes: list[Gatehouse]) -> None:
    """The button Finish, sixteen times."""
    flow = nodes[0].start_activation(nodes[0].provision())
    nodes[0].answer_question(flow, "browser-home")
    nodes[0].enrol_app(flow, "browser-home")
    answers = at_once(
        [
            lambda node=nodes[number % 2]: finish_login(node.services, flow=flow, browser="browser-home")
            for number in range(THREADS)
        ]
    )
    assert sum(isinstance(answer, Done) for answer in answers) == 1
    assert answers.count(AlreadyDone("/")) == THREADS - 1


def test_one_request_is_taken_up_once(nodes: list[Gatehouse]) -> None:
    """AZ-*: the authorization request of a flow goes on in one of sixteen requests."""
    holder = nodes[0].a_holder()
    browser = holder.browser
    flow = nodes[0].start(browser, request={"kind": "authorize", "params": {}})
    nodes[0].give_password(flow, browser, "fieldn")
    assert isinstance(nodes[0].give_code(flow, browser, nodes[0].code(holder.seed)), Done)

    def resume(node: Gatehouse) -> object:
        with node.services.store.write() as unit:
            return resume_flow(unit.connection, digest(flow), digest(browser), now=unit.now)

    answers = at_once([lambda node=nodes[number % 2]: resume(node) for number in range(THREADS)])
    assert sum(answer is not None for answer in answers) == 1


def test_parallel_guesses_never_get_more_looks_than_allowed(nodes: list[Gatehouse]) -> None:
    """CVE-2024-4629: ten looks at the password however many ask at once, on two nodes."""
    nodes[0].a_holder()
    looked = []
    for node in nodes:
        verify = node.services.passwords.verify

        def counting(stored: str | None, secret: str, verify: Callable[..., bool] = verify) -> bool:
            if stored is not None:
                looked.append(secret)
            return verify(stored, secret)

        node.services.passwords.verify = counting  # type: ignore[method-assign]
    flows = [nodes[0].start(f"browser-{number}") for number in range(3 * THREADS)]
    answers = at_once(
        [
            lambda flow=flow, number=number: nodes[number % 2].give_password(
                flow, f"browser-{number}", "fieldn", f"Wrong-{number}"
            )
            for number, flow in enumerate(flows)
        ]
    )
    assert answers == [NotSignedIn()] * len(flows)
    assert len(looked) == 10
    reasons = [row.reason for row in nodes[0].audit("gateway:sign-in:refused")]
    assert (reasons.count("wrong"), reasons.count("locked")) == (10, len(flows) - 10)
    assert len(nodes[0].letters("locked")) == 1


def test_right_passwords_at_once_from_one_place_all_pass(nodes: list[Gatehouse]) -> None:
    """LK-07: an office in the morning; nobody waits for anybody for good, and no try stays counted."""
    nodes[0].a_holder()
    flows: list[str] = []

    def sign_in(number: int) -> object:
        with from_place("192.0.2.1"):
            return nodes[number % 2].give_password(flows[number], f"browser-{number}", "fieldn", PASSWORD)

    for _ in range(3):
        flows = [nodes[0].start(f"browser-{number}") for number in range(THREADS)]
        # Nine at once: a tenth try in flight would lock, as ten failures do.
        answers = at_once([lambda number=number: sign_in(number) for number in range(9)])
        assert all(isinstance(answer, FlowPage) for answer in answers)
    with nodes[0].services.store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(failure_count)) == 0
        used = connection.scalars(select(rate_limit.c.used)).all()
    assert set(used) == {0}


def test_a_counter_hands_out_each_number_once(nodes: list[Gatehouse]) -> None:
    """CVE-2024-4629: the row decides, twenty rounds of sixteen tries."""
    rule = LockRule(after=10)

    def one(node: Gatehouse, key: bytes) -> object:
        with node.services.store.write() as unit:
            return count_try(unit.connection, Counted.FACTOR, key, rule=rule, now=unit.now)

    for round_number in range(20):
        key = account_key(f"A{round_number}", None)
        answers = at_once(
            [lambda node=nodes[number % 2], key=key: one(node, key) for number in range(THREADS)]
        )
        admitted = sorted(answer.failures for answer in answers if isinstance(answer, Try))
        assert admitted == list(range(1, 11))


def test_parallel_wrong_codes_end_their_flow_after_five(nodes: list[Gatehouse]) -> None:
    """MF-04: five looks in one flow, however many are posted at once."""
    nodes[0].a_holder()
    flow = nodes[0].start("browser-new")
    nodes[0].give_password(flow, "browser-new", "fieldn")
    at_once(
        [
            lambda node=nodes[number % 2]: node.give_code(flow, "browser-new", "000000")
            for number in range(THREADS)
        ]
    )
    assert len(nodes[0].audit("gateway:second-factor:refused")) == 5


def test_invitations_at_once_leave_one_live_link(nodes: list[Gatehouse]) -> None:
    """Bar 13, BM-03: one live link per account whoever invites."""
    account = nodes[0].provision()

    def again(node: Gatehouse) -> None:
        with node.services.store.write() as unit:
            invite(unit, node.services, account)

    at_once([lambda node=nodes[number % 2]: again(node) for number in range(THREADS)])
    with nodes[0].services.store.read() as connection:
        live = connection.scalar(
            select(func.count()).select_from(one_time_secret).where(one_time_secret.c.used_at.is_(None))
        )
    assert live == 1


def test_one_assertion_is_spent_once(nodes: list[Gatehouse]) -> None:
    """WA-01: one answer of a passkey posted sixteen times."""
    key: SoftPasskey = a_passkey(nodes[0], counts=False)
    flow = nodes[0].start("browser-new")
    answer = key.get(asked(nodes[0], flow, "browser-new"))
    answers = at_once(
        [
            lambda node=nodes[number % 2]: present_passkey(
                node.services, flow=flow, browser="browser-new", credential=answer
            )
            for number in range(THREADS)
        ]
    )
    assert sum(isinstance(each, Done) for each in answers) == 1
    assert len(nodes[0].audit("gateway:passkey:proved")) == 1


def test_deactivation_and_sign_in_at_once_leave_nobody_in(nodes: list[Gatehouse]) -> None:
    """RA-07, I4: whatever the order, after it no session of the account lives."""
    from idp.usecases.sessions import find_session

    holders = [nodes[0].a_holder(f"name{number}") for number in range(8)]
    flows = []
    for holder in holders:
        flow = nodes[0].start(holder.browser + holder.id)
        nodes[0].give_password(flow, holder.browser + holder.id, holder.user_name)
        flows.append((holder, flow, holder.browser + holder.id))
    deeds: list[Callable[[], object]] = []
    for number, (holder, flow, browser) in enumerate(flows):
        code = nodes[0].code(holder.seed)
        deeds.append(lambda f=flow, b=browser, c=code, n=nodes[number % 2]: n.give_code(f, b, c))
        deeds.append(lambda h=holder, n=nodes[(number + 1) % 2]: n.deactivate(h.id))
    for answer in at_once(deeds):
        if isinstance(answer, Done):
            assert find_session(nodes[0].services, answer.session_token) is None


def test_a_password_that_is_being_replaced_identifies_nobody_any_more(
    postgresql_gateway_database: Database, clock: FrozenClock
) -> None:
    """I2: who gave the old one waits for the new one, so that its session is ended with all others.

    On SQLite nobody writes beside somebody else, so this cannot be.
    """
    gatehouse = a_gatehouse(postgresql_gateway_database, clock)
    holder = gatehouse.a_holder()
    flow = gatehouse.start("browser-old")
    with ThreadPoolExecutor(1) as pool:
        with gatehouse.services.store.write() as unit:
            old = find_password(unit.connection, holder.id)
            assert old is not None
            assert replace_password(
                unit.connection, holder.id, "a new hash", instead_of=old.hash, now=unit.now, history=4
            )
            late = pool.submit(gatehouse.give_password, flow, "browser-old", holder.user_name)
            done_or_waiting(postgresql_gateway_database, late)
        assert late.result(60) == NotSignedIn()


def test_the_audit_holds_under_concurrency(nodes: list[Gatehouse]) -> None:
    """RA-13, I8: every chain verifies, and each refusal has its row."""
    nodes[0].a_holder()
    flows = [nodes[0].start(f"browser-{number}") for number in range(THREADS)]
    at_once(
        [
            lambda flow=flow, number=number: nodes[number % 2].give_password(
                flow, f"browser-{number}", f"nobody{number}", "Wrong-1"
            )
            for number, flow in enumerate(flows)
        ]
    )
    assert verify_chains(nodes[0].services.store.database).faults == []
    assert len(nodes[0].audit("gateway:sign-in:refused")) == THREADS


def test_a_password_changed_twice_at_once_is_one_of_the_two(nodes: list[Gatehouse]) -> None:
    """I2: the change replaces exactly the password that was compared."""
    from idp.usecases.set_new_password import set_new_password

    holder = nodes[0].a_holder()
    nodes[0].clock.advance(dt.timedelta(days=90))
    flow = nodes[0].start(holder.browser)
    nodes[0].give_password(flow, holder.browser, "fieldn")
    nodes[0].give_code(flow, holder.browser, nodes[0].code(holder.seed))
    words = [f"Velvet+Canyon-{number:02d}" for number in range(THREADS)]
    answers = at_once(
        [
            lambda word=word, node=nodes[number % 2]: set_new_password(
                node.services, flow=flow, browser=holder.browser, password=word, repeat=word
            )
            for number, word in enumerate(words)
        ]
    )
    assert sum(isinstance(answer, Done) for answer in answers) == 1
    assert len(nodes[0].audit("gateway:password:changed")) == 1
    with nodes[0].services.store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(password)) == 1


def test_a_sign_in_that_waits_for_its_account_keeps_nobody_else_waiting(
    postgresql_gateway_database: Database, clock: FrozenClock
) -> None:
    """LK-05: a source may hold an account for long; what counts everybody's tries is not held meanwhile."""
    gate = a_gatehouse(postgresql_gateway_database, clock)
    held = gate.a_holder()
    here, there = gate.start("browser-a"), gate.start("browser-b")

    def sign_in() -> object:
        with from_place("192.0.2.1"):
            return gate.give_password(here, "browser-a", held.user_name, PASSWORD)

    def try_another() -> object:
        with from_place("198.51.100.9"):
            return gate.give_password(there, "browser-b", "nobody-at-all", "Wrong-1")

    with ThreadPoolExecutor(2) as threads:
        with gate.services.store.write() as unit:
            touch_versions(unit.connection, [held.id])
            waits = threads.submit(sign_in)
            done_or_waiting(postgresql_gateway_database, waits)
            assert not waits.done()
            assert isinstance(threads.submit(try_another).result(60), NotSignedIn)
        assert not isinstance(waits.result(), NotSignedIn)
