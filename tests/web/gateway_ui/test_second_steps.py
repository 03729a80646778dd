"""The pages where somebody who is signed in sees, names, removes and adds passkeys and authenticator apps."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from idp.domain.factors import PROOF_LIFE
from idp.domain.totp import SEED_BYTES
from idp.storage.factors import add_totp
from idp.storage.tables import factor
from idp.usecases.enrol_totp import SEED_PLACE
from tests.support.browser import LARGE, SMALL, accessibility_faults, fits, keep_screenshot
from tests.support.gateway import PASSWORD, Journey, a_gateway, heading_of
from tests.support.ports import free_port
from tests.support.staff import take_session

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.browser import Visitor
    from tests.support.gateway import PagesGateway

PAGE = "/second-steps"
ADD = "Add a passkey or an authenticator app"
OTHER = "01HAPP0000000000000000000B"


def account_of(gateway: PagesGateway) -> str:
    with gateway.services.store.read() as connection:
        return str(connection.execute(factor.select()).first().account_id)  # type: ignore[union-attr]


def another_app(gateway: PagesGateway, label: str = "Tablet") -> None:
    with gateway.services.store.write() as unit:
        add_totp(
            unit.connection,
            factor_id=OTHER,
            account_id=account_of(gateway),
            sealed=unit.sealer.seal(bytes(SEED_BYTES), **SEED_PLACE, row=OTHER),
            label=label,
            now=unit.now,
        )


def first_app(gateway: PagesGateway) -> str:
    with gateway.services.store.read() as connection:
        rows = connection.execute(factor.select().where(factor.c.id != OTHER)).all()
    return str(rows[0].id)


def subjects(gateway: PagesGateway) -> list[str]:
    gateway.deliver()
    return [str(letter.payload["subject"]) for letter in gateway.mail.to("nora@acme.example")]


def test_the_passkey_endpoints_lead_to_pages(nora: Journey) -> None:
    """Passkey Endpoints, W3C: one where a passkey is added, one where they are looked after."""
    found = nora.client.get("/.well-known/passkey-endpoints")
    assert (found.status_code, found.mimetype) == (200, "application/json")
    here = nora.gateway.public_url
    assert found.json == {"enroll": f"{here}{PAGE}/add", "manage": f"{here}{PAGE}"}
    for address in found.json.values():
        assert heading_of(nora.open(address.removeprefix(here)).text) == "Sign in"
    nora.activate()
    assert heading_of(nora.open(PAGE).text) == "Your passkeys and authenticator apps"
    assert heading_of(nora.open(f"{PAGE}/add").text) == "Confirm that it is you"


def test_who_signed_in_sees_what_she_has(nora: Journey) -> None:
    """G-33: each with its name or its kind, since when, and when it was used last; nobody else's."""
    nora.activate()
    another_app(nora.gateway)
    page = nora.open(PAGE).text
    assert page.count(">Rename<") == page.count(">Remove<") == 2
    assert "Tablet" in page
    assert "Not used yet" in page
    assert 'summary-list__key">Authenticator app</dt>' in page
    nora.open("/")
    assert f'id="second-steps" href="{PAGE}"' in nora.text


def test_a_name_is_given_and_taken_away(nora: Journey) -> None:
    """One line of what can be seen; an empty one lets the kind name it."""
    nora.activate()
    address = f"{PAGE}/{first_app(nora.gateway)}/name"
    nora.open(address)
    assert heading_of(nora.text) == "Rename “Authenticator app”"
    nora.send(label="  Work \u202e phone <b> ")
    assert nora.path == PAGE
    assert "The name is saved." in nora.text
    assert "Work phone &lt;b&gt;" in nora.text
    nora.open(address)
    nora.send(label="x" * 61)
    assert (nora.page.status_code if nora.page else 0, nora.messages) == (422, ["4010"])
    nora.send(label="")
    assert "Work phone" not in nora.text
    assert heading_of(nora.open(address).text) == "Rename “Authenticator app”"


def test_the_only_one_stays(nora: Journey) -> None:
    """MF-14: the page says why, and offers what helps; a form that was kept from before changes nothing."""
    nora.activate()
    another_app(nora.gateway)
    address = f"{PAGE}/{first_app(nora.gateway)}/remove"
    nora.open(address)
    assert 'id="remove-submit"' in nora.text
    with nora.gateway.services.store.write() as unit:
        unit.connection.execute(factor.delete().where(factor.c.id == OTHER))
    nora.send(action=address)
    assert nora.page is not None
    assert (nora.page.status_code, nora.path) == (409, address)
    assert 'id="is-last"' in nora.text
    nora.open(address)
    assert 'id="is-last"' in nora.text
    assert 'id="remove-submit"' not in nora.text


def test_one_is_removed_after_a_fresh_proof(member: tuple[Journey, str], clock: FrozenClock) -> None:
    """ASVS 7.5.1, 6.3.7: the session alone removes nothing; both steps do, and the holder is written to."""
    nora, secret = member
    gateway = nora.gateway
    nora.open(PAGE)
    nora.give_password()
    nora.give_code(secret)
    another_app(gateway)
    nora.open(f"{PAGE}/{OTHER}/remove")
    assert heading_of(nora.text) == "Remove “Tablet”?"
    clock.advance(PROOF_LIFE + dt.timedelta(minutes=1))
    nora.send(action=f"{PAGE}/{OTHER}/remove")
    assert heading_of(nora.text) == "Confirm that it is you"
    nora.send(password=PASSWORD)
    nora.give_code(secret)
    assert heading_of(nora.text) == "Remove “Tablet”?", "nothing is removed unseen"
    nora.send(action=f"{PAGE}/{OTHER}/remove")
    assert nora.path == PAGE
    assert "It is removed." in nora.text
    assert "Tablet" not in nora.text
    assert "[Sandbox] A second step was removed from your account" in subjects(gateway)
    assert nora.open(f"{PAGE}/{OTHER}/remove").status_code == 200
    assert nora.path == PAGE, "what is gone leads to what is there"


def test_what_is_lost_is_signed_out_everywhere_else(member: tuple[Journey, str], clock: FrozenClock) -> None:
    """ASVS 7.4.3: offered with the removal; sign-ins that were proved by it and are under way go no further."""
    thief, secret = member
    gateway = thief.gateway
    thief.open("/")
    thief.give_password()
    thief.give_code(secret)
    clock.advance(dt.timedelta(minutes=1))
    waiting = Journey(gateway)
    waiting.open(f"{PAGE}/add")
    waiting.give_password()
    waiting.give_code(secret)
    assert heading_of(waiting.text) == ADD
    clock.advance(dt.timedelta(minutes=1))
    nora = Journey(gateway)
    nora.open(PAGE)
    nora.give_password()
    nora.give_code(secret)
    another_app(gateway)
    address = f"{PAGE}/{first_app(gateway)}/remove"
    nora.open(address)
    nora.send(action=address, elsewhere="yes")
    assert "you are signed out" in nora.text
    assert heading_of(thief.open("/").text) == "Sign in"
    waiting.finish()
    assert waiting.page is not None
    assert waiting.page.status_code == 410
    assert heading_of(nora.open(PAGE).text) == "Your passkeys and authenticator apps"


def test_the_form_of_another_site_changes_nothing(nora: Journey) -> None:
    """SE-05; and nobody does anything without a session."""
    nora.activate()
    another_app(nora.gateway)
    for deed in ("name", "remove"):
        assert nora.client.post(f"{PAGE}/{OTHER}/{deed}", data={"label": "Mine"}).status_code == 403
        nora.client.head(f"{PAGE}/{OTHER}/{deed}")
    assert "Tablet" in nora.open(PAGE).text
    assert heading_of(Journey(nora.gateway).open(f"{PAGE}/{OTHER}/remove").text) == "Sign in"


def test_a_second_step_is_added_after_both_are_proved_anew(
    member: tuple[Journey, str], clock: FrozenClock
) -> None:
    """G-33, MF-14: the address that the passkey endpoints name; a session alone adds nothing."""
    nora, secret = member
    nora.open(f"{PAGE}/add")
    assert heading_of(nora.text) == "Sign in"
    nora.give_password()
    nora.give_code(secret)
    assert heading_of(nora.text) == ADD
    assert "Create a passkey" in nora.text
    assert "From now on" not in nora.text
    nora.finish()
    assert heading_of(nora.text) == "Your passkeys and authenticator apps"
    clock.advance(dt.timedelta(minutes=1))
    assert heading_of(nora.open(f"{PAGE}/add").text) == "Confirm that it is you"
    flow = nora.page.request.query_string.decode() if nora.page else ""
    assert nora.client.post(f"/enrol/passkey/options?{flow}").status_code in {303, 403}
    nora.send(password=PASSWORD)
    assert heading_of(nora.text) == "Enter your code"
    nora.give_code(secret)
    assert heading_of(nora.text) == ADD


def test_who_came_to_add_one_adds_it_and_then_checks(member: tuple[Journey, str], clock: FrozenClock) -> None:
    """G-33: the page names what the button promised, and "Check and finish" comes once something was added."""
    nora, secret = member
    nora.open(f"{PAGE}/add")
    nora.give_password()
    nora.give_code(secret)
    assert heading_of(nora.text) == ADD
    assert "What you have" in nora.text
    assert "Password" not in nora.text
    nora.send(method="passkey")
    assert heading_of(nora.text) == "Create a passkey"
    nora.open(f"/enrol/finish?{nora.page.request.query_string.decode()}" if nora.page else "")
    clock.advance(dt.timedelta(seconds=1))
    another_app(nora.gateway)
    nora.open(f"/enrol/finish?{nora.page.request.query_string.decode()}" if nora.page else "")
    assert heading_of(nora.text) == "Check and finish"
    assert "Tablet" in nora.text
    nora.finish()
    assert nora.path == PAGE


def test_where_nothing_more_can_be_added_the_page_says_so(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """Browsers offer passkeys on hosts with a name only, and an app is there."""
    gateway = a_gateway(sqlite_gateway_database, clock=clock, public_url="http://127.0.0.1:8000")
    gateway.provision()
    secret = Journey(gateway).activate()
    clock.advance(dt.timedelta(minutes=1))
    nora = Journey(gateway)
    nora.open(f"{PAGE}/add")
    nora.give_password()
    nora.give_code(secret)
    assert 'id="nothing-to-add"' in nora.text
    nora.finish()
    assert nora.path == PAGE


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_pages_are_accessible_and_fit_a_phone(
    sqlite_gateway_database: Database, clock: FrozenClock, browser: Visitor, language: str
) -> None:
    """WCAG 2.2 AA: the list, a name with its error, a removal and its refusal at 320 and 1280 pixels."""
    gateway = a_gateway(sqlite_gateway_database, clock=clock, public_url=f"http://localhost:{free_port()}")
    gateway.provision()
    nora = Journey(gateway)
    nora.activate()
    last = first_app(gateway)
    with gateway.serve() as url:
        take_session(browser, nora, url, language)
        tab = browser.open(f"{url}{PAGE}/{last}/remove")
        shots = [("last", "")]
        another_app(gateway, "A telephone with quite a long name that somebody typed")
        with gateway.services.store.write() as unit:
            unit.connection.execute(update(factor).where(factor.c.id == OTHER).values(last_used_at=unit.now))
        shots += [("list", PAGE), ("name", f"{PAGE}/{OTHER}/name"), ("remove", f"{PAGE}/{OTHER}/remove")]
        for shot, path in shots:
            if path:
                tab.goto(f"{url}{path}")
            for size in (SMALL, LARGE):
                tab.set_viewport_size(size)  # type: ignore[arg-type]  # a plain dictionary is fine
                keep_screenshot(tab, f"second-steps-{shot}-{language}-{size['width']}")
                assert fits(tab)
            assert accessibility_faults(tab) == []
        tab.check("#elsewhere")
        tab.click("#remove-submit")
        assert tab.locator(".govuk-notification-banner--success").count() == 1
        keep_screenshot(tab, f"second-steps-done-{language}-1280")
        assert accessibility_faults(tab) == []
