"""What ends every session of an account ends its sign-ins under way, too."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from idp.domain.factors import OwnFactor
from idp.domain.login_flow import Demands, Step
from idp.usecases.finish_login import finish_login
from idp.usecases.flow_outcomes import Done, FlowLost
from idp.usecases.log_out import log_out
from idp.usecases.look_at_flow import look_at_flow
from idp.usecases.remove_factor import remove_factor
from idp.usecases.sessions import find_session
from tests.support.accounts import switched
from tests.support.factors import an_app
from tests.support.staff_deeds import lock, unlock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.gatehouse import Gatehouse, Holder

THIEF = "browser-of-a-thief"
LOST = "01HAPP0000000000000000000A"


def parked(gatehouse: Gatehouse, holder: Holder, browser: str = THIEF) -> str:
    """Prove password and code, and leave the sign-in where one click ends it."""
    flow = gatehouse.start(browser, demands=Demands(review=True))
    gatehouse.give_password(flow, browser, holder.user_name)
    gatehouse.give_code(flow, browser, gatehouse.code(holder.seed))
    assert gatehouse.step(flow, browser) is Step.REVIEW
    gatehouse.next_step()
    return flow


def sign_out(gatehouse: Gatehouse, token: str) -> None:
    assert log_out(gatehouse.services, session_token=token, everywhere=True)


def remove_another_factor(gatehouse: Gatehouse, token: str) -> None:
    session = find_session(gatehouse.services, token)
    assert session is not None
    an_app(gatehouse.services, session.account.id, LOST, "Lost")
    assert isinstance(remove_factor(gatehouse.services, session, LOST, elsewhere=True), OwnFactor)


def deactivate_for_a_moment(gatehouse: Gatehouse, token: str) -> None:
    session = find_session(gatehouse.services, token)
    assert session is not None
    for active in (False, True):
        assert switched(gatehouse.services, session.account.id, active=active)


def lock_for_a_moment(gatehouse: Gatehouse, token: str) -> None:
    session = find_session(gatehouse.services, token)
    assert session is not None
    assert lock(gatehouse.services, session.account.user_name).sessions
    assert unlock(gatehouse.services, session.account.user_name).was_locked


@pytest.mark.parametrize(
    "deed", [sign_out, remove_another_factor, deactivate_for_a_moment, lock_for_a_moment]
)
def test_a_sign_in_under_way_ends_with_every_session(
    gatehouse: Gatehouse, deed: Callable[[Gatehouse, str], None]
) -> None:
    """ASVS 7.4.3, I4: whoever proved everything and only waits is shut out as one who has a session already."""
    holder = gatehouse.a_holder()
    other = gatehouse.a_holder("goldm")
    hers = gatehouse.sign_in(holder).session_token
    flow, of_another = parked(gatehouse, holder), parked(gatehouse, other, "browser-of-another")
    before = gatehouse.start(THIEF)
    deed(gatehouse, hers)
    assert isinstance(look_at_flow(gatehouse.services, flow=flow, browser=THIEF), FlowLost)
    assert isinstance(finish_login(gatehouse.services, flow=flow, browser=THIEF), FlowLost)
    assert isinstance(
        finish_login(gatehouse.services, flow=of_another, browser="browser-of-another"), Done
    ), "of another account"
    assert gatehouse.step(before, THIEF) is Step.IDENTIFY, "nothing was proved in it: it is nobody's yet"
    gatehouse.clock.advance(dt.timedelta(seconds=30))
    assert gatehouse.sign_in(holder).session_token


def test_a_step_up_goes_on_with_the_session_that_is_kept(gatehouse: Gatehouse) -> None:
    """ASVS 7.4.3: what she does herself, beside it, is not undone."""
    holder = gatehouse.a_holder()
    token = gatehouse.sign_in(holder).session_token
    session = find_session(gatehouse.services, token)
    assert session is not None
    flow = gatehouse.start(holder.browser, session=session, demands=Demands(fresh=True, review=True))
    gatehouse.give_password(flow, holder.browser, holder.user_name)
    gatehouse.clock.advance(dt.timedelta(seconds=1))
    remove_another_factor(gatehouse, token)
    gatehouse.give_code(flow, holder.browser, gatehouse.code(holder.seed))
    done = finish_login(gatehouse.services, flow=flow, browser=holder.browser)
    assert isinstance(done, Done)
    assert done.session_id == session.id


def test_a_second_click_finds_it_done_and_another_end_is_none(gatehouse: Gatehouse) -> None:
    """UI-05: only a session that this very deed ended says that all are; another end ended nothing elsewhere."""
    holder = gatehouse.a_holder()
    first = gatehouse.sign_in(holder).session_token
    assert log_out(gatehouse.services, session_token=first)
    assert log_out(gatehouse.services, session_token=first, everywhere=True) is None
    gatehouse.clock.advance(dt.timedelta(seconds=30))
    second = gatehouse.sign_in(holder).session_token
    for _click in range(2):
        assert log_out(gatehouse.services, session_token=second, everywhere=True)
    assert log_out(gatehouse.services, session_token=second) is None
