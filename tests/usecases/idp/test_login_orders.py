"""Whatever is posted in whatever order: who lacks a proof never gets in, and never enrols anything."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from idp.domain.login_flow import Step
from idp.storage.tables import factor, security_question
from idp.usecases.begin_passkey import begin_passkey
from idp.usecases.enrol_passkey import begin_passkey_enrolment, confirm_passkey_enrolment
from idp.usecases.enrol_totp import begin_totp_enrolment, confirm_totp_enrolment
from idp.usecases.finish_login import finish_login
from idp.usecases.flow_outcomes import Done, FlowPage, PasskeyOptions
from idp.usecases.look_at_flow import look_at_flow
from idp.usecases.present_mailbox_code import present_mailbox_code
from idp.usecases.present_passkey import present_passkey
from idp.usecases.send_mailbox_code import send_mailbox_code
from idp.usecases.set_new_password import set_new_password
from idp.usecases.set_security_question import set_security_question
from tests.support.gatehouse import ANOTHER, ANSWER, PASSWORD
from tests.support.soft_passkey import SoftPasskey

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.gatehouse import Gatehouse

BROWSER = "browser-of-a-thief"


@dataclass
class Thief:
    """Somebody with a browser, one flow, and what was stolen."""

    gatehouse: Gatehouse
    flow: str
    name: str
    password: str
    code: str
    passkey: SoftPasskey

    def deeds(self) -> dict[str, Callable[[], object]]:
        """Return every deed that a page of the sign-in can call."""
        services = self.gatehouse.services
        here = {"flow": self.flow, "browser": BROWSER}
        return {
            "password": lambda: self.gatehouse.give_password(self.flow, BROWSER, self.name, self.password),
            "code": lambda: self.gatehouse.give_code(self.flow, BROWSER, self.code),
            "send": lambda: send_mailbox_code(services, **here),
            "mailbox": lambda: present_mailbox_code(services, code="000000", **here),
            "question": lambda: set_security_question(services, question="lake", answer=ANSWER, **here),
            "begin app": lambda: begin_totp_enrolment(services, **here),
            "confirm app": lambda: confirm_totp_enrolment(services, code=self.code, **here),
            "enrol passkey": self._enrol_passkey,
            "passkey": self._passkey,
            "change": lambda: set_new_password(services, password=ANOTHER, repeat=ANOTHER, **here),
            "finish": lambda: finish_login(services, **here),
            "look": lambda: look_at_flow(services, **here),
        }

    def _enrol_passkey(self) -> object:
        options = begin_passkey_enrolment(self.gatehouse.services, flow=self.flow, browser=BROWSER)
        if not isinstance(options, PasskeyOptions):
            return options
        credential = SoftPasskey().create(options.json)
        return confirm_passkey_enrolment(
            self.gatehouse.services, flow=self.flow, browser=BROWSER, credential=credential
        )

    def _passkey(self) -> object:
        options = begin_passkey(self.gatehouse.services, flow=self.flow, browser=BROWSER)
        if not isinstance(options, PasskeyOptions):
            return options
        credential = self.passkey.get(options.json)
        return present_passkey(
            self.gatehouse.services, flow=self.flow, browser=BROWSER, credential=credential
        )


NAMES = (
    "password",
    "code",
    "send",
    "mailbox",
    "question",
    "begin app",
    "confirm app",
    "enrol passkey",
    "passkey",
    "change",
    "finish",
    "look",
)
ORDERS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=12)
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def enrolled(gatehouse: Gatehouse) -> tuple[int, int]:
    with gatehouse.services.store.read() as connection:
        factors = connection.scalar(
            select(func.count()).select_from(factor).where(factor.c.confirmed_at.is_not(None))
        )
        questions = connection.scalar(select(func.count()).select_from(security_question))
    return factors or 0, questions or 0


def run(thief: Thief, order: list[str]) -> None:
    before = enrolled(thief.gatehouse)
    for name in order:
        answer = thief.deeds()[name]()
        assert not isinstance(answer, Done), order
        if isinstance(answer, FlowPage):
            assert answer.step not in {Step.REVIEW, Step.DONE, Step.ENROL_FACTOR, Step.SET_QUESTION}, order
    assert enrolled(thief.gatehouse) == before, order
    thief.gatehouse.clock.advance(dt.timedelta(hours=2))


def a_thief(gatehouse: Gatehouse, name: str, password: str = PASSWORD, code: str = "000000") -> Thief:
    return Thief(gatehouse, gatehouse.start(BROWSER), name, password, code, SoftPasskey(user_handle=b"thief"))


@SLOW
@given(order=ORDERS)
def test_a_stolen_password_opens_nothing(sqlite_gatehouse: Gatehouse, order: list[str]) -> None:
    """RC-01, MF-13, CVE-2026-18963's class: all but the second factor."""
    if not sqlite_gatehouse.audit("gateway:account:activated"):
        sqlite_gatehouse.a_holder()
    run(a_thief(sqlite_gatehouse, "fieldn"), order)


@SLOW
@given(order=ORDERS)
def test_a_stolen_password_of_an_unfinished_account_opens_nothing(
    sqlite_gatehouse: Gatehouse, order: list[str]
) -> None:
    """MF-14: all but the mailbox."""
    if not sqlite_gatehouse.audit("gateway:account:activated"):
        sqlite_gatehouse.start_activation(sqlite_gatehouse.provision())
    run(a_thief(sqlite_gatehouse, "fieldn"), order)


@SLOW
@given(order=ORDERS)
def test_a_stolen_app_opens_nothing(sqlite_gatehouse: Gatehouse, order: list[str]) -> None:
    """RC-01: all but the password: right codes, wrong word."""
    made = sqlite_gatehouse.audit("gateway:account:activated")
    if not made:
        _SEEDS[id(sqlite_gatehouse)] = sqlite_gatehouse.a_holder().seed
    code = sqlite_gatehouse.code(_SEEDS[id(sqlite_gatehouse)])
    run(a_thief(sqlite_gatehouse, "fieldn", "Wrong-Password-1", code), order)


_SEEDS: dict[int, bytes] = {}


@SLOW
@given(order=ORDERS)
def test_nothing_stolen_opens_nothing(sqlite_gatehouse: Gatehouse, order: list[str]) -> None:
    """CVE-2026-49443: empty and early posts move no flow."""
    if not sqlite_gatehouse.audit("gateway:account:activated"):
        sqlite_gatehouse.a_holder()
    run(a_thief(sqlite_gatehouse, "", "", ""), order)
