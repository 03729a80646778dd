"""Accounts whose factor is a passkey, and the two ceremonies as a browser goes through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idp.domain.login_flow import Step
from idp.usecases.begin_passkey import begin_passkey
from idp.usecases.enrol_passkey import begin_passkey_enrolment, confirm_passkey_enrolment
from idp.usecases.finish_login import finish_login
from idp.usecases.flow_outcomes import Done, FlowPage, PasskeyOptions
from idp.usecases.present_passkey import present_passkey
from tests.support.soft_passkey import SoftPasskey

if TYPE_CHECKING:
    from tests.support.gatehouse import Gatehouse

HOME, ELSEWHERE = "browser-home", "browser-elsewhere"


def wizard(gatehouse: Gatehouse, user_name: str = "fieldn") -> str:
    """Return a flow that waits for a factor."""
    flow = gatehouse.start_activation(gatehouse.provision(user_name))
    gatehouse.answer_question(flow, HOME)
    return flow


def enrolment(gatehouse: Gatehouse, flow: str, browser: str = HOME) -> str:
    """Return what a browser makes a passkey from, in a flow that waits for a factor."""
    options = begin_passkey_enrolment(gatehouse.services, flow=flow, browser=browser)
    assert isinstance(options, PasskeyOptions)
    return options.json


def confirm(gatehouse: Gatehouse, flow: str, credential: str, browser: str = HOME) -> object:
    """Bring the passkey that was made."""
    return confirm_passkey_enrolment(
        gatehouse.services, flow=flow, browser=browser, credential=credential, label="Laptop"
    )


def asked(gatehouse: Gatehouse, flow: str, browser: str = ELSEWHERE) -> str:
    """Return what a browser answers with a passkey."""
    options = begin_passkey(gatehouse.services, flow=flow, browser=browser)
    assert isinstance(options, PasskeyOptions)
    return options.json


def present(gatehouse: Gatehouse, flow: str, credential: str, browser: str = ELSEWHERE) -> object:
    """Bring the answer of a passkey."""
    return present_passkey(gatehouse.services, flow=flow, browser=browser, credential=credential)


def a_passkey(gatehouse: Gatehouse, user_name: str = "fieldn", **values: object) -> SoftPasskey:
    """Enrol a passkey as the account's factor and finish its activation."""
    flow = wizard(gatehouse, user_name)
    key = SoftPasskey(**values)  # type: ignore[arg-type]
    page = confirm(gatehouse, flow, key.create(enrolment(gatehouse, flow)))
    assert isinstance(page, FlowPage), gatehouse.audit("gateway:factor:refused")[-1:]
    assert page.step is Step.REVIEW
    assert isinstance(finish_login(gatehouse.services, flow=flow, browser=HOME), Done)
    return key
