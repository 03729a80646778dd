"""Pages of applications that registered themselves: their words, and nothing of them on other pages."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from idp.usecases.delete_client import delete_client
from idp.usecases.issue_registration_token import (
    RegistrationTokenIssued,
    RegistrationTokenOrder,
    issue_registration_token,
)
from idp.usecases.register_itself import register_itself
from idp.usecases.self_registration import RegistrationShown
from idp.usecases.show_client import show_client
from kernel.audit import SYSTEM
from switchyard.cli_client_words import detail_of
from tests.support.forms import submit
from tests.support.gateway import Journey, PagesGateway, authorize_path, heading_of

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

APP = "https://crow.example/"


@pytest.fixture
def client_id(gateway: PagesGateway) -> str:
    """Let an application register itself, in two languages, and return its id."""
    settings = gateway.services.settings.model_copy(update={"registration": "open"})
    stated = {
        "client_name": "The Crow",
        "client_name#fr": "La Corneille",
        "redirect_uris": [f"{APP}callback"],
        "post_logout_redirect_uris": ["https://goodbye.crow.example/"],
        "token_endpoint_auth_method": "none",
        "logo_uri": "https://images.crow.example/logo.png",
        "logo_uri#fr": "https://images.crow.example/logo-fr.png",
        "policy_uri": f"{APP}policy",
        "tos_uri": f"{APP}terms",
    }
    services = dataclasses.replace(gateway.services, settings=settings)
    done = register_itself(services, stated, token="", reading=lambda _metadata: "")
    assert isinstance(done, RegistrationShown), done
    return done.client_id


def test_the_operator_sees_which_token_let_an_application_in(gateway: PagesGateway) -> None:
    """RFC 7591 §3: whose it is, by the words with which the token was made."""
    settings = gateway.services.settings.model_copy(update={"registration": "token"})
    services = dataclasses.replace(gateway.services, settings=settings)
    order = RegistrationTokenOrder(name="Partner of the east")
    issued = issue_registration_token(services, order, actor=SYSTEM)
    assert isinstance(issued, RegistrationTokenIssued)
    stated = {"redirect_uris": [f"{APP}callback"]}
    done = register_itself(services, stated, token=issued.token, reading=lambda _metadata: "")
    assert isinstance(done, RegistrationShown), done
    detail = show_client(services, done.client_id)
    assert detail is not None
    assert (detail.let_in_by, detail.registration.client.registered_by) == ("Partner of the east", issued.id)
    assert detail_of(detail)["registration_token"] == "Partner of the east"


def policy_of(page: TestResponse) -> dict[str, str]:
    """Return the policy of a page, directive by directive."""
    said = page.headers["Content-Security-Policy"].split("; ")
    return {each.partition(" ")[0]: each.partition(" ")[2] for each in said}


def test_the_sign_in_page_says_whom_one_continues_to(gateway: PagesGateway, client_id: str) -> None:
    """OIDC Registration §2: logo, policy and terms stand on the page, in its language."""
    visitor = Journey(gateway)
    visitor.open(authorize_path(client_id, APP))
    for expected in (
        "to continue to The Crow",
        'id="client-logo"',
        'src="https://images.crow.example/logo.png"',
        f'id="client-policy" href="{APP}policy"',
        f'id="client-terms" href="{APP}terms"',
    ):
        assert expected in visitor.text
    assert visitor.page is not None
    policy = policy_of(visitor.page)
    assert "form-action" not in policy
    assert policy["img-src"] == "'self' data: https://images.crow.example"
    french = Journey(gateway)
    french.open(authorize_path(client_id, APP, ui_locales="fr-CA"))
    assert "La Corneille" in french.text
    assert "The Crow" not in french.text
    assert "logo-fr.png" in french.text


def test_other_pages_name_nothing_of_it(gateway: PagesGateway, client_id: str) -> None:
    """What strangers register changes no page but those that lead to them."""
    assert client_id
    page = gateway.app.test_client().get("/sign-in", follow_redirects=True)
    assert policy_of(page)["form-action"] == "'self'"
    assert policy_of(page)["img-src"] == "'self' data:"


def test_the_way_there_stays_open_over_every_step(gateway: PagesGateway, client_id: str) -> None:
    """CSP form-action: the pages of the flow and the consent page lead to it; so does the one of signing out."""
    gateway.provision()
    visitor = Journey(gateway)
    secret = visitor.activate()
    visitor.client.delete_cookie("gateway_session")
    visitor.open(authorize_path(client_id, APP))
    visitor.give_password()
    assert visitor.page is not None
    assert "form-action" not in policy_of(visitor.page)
    visitor.give_code(secret, steps=1)
    assert visitor.path == "/consent"
    assert heading_of(visitor.text) == "Allow The Crow to use your account?"
    assert "form-action" not in policy_of(visitor.page)
    assert 'src="https://images.crow.example/logo.png"' in visitor.text
    asked = {"client_id": client_id, "post_logout_redirect_uri": "https://goodbye.crow.example/"}
    visitor.open(f"/oauth2/logout?{urlencode(asked)}")
    assert "form-action" not in policy_of(visitor.page)
    visitor.open(f"/oauth2/logout?{urlencode({'post_logout_redirect_uri': 'https://a;script-src *'})}")
    assert policy_of(visitor.page)["form-action"] == "'self'"


def test_a_question_about_an_application_that_is_gone_is_over(gateway: PagesGateway, client_id: str) -> None:
    """RFC 7592 §2.3: it ended its registration while somebody was asked; nothing is kept and nothing fails."""
    gateway.provision()
    visitor = Journey(gateway)
    visitor.activate()
    visitor.open(authorize_path(client_id, APP))
    assert visitor.page is not None
    page = visitor.page
    assert delete_client(gateway.services, client_id, actor=SYSTEM)
    assert submit(visitor.client, page, {"decision": "allow"}).status_code == 410
    assert visitor.client.get(page.request.full_path).status_code == 410


def test_there_is_no_tile_of_it(gateway: PagesGateway, client_id: str) -> None:
    """Whoever registers an application does not put it before everybody's eyes."""
    assert client_id
    gateway.provision()
    visitor = Journey(gateway)
    visitor.activate()
    visitor.open("/")
    assert "The Crow" not in visitor.text
