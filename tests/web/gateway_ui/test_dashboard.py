"""The dashboard: what an account may open and nothing else, and the ways out."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from sqlalchemy import select

from idp.usecases.sessions import find_session
from kernel.tables import audit_event
from tests.support.forms import submit, token_of
from tests.support.gateway import Journey, a_gateway, heading_of

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from tests.support.gateway import PagesGateway

ENDED = "gateway:session:ended"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"


def test_nobody_sees_the_dashboard_without_a_session(gateway: PagesGateway) -> None:
    """G-77: the first page asks to sign in, and comes back afterwards."""
    visitor = Journey(gateway)
    assert heading_of(visitor.open("/").text) == "Sign in"


def test_an_account_without_access_is_told_whom_to_ask(nora: Journey) -> None:
    """G-91, gateway.md 6.6: the empty state."""
    nora.activate()
    assert 'id="no-applications"' in nora.text
    assert "Ask your organization's Rights Administrator or Applicant Representative." in nora.text


def test_only_applications_that_a_membership_opens_are_shown(gateway: PagesGateway) -> None:
    """Story step 6, OR-02: the tiles are the account's own, and lead to the registered address only."""
    mine = gateway.provision()
    other = gateway.provision("younga", given_name="Ann", family_name="Young", email="ann@acme.example")
    gateway.application("emi", "Energy Market Interface", "https://apps.example/apps/emi/", mine)
    gateway.application("tra", "Transmission Rights Auction", "https://apps.example/apps/tra/", other)
    nora = Journey(gateway)
    nora.activate()
    assert re.findall(r'class="kit-tile" href="([^"]+)"', nora.text) == ["https://apps.example/apps/emi/"]
    assert "Energy Market Interface" in nora.text
    assert "Transmission Rights Auction" not in nora.text
    assert "apps.example · Sandbox" in nora.text
    assert "ACME GENERATION" in nora.text
    nora.open("/?app=tra&target=http://evil.test/")
    assert "evil.test" not in re.sub(r'name="return_to" value="[^"]*"', "", nora.text)


def test_a_search_appears_for_many_applications(gateway: PagesGateway) -> None:
    """gateway.md 6.6: above eight; it works without a script."""
    mine = gateway.provision()
    for index in range(9):
        gateway.application(f"app{index}", f"Application {index}", f"https://apps.example/{index}/", mine)
    nora = Journey(gateway)
    nora.activate()
    assert nora.text.count('class="kit-tile"') == 9
    nora.open("/?q=APPLICATION+7")
    assert nora.text.count('class="kit-tile"') == 1
    assert "1 application matches" in nora.text
    nora.open("/?q=%3Cscript%3E")
    assert "<script>" not in nora.text
    assert "0 applications match" in nora.text


def test_applications_stand_as_in_a_dictionary(gateway: PagesGateway) -> None:
    """gateway.md 6.6: an accent sends no name behind the Z, and is not needed to find it."""
    mine = gateway.provision()
    names = ["Zones", "Œuvres", "Énergie", "Outages", "emi", "Écarts", "Entente", "Parc", "ISO"]
    for index, name in enumerate(names):
        gateway.application(f"app{index}", name, f"https://apps.example/{index}/", mine)
    nora = Journey(gateway)
    nora.activate()
    shown = re.findall(r'class="kit-tile__name">([^<]+)<', nora.text)
    assert shown == ["Écarts", "emi", "Énergie", "Entente", "ISO", "Œuvres", "Outages", "Parc", "Zones"]
    nora.open("/?q=ENERGIE")
    assert re.findall(r'class="kit-tile__name">([^<]+)<', nora.text) == ["Énergie"]


def test_what_registration_says_is_escaped(gateway: PagesGateway) -> None:
    """SE-15: names of persons and applications are text."""
    mine = gateway.provision(given_name="<script>alert(1)</script>", family_name="{{7*7}}")
    gateway.application(
        "emi", "<img src=x onerror=alert(1)>", "https://apps.example/", mine, description="{{7*7}}"
    )
    nora = Journey(gateway)
    nora.activate()
    assert "<script>alert" not in nora.text
    assert "<img" not in nora.text
    assert "{{7*7}}" in nora.text


def test_the_last_sign_in_is_told(gateway: PagesGateway, clock: FrozenClock) -> None:
    """gateway.md 6.4: when, with which browser and from where one signed in before, the address shortened."""
    gateway.provision()
    first = Journey(gateway)
    first.client.environ_base["HTTP_USER_AGENT"] = CHROME
    first.client.environ_base["REMOTE_ADDR"] = "192.0.2.77"
    secret = first.activate()
    assert 'id="last-sign-in"' not in first.text
    clock.advance(dt.timedelta(days=1))
    later = Journey(gateway)
    later.open("/")
    later.give_password()
    later.give_code(secret)
    assert "You last signed in 1 June 2026, 08:00 EDT from Chrome on Windows, 192.0.2.x." in later.text
    assert "192.0.2.77" not in later.text


def test_a_session_ends_after_half_an_hour_without_use(nora: Journey, clock: FrozenClock) -> None:
    """SE-04: then one signs in again."""
    nora.activate()
    clock.advance(dt.timedelta(minutes=29))
    assert heading_of(nora.open("/").text) == "Your applications"
    clock.advance(dt.timedelta(minutes=30, seconds=1))
    assert heading_of(nora.open("/").text) == "Sign in"


def test_a_link_signs_nobody_out(nora: Journey) -> None:
    """SE-05: GET asks; a POST without the form's token does nothing."""
    nora.activate()
    assert heading_of(nora.open("/sign-out").text) == "Do you want to sign out?"
    assert nora.client.post("/sign-out").status_code == 403
    assert heading_of(nora.open("/").text) == "Your applications"


def test_signing_out_ends_the_session_for_good(nora: Journey) -> None:
    """ASVS 7.4.1, G-84: the cookie is taken back, and a kept copy of it opens nothing."""
    nora.activate()
    kept = nora.client.get_cookie("gateway_session")
    assert kept is not None
    page = nora.open("/sign-out")
    answer = submit(nora.client, page, {}, action="/sign-out", follow=True)
    assert heading_of(answer.text) == "You are signed out"
    assert nora.client.get_cookie("gateway_session") is None
    nora.client.set_cookie("gateway_session", kept.value)
    assert heading_of(nora.open("/").text) == "Sign in"


def test_a_session_that_idled_is_signed_out_of_by_the_page(nora: Journey, clock: FrozenClock) -> None:
    """RT-08, G-84: the page must not say that one is signed out while applications still hold of the session."""
    nora.activate()
    clock.advance(dt.timedelta(minutes=31))
    page = nora.open("/sign-out")
    assert heading_of(page.text) == "Do you want to sign out?"
    answer = submit(nora.client, page, {}, action="/sign-out", follow=True)
    assert heading_of(answer.text) == "You are signed out"
    with nora.gateway.services.store.read() as connection:
        reasons = connection.execute(select(audit_event.c.reason).where(audit_event.c.tag == ENDED)).scalars()
        assert list(reasons) == ["signed-out"]


def test_one_button_ends_every_session(gateway: PagesGateway) -> None:
    """ASVS 7.4.3: the page offers it, and does the whole deed."""
    gateway.provision()
    home = Journey(gateway)
    home.activate()
    copied = home.client.get_cookie("gateway_session")
    assert copied is not None
    session = find_session(gateway.services, copied.value)
    assert session is not None
    page = home.open("/sign-out")
    assert "Sign out everywhere" in home.text
    answer = submit(home.client, page, {"everywhere": "yes"}, follow=True)
    assert heading_of(answer.text) == "You are signed out"
    assert find_session(gateway.services, copied.value) is None
    with gateway.services.store.read() as connection:
        reasons = connection.execute(select(audit_event.c.reason).where(audit_event.c.tag == ENDED)).scalars()
        assert "signed-out-everywhere" in set(reasons)


def test_signing_out_without_a_session_is_no_error(gateway: PagesGateway) -> None:
    """A second click, another tab, an ended session: all see the same page."""
    visitor = Journey(gateway)
    assert heading_of(visitor.open("/sign-out").text) == "You are signed out"
    token = token_of(visitor.text)
    answer = visitor.client.post("/sign-out", data={"csrf_token": token}, follow_redirects=True)
    assert heading_of(answer.text) == "You are signed out"


def test_another_environment_knows_neither_session_nor_password(nora: Journey, databases: object) -> None:
    """G-03: a Sandbox session is nothing in production."""
    nora.activate()
    kept = nora.client.get_cookie("gateway_session")
    assert kept is not None
    production = a_gateway(databases.gateway(), environment="")  # type: ignore[attr-defined]
    stranger = Journey(production)
    stranger.client.set_cookie("gateway_session", kept.value)
    assert heading_of(stranger.open("/").text) == "Sign in"
