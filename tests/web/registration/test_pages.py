"""What people see: news, actions, requests while the Gateway is away, help, both languages, no inline code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from registration.domain.person import NewPerson
from registration.domain.plan import RequestMade
from tests.support.forms import submit, token_of
from tests.support.registration_world import EMI_SUBMIT, a_form
from tests.support.translations import faults, unused

if TYPE_CHECKING:
    from tests.web.registration.conftest import Pages


def test_every_sentence_has_its_french() -> None:
    """And none is translated that is no longer said."""
    assert faults("registration", "kernel") == []
    assert unused("registration") == []


def test_a_stranger_sees_a_way_in_and_nothing_else(pages: Pages) -> None:
    """The first page tells what this is."""
    text = pages.stranger().get("/").text
    assert 'href="/sign-in"' in text
    assert "ACME" not in text
    assert 'aria-label="Main"' not in text


def test_actions_follow_the_roles_held_right_now(pages: Pages) -> None:
    """R-164, S-02 to S-04."""
    administrator = pages.browser("ra").get("/actions").text
    assert "Grant or revoke access" in administrator
    assert "100002 ACME GENERATION" in administrator
    representative = pages.browser("ar").get("/actions").text
    assert "Grant or revoke access" not in representative
    assert "Update organization" in representative
    staff = pages.browser("cr").get("/actions").text
    assert "Register organizations" in staff


def test_somebody_without_a_contact_role_learns_whom_to_ask(pages: Pages) -> None:
    """A person with access only."""
    made = pages.world.grant("ra", pages.world.person("ar"), EMI_SUBMIT)
    assert made
    pages.world.name("ar", "authorized-representative", pages.world.person("pc"))
    client = pages.browser("ar")
    begun = submit(
        client,
        client.get(f"/organizations/{pages.organization_id}"),
        {},
        action=f"/organizations/{pages.organization_id}/contacts/authorized-representative/end",
    )
    submit(client, client.get(begun.location), {"reason": ""})
    text = client.get("/actions").text
    assert "You hold no contact role in any organization at the moment." in text
    assert client.get("/requests").status_code == 200
    assert client.get("/").status_code == 200


def test_news_name_vacant_roles_and_what_is_on_its_way(pages: Pages) -> None:
    """R-103, R-194."""
    pages.world.drain()
    client = pages.browser("ra")
    calm = client.get("/").text
    assert "Nothing is waiting." in calm
    pages.world.grant("ra", pages.world.person("pc"), EMI_SUBMIT)
    assert "On their way to the Gateway" in client.get("/").text
    assert "Nothing is waiting." not in client.get("/").text


def test_a_request_says_why_it_waits_while_the_gateway_is_away(pages: Pages) -> None:
    """Decision C-09, step 10 of the first story: and it completes once the Gateway is back."""
    client = pages.browser("ra")
    made = pages.world.grant("ra", pages.world.person("pc"), EMI_SUBMIT)
    pages.world.gateway.down = True
    pages.world.drain()
    address = f"/requests/{made.number}"
    waiting = client.get(address).text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in waiting
    assert 'data-refresh="5"' in waiting
    assert re.search(
        r">Waiting</strong> since <time[^>]*>[^<]+</time><br>An earlier change of the same account comes first<",
        waiting,
    )
    assert f'href="{address}">Look again now' in waiting
    pages.world.gateway.down = False
    pages.world.settle()
    live = client.get(address).text
    assert "http-equiv" not in live
    assert "data-refresh" not in live
    assert "All of it has been in effect since" in live


def test_of_what_a_later_request_overtook_nobody_reads_that_it_is_in_effect(pages: Pages) -> None:
    """OB-04, R-209: granted and revoked while the Gateway was away, it never was."""
    client, world = pages.browser("ra"), pages.world
    world.drain()
    world.gateway.down = True
    made = world.grant("ra", world.person("pc"), EMI_SUBMIT)
    revoked = world.revoke("ra", world.people["pc"].person_id, EMI_SUBMIT)
    world.gateway.down = False
    world.settle()
    overtaken, last = (client.get(f"/requests/{each.number}").text for each in (made, revoked))
    assert "Overtaken by a later request" in overtaken
    assert re.search(r"<strong[^>]*>Overtaken<", overtaken), "the page begins as the list does"
    assert "A later request overtook some of it before it was in effect." in overtaken
    assert "in effect since" not in overtaken
    assert "Nothing to do there" not in overtaken
    assert "All of it has been in effect since" in last
    for page in ("/requests", f"/organizations/{pages.organization_id}"):
        states = re.findall(r'data-label="State"><strong[^>]*>([^<]+)<', client.get(page).text)
        assert states[:2] == ["In effect", "Overtaken"], page
    told = {
        text.split("/requests/")[1].split()[0]: name
        for name, _, text in world.mails()
        if "/requests/" in text
    }
    assert told[str(made.number)] == "request-overtaken"
    assert told[str(revoked.number)] == "request-complete"


def test_staff_go_from_a_request_to_what_was_sent_about_it(pages: Pages) -> None:
    """Customer Relations ask the Gateway by the account's external id; nobody else is shown the way."""
    made = pages.world.grant("ra", pages.world.person("pc"), EMI_SUBMIT)
    link = re.search(
        r'id="sent-about" href="([^"]+)"', pages.browser("cr").get(f"/requests/{made.number}").text
    )
    assert link is not None
    assert re.fullmatch(r"http://[^/]+/operator/provisioning\?q=acct%3A[0-9A-Z]{26}", link[1])
    assert "sent-about" not in pages.browser("ra").get(f"/requests/{made.number}").text


def test_what_the_gateway_refused_stands_on_the_first_page_of_customer_relations(pages: Pages) -> None:
    """The page tells a Rights Administrator that they look after it: so they see it, and can."""
    world = pages.world
    world.drain()
    world.gateway.fault = lambda name: "400" if name == "add_member" else None
    made = world.grant("ra", world.person("pc"), EMI_SUBMIT)
    world.settle()
    administrator, staff = pages.browser("ra"), pages.browser("cr")
    address = f"/requests/{made.number}"
    told = administrator.get(address).text
    assert "The Gateway refused it; Customer Relations look after it" in told
    assert "Send again" not in told
    assert "Refused by the Gateway" not in administrator.get("/").text
    news = staff.get("/").text
    assert "Refused by the Gateway" in news
    assert f'href="{address}"' in news
    assert f'href="{address}"' in staff.get("/requests?show=refused").text
    world.gateway.fault = lambda _name: None
    sent = submit(staff, staff.get(address), {}, action=f"{address}/send-again")
    assert sent.location == address
    world.settle()
    assert "All of it has been in effect since" in staff.get(address).text
    assert "Refused by the Gateway" not in staff.get("/").text
    assert "The Gateway refused nothing." in staff.get("/requests?show=refused").text
    assert 'aria-current="true">Refused by the Gateway</a>' in staff.get("/requests?show=refused").text
    token = token_of(administrator.get("/").text)
    assert administrator.post(f"{address}/send-again", data={"csrf_token": token}).status_code == 403


def test_what_waits_is_not_hidden_by_what_came_after(pages: Pages) -> None:
    """News: one change that waits stands there, however many are done since; a list ends with its last page."""
    world = pages.world
    world.drain()
    world.gateway.fault = lambda name: "503" if name == "add_member" else None
    waits = world.grant("ra", world.person("pc"), EMI_SUBMIT)
    world.drain()
    world.gateway.fault = lambda _name: None
    for letter in "abcdefghijklmnopqrstu":
        named = world.name("pc", "rights-administrator", NewPerson(a_form("Jim", f"Next{letter}")))
        assert isinstance(named, RequestMade)
    world.drain()
    client = pages.browser("ra")
    assert f'href="/requests/{waits.number}"' in client.get("/").text
    shown = client.get("/requests?show=waiting").text
    assert f'href="/requests/{waits.number}"' in shown
    assert f'href="/requests/{waits.number + 1}"' not in shown
    assert 'rel="prev"' in client.get("/requests?page=9999").text


def test_a_request_of_another_organization_does_not_exist(pages: Pages) -> None:
    """EN-07."""
    other = pages.world.add_organization("NORTH RIVER", ("generator",))
    pages.world.add_trust(other, "n")
    number = pages.world.people["nra"].number
    client = pages.browser("ra")
    assert client.get(f"/requests/{number}").status_code == 404
    for made_up in (999_999_999, 2**31, 2**63, 10**40):
        assert client.get(f"/requests/{made_up}").status_code == 404
    assert client.get("/requests/x").status_code == 404


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999999999999", "1e3", "", "²"])
def test_a_page_number_that_is_none_is_the_first_or_the_last(pages: Pages, page: str) -> None:
    """Never an error."""
    client = pages.browser("cr")
    assert client.get("/requests", query_string={"page": page}).status_code == 200
    assert client.get("/operator/organizations", query_string={"page": page}).status_code == 200


def test_a_person_page_shows_contact_and_access_roles(pages: Pages) -> None:
    """C-09: and since when each is active."""
    pages.world.grant("ra", pages.world.person("pc"), EMI_SUBMIT)
    pages.world.settle()
    person_id = pages.world.people["pc"].person_id
    text = pages.browser("ra").get(f"/organizations/{pages.organization_id}/persons/{person_id}").text
    for words in ("Paul Prime", "primep", "Primary Contact", "Energy Market Interface", "since <time"):
        assert words in text, words


PLACES = [
    "/",
    "/actions",
    "/me",
    "/help",
    "/requests",
    "/operator/organizations",
    "/organizations/{org}",
    "/nowhere",
]


@pytest.mark.parametrize("place", PLACES)
def test_no_page_holds_inline_code_style_or_another_sites_address(pages: Pages, place: str) -> None:
    """The content policy would block it, so it must not be there."""
    text = pages.browser("cr").get(place.format(org=pages.organization_id)).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert "https://" not in text


@pytest.mark.parametrize("place", [place for place in PLACES if place != "/nowhere"])
def test_every_page_speaks_french(pages: Pages, place: str) -> None:
    """The heading differs, and the page says which language it is in."""
    client = pages.browser("cr")
    path = place.format(org=pages.organization_id)
    page = client.get(path)
    submit(client, page, {"language": "fr"})
    french = client.get(path).text
    assert '<html class="govuk-template" lang="fr">' in french
    assert "Fermer la session" in french
    assert "Besoin d" in french or "Aide" in french


def test_a_person_reads_the_pages_in_the_language_registered_for_them(pages: Pages) -> None:
    """Until they choose another one in this browser."""
    client = pages.browser("ra")
    assert (
        '<html class="govuk-template" lang="en">'
        in client.get("/actions", headers={"Accept-Language": "fr"}).text
    )


def test_help_names_customer_relations(pages: Pages) -> None:
    """WCAG 3.2.6: the same place on every page."""
    text = pages.stranger().get("/help").text
    assert "customer.relations@operator.example" in text
    assert '<a class="govuk-link" href="tel:18885550100">1-888-555-0100</a>' in text
    for anchor in ("access", "contacts", "requests", "operator"):
        assert f'id="{anchor}"' in text
