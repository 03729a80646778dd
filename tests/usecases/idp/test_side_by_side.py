"""Several sessions of one account, and several nodes whose clocks disagree."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from idp.storage.sessions import find_live
from idp.usecases.endings import end_session
from idp.usecases.flow_outcomes import FlowPage, NotSignedIn
from idp.usecases.sessions import find_session
from kernel.audit import SYSTEM
from kernel.clock import FrozenClock
from kernel.crypto import digest
from tests.support.clock import a_store
from tests.support.gatehouse import PASSWORD, Gatehouse

if TYPE_CHECKING:
    from kernel.database import Database


def a_node(gatehouse: Gatehouse, *, fast_by: dt.timedelta) -> Gatehouse:
    """Return another node over the same database, whose clock goes wrong by so much."""
    clock = FrozenClock(gatehouse.clock.now() + fast_by)
    database: Database = gatehouse.services.store.database
    services = replace(gatehouse.services, store=a_store(database, clock=clock))
    return Gatehouse(services, clock)


def guess(gatehouse: Gatehouse, password: str = "Wrong-Password-1") -> object:
    browser = "browser-of-a-stranger"
    return gatehouse.give_password(gatehouse.start(browser), browser, "fieldn", password)


def reasons(gatehouse: Gatehouse) -> list[str]:
    return sorted(row.reason for row in gatehouse.audit("gateway:sign-in:refused"))


def test_sessions_in_several_browsers_stand_side_by_side(gatehouse: Gatehouse) -> None:
    """SE-12: there is no limit; each browser has a session of its own, and a new browser is told by mail."""
    holder = gatehouse.a_holder()
    tokens = [gatehouse.sign_in(holder, browser=f"browser-{number}").session_token for number in range(5)]
    found = [find_session(gatehouse.services, token) for token in tokens]
    assert len({each.id for each in found if each}) == 5
    assert len(gatehouse.letters("new-sign-in", holder.account.email)) == 5
    assert found[0] is not None
    with gatehouse.services.store.write() as unit:
        end_session(unit, gatehouse.services, session_id=found[0].id, reason="signed-out", actor=SYSTEM)
    assert find_session(gatehouse.services, tokens[0]) is None
    assert all(find_session(gatehouse.services, token) for token in tokens[1:])


def test_signing_in_again_in_one_browser_makes_no_second_session(gatehouse: Gatehouse) -> None:
    """SE-12: the session goes on under a new token, and the old token opens nothing."""
    holder = gatehouse.a_holder()
    first = gatehouse.sign_in(holder, browser="browser-1").session_token
    again = gatehouse.sign_in(holder, browser="browser-1").session_token
    idle, database = gatehouse.services.settings.session_idle, gatehouse.services.store.database
    now = gatehouse.clock.now()
    assert find_live(database, digest(first), now=now, idle=idle) is None
    assert find_live(database, digest(again), now=now, idle=idle) is not None


def test_a_slow_clock_opens_no_lock_early(gatehouse: Gatehouse) -> None:
    """LK-09: the lock holds on a node that is an hour behind, for longer rather than shorter."""
    gatehouse.a_holder()
    for _ in range(10):
        assert guess(gatehouse) == NotSignedIn()
    slow = a_node(gatehouse, fast_by=-dt.timedelta(hours=1))
    assert guess(slow, PASSWORD) == NotSignedIn()
    assert reasons(gatehouse) == ["locked", *["wrong"] * 10]


def test_a_fast_clock_gives_one_try_and_locks_everywhere_for_longer(gatehouse: Gatehouse) -> None:
    """LK-09: the failures stand in the row, not in a clock, so that a node an hour ahead hands out no new ten."""
    gatehouse.a_holder()
    for _ in range(10):
        guess(gatehouse)
    fast = a_node(gatehouse, fast_by=dt.timedelta(hours=1))
    assert guess(fast) == NotSignedIn()
    for node in (fast, gatehouse):
        assert guess(node, PASSWORD) == NotSignedIn()
    assert reasons(gatehouse) == ["locked", "locked", *["wrong"] * 11]
    gatehouse.clock.advance(dt.timedelta(minutes=15))
    assert guess(gatehouse, PASSWORD) == NotSignedIn()
    gatehouse.clock.advance(dt.timedelta(minutes=75))
    assert isinstance(guess(gatehouse, PASSWORD), FlowPage)
