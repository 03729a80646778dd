"""The page that lets a device in: never by itself, never twice, and not by guessing."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from idp.usecases.register_client import ClientOrder, Registered, register_client
from kernel.audit import SYSTEM
from kernel.tables import audit_event
from tests.support.devices import GRANT
from tests.support.forms import submit
from tests.support.gateway import Journey, PagesGateway, heading_of
from tests.support.television import Television, a_television

if TYPE_CHECKING:
    from kernel.clock import FrozenClock


@pytest.fixture
def visitor(gateway: PagesGateway) -> Journey:
    """Give Nora, signed in, and a television of somebody else."""
    gateway.provision()
    nora = Journey(gateway)
    nora.activate()
    a_television(gateway)
    return nora


def press(visitor: Journey, **values: str) -> Any:
    assert visitor.page is not None
    return submit(visitor.client, visitor.page, values)


def test_a_stranger_signs_in_first_and_then_is_asked(
    member: tuple[Journey, str], gateway: PagesGateway
) -> None:
    """RFC 8628 §3.3: the code is asked about only after the sign-in, with its second step."""
    nora, secret = member
    told = a_television(gateway).asks()
    nora.open(f"/device?user_code={told['user_code']}")
    assert nora.path == "/sign-in"
    nora.give_password()
    nora.give_code(secret)
    assert heading_of(nora.text) == "Connect a device to The <Television>?"


def test_an_address_with_the_code_still_asks(visitor: Journey, gateway: PagesGateway) -> None:
    """RFC 8628 §3.3.1, §5.4: the code is shown, with who asks for what and a warning; then a button decides."""
    television = Television(gateway)
    told = television.asks()
    visitor.open(told["verification_uri_complete"].removeprefix(gateway.public_url))
    assert heading_of(visitor.text) == "Connect a device to The <Television>?"
    for expected in (
        told["user_code"],
        "The &lt;Television&gt;",
        "You are signed in as Nora Field.",
        "Check that your device shows this code:",
        "see your email address",
        "If somebody sent you the code",
        'src="https://images.tv.example/logo.png"',
        'href="https://tv.example/policy"',
    ):
        assert expected in visitor.text
    assert visitor.page is not None
    assert (
        "img-src 'self' data: https://images.tv.example;" in visitor.page.headers["Content-Security-Policy"]
    )
    assert television.polls(told)["error"] == "authorization_pending", "the address alone lets nobody in"
    assert "Your device is connected" in press(visitor, decision="allow").text
    visitor.open(f"/device?user_code={told['user_code']}")
    assert visitor.messages == ["2007"]
    visitor.open("/allowed-applications")
    assert "The &lt;Television&gt;" in visitor.text


def test_the_form_ends_here_though_the_application_has_addresses(
    visitor: Journey, gateway: PagesGateway
) -> None:
    """CSP form-action, RFC 8628 §3.3: the answer goes to the device; no browser is led to the application."""
    metadata = {
        "scope": "openid email",
        "token_endpoint_auth_method": "none",
        "grant_types": [GRANT, "authorization_code"],
        "redirect_uris": ["https://tv.example/callback"],
    }
    order = ClientOrder(id="both", name="Both", first_party=False, metadata=metadata)
    assert isinstance(register_client(gateway.services, order, actor=SYSTEM), Registered)
    told = Television(gateway, "both").asks()
    visitor.open(f"/device?user_code={told['user_code']}")
    assert heading_of(visitor.text) == "Connect a device to Both?"
    assert visitor.page is not None
    assert "form-action 'self'" in visitor.page.headers["Content-Security-Policy"].split("; ")


def test_the_question_stays_in_another_language(visitor: Journey, gateway: PagesGateway) -> None:
    """G-95: whoever typed the code and then chooses the language does not type it again."""
    told = Television(gateway).asks()
    visitor.open("/device")
    page = press(visitor, user_code=f" {told['user_code'].lower().replace('-', ' ')}")
    chosen = submit(visitor.client, page, {"language": "fr"})
    asked = visitor.client.get(chosen.headers["Location"])
    assert heading_of(asked.text) == "Connecter un appareil à The <Television>?"


def test_a_button_that_is_pressed_twice_says_the_same_twice(visitor: Journey, gateway: PagesGateway) -> None:
    """RFC 8628 §5.1: one grant, told again to the session that gave it; a no sent again is told to nobody."""
    told = Television(gateway).asks()
    visitor.open(f"/device?user_code={told['user_code']}")
    question = visitor.page
    assert question is not None
    for _press in range(2):
        assert "Your device is connected" in submit(visitor.client, question, {"decision": "allow"}).text
    assert submit(visitor.client, question, {"decision": "deny"}).status_code == 422
    with gateway.services.store.read() as connection:
        allowed = select(audit_event).where(audit_event.c.tag == "gateway:device:allowed")
        assert len(connection.execute(allowed).all()) == 1


def test_a_yes_that_was_taken_back_is_not_told_again(visitor: Journey, gateway: PagesGateway) -> None:
    """RFC 8628 §5.1: the device was let in and put out again, so it is not connected."""
    told = Television(gateway).asks()
    visitor.open(f"/device?user_code={told['user_code']}")
    question = visitor.page
    assert question is not None
    submit(visitor.client, question, {"decision": "allow"})
    visitor.open("/allowed-applications")
    visitor.send(action="/allowed-applications", client="tv")
    again = submit(visitor.client, question, {"decision": "allow"})
    assert again.status_code == 422
    assert "Your device is connected" not in again.text


def test_a_typed_code_may_be_denied(visitor: Journey, gateway: PagesGateway) -> None:
    """RFC 8628 §3.5, §6.1: in any case, without the hyphen; a no is told to the device."""
    television = Television(gateway)
    told = television.asks()
    visitor.open("/device")
    visitor.page = press(visitor, user_code="")
    assert visitor.messages == ["2008"]
    visitor.page = press(visitor, user_code=told["user_code"].lower().replace("-", " "))
    assert told["user_code"] in visitor.text
    assert "The device was not allowed" in press(visitor, decision="deny").text
    assert television.polls(told)["error"] == "access_denied"


def test_only_the_button_of_our_own_page_answers(visitor: Journey, gateway: PagesGateway) -> None:
    """RFC 8628 §5.4, ASVS 10.7.1: no link, no form of another site, and no other word."""
    television = Television(gateway)
    told = television.asks()
    fields = {"user_code": told["user_code"], "decision": "allow"}
    assert visitor.client.post("/device", data=fields).status_code == 403
    visitor.open(f"/device?user_code={told['user_code']}&decision=allow")
    visitor.page = press(visitor, decision="yes")
    assert heading_of(visitor.text).startswith("Connect a device")
    assert television.polls(told)["error"] == "authorization_pending"


def test_who_signed_in_meanwhile_is_asked_herself(
    member: tuple[Journey, str], gateway: PagesGateway, clock: FrozenClock
) -> None:
    """AZ-21: an answer counts for the person the question was shown to, and for nobody else in her browser."""
    nora, secret = member
    television = a_television(gateway)
    told = television.asks()
    address = f"/device?user_code={told['user_code']}"
    nora.open(address)
    nora.give_password()
    nora.give_code(secret)
    shown = nora.page
    nora.open("/sign-out")
    nora.send(action="/sign-out")
    clock.advance(dt.timedelta(minutes=1))
    nora.open("/")
    nora.give_password()
    nora.give_code(secret)
    assert shown is not None
    nora.page = submit(nora.client, shown, {"decision": "allow"})
    assert heading_of(nora.text).startswith("Connect a device")
    assert television.polls(told)["error"] == "authorization_pending"
    assert "Your device is connected" in press(nora, decision="allow").text


def test_a_stronger_sign_in_comes_between(
    visitor: Journey, gateway: PagesGateway, clock: FrozenClock
) -> None:
    """OIDC Core §3.1.2.1, AZ-18: who is signed in proves anew what the device asks for, and comes back once."""
    clock.advance(dt.timedelta(minutes=1))
    told = Television(gateway).asks(max_age="0")
    visitor.open(f"/device?user_code={told['user_code']}")
    assert visitor.path == "/sign-in"
    visitor.give_password()
    assert visitor.path == "/sign-in/second-step"


def test_an_address_is_no_code(visitor: Journey) -> None:
    """WCAG 3.3.1: who pastes what the device shows beside it is told what is wrong with it, and keeps it."""
    visitor.open("/device")
    pasted = "http://127.0.0.1:8000/device?user_code=WDJB-MJHT&utm_source=television"
    for answer in (
        press(visitor, user_code=pasted),
        visitor.client.get("/device", query_string={"user_code": pasted}),
    ):
        assert answer.status_code == 422
        assert "No device waits with this code." in answer.text
        assert "utm_source=television" in answer.text


def test_codes_cannot_be_guessed(visitor: Journey, gateway: PagesGateway) -> None:
    """RFC 8628 §5.1: after twenty looks in five minutes a person has to wait, even with a right code."""
    told = Television(gateway).asks()
    for _ in range(20):
        assert visitor.client.get("/device?user_code=BBBB-BBBB").status_code == 422
    answer = visitor.client.get(f"/device?user_code={told['user_code']}")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_who_has_no_access_is_told_whom_to_ask(visitor: Journey, gateway: PagesGateway) -> None:
    """AZ-23: as at the authorization endpoint."""
    told = a_television(gateway, "studio", application_key="studio").asks()
    visitor.open(f"/device?user_code={told['user_code']}")
    assert visitor.page is not None
    assert visitor.page.status_code == 403
    assert 'id="whom-to-ask"' in visitor.text
