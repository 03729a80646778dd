"""What a client is called on each page, in the language of that page (RFC 7591 §2.2)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from idp.usecases.register_client import ClientOrder, Registered, RegistrationRefused, register_client
from kernel.audit import SYSTEM
from tests.support.forms import submit
from tests.support.gateway import Journey, PagesGateway, authorize_path, heading_of

if TYPE_CHECKING:
    from kernel.clock import FrozenClock

APP = "https://crow.example/"


def an_application(gateway: PagesGateway, client_id: str = "crow", **more: object) -> None:
    order = ClientOrder(
        id=client_id,
        name="The Crow",
        metadata={
            "client_name#fr": "La Corneille",
            "redirect_uris": [f"{APP}callback"],
            "post_logout_redirect_uris": [APP],
            "frontchannel_logout_uri": f"{APP}out",
            "scope": "openid profile email",
            "token_endpoint_auth_method": "none",
        },
        **more,  # type: ignore[arg-type]
    )
    assert isinstance(register_client(gateway.services, order, actor=SYSTEM), Registered)


@pytest.mark.parametrize("name", ["Grid \u202e", "\u2066Grid", "Grid\nGrid", "Grid\u2028", "", " ", "\u200b"])
def test_a_name_does_nothing_to_our_sentences(gateway: PagesGateway, name: str) -> None:
    """CVE-2021-42574: what turns the writing round would turn round what we say about the application."""
    metadata = {"redirect_uris": [f"{APP}callback"], "token_endpoint_auth_method": "none"}
    refused = register_client(gateway.services, ClientOrder("grid", name, metadata), actor=SYSTEM)
    assert isinstance(refused, RegistrationRefused)
    assert {fault.name for fault in refused.faults} == {"client_name"}


@pytest.mark.parametrize("words", ["Grid \u202e", "Grid\nGrid"])
def test_a_description_does_nothing_to_the_tile(gateway: PagesGateway, words: str) -> None:
    metadata = {"redirect_uris": [f"{APP}callback"], "token_endpoint_auth_method": "none"}
    order = ClientOrder("grid", "Grid", metadata, description=words)
    refused = register_client(gateway.services, order, actor=SYSTEM)
    assert isinstance(refused, RegistrationRefused)
    assert {fault.name for fault in refused.faults} == {"description"}


@pytest.mark.parametrize("name", ["بوابة السوق", "⚡👩‍👩‍👧 Grid", "می‌خواهم", "Ünïcode Ω 電力"])
def test_a_name_may_be_of_any_script(gateway: PagesGateway, name: str) -> None:
    """RFC 7591 §2.2: with the joiners that its letters and signs need."""
    metadata = {"redirect_uris": [f"{APP}callback"], "token_endpoint_auth_method": "none"}
    assert isinstance(
        register_client(gateway.services, ClientOrder("grid", name, metadata), actor=SYSTEM), Registered
    )


@pytest.fixture
def nora(gateway: PagesGateway) -> Journey:
    """Give Nora, signed in, who reads French."""
    gateway.provision()
    nora = Journey(gateway)
    nora.activate()
    nora.client.set_cookie("gateway_language", "fr")
    return nora


def test_a_tile_is_named_and_ordered_in_the_language_of_the_page(
    gateway: PagesGateway, nora: Journey
) -> None:
    """The dashboard, and the page of those who may not open an application."""
    an_application(gateway, launch_url=APP)
    an_application(gateway, "shut", application_key="nobody")
    assert "La Corneille" in nora.open("/").text
    assert "The Crow" not in nora.text
    nora.open(authorize_path("shut", APP))
    assert heading_of(nora.text) == "Vous n'avez pas accès à La Corneille"


def test_what_was_allowed_is_named_in_the_language_of_the_page(gateway: PagesGateway, nora: Journey) -> None:
    """The list of consents, and the words of its button."""
    an_application(gateway, first_party=False)
    nora.open(authorize_path("crow", APP))
    assert nora.page is not None
    submit(nora.client, nora.page, {"decision": "allow"})
    nora.open("/allowed-applications")
    assert nora.text.count("La Corneille") == 2
    assert "The Crow" not in nora.text


def test_signing_out_names_it_in_the_language_of_the_page(gateway: PagesGateway, nora: Journey) -> None:
    """RP-Initiated Logout §2, Front-Channel Logout §3: the question, the frame, and where one goes on to."""
    an_application(gateway)
    assert nora.client.get(authorize_path("crow", APP)).status_code == 303
    asked = {"client_id": "crow", "post_logout_redirect_uri": APP}
    nora.open(f"/oauth2/logout?{urlencode(asked)}")
    assert "La Corneille" in nora.text
    assert nora.page is not None
    done = submit(nora.client, nora.page, action="/oauth2/logout")
    assert done.text.count("La Corneille") == 2
    assert "The Crow" not in done.text


def test_a_sign_in_that_expired_names_it_in_the_language_of_the_page(
    gateway: PagesGateway, clock: FrozenClock
) -> None:
    """One starts again towards the same application."""
    an_application(gateway)
    visitor = Journey(gateway)
    visitor.client.set_cookie("gateway_language", "fr")
    visitor.open(authorize_path("crow", APP))
    assert visitor.page is not None
    clock.advance(dt.timedelta(hours=2))
    address = visitor.page.request.full_path
    assert "La Corneille" in visitor.open(address).text
    assert "The Crow" not in visitor.text
