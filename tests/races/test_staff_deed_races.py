"""What goes on at the very moment staff lock an account or reset it: once that is committed, nothing is alive."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import and_, func, or_, select

from idp.domain.help_desk import DeskRefusal
from idp.domain.login_flow import Proof, ProofKind
from idp.storage.accounts import keep_account
from idp.storage.flows import find_flow, move_flow
from idp.storage.tables import account, grant, session
from idp.usecases.decide_device import DeviceDecided
from idp.usecases.flow_outcomes import Done, FlowLost, FlowPage, NotSignedIn
from idp.usecases.invite_again import InvitedAgain
from idp.usecases.issue_temporary_password import TemporaryPassword
from idp.usecases.lock_account import AccountLocked
from idp.usecases.look_at_flow import look_at_flow
from idp.usecases.minting import StaleClientError
from idp.usecases.sessions import find_session
from idp.usecases.unlock_account import AccountUnlocked
from kernel.audit import verify_chains
from kernel.crypto import digest
from kernel.errors import BusyError
from tests.support.accounts import switched
from tests.support.devices import ask, decided, poll, television
from tests.support.gatehouse import a_gatehouse, two_nodes
from tests.support.help_desk import deeds
from tests.support.oidc import Op, an_op
from tests.support.staff_deeds import lock, reset, unlock
from tests.support.together import done_or_waiting, together

if TYPE_CHECKING:
    from collections.abc import Callable

    from idp.usecases.services import IdpServices
    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.databases import Databases
    from tests.support.gatehouse import Gatehouse

pytestmark = pytest.mark.race
THREADS = 16


@pytest.fixture
def nodes(databases: Databases, clock: FrozenClock) -> list[Gatehouse]:
    """Give two nodes of one Gateway on one database."""
    return two_nodes(databases, clock, threads=THREADS)


def alive(services: IdpServices) -> int:
    """Return how many sessions and grants there are that have not ended."""
    live = [(session, session.c.ended_at), (grant, grant.c.revoked_at)]
    with services.store.read() as connection:
        return sum(
            connection.scalar(select(func.count()).select_from(table).where(ended.is_(None))) or 0
            for table, ended in live
        )


def unless_locked(act: Callable[[], object]) -> object:
    """Do what may find the account locked, or the database busy."""
    try:
        return act()
    except (BusyError, StaleClientError):
        return None


def test_a_lock_and_sign_ins_at_once_leave_nobody_in(nodes: list[Gatehouse]) -> None:
    """RA-07, I4: sign-ins that are being finished, on two nodes, whatever the order; nor do they wake later."""
    holders = [nodes[0].a_holder(f"name{number}") for number in range(THREADS // 2)]
    flows = []
    for number, holder in enumerate(holders):
        # Half of them in a browser where a session goes on, which the sign-in proves anew.
        browser = holder.browser if number % 2 else f"another-{number}"
        flow = nodes[0].start(browser)
        nodes[0].give_password(flow, browser, holder.user_name)
        flows.append((flow, browser, nodes[0].code(holder.seed)))

    def act(number: int) -> object:
        node, which = nodes[number % 2], number // 2
        if number % 4 in {0, 3}:
            return lock(node.services, holders[which].user_name)
        return unless_locked(lambda: node.give_code(*flows[which]))

    answers = together(THREADS, act)
    assert sum(isinstance(each, AccountLocked) for each in answers) == len(holders)
    assert alive(nodes[0].services) == 0
    for holder in holders:
        unlock(nodes[1].services, holder.user_name)
    for answer in answers:
        if isinstance(answer, Done):
            assert find_session(nodes[0].services, answer.session_token) is None
    assert verify_chains(nodes[0].services.store.database).faults == []


@pytest.mark.parametrize("what", ["code", "refresh", "device"])
@pytest.mark.parametrize("deed", [lock, reset])
def test_a_lock_or_reset_and_what_applications_ask_for_at_once_leave_nothing_alive(
    gateway_database: Database, deed: Callable[[IdpServices], object], what: str
) -> None:
    """RA-07, RT-07: many at once for the same account; whatever was answered is dead, then and after an unlock."""
    op = an_op(gateway_database, limits=False)
    op.client()
    television(op)
    cookie = op.session(op.account())
    asks = _asks(op, cookie, what)
    answers = together(THREADS, lambda n: deed(op.services) if n == THREADS // 2 else unless_locked(asks[n]))
    assert alive(op.services) == 0
    for _state in ("locked", "unlocked"):
        given = [each.json() for each in answers if getattr(each, "status", 0) == 200]
        for tokens in given:
            assert op.introspect(tokens["access_token"]) == {"active": False}
            assert op.userinfo(tokens["access_token"]).status == 401
            headers = {} if what == "device" else op.basic()
            extra = {"client_id": "tv"} if what == "device" else {}
            assert op.refresh(tokens["refresh_token"], headers=headers, **extra).status == 400
        unlock(op.services)


def _asks(op: Op, cookie: str, what: str) -> list[Callable[[], object]]:
    """Return what as many threads ask for, each for a code, a token or an answer of its own."""
    if what == "code":
        codes = [op.code(cookie) for _ in range(THREADS)]
        return [lambda code=code: op.redeem(code) for code in codes]  # type: ignore[misc]
    if what == "refresh":
        kept = [op.tokens(cookie, scope="openid offline_access")["refresh_token"] for _ in range(THREADS)]
        return [lambda token=token: op.refresh(token) for token in kept]  # type: ignore[misc]
    asked = [ask(op) for _ in range(THREADS)]
    for told in asked:
        assert isinstance(decided(op, cookie, told), DeviceDecided)
    return [lambda told=told: poll(op, told) for told in asked]  # type: ignore[misc]


def test_a_lock_and_its_source_at_once_leave_the_account_locked(gateway_database: Database) -> None:
    """I4: whoever comes first, a source that switches the account off and on lifts nothing, and keeps its word."""
    op = an_op(gateway_database)
    account_id = op.account()

    def act(number: int) -> object:
        if number == THREADS // 2:
            return lock(op.services)
        return unless_moved(op, account_id, active=bool(number % 2))

    together(THREADS, act)
    for active in (True, False):
        unless_moved(op, account_id, active=active)
        assert state(op, account_id) == (False, active)


def unless_moved(op: Op, account_id: str, *, active: bool) -> object:
    """Switch the account as its source does, unless another was first."""
    try:
        return switched(op.services, account_id, active=active)
    except AssertionError:  # its version is another by now
        return None


def state(op: Op, account_id: str) -> tuple[bool, bool | None]:
    with op.services.store.read() as connection:
        statement = select(account.c.active, account.c.active_after_lock).where(account.c.id == account_id)
        return tuple(connection.execute(statement).one())


def test_many_locks_and_unlocks_at_once_are_whole(gateway_database: Database) -> None:
    """RA-07: one locks, one unlocks, and no account is left half locked."""
    op = an_op(gateway_database)
    op.account()
    answers = together(THREADS, lambda n: (lock if n % 2 else unlock)(op.services))
    locks = [each for each in answers if isinstance(each, AccountLocked) and not each.again]
    unlocks = [each for each in answers if isinstance(each, AccountUnlocked) and each.was_locked]
    assert 0 <= len(locks) - len(unlocks) <= 1
    assert len(op.audit("gateway:account:locked")) == len(locks)
    assert len(op.audit("gateway:account:unlocked")) == len(unlocks)
    half = or_(
        and_(account.c.locked_at.is_(None), ~account.c.active),
        and_(account.c.locked_at.is_not(None), account.c.active),
    )
    with op.services.store.read() as connection:
        assert connection.execute(select(account.c.id).where(half)).all() == []


def test_one_temporary_password_lets_one_in(nodes: list[Gatehouse]) -> None:
    """G-68, I2: sixteen give it at once, in as many browsers, on two nodes; the others find it used."""
    nodes[0].a_holder()
    word = reset(nodes[0].services).password
    flows = [nodes[0].start(f"browser-{number}") for number in range(THREADS)]
    answers = together(
        THREADS, lambda n: nodes[n % 2].give_password(flows[n], f"browser-{n}", "fieldn", word)
    )
    assert sum(isinstance(each, FlowPage) for each in answers) == 1
    assert answers.count(NotSignedIn()) == THREADS - 1


def test_resets_at_once_leave_one_password(nodes: list[Gatehouse]) -> None:
    """Bar 13: the last one counts; of the others, and of the former one, nothing is left."""
    nodes[0].a_holder()
    words = [each.password for each in together(8, lambda n: reset(nodes[n % 2].services))]
    assert len(set(words)) == len(words)
    opened = [nodes[0].give_password(nodes[0].start(), "browser-elsewhere", "fieldn", word) for word in words]
    assert sum(isinstance(each, FlowPage) for each in opened) == 1


@pytest.mark.parametrize("deed", [lock, reset])
def test_what_was_proved_while_staff_waited_for_the_account_is_over(
    postgresql_gateway_database: Database, clock: FrozenClock, deed: Callable[[IdpServices], object]
) -> None:
    """I4: the deed began before the proof and ends after it, so the proof counts no more, then or later.

    On SQLite nobody writes beside somebody else, so this cannot be.
    """
    gatehouse = a_gatehouse(postgresql_gateway_database, clock)
    holder = gatehouse.a_holder()
    token = gatehouse.start("browser-new")
    with ThreadPoolExecutor(1) as pool:
        with gatehouse.services.store.write() as unit:
            assert keep_account(unit.connection, holder.id)
            waiting = pool.submit(deed, gatehouse.services)
            done_or_waiting(postgresql_gateway_database, waiting)
            assert not waiting.done()
            clock.advance(dt.timedelta(seconds=1))
            flow = find_flow(unit.connection, digest(token), digest("browser-new"))
            assert flow is not None
            proofs = (Proof(ProofKind.PASSWORD, clock.now()),)
            assert move_flow(unit.connection, flow, account_id=holder.id, proofs=proofs, now=clock.now())
            clock.advance(dt.timedelta(seconds=1))
        waiting.result(60)
    unlock(gatehouse.services)
    assert isinstance(look_at_flow(gatehouse.services, flow=token, browser="browser-new"), FlowLost)


def test_of_many_at_the_help_desk_at_once_each_deed_is_done_by_one(nodes: list[Gatehouse]) -> None:
    """G-69, G-14: on two nodes, by staff who all saw the same; one password is told, and one letter sent."""
    robin, nora = nodes[0].a_holder("clarkr"), nodes[0].a_holder()
    new = nodes[0].provision("newcomer")
    for account_id, user_name, deed, done in (
        (nora.id, "fieldn", "reset", TemporaryPassword),
        (new.id, "newcomer", "invite", InvitedAgain),
    ):
        nodes[0].next_step()
        asked = [deeds(node, robin.id, account_id, user_name)[deed] for node in nodes]
        answers = together(8, lambda n, asked=asked: asked[n % 2]())  # type: ignore[misc]
        assert sum(isinstance(each, done) for each in answers) == 1, deed
        assert answers.count(DeskRefusal.MEANWHILE) == 7, deed
    assert len(nodes[0].audit("gateway:password:reset")) == 1
    assert len(nodes[0].letters("activation", new.email)) == 2
