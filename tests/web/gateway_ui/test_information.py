"""Pages that tell and change nothing; and the sentences of all pages in both languages."""

from __future__ import annotations

import re

import pytest

from gateway_ui.web import messages
from gateway_ui.web.dashboard import shortened_address
from gateway_ui.web.messages import Message
from tests.support.gateway import Journey, PagesGateway, heading_of
from tests.support.translations import faults, unused

PAGES = ("/help", "/legal", "/supported-browsers", "/privacy", "/accessibility", "/signed-out", "/sign-in")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_stands_in_both_languages(gateway: PagesGateway, path: str, language: str) -> None:
    """WCAG 3.1.1, G-79: one heading, the page's language, a way to the other one."""
    client = gateway.app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    page = client.get(path, follow_redirects=True)
    assert page.status_code == 200
    assert f'<html class="govuk-template" lang="{language}">' in page.text
    assert heading_of(page.text)
    assert f'name="language" value="{"fr" if language == "en" else "en"}"' in page.text


def test_help_is_in_the_same_place_on_every_page(gateway: PagesGateway) -> None:
    """WCAG 3.2.6: the footer's first link."""
    for path in (*PAGES, "/nowhere", "/static/nothing", "/consent"):
        text = Journey(gateway).open(path).text
        footer = text[text.index("<footer") :]
        assert re.findall(r'href="([^"]+)"', footer)[0] == "/help"


def test_who_may_not_open_a_page_can_sign_out_there(nora: Journey) -> None:
    """G-84: to come back as somebody who may; a page that failed names nobody whom it did not know."""
    nora.activate()
    refused = nora.open("/operator/clients")
    assert refused.status_code == 403
    assert "Nora" in refused.text
    assert 'href="/sign-out"' in refused.text
    assert 'href="/sign-out"' not in nora.open("/nowhere").text


def test_the_disclaimer_is_linked_from_sign_in_and_dashboard(nora: Journey) -> None:
    """X-11, G-27, LG-15: the short text on the sign-in page, the full one from both."""
    assert 'href="/legal"' in nora.open("/sign-in").text
    nora.activate()
    assert 'href="/legal"' in nora.text


def test_help_names_the_contact_and_the_address(gateway: PagesGateway) -> None:
    """G-70, G-92, G-93: whom to call, what the address begins with, Caps Lock and Num Lock."""
    text = Journey(gateway).open("/help").text
    for part in ("(905) 555-0100", "tel:18885550100", gateway.public_url, "Caps Lock", "Num Lock"):
        assert part in text


def test_the_whole_way_in_french_speaks_french(gateway: PagesGateway) -> None:
    """Bar 6: from the link to the dashboard."""
    gateway.provision()
    nora = Journey(gateway)
    nora.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr-CA,fr;q=0.9"
    nora.open(gateway.activation_path())
    assert heading_of(nora.text) == "Créez votre mot de passe"
    nora.send(password="court", repeat="court")
    assert "Le mot de passe doit avoir au moins 8 caractères." in nora.text
    nora.activate()
    assert heading_of(nora.text) == "Vos applications"


def test_no_sentence_lacks_french() -> None:
    """Bar 6: every sentence of the pages, none that is no longer said."""
    assert faults("gateway_ui", "kernel") == []
    assert unused("gateway_ui") == []


def test_every_message_has_a_number_of_its_own() -> None:
    """Support staff quote numbers: two sentences never share one."""
    numbers = [value.number for value in vars(messages).values() if isinstance(value, Message)]
    assert len(numbers) == len(set(numbers))
    assert all(1000 < number < 6000 for number in numbers)


@pytest.mark.parametrize(
    ("address", "shown"),
    [("192.0.2.77", "192.0.2.x"), ("2001:db8:1::7", "2001:0db8:0001:x"), ("", ""), ("unix:", "")],
)
def test_an_address_is_shown_without_its_end(address: str, shown: str) -> None:
    """Enough to recognise, too little to point at."""
    assert shortened_address(address) == shown
