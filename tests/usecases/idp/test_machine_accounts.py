"""Machine accounts: only from where they are registered, with nothing that is a person's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from idp.domain.account import AccountKind
from idp.domain.networks import is_of_somebody
from idp.usecases.authorize import authorize
from idp.usecases.begin_passkey import begin_passkey
from idp.usecases.enrol_passkey import begin_passkey_enrolment, confirm_passkey_enrolment
from idp.usecases.finish_login import finish_login
from idp.usecases.flow_outcomes import Done, FlowPage, NotSignedIn, PasskeyOptions, PasskeyRefused
from idp.usecases.judge_authorization import NoAccess
from idp.usecases.list_apps import list_apps
from idp.usecases.present_passkey import present_passkey
from idp.usecases.sessions import find_session
from tests.support.gatehouse import PASSWORD, from_place
from tests.support.oidc import an_op
from tests.support.soft_passkey import SoftPasskey

if TYPE_CHECKING:
    from kernel.database import Database
    from tests.support.gatehouse import Gatehouse, Holder

PLANT, WORLD = "192.0.2.7", "198.51.100.9"
NAME = "apiieso00001"


def a_machine(gatehouse: Gatehouse) -> Holder:
    return gatehouse.a_holder(
        NAME, kind=AccountKind.MACHINE, allowed_addresses=("192.0.2.0/28", "2001:db8::/64")
    )


def give(
    gatehouse: Gatehouse, address: str, password: str = PASSWORD, browser: str = "browser-new"
) -> object:
    with from_place(address):
        return gatehouse.give_password(gatehouse.start(browser), browser, NAME, password)


def test_a_machine_signs_in_from_its_registered_addresses_alone(gatehouse: Gatehouse) -> None:
    """G-38: elsewhere the right password is as wrong as any, in a browser that is known too."""
    machine = a_machine(gatehouse)
    for browser in ("browser-new", machine.browser):
        assert give(gatehouse, WORLD, browser=browser) == NotSignedIn()
        assert gatehouse.audit("gateway:sign-in:refused")[-1].reason == "address"
    assert give(gatehouse, "", browser="browser-new") == NotSignedIn()
    for address in (PLANT, "::ffff:192.0.2.7", "2001:db8::5"):
        assert isinstance(give(gatehouse, address), FlowPage)


def test_nobody_elsewhere_can_lock_a_machine_out(gatehouse: Gatehouse) -> None:
    """MA-04: strangers are refused before its tries are counted, and it hears of no lock."""
    a_machine(gatehouse)
    letters = len(gatehouse.deliver())
    for _ in range(12):
        assert give(gatehouse, WORLD, "Wrong-Password-1") == NotSignedIn()
    assert isinstance(give(gatehouse, PLANT), FlowPage)
    assert len(gatehouse.deliver()) == letters
    for _ in range(10):
        assert give(gatehouse, PLANT, "Wrong-Password-1") == NotSignedIn()
    assert give(gatehouse, PLANT) == NotSignedIn()
    assert gatehouse.audit("gateway:sign-in:refused")[-1].reason == "locked"


def test_a_machines_passkey_is_bound_to_its_addresses_too(gatehouse: Gatehouse) -> None:
    """G-38: no way around by another proof."""
    account = gatehouse.provision(NAME, kind=AccountKind.MACHINE, allowed_addresses=(PLANT,))
    flow = gatehouse.start_activation(account)
    gatehouse.answer_question(flow, "browser-home")
    key = SoftPasskey()
    options = begin_passkey_enrolment(gatehouse.services, flow=flow, browser="browser-home")
    assert isinstance(options, PasskeyOptions)
    confirm_passkey_enrolment(
        gatehouse.services,
        flow=flow,
        browser="browser-home",
        credential=key.create(options.json),
        label="Plant",
    )
    assert isinstance(finish_login(gatehouse.services, flow=flow, browser="browser-home"), Done)

    def prove(address: str) -> object:
        with from_place(address):
            flow = gatehouse.start()
            asked = begin_passkey(gatehouse.services, flow=flow, browser="browser-elsewhere")
            assert isinstance(asked, PasskeyOptions)
            return present_passkey(
                gatehouse.services, flow=flow, browser="browser-elsewhere", credential=key.get(asked.json)
            )

    assert prove(WORLD) == PasskeyRefused()
    assert gatehouse.audit("gateway:passkey:refused")[-1].reason == "address"
    assert isinstance(prove(PLANT), Done)


def test_people_and_machines_without_addresses_sign_in_from_anywhere(gatehouse: Gatehouse) -> None:
    """What is registered for no machine binds nobody."""
    gatehouse.a_holder("person", allowed_addresses=(PLANT,))
    gatehouse.a_holder("apiieso00002", kind=AccountKind.MACHINE)
    for name in ("person", "apiieso00002"):
        with from_place(WORLD):
            flow = gatehouse.start()
            page = gatehouse.give_password(flow, "browser-elsewhere", name)
        assert isinstance(page, FlowPage)


def test_a_machine_account_opens_no_application_of_persons(gateway_database: Database) -> None:
    """MA-03, G-24: no tiles, and no code for what is open to every person; its own groups still count."""
    op = an_op(gateway_database)
    op.client()
    op.client("plant", application_key="plant")
    account_id = op.account("apiieso00001", kind=AccountKind.MACHINE)
    cookie = op.session(account_id)
    session = find_session(op.services, cookie)
    assert session is not None
    assert list_apps(op.services, session.account) == ()
    for client_id in ("emi", "plant"):
        asked = {name: [value] for name, value in op.ask(client_id=client_id).items()}
        assert isinstance(authorize(op.services, asked, session=session), NoAccess)
    op.member(account_id, application_key="plant")
    assert op.code(cookie, client_id="plant")
    person = replace(session, account=replace(session.account, kind=AccountKind.PERSONAL))
    asked = {name: [value] for name, value in op.ask().items()}
    assert not isinstance(authorize(op.services, asked, session=person), NoAccess)


def test_a_deactivated_machine_account_is_out_at_once(gatehouse: Gatehouse) -> None:
    """MA-05: its session and its password, from its own address."""
    machine = a_machine(gatehouse)
    with from_place(PLANT):
        done = gatehouse.sign_in(machine)
    assert done.session_token
    assert find_session(gatehouse.services, done.session_token) is not None
    gatehouse.deactivate(machine.id)
    assert find_session(gatehouse.services, done.session_token) is None
    assert give(gatehouse, PLANT) == NotSignedIn()
    assert gatehouse.audit("gateway:sign-in:refused")[-1].reason == "deactivated"


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",  # noqa: S104 - nothing listens
        "0.0.0.0/0",
        "::",
        "::/0",
        "1.2.3.4/0",
        "1.2.3.4/24",
        "1.2.3.4;DROP",
        "010.0.0.1",
        "fe80::1%eth0",
        "224.0.0.1",
        " 192.0.2.1",
        "everywhere",
        "",
    ],
)
def test_what_is_nobodys_address_is_registered_for_nobody(text: str) -> None:
    """MA-02: everything, nobody, a crowd, and what can be read in two ways."""
    assert not is_of_somebody(text)


@pytest.mark.parametrize("text", ["192.0.2.1", "192.0.2.0/28", "10.0.0.1", "127.0.0.1", "2001:db8::/64"])
def test_addresses_of_machines_are_registered(text: str) -> None:
    """MA-02: private networks are the operator's own affair."""
    assert is_of_somebody(text)
