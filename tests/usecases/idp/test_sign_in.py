"""Signing in with a password and a code: refusals first."""

from __future__ import annotations

import datetime as dt
import itertools
import unicodedata
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from idp.domain.login_flow import Demands, FlowKind, PasswordDue, Step
from idp.domain.password_policy import FaultCode
from idp.domain.session import Acr
from idp.settings import IdpSettings
from idp.storage.flows import resume_flow
from idp.storage.tables import login_flow, password, session
from idp.usecases.enrol_totp import begin_totp_enrolment
from idp.usecases.finish_login import finish_login
from idp.usecases.flow_outcomes import (
    AlreadyDone,
    CodeSent,
    Done,
    FlowLost,
    FlowPage,
    NotSignedIn,
    PasswordRefused,
    SlowDown,
    WrongCode,
)
from idp.usecases.last_sign_in import last_sign_in
from idp.usecases.log_out import log_out
from idp.usecases.look_at_flow import look_at_flow
from idp.usecases.present_mailbox_code import present_mailbox_code
from idp.usecases.restart_login import restart_login
from idp.usecases.send_mailbox_code import send_mailbox_code
from idp.usecases.sessions import find_session
from idp.usecases.set_new_password import set_new_password
from kernel.audit import verify_chains
from kernel.crypto import PasswordHasher, digest
from tests.support.gatehouse import ANOTHER, PASSWORD, Gatehouse, a_gatehouse, from_place

if TYPE_CHECKING:
    from idp.domain.login_flow import Flow
    from kernel.clock import FrozenClock
    from kernel.database import Database

ELSEWHERE = "browser-elsewhere"
DAY = dt.timedelta(days=1)


def test_password_and_code_make_a_session(gatehouse: Gatehouse) -> None:
    """G-26, G-29: two steps, then the dashboard."""
    holder = gatehouse.a_holder()
    flow = gatehouse.start()
    assert gatehouse.page(flow, ELSEWHERE).account is None
    page = gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    assert isinstance(page, FlowPage)
    assert page.step is Step.SECOND_FACTOR
    assert [each.value for each in page.second_factors] == ["totp"]
    done = gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(holder.seed))
    assert isinstance(done, Done)
    live = find_session(gatehouse.services, done.session_token)
    assert live is not None
    assert (live.account.id, live.acr, live.amr) == (holder.id, Acr.TWO_FACTORS.value, ("pwd", "otp", "mfa"))


@pytest.mark.parametrize(
    "wrong", ["", PASSWORD.lower(), PASSWORD + " ", " " + PASSWORD, PASSWORD[:-1], "x" * 5000]
)
def test_only_exactly_the_password_is_the_password(sqlite_gatehouse: Gatehouse, wrong: str) -> None:
    """LG-01, LG-05, G-42: no trimming, no case, no truncation."""
    sqlite_gatehouse.a_holder()
    flow = sqlite_gatehouse.start()
    assert sqlite_gatehouse.give_password(flow, ELSEWHERE, "fieldn", wrong) == NotSignedIn()


@pytest.mark.parametrize("length", [73, 128, 1024])
def test_the_last_byte_of_a_long_password_counts(sqlite_gatehouse: Gatehouse, length: int) -> None:
    """LG-01: bcrypt's 72 bytes and their like are not here."""
    stem = ("Quiet-Harbour-71/" * 70)[: length - 1]
    holder = sqlite_gatehouse.activate(sqlite_gatehouse.provision(), password=stem + "a")
    flow = sqlite_gatehouse.start()
    assert sqlite_gatehouse.give_password(flow, ELSEWHERE, holder.user_name, stem + "b") == NotSignedIn()
    assert isinstance(sqlite_gatehouse.give_password(flow, ELSEWHERE, holder.user_name, stem + "a"), FlowPage)


def test_two_spellings_of_one_text_are_one_password(sqlite_gatehouse: Gatehouse) -> None:
    """LG-05: NFC at set and at verify."""
    text = "Élan-vital#42-où"
    sqlite_gatehouse.activate(sqlite_gatehouse.provision(), password=unicodedata.normalize("NFD", text))
    flow = sqlite_gatehouse.start()
    assert isinstance(sqlite_gatehouse.give_password(flow, ELSEWHERE, "fieldn", text), FlowPage)


def test_names_and_passwords_cannot_be_shifted_into_each_other(sqlite_gatehouse: Gatehouse) -> None:
    """LG-02: no key is made by joining the two."""
    sqlite_gatehouse.a_holder("field")
    flow = sqlite_gatehouse.start()
    shifted = sqlite_gatehouse.give_password(flow, ELSEWHERE, "fiel", "d" + PASSWORD)
    assert shifted == NotSignedIn()
    assert sqlite_gatehouse.give_password(flow, ELSEWHERE, "field" + PASSWORD, "") == NotSignedIn()


@pytest.mark.parametrize("identifier", ["FIELDN", " fieldn ", "fieldn@acme.example", "FieldN@ACME.example"])
def test_login_name_or_address_in_any_case(sqlite_gatehouse: Gatehouse, identifier: str) -> None:
    """G-05."""
    sqlite_gatehouse.a_holder()
    flow = sqlite_gatehouse.start()
    assert isinstance(sqlite_gatehouse.give_password(flow, ELSEWHERE, identifier), FlowPage)


def test_an_address_of_several_accounts_signs_nobody_in_and_the_mailbox_hears_why(
    gatehouse: Gatehouse,
) -> None:
    """G-06: one sentence on the page, the login names in the mailbox, once a day."""
    for name in ("workone", "worktwo"):
        gatehouse.a_holder(name, email="shared@acme.example")
    for _ in range(3):
        flow = gatehouse.start()
        assert gatehouse.give_password(flow, ELSEWHERE, "shared@acme.example") == NotSignedIn()
    letters = gatehouse.letters("which-account")
    assert [each.payload["to"] for each in letters] == ["shared@acme.example"]
    text = str(letters[0].payload["text"])
    assert "workone" in text
    assert "worktwo" in text
    flow = gatehouse.start()
    assert isinstance(gatehouse.give_password(flow, ELSEWHERE, "worktwo"), FlowPage)


def test_a_browser_that_knows_one_of_them_may_use_the_shared_address(gatehouse: Gatehouse) -> None:
    """G-06: where it can be told who is meant, it is."""
    gatehouse.activate(gatehouse.provision("workone", email="s@acme.example"), browser="browser-one")
    gatehouse.activate(gatehouse.provision("worktwo", email="s@acme.example"), browser="browser-two")
    flow = gatehouse.start("browser-two")
    page = gatehouse.give_password(flow, "browser-two", "s@acme.example")
    assert isinstance(page, FlowPage)
    assert page.account is not None
    assert page.account.user_name == "worktwo"


def test_a_login_name_wins_over_the_same_address_of_another(gatehouse: Gatehouse) -> None:
    """LG-14: one resolution, always the same; nobody's address can stand in a name's way."""
    gatehouse.a_holder("bob@acme.example", email="workspace@acme.example")
    gatehouse.activate(gatehouse.provision("bob", email="bob@acme.example"), password=ANOTHER)
    flow = gatehouse.start()
    assert gatehouse.give_password(flow, ELSEWHERE, "bob@acme.example", ANOTHER) == NotSignedIn()
    page = gatehouse.give_password(flow, ELSEWHERE, "bob@acme.example", PASSWORD)
    assert isinstance(page, FlowPage)
    assert page.account is not None
    assert page.account.user_name == "bob@acme.example"


def test_a_wrong_digit_is_refused_and_counted_down(gatehouse: Gatehouse) -> None:
    """MF-04: five tries, then the flow starts again with the password."""
    holder = gatehouse.a_holder()
    flow = gatehouse.start()
    gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    wrong = f"{(int(gatehouse.code(holder.seed)) + 1) % 1_000_000:06d}"
    answers = [gatehouse.give_code(flow, ELSEWHERE, wrong) for _ in range(6)]
    assert answers == [*(WrongCode(left) for left in (4, 3, 2, 1, 0)), FlowLost(is_spent=True)]
    assert gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(holder.seed)) == FlowLost(is_spent=True)
    gatehouse.clock.advance(gatehouse.services.settings.flow_life)
    assert gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(holder.seed)) == FlowLost()
    assert {row.reason for row in gatehouse.audit("gateway:second-factor:refused")} == {"wrong"}


def test_a_code_works_once_in_any_flow(gatehouse: Gatehouse) -> None:
    """MF-02, MF-09: the same step in another flow, in another spelling, is refused."""
    holder = gatehouse.a_holder()
    first, second = gatehouse.start("browser-1"), gatehouse.start("browser-2")
    for flow, browser in ((first, "browser-1"), (second, "browser-2")):
        gatehouse.give_password(flow, browser, "fieldn")
    code = gatehouse.code(holder.seed)
    assert isinstance(gatehouse.give_code(first, "browser-1", code), Done)
    assert gatehouse.give_code(second, "browser-2", code) == WrongCode(4)
    wide = code.translate({ord(str(digit)): 0xFF10 + digit for digit in range(10)})
    assert gatehouse.give_code(second, "browser-2", wide) == WrongCode(3)
    assert gatehouse.give_code(second, "browser-2", f" {code}") == WrongCode(2)
    assert [row.reason for row in gatehouse.audit("gateway:second-factor:refused")] == [
        "used",
        "wrong",
        "wrong",
    ]


def test_a_later_step_bars_the_ones_before(gatehouse: Gatehouse) -> None:
    """MF-05: the next step is accepted, the present one afterwards is not."""
    holder = gatehouse.a_holder()
    flow = gatehouse.start()
    gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    assert isinstance(gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(holder.seed, steps=1)), Done)
    again = gatehouse.start()
    gatehouse.give_password(again, ELSEWHERE, "fieldn")
    assert gatehouse.give_code(again, ELSEWHERE, gatehouse.code(holder.seed)) == WrongCode(4)


def test_a_code_of_another_account_is_refused(gatehouse: Gatehouse) -> None:
    """MF-07."""
    gatehouse.a_holder("alice")
    bob = gatehouse.a_holder("bob")
    flow = gatehouse.start()
    gatehouse.give_password(flow, ELSEWHERE, "alice")
    assert gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(bob.seed)) == WrongCode(4)


def test_a_code_before_the_password_changes_nothing(gatehouse: Gatehouse) -> None:
    """RC-01, CVE-2026-49443: a step cannot be taken before its turn."""
    holder = gatehouse.a_holder()
    flow = gatehouse.start()
    page = gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(holder.seed))
    assert isinstance(page, FlowPage)
    assert page.step is Step.IDENTIFY
    gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    assert isinstance(gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(holder.seed)), Done)


def test_a_flow_is_worth_nothing_in_another_browser(gatehouse: Gatehouse) -> None:
    """CVE-2026-7507, SE-06: neither looked at, nor moved, nor resumed, nor restarted."""
    holder = gatehouse.a_holder()
    flow = gatehouse.start()
    gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    stranger = "browser-of-a-stranger"
    assert look_at_flow(gatehouse.services, flow=flow, browser=stranger) == FlowLost()
    assert gatehouse.give_code(flow, stranger, gatehouse.code(holder.seed)) == FlowLost()
    assert restart_login(gatehouse.services, flow=flow, browser=stranger, session=None) is None
    assert isinstance(gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(holder.seed)), Done)
    assert _taken_up(gatehouse, flow, stranger) is None


def test_a_flow_ends(gatehouse: Gatehouse) -> None:
    """An hour, and it starts again with the same target."""
    holder = gatehouse.a_holder()
    flow = gatehouse.start(
        request={"kind": "authorize", "params": {"client_id": "emi"}}, client_id="emi", client_name="EMI"
    )
    gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    gatehouse.clock.advance(dt.timedelta(hours=1))
    assert look_at_flow(gatehouse.services, flow=flow, browser=ELSEWHERE) == FlowLost("EMI", "emi")
    assert gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(holder.seed)) == FlowLost("EMI", "emi")
    new = restart_login(gatehouse.services, flow=flow, browser=ELSEWHERE, session=None)
    assert new is not None
    page = gatehouse.page(new, ELSEWHERE)
    assert (page.step, page.client_name) == (Step.IDENTIFY, "EMI")
    gatehouse.give_password(new, ELSEWHERE, "fieldn")
    done = gatehouse.give_code(new, ELSEWHERE, gatehouse.code(holder.seed))
    assert isinstance(done, Done)
    assert done.next_url == f"/oauth2/authorize/resume?flow={new}"


def test_a_finished_flow_makes_no_second_session(gatehouse: Gatehouse) -> None:
    """A double click, or the way back, leads on and opens nothing."""
    holder = gatehouse.a_holder()
    flow = gatehouse.start()
    gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(holder.seed))
    gatehouse.next_step()
    for answer in (
        gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(holder.seed)),
        gatehouse.give_password(flow, ELSEWHERE, "fieldn"),
        finish_login(gatehouse.services, flow=flow, browser=ELSEWHERE),
        look_at_flow(gatehouse.services, flow=flow, browser=ELSEWHERE),
    ):
        assert answer == AlreadyDone("/")
    assert restart_login(gatehouse.services, flow=flow, browser=ELSEWHERE, session=None) is None
    assert len(gatehouse.audit("gateway:session:started")) == 2


def test_the_request_of_a_flow_is_taken_up_once(gatehouse: Gatehouse) -> None:
    """The authorization request goes on with the session its flow made, and not twice."""
    holder = gatehouse.a_holder()
    flow = gatehouse.start(request={"kind": "authorize", "params": {"scope": "openid"}}, client_id="emi")
    assert _taken_up(gatehouse, flow, ELSEWHERE) is None
    gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    done = gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(holder.seed))
    assert isinstance(done, Done)
    taken = _taken_up(gatehouse, flow, ELSEWHERE)
    assert taken is not None
    assert (taken.client_id, taken.account_id, taken.session_id) == ("emi", holder.id, done.session_id)
    assert taken.request == {"kind": "authorize", "params": {"scope": "openid"}}
    assert _taken_up(gatehouse, flow, ELSEWHERE) is None


def test_three_tabs_all_finish(gatehouse: Gatehouse) -> None:
    """Bar 31: each tab has its flow, all end in one session of one browser."""
    holder = gatehouse.a_holder()
    flows = [gatehouse.start(request={"kind": "page", "path": f"/{tab}"}) for tab in "abc"]
    done = []
    for flow in flows:
        gatehouse.give_password(flow, ELSEWHERE, "fieldn")
        done.append(gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(holder.seed)))
        gatehouse.next_step()
    assert [each.next_url for each in done if isinstance(each, Done)] == ["/a", "/b", "/c"]
    assert len({each.session_id for each in done if isinstance(each, Done)}) == 1
    assert isinstance(done[-1], Done)
    assert find_session(gatehouse.services, done[-1].session_token) is not None


def test_every_sign_in_has_a_new_token(gatehouse: Gatehouse) -> None:
    """ASVS 7.2.4: the token before is dead, the digest alone is stored."""
    holder = gatehouse.a_holder()
    first = gatehouse.sign_in(holder)
    second = gatehouse.sign_in(holder)
    assert first.session_token != second.session_token
    assert find_session(gatehouse.services, first.session_token) is None
    assert find_session(gatehouse.services, second.session_token) is not None
    with gatehouse.services.store.read() as connection:
        rows = connection.execute(select(session)).all()
    assert second.session_token not in repr(rows)
    assert digest(second.session_token) in [row.digest for row in rows]


def test_another_account_in_the_same_browser_ends_the_session_before(gatehouse: Gatehouse) -> None:
    """One browser, one person at a time."""
    alice = gatehouse.a_holder("alice")
    bob = gatehouse.a_holder("bob")
    before = gatehouse.sign_in(alice, browser="browser-shared")
    after = gatehouse.sign_in(bob, browser="browser-shared")
    assert find_session(gatehouse.services, before.session_token) is None
    live = find_session(gatehouse.services, after.session_token)
    assert live is not None
    assert live.account.user_name == "bob"
    assert [row.reason for row in gatehouse.audit("gateway:session:ended")][-1:] in (["replaced"], [])


def test_another_account_in_the_same_browser_ends_a_session_that_idled_too(gatehouse: Gatehouse) -> None:
    """One browser, one person at a time: whoever left a shared desk an hour ago is signed in nowhere."""
    alice, bob = gatehouse.a_holder("alice"), gatehouse.a_holder("bob")
    left = gatehouse.sign_in(alice, browser="browser-shared").session_id
    gatehouse.clock.advance(dt.timedelta(minutes=31))
    gatehouse.sign_in(bob, browser="browser-shared")
    last = gatehouse.audit("gateway:session:ended")[-1]
    assert (last.reason, last.details["session"]) == ("replaced", left)


def test_who_signs_in_again_after_idling_goes_on_in_the_same_session(gatehouse: Gatehouse) -> None:
    """SE-04, ASVS 7.2.4: relying parties know its `sid`, so that one sign-out reaches them all; the token is new."""
    holder = gatehouse.a_holder()
    first = gatehouse.sign_in(holder)
    gatehouse.clock.advance(dt.timedelta(minutes=31))
    assert find_session(gatehouse.services, first.session_token) is None
    second = gatehouse.sign_in(holder)
    assert (second.session_id, find_session(gatehouse.services, first.session_token)) == (
        first.session_id,
        None,
    )
    live = find_session(gatehouse.services, second.session_token)
    assert live is not None
    assert live.authenticated_at > gatehouse.clock.now() - dt.timedelta(minutes=1)
    assert log_out(gatehouse.services, session_token=second.session_token)
    assert [row.reason for row in gatehouse.audit("gateway:session:ended")] == ["signed-out"]


def test_an_expired_password_leads_only_to_its_change_after_the_second_factor(gatehouse: Gatehouse) -> None:
    """LG-08, G-37, G-52: nothing else can be done first."""
    holder = gatehouse.a_holder()
    gatehouse.clock.advance(90 * DAY)
    flow = gatehouse.start(holder.browser)
    page = gatehouse.give_password(flow, holder.browser, "fieldn")
    assert isinstance(page, FlowPage)
    assert page.step is Step.SECOND_FACTOR
    page = gatehouse.give_code(flow, holder.browser, gatehouse.code(holder.seed))
    assert isinstance(page, FlowPage)
    assert (page.step, page.password_due) == (Step.CHANGE_PASSWORD, PasswordDue.EXPIRED)
    assert page.requirements
    assert isinstance(begin_totp_enrolment(gatehouse.services, flow=flow, browser=holder.browser), FlowLost)
    still = finish_login(gatehouse.services, flow=flow, browser=holder.browser)
    assert isinstance(still, FlowPage)
    assert still.step is Step.CHANGE_PASSWORD
    done = set_new_password(
        gatehouse.services, flow=flow, browser=holder.browser, password=ANOTHER, repeat=ANOTHER
    )
    assert isinstance(done, Done)
    gatehouse.next_step()
    holder.password = ANOTHER
    gatehouse.sign_in(holder)
    assert len(gatehouse.letters("password-changed")) == 1


def test_until_the_moment_it_expires_a_password_is_good(gatehouse: Gatehouse) -> None:
    """G-52: ninety days exactly; half a minute before, it signs in without a question."""
    holder = gatehouse.a_holder()
    gatehouse.clock.advance(90 * DAY - dt.timedelta(seconds=31))
    gatehouse.sign_in(holder)


def test_the_last_four_passwords_cannot_come_back(gatehouse: Gatehouse) -> None:
    """G-48, G-53: four, the present one among them; the fifth back may."""
    holder = gatehouse.a_holder()
    used = [PASSWORD, "Velvet+Canyon-38", "Copper_Lagoon-92", "Amber~Thicket-46", "Marble^Orchid-57"]
    for old, new in itertools.pairwise(used):
        holder.password = old
        flow = _to_change(gatehouse, holder)
        for earlier in used[max(0, used.index(old) - 3) : used.index(old) + 1]:
            refused = set_new_password(
                gatehouse.services, flow=flow, browser=holder.browser, password=earlier, repeat=earlier
            )
            assert isinstance(refused, PasswordRefused)
            assert [(fault.code, fault.value) for fault in refused.faults] == [(FaultCode.USED_BEFORE, "4")]
        done = set_new_password(
            gatehouse.services, flow=flow, browser=holder.browser, password=new, repeat=new
        )
        assert isinstance(done, Done)
        gatehouse.next_step()
    holder.password = used[-1]
    flow = _to_change(gatehouse, holder)
    done = set_new_password(
        gatehouse.services, flow=flow, browser=holder.browser, password=PASSWORD, repeat=PASSWORD
    )
    assert isinstance(done, Done)


def _taken_up(gatehouse: Gatehouse, flow: str, browser: str) -> Flow | None:
    with gatehouse.services.store.write() as unit:
        return resume_flow(unit.connection, digest(flow), digest(browser), now=unit.now)


def _to_change(gatehouse: Gatehouse, holder: object) -> str:
    gatehouse.clock.advance(90 * DAY)
    flow = gatehouse.start(holder.browser)  # type: ignore[attr-defined]
    gatehouse.give_password(flow, holder.browser, "fieldn", holder.password)  # type: ignore[attr-defined]
    gatehouse.give_code(flow, holder.browser, gatehouse.code(holder.seed))  # type: ignore[attr-defined]
    return flow


def test_a_changed_password_ends_every_other_session(gatehouse: Gatehouse) -> None:
    """RFC 9700 §4.14, RC-12's class: whoever else is in is out."""
    holder = gatehouse.a_holder()
    gatehouse.clock.advance(90 * DAY - dt.timedelta(minutes=10))
    other = gatehouse.sign_in(holder, browser="browser-other")
    gatehouse.clock.advance(dt.timedelta(minutes=10))
    flow = gatehouse.start(ELSEWHERE)
    gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(holder.seed))
    assert find_session(gatehouse.services, other.session_token) is not None
    done = set_new_password(
        gatehouse.services, flow=flow, browser=ELSEWHERE, password=ANOTHER, repeat=ANOTHER
    )
    assert isinstance(done, Done)
    assert find_session(gatehouse.services, other.session_token) is None
    assert find_session(gatehouse.services, done.session_token) is not None


def test_a_temporary_password_must_be_changed(gatehouse: Gatehouse) -> None:
    """G-68: it opens the change and nothing else."""
    holder = gatehouse.a_holder()
    with gatehouse.services.store.write() as unit:
        unit.connection.execute(password.update().values(must_change=True))
    flow = gatehouse.start(holder.browser)
    gatehouse.give_password(flow, holder.browser, "fieldn")
    page = gatehouse.give_code(flow, holder.browser, gatehouse.code(holder.seed))
    assert isinstance(page, FlowPage)
    assert (page.step, page.password_due) == (Step.CHANGE_PASSWORD, PasswordDue.TEMPORARY)


def test_who_left_the_wizard_proves_the_mailbox_before_going_on(gatehouse: Gatehouse) -> None:
    """MF-14, 6.5: a password alone does not enrol; the code goes to the account's own address."""
    account = gatehouse.provision()
    gatehouse.start_activation(account)
    flow = gatehouse.start()
    page = gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    assert isinstance(page, FlowPage)
    assert (page.step, page.mailbox, page.code_sent) == (Step.PROVE_MAILBOX, "f•••@acme.example", False)
    assert isinstance(begin_totp_enrolment(gatehouse.services, flow=flow, browser=ELSEWHERE), FlowLost)
    assert isinstance(send_mailbox_code(gatehouse.services, flow=flow, browser=ELSEWHERE), CodeSent)
    assert gatehouse.page(flow, ELSEWHERE).code_sent
    code = gatehouse.mailbox_code("fieldn@acme.example")
    page = present_mailbox_code(gatehouse.services, flow=flow, browser=ELSEWHERE, code=code)
    assert isinstance(page, FlowPage)
    assert page.step is Step.SET_QUESTION
    gatehouse.answer_question(flow, ELSEWHERE)
    _, page = gatehouse.enrol_app(flow, ELSEWHERE)
    assert isinstance(page, FlowPage)
    assert page.step is Step.REVIEW
    done = finish_login(gatehouse.services, flow=flow, browser=ELSEWHERE)
    assert isinstance(done, Done)
    assert done.acr is Acr.TWO_FACTORS


def test_a_mailed_code_belongs_to_its_flow_and_the_newest_counts(gatehouse: Gatehouse) -> None:
    """MF-09, MF-10, MF-20: another flow, an older code, one asked for too soon."""
    gatehouse.start_activation(gatehouse.provision())
    services = gatehouse.services
    first, second = gatehouse.start("browser-1"), gatehouse.start("browser-2")
    for flow, browser in ((first, "browser-1"), (second, "browser-2")):
        gatehouse.give_password(flow, browser, "fieldn")
    send_mailbox_code(services, flow=first, browser="browser-1")
    old = gatehouse.mailbox_code("fieldn@acme.example")
    too_soon = send_mailbox_code(services, flow=first, browser="browser-1")
    assert too_soon == SlowDown(dt.timedelta(seconds=30))
    foreign = present_mailbox_code(services, flow=second, browser="browser-2", code=old)
    assert foreign == WrongCode(4)
    gatehouse.clock.advance(dt.timedelta(seconds=31))
    assert isinstance(send_mailbox_code(services, flow=first, browser="browser-1"), CodeSent)
    new = gatehouse.mailbox_code("fieldn@acme.example")
    if new != old:
        assert present_mailbox_code(services, flow=first, browser="browser-1", code=old) == WrongCode(4)
    gatehouse.clock.advance(dt.timedelta(minutes=10))
    assert isinstance(present_mailbox_code(services, flow=first, browser="browser-1", code=new), WrongCode)


def test_a_mailbox_is_not_flooded_with_codes(sqlite_gatehouse: Gatehouse) -> None:
    """MF-20: five in an hour, whatever is asked."""
    sqlite_gatehouse.start_activation(sqlite_gatehouse.provision())
    flow = sqlite_gatehouse.start()
    sqlite_gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    for _ in range(30):
        send_mailbox_code(sqlite_gatehouse.services, flow=flow, browser=ELSEWHERE)
        sqlite_gatehouse.clock.advance(dt.timedelta(seconds=60))
    assert len(sqlite_gatehouse.letters("mailbox-code")) == 5


def test_a_sign_in_from_a_new_browser_is_told_and_from_a_known_one_not(gatehouse: Gatehouse) -> None:
    """Bar 19, ASVS 6.3.5: who, when, from where."""
    holder = gatehouse.a_holder()
    gatehouse.sign_in(holder)
    assert gatehouse.letters("new-sign-in") == []
    with from_place("192.0.2.77"):
        gatehouse.sign_in(holder, browser="browser-new")
        gatehouse.sign_in(holder, browser="browser-new")
    letters = gatehouse.letters("new-sign-in")
    assert len(letters) == 1
    text = str(letters[0].payload["text"])
    assert "Chrome on Windows" in text
    assert "192.0.2.77" in text


def test_the_sign_in_before_is_shown(gatehouse: Gatehouse) -> None:
    """6.4: by that line a stranger's visit is noticed."""
    holder = gatehouse.a_holder()
    done = gatehouse.sign_in(holder, browser="browser-one")
    live = find_session(gatehouse.services, done.session_token)
    assert live is not None
    before = last_sign_in(gatehouse.services, live)
    assert before is not None
    assert before.at < live.started_at


def test_a_step_up_asks_for_the_second_factor_only_and_rotates_the_token(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """OIDC Core §3.1.2.1, ASVS 7.2.4: acr 2fa for a one-factor session; auth_time stays."""
    gatehouse = a_gatehouse(sqlite_gateway_database, clock)
    holder = gatehouse.a_holder()
    done = gatehouse.sign_in(holder)
    with gatehouse.services.store.write() as unit:
        unit.connection.execute(session.update().values(acr=Acr.ONE_FACTOR.value, amr=["pwd"]))
    live = find_session(gatehouse.services, done.session_token)
    assert live is not None
    flow = gatehouse.start(holder.browser, session=live, demands=Demands(acr=(Acr.TWO_FACTORS.value,)))
    page = gatehouse.page(flow, holder.browser)
    assert (page.kind, page.step) == (FlowKind.STEP_UP, Step.SECOND_FACTOR)
    stronger = gatehouse.give_code(flow, holder.browser, gatehouse.code(holder.seed))
    assert isinstance(stronger, Done)
    assert stronger.session_id == done.session_id
    assert find_session(gatehouse.services, done.session_token) is None
    now = find_session(gatehouse.services, stronger.session_token)
    assert now is not None
    assert (now.acr, now.amr) == (Acr.TWO_FACTORS.value, ("pwd", "otp", "mfa"))
    assert now.authenticated_at == live.authenticated_at


def test_a_fresh_step_up_is_bound_to_its_account(gatehouse: Gatehouse) -> None:
    """prompt=login: the same person again, whatever name is typed; auth_time moves."""
    holder = gatehouse.a_holder("alice")
    gatehouse.activate(gatehouse.provision("bob"), password=ANOTHER)
    done = gatehouse.sign_in(holder)
    live = find_session(gatehouse.services, done.session_token)
    assert live is not None
    flow = gatehouse.start(holder.browser, session=live, demands=Demands(fresh=True))
    assert gatehouse.give_password(flow, holder.browser, "bob", ANOTHER) == NotSignedIn()
    gatehouse.give_password(flow, holder.browser, "bob", PASSWORD)
    again = gatehouse.give_code(flow, holder.browser, gatehouse.code(holder.seed))
    assert isinstance(again, Done)
    now = find_session(gatehouse.services, again.session_token)
    assert now is not None
    assert now.account.user_name == "alice"
    assert now.authenticated_at > live.authenticated_at


def test_a_step_up_dies_with_its_session(gatehouse: Gatehouse) -> None:
    """CVE-2026-7507's class: a signed-out session lends its proof to nothing."""
    holder = gatehouse.a_holder()
    done = gatehouse.sign_in(holder)
    live = find_session(gatehouse.services, done.session_token)
    flow = gatehouse.start(holder.browser, session=live)
    assert log_out(gatehouse.services, session_token=done.session_token)
    assert look_at_flow(gatehouse.services, flow=flow, browser=holder.browser) == FlowLost()
    assert finish_login(gatehouse.services, flow=flow, browser=holder.browser) == FlowLost()


def test_a_step_up_dies_with_an_idle_session(gatehouse: Gatehouse) -> None:
    """SE-04: a flow of an hour does not keep the proof of a session that idled out after half of one."""
    holder = gatehouse.a_holder()
    done = gatehouse.sign_in(holder)
    live = find_session(gatehouse.services, done.session_token)
    flow = gatehouse.start(holder.browser, session=live)
    gatehouse.clock.advance(dt.timedelta(minutes=29))
    assert gatehouse.step(flow, holder.browser) is Step.DONE
    gatehouse.clock.advance(dt.timedelta(minutes=1))
    assert look_at_flow(gatehouse.services, flow=flow, browser=holder.browser) == FlowLost()
    assert finish_login(gatehouse.services, flow=flow, browser=holder.browser) == FlowLost()


def test_a_session_idles_out_and_ends_after_its_life(gatehouse: Gatehouse) -> None:
    """SE-04: 30 minutes idle, 12 hours in all, to the second; looking by itself extends nothing."""
    holder = gatehouse.a_holder()
    done = gatehouse.sign_in(holder)
    started = gatehouse.clock.now()
    gatehouse.clock.advance(dt.timedelta(minutes=29))
    assert find_session(gatehouse.services, done.session_token, in_use=False) is not None
    gatehouse.clock.advance(dt.timedelta(minutes=1))
    assert find_session(gatehouse.services, done.session_token) is None
    done = gatehouse.sign_in(holder)
    started = gatehouse.clock.now()
    while gatehouse.clock.now() < started + dt.timedelta(hours=11, minutes=50):
        gatehouse.clock.advance(dt.timedelta(minutes=10))
        assert find_session(gatehouse.services, done.session_token) is not None
    gatehouse.clock.advance(dt.timedelta(minutes=10))
    assert find_session(gatehouse.services, done.session_token) is None


def test_a_use_is_noted_once_a_minute(gatehouse: Gatehouse) -> None:
    """Performance §: a page costs no write unless a minute has passed."""
    done = gatehouse.sign_in(gatehouse.a_holder())
    first = find_session(gatehouse.services, done.session_token)
    gatehouse.clock.advance(dt.timedelta(seconds=20))
    find_session(gatehouse.services, done.session_token)
    second = find_session(gatehouse.services, done.session_token)
    assert first is not None
    assert second is not None
    assert (
        second.last_seen_at == gatehouse.clock.now() - dt.timedelta(seconds=20)
        or second.last_seen_at >= first.last_seen_at
    )


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "' OR 1=1 --", "é" * 43, "a" * 8192])
def test_what_is_no_session_token_is_nobody(sqlite_gatehouse: Gatehouse, token: str) -> None:
    """SE-10: fails closed."""
    assert find_session(sqlite_gatehouse.services, token) is None
    assert not log_out(sqlite_gatehouse.services, session_token=token)


def test_signing_out_ends_the_session_at_once_and_once(gatehouse: Gatehouse) -> None:
    """ASVS 7.4.1, G-84."""
    done = gatehouse.sign_in(gatehouse.a_holder())
    assert log_out(gatehouse.services, session_token=done.session_token)
    assert find_session(gatehouse.services, done.session_token) is None
    assert not log_out(gatehouse.services, session_token=done.session_token)


def test_deactivation_ends_a_session_with_its_next_use(gatehouse: Gatehouse) -> None:
    """LG-11, I4, ASVS 7.4.2: the statement that finds a session looks at its account."""
    holder = gatehouse.a_holder()
    done = gatehouse.sign_in(holder)
    gatehouse.deactivate(holder.id)
    assert find_session(gatehouse.services, done.session_token) is None


def test_a_deactivated_account_stops_in_the_middle_of_its_flow(gatehouse: Gatehouse) -> None:
    """I4, CVE-2025-14559: password given, then deactivated: the code opens nothing."""
    holder = gatehouse.a_holder()
    flow = gatehouse.start()
    gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    gatehouse.deactivate(holder.id)
    assert gatehouse.give_code(flow, ELSEWHERE, gatehouse.code(holder.seed)) == FlowLost()


def test_a_password_changed_meanwhile_is_no_longer_a_proof(gatehouse: Gatehouse) -> None:
    """I2: what was right when it was sent counts only if it is still the password when it is believed."""
    from idp.usecases import present_password as deed

    holder = gatehouse.a_holder()
    flow = gatehouse.start()
    original = deed.password_matches

    def changed_while_looking(*arguments: object) -> bool:
        answer = original(*arguments)  # type: ignore[arg-type]
        with gatehouse.services.store.write() as unit:
            unit.connection.execute(password.update().values(hash="$argon2id$changed"))
        return answer

    deed.password_matches = changed_while_looking  # type: ignore[assignment]
    try:
        assert gatehouse.give_password(flow, ELSEWHERE, holder.user_name) == NotSignedIn()
    finally:
        deed.password_matches = original


def test_hashes_follow_the_costs_in_force(sqlite_gateway_database: Database, clock: FrozenClock) -> None:
    """LG-10: a sign-in renews a hash made with lower costs."""
    gatehouse = a_gatehouse(sqlite_gateway_database, clock)
    holder = gatehouse.a_holder()
    dearer = a_gatehouse(sqlite_gateway_database, clock, passwords=PasswordHasher(memory_kib=16, passes=2))
    dearer.sign_in(holder)
    with gatehouse.services.store.read() as connection:
        stored = connection.scalar(select(password.c.hash))
    assert stored is not None
    assert "m=16,t=2" in stored
    dearer.sign_in(holder)


def test_where_the_second_factor_is_optional_a_password_may_do(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """G-29: a policy; acr tells the truth about it."""
    settings = IdpSettings(second_factor="optional", policy="nist-63b-4")
    gatehouse = a_gatehouse(sqlite_gateway_database, clock, settings=settings)
    flow = gatehouse.start_activation(gatehouse.provision(), password="violet canyon drum")
    assert isinstance(finish_login(gatehouse.services, flow=flow, browser="browser-home"), Done)
    again = gatehouse.start()
    done = gatehouse.give_password(again, ELSEWHERE, "fieldn", "violet canyon drum")
    assert isinstance(done, Done)
    assert done.acr is Acr.ONE_FACTOR


def test_the_chain_of_the_audit_holds_through_refusals_and_sign_ins(gatehouse: Gatehouse) -> None:
    """I8, G-90: one row per deed, every chain verifies, flows keep no secret."""
    holder = gatehouse.a_holder()
    flow = gatehouse.start()
    gatehouse.give_password(flow, ELSEWHERE, "fieldn", "wrong")
    gatehouse.give_password(flow, ELSEWHERE, "nobody", "Secret-typed-as-name")
    gatehouse.sign_in(holder)
    report = verify_chains(gatehouse.services.store.database)
    assert report.faults == []
    refused = gatehouse.audit("gateway:sign-in:refused")
    assert [row.reason for row in refused] == ["wrong", "unknown"]
    assert refused[1].target.startswith("name:")
    assert "nobody" not in repr(refused)
    with gatehouse.services.store.read() as connection:
        assert flow not in repr(connection.execute(select(login_flow)).all())
