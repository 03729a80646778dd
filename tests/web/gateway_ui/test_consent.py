"""The consent page: who asks, for what; its answer; and taking it back."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from idp.usecases.register_client import ClientOrder, Registered, register_client
from kernel.audit import SYSTEM
from tests.support.forms import submit
from tests.support.gateway import Journey, PagesGateway, authorize_path, heading_of

if TYPE_CHECKING:
    from kernel.clock import FrozenClock

APP = "https://crow.example/"
DONE = "The application may not use your account any more."


@pytest.fixture
def visitor(gateway: PagesGateway) -> Journey:
    """Give Nora, signed in, and an application of somebody else with logo, policy and terms."""
    gateway.provision()
    nora = Journey(gateway)
    nora.activate()
    order = ClientOrder(
        id="crow",
        name="The <Crow>",
        first_party=False,
        metadata={
            "redirect_uris": [f"{APP}callback"],
            "scope": "openid profile email access",
            "token_endpoint_auth_method": "none",
            "logo_uri": "https://images.crow.example/logo.png",
            "policy_uri": f"{APP}policy",
            "tos_uri": f"{APP}terms",
        },
    )
    assert isinstance(register_client(gateway.services, order, actor=SYSTEM), Registered)
    return nora


def answer(visitor: Journey, decision: str) -> str:
    """Press a button of the page, and return where the application is told."""
    assert visitor.page is not None
    done = submit(visitor.client, visitor.page, {"decision": decision})
    assert done.status_code == 303
    return visitor.client.get(done.headers["Location"]).headers["Location"]


def test_the_page_says_who_asks_for_what(visitor: Journey) -> None:
    """OIDC Core §3.1.2.4, Registration §2: name, host, logo, policy, terms, and the scopes in words; AZ-15."""
    visitor.open(authorize_path("crow", APP, scope="openid email"))
    assert heading_of(visitor.text) == "Allow The <Crow> to use your account?"
    for expected in (
        "The &lt;Crow&gt;",
        "You are signed in as Nora Field.",
        "crow.example",
        "see your email address",
        'src="https://images.crow.example/logo.png"',
        f'href="{APP}policy"',
        f'href="{APP}terms"',
        'id="consent-allow"',
        'id="consent-deny"',
    ):
        assert expected in visitor.text
    assert "see your telephone number" not in visitor.text
    assert visitor.page is not None
    policy = visitor.page.headers["Content-Security-Policy"]
    assert "img-src 'self' data: https://images.crow.example;" in policy
    assert "form-action" not in policy


def test_the_page_says_where_this_answer_goes(visitor: Journey, gateway: PagesGateway) -> None:
    """RFC 9700 §4.11: of several addresses the one that was asked for, whichever was registered first."""
    order = ClientOrder(
        id="two",
        name="Two Nests",
        first_party=False,
        metadata={
            "redirect_uris": [f"{APP}callback", "https://nest.example/callback"],
            "scope": "openid profile email access",
            "token_endpoint_auth_method": "none",
        },
    )
    assert isinstance(register_client(gateway.services, order, actor=SYSTEM), Registered)
    visitor.open(authorize_path("two", "https://nest.example/"))
    assert "You will continue to nest.example." in visitor.text
    assert "crow.example" not in visitor.text


def test_yes_and_no_lead_back_to_the_application(visitor: Journey) -> None:
    """RFC 6749 §4.1.2: a code, or access_denied; then a reload says that the question is over."""
    visitor.open(authorize_path("crow", APP))
    page = visitor.page
    assert page is not None
    assert "error=access_denied" in answer(visitor, "deny")
    assert visitor.client.get(page.request.full_path).status_code == 410
    visitor.open(authorize_path("crow", APP))
    assert answer(visitor, "allow").startswith(f"{APP}callback?code=")
    straight = visitor.client.get(authorize_path("crow", APP))
    assert straight.headers["Location"].startswith(f"{APP}callback?code=")


def test_an_answer_after_the_session_is_told_that_the_question_is_over(visitor: Journey) -> None:
    """AZ-21: nobody is told to have answered who has not, and the way on is named."""
    visitor.open(authorize_path("crow", APP))
    page = visitor.page
    assert page is not None
    visitor.client.delete_cookie("gateway_session")
    for over in (
        submit(visitor.client, page, {"decision": "allow"}),
        visitor.client.get(page.request.full_path),  # to sign in for it first would be in vain
    ):
        assert (over.status_code, heading_of(over.text)) == (410, "This question is over")
        assert "or your session has ended" in over.text
        assert "Open the application again to go on." in over.text


def test_only_the_button_of_our_own_page_answers(visitor: Journey) -> None:
    """ASVS 10.7.1: no link, no form of another site, no other word, and nobody else's browser."""
    visitor.open(authorize_path("crow", APP))
    assert visitor.page is not None
    address = visitor.page.request.full_path
    assert visitor.client.post(address, data={"decision": "allow"}).status_code == 403
    assert submit(visitor.client, visitor.page, {"decision": "allow"}).status_code == 303
    stranger = Journey(visitor.gateway)
    assert stranger.client.get(address).status_code == 410, "no sign-in answers what another was asked"
    visitor.open(authorize_path("crow", APP, prompt="consent"))
    assert visitor.path == "/consent"


def test_a_person_sees_and_takes_back_what_she_allowed(visitor: Journey) -> None:
    """GDPR art. 7(3): from the dashboard, one button an application; then she is asked again."""
    visitor.open("/")
    assert 'id="allowed-applications"' not in visitor.text
    visitor.open("/allowed-applications")
    assert visitor.page is not None
    assert visitor.page.headers["Cross-Origin-Opener-Policy"] == "same-origin", "it is no part of a sign-in"
    assert 'id="none-allowed"' in visitor.text
    visitor.open(authorize_path("crow", APP, scope="openid access"))
    answer(visitor, "allow")
    visitor.open("/")
    assert 'href="/allowed-applications"' in visitor.text
    visitor.open("/allowed-applications")
    assert "see your organizations and your access roles there" in visitor.text
    assert DONE not in visitor.text
    visitor.send(action="/allowed-applications", client="crow")
    assert DONE in visitor.text
    assert 'id="none-allowed"' in visitor.text
    visitor.open(authorize_path("crow", APP))
    assert visitor.path == "/consent"


def test_the_way_speaks_the_language_the_application_asks_for(
    visitor: Journey, gateway: PagesGateway, clock: FrozenClock
) -> None:
    """OIDC Core §3.1.2.1: ui_locales, from the sign-in to the last page; what a person chose goes before."""
    clock.advance(dt.timedelta(minutes=1))
    fresh = Journey(gateway)
    fresh.open(authorize_path("crow", APP, ui_locales="de fr-CA en", login_hint="fieldn", display="popup"))
    assert 'lang="fr"' in fresh.text
    assert 'value="fieldn"' in fresh.text
    fresh.give_password()
    assert fresh.path == "/sign-in/second-step"
    assert 'lang="fr"' in fresh.text
    visitor.client.set_cookie("gateway_language", "en")
    visitor.open(authorize_path("crow", APP, ui_locales="fr"))
    assert 'lang="en"' in visitor.text
    visitor.client.delete_cookie("gateway_language")
    visitor.open(authorize_path("crow", APP, ui_locales="fr"))
    assert heading_of(visitor.text) == "Autoriser The <Crow> à utiliser votre compte?"
