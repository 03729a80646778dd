"""The operator's pages of clients: who may, what is asked before a deed, what is told, and a secret shown once."""

from __future__ import annotations

import datetime as dt
import json
import re
from html import unescape
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from gateway_ui.settings import GatewayPagesSettings
from idp.storage.clients import change_client
from idp.usecases.disable_client import disable_client
from idp.usecases.issue_scim_token import ScimTokenIssued, issue_scim_token
from idp.usecases.register_scim_client import register_scim_client
from idp.usecases.show_client import ClientDetail, show_client
from idp.usecases.store_event_stream import StreamOrder, store_event_stream
from idp.usecases.store_scim_client import ScimClientOrder
from idp.usecases.switch_scim_client import switch_scim_client
from kernel.audit import SYSTEM
from kernel.tables import audit_event
from tests.support import office as offices
from tests.support.browser import LARGE, SMALL, accessibility_faults, faults_on_paper, fits, keep_screenshot
from tests.support.forms import form_with, token_of
from tests.support.gateway import Journey, heading_of
from tests.support.office import an_office
from tests.support.staff import take_session

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.browser import Visitor

LIST = "/operator/clients"
NEW = "/operator/new-client"
CALLBACK = "https://emi.example/callback"


class Office(offices.Office):
    """The office, and its clients."""

    def register(self, client_id: str = "emi", *, kind: str = "web", **values: object) -> str:
        """Fill in the form of a new client and return the page that follows."""
        self.robin.open(f"{NEW}?kind={kind}")
        lines = {"redirect_uris": CALLBACK} if kind != "machine" else {"scope": "meters.read"}
        self.robin.send(client_id=client_id, client_name=f"The {client_id}", **lines | values)  # type: ignore[arg-type]
        return self.robin.text

    def detail(self, client_id: str = "emi") -> ClientDetail:
        """Return the client as it is stored."""
        found = show_client(self.gateway.services, client_id)
        assert found is not None
        return found


def shown_secret(page: str) -> str:
    """Return the secret that a page shows, or an empty text."""
    found = re.search(r'id="client-secret">([^<]+)<', page)
    return unescape(found.group(1)) if found else ""


def footer_of(page: str) -> str:
    """Return the last part of a page, which names the product and its version."""
    return page[page.index("<footer") :]


@pytest.fixture
def office(sqlite_gateway_database: Database, clock: FrozenClock) -> Office:
    """Give the office of Customer Relations; no client is registered."""
    return an_office(Office, sqlite_gateway_database, clock)


# --- who may -----------------------------------------------------------------------------------------

_PATHS = (
    LIST,
    NEW,
    f"{NEW}?kind=web",
    f"{LIST}/emi",
    *(f"{LIST}/emi/{deed}" for deed in ("change", "new-secret", "secret", "disable", "enable", "delete")),
)


def test_the_pages_are_the_operators_staffs_alone(office: Office) -> None:
    """LI-07: strangers sign in first; others are refused, whether they look or post."""
    office.register()
    office.gateway.provision()
    nora = Journey(office.gateway)
    for path in _PATHS:
        assert heading_of(nora.open(path).text) == "Sign in", path
    nora.activate()
    assert 'id="client-pages"' not in nora.text
    token = token_of(nora.text)
    for path in _PATHS:
        assert nora.open(path).status_code == 403, path
        if path not in (LIST, f"{LIST}/emi", f"{LIST}/emi/secret"):
            assert nora.client.post(path, data={"csrf_token": token}).status_code == 403, path
    assert not office.detail().registration.client.disabled
    office.robin.open("/")
    assert f'id="client-pages" href="{LIST}"' in office.robin.text


def test_a_form_of_another_site_does_nothing(office: Office) -> None:
    """SE-05: without the page's own token no client is disabled or deleted."""
    office.register()
    for deed in ("disable", "delete", "new-secret", "change"):
        answer = office.robin.client.post(f"{LIST}/emi/{deed}", data={"client_id": "emi"})
        assert answer.status_code == 403
        assert office.robin.client.head(f"{LIST}/emi/{deed}").status_code == 200
    assert not office.detail().registration.client.disabled
    assert len(office.detail().secrets) == 1


def test_a_deed_asks_who_one_is_unless_that_was_proved_a_moment_ago(office: Office) -> None:
    """ASVS 7.5.3: looking goes on; a change asks for password and second factor, and then comes back."""
    office.register()
    office.clock.advance(GatewayPagesSettings().operator_proof_life + dt.timedelta(seconds=1))
    assert office.robin.open(f"{LIST}/emi").status_code == 200
    for deed in ("change", "new-secret", "disable", "delete"):
        assert heading_of(office.robin.open(f"{LIST}/emi/{deed}").text) == "Confirm that it is you", deed
    office.prove()
    assert heading_of(office.robin.text) == "Delete The emi?"
    assert office.robin.open(f"{LIST}/emi/disable").status_code == 200
    office.clock.advance(dt.timedelta(minutes=11))
    office.robin.send(reason="leaked")
    assert heading_of(office.robin.text) == "Confirm that it is you", (
        "a question that waited too long is asked again"
    )
    assert not office.detail().registration.client.disabled


def test_a_form_that_took_too_long_loses_nothing(office: Office) -> None:
    """One proves again beside it, and saves."""
    office.register()
    office.robin.open(f"{LIST}/emi/change")
    office.clock.advance(dt.timedelta(minutes=11))
    office.robin.send(description="What it does.")
    waiting = office.robin.page
    assert waiting is not None
    assert (waiting.status_code, office.robin.messages) == (422, ["5103"])
    assert office.detail().registration.client.description == ""
    office.robin.open("/operator/proof")
    office.prove()
    assert heading_of(office.robin.text) == "You proved who you are"
    office.robin.page = waiting
    office.press()
    assert "The client is changed." in office.robin.text
    assert office.detail().registration.client.description == "What it does."


# --- registering --------------------------------------------------------------------------------------


def test_a_client_is_registered_and_its_secret_shown_once(office: Office) -> None:
    """CA-09: after a redirect, in no address and no audit; the second look says that it is gone."""
    page = office.register(first_party="no", post_logout_redirect_uris="https://emi.example/out")
    secret = shown_secret(page)
    assert len(secret) >= 43
    assert office.robin.page is not None
    assert office.robin.page.headers["Cache-Control"] == "no-store"
    assert [answer.status_code for answer in office.robin.page.history] == [303]
    assert office.robin.path == f"{LIST}/emi/secret"
    assert secret not in office.robin.page.request.url
    office.robin.open(f"{LIST}/emi/secret")
    assert 'id="no-secret"' in office.robin.text
    assert secret not in office.robin.text
    with office.gateway.services.store.read() as connection:
        assert secret not in repr(connection.execute(select(audit_event)).all())
    found = office.detail().registration
    assert not found.client.first_party
    assert found.metadata["redirect_uris"] == [CALLBACK]
    text = office.robin.open(f"{LIST}/emi").text
    assert "Robin Clark" in text
    assert secret not in text


@pytest.mark.parametrize(
    ("kind", "grants", "method"),
    [
        ("web", {"authorization_code", "refresh_token"}, "client_secret_basic"),
        ("browser", {"authorization_code", "refresh_token"}, "none"),
        ("native", {"authorization_code", "refresh_token"}, "none"),
        ("machine", {"client_credentials"}, "client_secret_basic"),
    ],
)
def test_a_kind_starts_with_what_is_usual_for_it(
    office: Office, kind: str, grants: set[str], method: str
) -> None:
    """The four kinds of OAuth 2.1 §2.1, in people's words; the form may be changed at will."""
    office.robin.open(NEW)
    assert office.robin.send(kind=kind).status_code == 200
    office.register(kind=kind)
    client = office.detail().registration.client
    assert (client.grant_types, client.auth_method) == (grants, method)
    assert client.is_native == (kind == "native")


def test_who_chooses_nothing_is_told_to_choose(office: Office) -> None:
    """WCAG 3.3.1: a browser sends nothing of a question that nobody answered, and the page says so all the same."""
    page = office.robin.open(NEW).text
    assert office.robin.messages == []
    (asked,) = re.findall(r'type="hidden" name="(\w+)" value="(\w+)"', page)
    answer = office.robin.open(f"{NEW}?{asked[0]}={asked[1]}")
    assert answer.status_code == 422
    assert office.robin.messages == ["5109"]


def test_wrong_input_names_its_fields_and_loses_nothing(office: Office) -> None:
    """WCAG 3.3.1: a summary that links to each field; everything typed is still there."""
    page = office.register(
        "x y",
        redirect_uris=f"{CALLBACK}#part\nhttps://*.emi.example/",
        jwks='{"keys": [',
        scope="openid  email",
        further='{"contacts": ["a@acme.example"], "scope": "x"}',
        launch_url="ftp://emi.example",
    )
    assert heading_of(page) == "Register a client"
    assert office.robin.messages == ["5108", "5106"], "what cannot be read is told first"
    office.robin.send(jwks="", further='{"software_id": "\\ud800"}')
    assert office.robin.messages == ["5106"], "half a character is no text"
    office.robin.send(jwks="", further='{"contacts": ["a@acme.example"]}')
    page = office.robin.text
    links = re.findall(r'<a href="#([a-z_]+)">([^<]+)</a>', page)
    told = [name for name, _text in links]
    assert list(dict.fromkeys(told)) == ["client_id", "launch_url", "redirect_uris", "scope"], (
        "as on the page"
    )
    texts = [unescape(text) for _name, text in links]
    assert f"Redirect URIs: {CALLBACK}#part must not have a fragment" in texts
    assert "Scopes: has to be scopes separated by single spaces" in texts
    form = form_with(page, "client_id")
    assert form.fields["redirect_uris"] == [f"{CALLBACK}#part\nhttps://*.emi.example/"]
    assert (form.fields["client_id"], form.fields["scope"]) == (["x y"], ["openid  email"])
    assert json.loads(form.fields["further"][0]) == {"contacts": ["a@acme.example"]}
    office.robin.send(client_id="emi", redirect_uris=CALLBACK, scope="openid", launch_url="")
    assert shown_secret(office.robin.text)
    office.register()
    assert "Client ID: is taken" in office.robin.text


# --- changing -----------------------------------------------------------------------------------------


def test_the_form_gives_back_what_it_was_given(office: Office) -> None:
    """Saving without a change changes nothing, whatever the client holds beside the form's fields."""
    further = {"contacts": ["a@acme.example"], "default_max_age": 3600, "default_acr_values": ["phr"]}
    office.register(further=json.dumps(further), description="What it does.", serves="https://ws.example/a")
    before = office.detail().registration
    office.robin.open(f"{LIST}/emi/change")
    assert footer_of(office.robin.text) == footer_of(office.robin.open(LIST).text)
    office.robin.open(f"{LIST}/emi/change")
    office.press()
    assert "Nothing was different" in office.robin.text
    assert office.detail().registration == before
    office.robin.open(f"{LIST}/emi/change")
    office.robin.send(client_name="Energy Market", redirect_uris=f"{CALLBACK}\n\n https://emi.example/two \n")
    after = office.detail().registration
    assert after.client.redirect_uris == (CALLBACK, "https://emi.example/two")
    assert after.metadata["contacts"] == further["contacts"]
    assert heading_of(office.robin.text) == "Energy Market"
    assert "Changed" in office.robin.text


def test_a_client_that_registered_itself_is_changed_like_any_other(office: Office) -> None:
    """RFC 7591 §2: its name in its own metadata and the one people see stay one."""
    office.register(kind="browser", further='{"client_name#fr": "Le marché"}')
    with office.gateway.services.store.write() as unit:
        named = {**office.detail().registration.metadata, "client_name": "The emi"}
        change_client(unit.connection, "emi", {"metadata": named})
    office.robin.open(f"{LIST}/emi/change")
    office.press()
    assert "Nothing was different" in office.robin.text
    office.robin.open(f"{LIST}/emi/change")
    office.robin.send(client_name="Energy Market")
    found = office.detail().registration
    assert (found.client.name, found.metadata["client_name"]) == ("Energy Market", "Energy Market")
    assert found.metadata["client_name#fr"] == "Le marché"


def test_of_two_people_who_change_a_client_the_later_is_told(office: Office) -> None:
    """What the later typed stays; saving again puts it in the place of what the earlier saved."""
    office.register()
    office.robin.open(f"{LIST}/emi/change")
    later = office.robin.page
    office.robin.open(f"{LIST}/emi/change")
    office.robin.send(description="The earlier.")
    office.robin.page = later
    office.robin.send(description="The later.")
    assert office.robin.messages == ["5104"]
    assert office.detail().registration.client.description == "The earlier."
    assert 'id="now" href="/operator/clients/emi"' in office.robin.text
    office.press()
    assert office.detail().registration.client.description == "The later."


def test_the_second_of_two_clicks_finds_done_what_the_first_did(office: Office) -> None:
    """UI-05: without a script a browser shows the answer to the second: no "is taken", no "somebody else", no 404."""
    robin = office.robin

    def twice(path: str, **values: str) -> list[str]:
        robin.open(path)
        form = form_with(robin.text, *values)
        data = {**form.fields, **values}
        answers = [robin.client.post(path, data=data) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [303, 303], path
        return [answer.location for answer in answers]

    client = {"client_id": "emi", "client_name": " The  emi", "redirect_uris": f"{CALLBACK}\r\n\r\n"}
    assert twice(f"{NEW}?kind=web", **client) == [f"{LIST}/emi/secret"] * 2
    assert shown_secret(robin.open(f"{LIST}/emi/secret").text)
    client["client_id"] = "emi-browser"
    assert twice(f"{NEW}?kind=browser", **client) == [f"{LIST}/emi-browser?done=registered"] * 2
    at = f"{LIST}/emi-browser"
    assert twice(f"{at}/change", description="Once.") == [f"{at}?done=changed"] * 2
    assert twice(f"{at}/change", token_endpoint_auth_method="client_secret_basic") == [f"{at}/secret"] * 2
    assert twice(f"{at}/delete", client_id="emi-browser") == [f"{LIST}?done=deleted"] * 2
    robin.client.post(f"{at}/delete", data={"csrf_token": token_of(robin.text), "client_id": "emi"})
    assert office.detail().registration.client.id == "emi"

    scim, to = "/operator/scim-client", "id=okta"
    new = {"client_id": "okta", "client_name": "Okta", "allowed_addresses": "192.0.2.0/24\r\n"}
    assert twice("/operator/new-scim-client", **new) == [f"{scim}?{to}&done=registered"] * 2
    assert twice(f"{scim}/change?{to}", client_name="Okta of Acme") == [f"{scim}?{to}&done=changed"] * 2
    events = {"provisioning": "full", "endpoint_url": "https://receiver.example/events"}
    assert twice(f"{scim}/events?{to}", **events) == [f"{scim}?{to}&done=told"] * 2
    robin.open(f"{scim}/events?{to}")
    later = robin.page
    office.clock.advance(dt.timedelta(seconds=1))
    robin.open(f"{scim}/events?{to}")
    robin.send(description="The earlier.")
    robin.page = later
    robin.send(description="The later.")
    assert robin.messages == ["5104"]


@pytest.mark.parametrize(
    ("path", "field", "told"),
    [
        (f"{NEW}?kind=web", "client_id", "The client is registered."),
        (f"{LIST}/emi/change", "client_name", "The client is changed."),
        ("/operator/new-scim-client", "client_id", "The SCIM client is registered."),
        ("/operator/scim-client/change?id=okta", "client_name", "The SCIM client is changed."),
    ],
)
def test_a_long_form_waits_for_who_signs_in_again(office: Office, path: str, field: str, told: str) -> None:
    """WCAG 2.2.5: what was typed overnight is saved after a sign-in in another tab; nobody else is told anything."""
    robin = office.robin
    office.register()
    order = ScimClientOrder("okta", "Okta of Acme")
    register_scim_client(office.gateway.services, order, actor=SYSTEM)
    robin.open(path)
    robin.client.delete_cookie("gateway_session")
    more = {"client_name": "Typed", "redirect_uris": f"{CALLBACK}/2"} if "web" in path else {}
    robin.send(**{field: '"typed> & kept'}, **more)
    for _press in range(2):
        assert heading_of(robin.text) == "Your session has ended"
        assert robin.page is not None
        assert robin.page.status_code == 422
        assert form_with(robin.text, field, action=path).fields[field] == ['"typed> & kept']
        assert "The emi" not in robin.text
        office.press()
    waiting = robin.page
    assert 'href="/operator/proof"' in robin.text
    office.clock.advance(dt.timedelta(minutes=1))
    robin.open("/operator/proof")
    robin.give_password("clarkr")
    robin.give_code(office.app)
    assert heading_of(robin.text) == "You proved who you are"
    robin.page = waiting
    office.press()
    if path.startswith(NEW):  # what is wrong is told then, as ever
        assert heading_of(robin.text) == "Register a client"
        robin.send(client_id="typed")
        assert shown_secret(robin.text)
        robin.open(f"{LIST}/typed?done=registered")
    assert told in robin.text


def test_a_client_that_needs_a_secret_now_is_given_one(office: Office) -> None:
    """A change of the method makes a secret where there was none, shown like any new one."""
    office.register(kind="browser")
    office.robin.open(f"{LIST}/emi/change")
    office.robin.send(token_endpoint_auth_method="client_secret_post")
    assert shown_secret(office.robin.text)
    assert len(office.detail().secrets) == 1


# --- deeds --------------------------------------------------------------------------------------------


def test_a_secret_is_rotated_and_the_former_retired(office: Office) -> None:
    """CA-11: two work at a time; the page tells their ages and when the former ends."""
    first = shown_secret(office.register())
    office.robin.open(f"{LIST}/emi/new-secret")
    office.robin.send(overlap="week")
    second = shown_secret(office.robin.text)
    assert second
    assert second != first
    until = office.clock.now() + dt.timedelta(days=7)
    assert [age.expires_at for age in office.detail().secrets] == [None, until]
    office.robin.open(f"{LIST}/emi/new-secret")
    office.robin.send(overlap="day")
    assert office.robin.messages == ["5111"]
    office.robin.open(f"{LIST}/emi/retire-secret")
    office.press()
    assert "The former secret works no more." in office.robin.text
    assert len(office.detail().secrets) == 1
    office.robin.open(f"{LIST}/emi/new-secret")
    office.robin.send(overlap="none")
    assert shown_secret(office.robin.text) not in ("", second)
    assert len(office.detail().secrets) == 1


def test_who_clicks_twice_is_shown_the_secret_that_the_first_click_made(office: Office) -> None:
    """CA-09: the browser drops the answer to the first, and whoever asks with HEAD sees nothing of the page."""
    office.register()
    office.robin.open(f"{LIST}/emi/new-secret")
    form = form_with(office.robin.text, "overlap")
    data = {name: values[0] for name, values in form.fields.items()} | {"overlap": "day"}
    answers = [office.robin.client.post(form.action, data=data) for _ in range(2)]
    assert [answer.location for answer in answers] == [f"{LIST}/emi/secret"] * 2
    assert office.robin.client.head(f"{LIST}/emi/secret").status_code == 200
    assert shown_secret(office.robin.open(f"{LIST}/emi/secret").text)


def test_a_secret_of_somebody_elses_rotation_is_not_shown(office: Office) -> None:
    """CA-09: it waits for the session that asked."""
    office.register()
    office.robin.open(f"{LIST}/emi/new-secret")
    page = form_with(office.robin.text, "overlap")
    data = {name: values[0] for name, values in page.fields.items()}
    assert office.robin.client.post(page.action, data=data).status_code == 303
    other = Journey(office.gateway)
    other.open(f"{LIST}/emi/secret")
    office.clock.advance(dt.timedelta(minutes=1))
    other.give_password("clarkr")
    other.give_code(office.app)
    assert other.path == f"{LIST}/emi/secret"
    assert not shown_secret(other.text)
    assert shown_secret(office.robin.open(f"{LIST}/emi/secret").text)


def test_a_client_is_disabled_enabled_and_deleted(office: Office) -> None:
    """Each is asked about first; to delete one types the client's ID; all of it is audited with the person."""
    office.register()
    office.robin.open(f"{LIST}/emi/disable")
    assert not office.detail().registration.client.disabled
    office.robin.send(reason="its key leaked")
    assert office.detail().registration.client.disabled
    assert "The client is disabled." in office.robin.text
    assert "Disabled: its key leaked" in office.robin.text
    office.robin.open(f"{LIST}/emi/enable")
    office.press()
    assert not office.detail().registration.client.disabled
    office.robin.open(f"{LIST}/emi/delete")
    office.robin.send(client_id="eni")
    assert office.robin.messages == ["5110"]
    office.robin.send(client_id="emi", reason="replaced")
    assert office.robin.path == LIST
    assert "The client is deleted." in office.robin.text
    assert show_client(office.gateway.services, "emi") is None
    for path in (f"{LIST}/emi", f"{LIST}/emi/change", f"{LIST}/emi/delete"):
        assert office.robin.open(path).status_code == 404
    with office.gateway.services.store.read() as connection:
        rows = connection.execute(
            select(audit_event.c.tag, audit_event.c.actor_kind, audit_event.c.reason)
            .where(audit_event.c.target == "emi")
            .order_by(audit_event.c.at, audit_event.c.seq)
        ).all()
    assert [(row.tag.rpartition(":")[2], row.actor_kind, row.reason) for row in rows] == [
        ("registered", "account", ""),
        ("disabled", "account", "its key leaked"),
        ("enabled", "account", ""),
        ("deleted", "account", "replaced"),
    ]


def test_the_list_is_searched_and_paged(office: Office) -> None:
    """By words of ID or name, and by state; pages follow each other by address."""
    assert 'id="no-clients"' in office.robin.open(LIST).text
    for number in range(27):
        office.register(f"app-{number:02}", kind="browser")
    disable_client(office.gateway.services, "app-05", actor=SYSTEM)
    page = office.robin.open(f"{LIST}?q=app").text
    assert page.count('href="/operator/clients/app-') == 25
    following = re.search(r'href="([^"]+)" rel="next"', page)
    assert following is not None
    page = office.robin.open(unescape(following[1])).text
    assert re.findall(r'href="/operator/clients/(app-\d+)"', page) == ["app-25", "app-26"]
    assert 'rel="prev"' in page
    page = office.robin.open(f"{LIST}?show=disabled").text
    assert re.findall(r'href="/operator/clients/(app-\d+)"', page) == ["app-05"]
    assert 'id="no-clients"' in office.robin.open(f"{LIST}?q=nothing&show=nonsense").text


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_pages_are_accessible_and_fit_a_phone(office: Office, browser: Visitor, language: str) -> None:
    """WCAG 2.2 AA: every page, and the form with errors, at 320 and 1280 pixels; a secret is printed alone."""
    office.register(
        description="Offers, schedules and prices of the energy market.",
        further='{"contacts": ["it@acme.example"]}',
        resources="https://gateway.example/scim/v2",
    )
    office.register("meter-reader", kind="machine")
    office.robin.open(f"{LIST}/emi/new-secret")
    office.robin.send(overlap="week")
    disable_client(office.gateway.services, "meter-reader", actor=SYSTEM)
    scim_paths = _provision_from_two_directories(office)
    with office.gateway.serve() as url:
        take_session(browser, office.robin, url, language)
        tab = browser.open()
        deeds = ("change", "new-secret", "retire-secret", "disable", "delete")
        paths = (LIST, f"{LIST}/emi", NEW, f"{NEW}?kind=machine", *(f"{LIST}/emi/{deed}" for deed in deeds))
        for path in (*paths, *scim_paths):
            tab.goto(f"{url}{path}")
            _look(tab, path, language)
            assert faults_on_paper(tab) == [], path
        tab.goto(f"{url}{LIST}/emi/change")
        tab.fill("#redirect_uris", "http://emi.example/*")
        tab.fill("#client_name", "")
        tab.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        tab.fill("#further", "{")
        tab.click("#client-submit")
        _look(tab, "errors", language)
        tab.fill("#further", "")
        tab.click("#client-submit")
        assert tab.locator(".govuk-error-summary").count() == 1
        _look(tab, "more-errors", language)
        tab.goto(f"{url}{LIST}/emi/new-secret")
        tab.click("#overlap-4")
        tab.click("#rotate-submit")
        assert tab.locator("#client-secret").count() == 1
        _look(tab, "secret", language)
        assert faults_on_paper(tab) == []
        tab.goto(f"{url}/operator/new-scim-client")
        tab.fill("#requests_per_second", "3")
        tab.fill("#allowed_addresses", "anywhere")
        tab.click("#client-submit")
        _look(tab, "scim-errors", language)
        tab.goto(f"{url}/operator/scim-client/new-token?id=entra")
        tab.check("#ends-3")
        tab.fill("#label", "x" * 61)
        tab.click("#token-submit")
        _look(tab, "scim-token-errors", language)
        tab.check("#ends")
        tab.fill("#label", "Acme, production")
        tab.click("#token-submit")
        assert tab.locator("#scim-token").count() == 1
        _look(tab, "scim-token", language)


def _provision_from_two_directories(office: Office) -> tuple[str, ...]:
    """Register SCIM clients, one of which has its two tokens; return the paths of their pages."""
    services, one = office.gateway.services, "/operator/scim-client"
    limits = {"allowed_addresses": ("192.0.2.0/24", "2001:db8::/32"), "requests_per_second": 100}
    for order in (
        ScimClientOrder("entra", "Microsoft Entra ID", profile="entra"),
        ScimClientOrder("okta", "Okta of Acme", profile="okta", require_match=True, **limits),  # type: ignore[arg-type]
        ScimClientOrder("emi", "Energy Market"),
    ):
        register_scim_client(services, order, actor=SYSTEM)
    names = []
    for label, days in (("Acme, test", 10), ("Acme, production", 365)):
        life = dt.timedelta(days=days)
        made = issue_scim_token(services, "okta", actor=SYSTEM, life=life, label=label)
        assert isinstance(made, ScimTokenIssued)
        names.append(made.fingerprint)
    push = StreamOrder("okta", endpoint_url="https://receiver.example/events", description="The directory")
    store_event_stream(services, push, actor=SYSTEM)
    switch_scim_client(services, "emi", enabled=False, actor=SYSTEM, reason="not yet")
    deeds = [
        f"{one}/{deed}?id=okta"
        for deed in ("change", "new-token", "token", "disable", "enable", "events", "remove-events")
    ]
    pages = [f"{one}?id={client}" for client in ("okta", "emi")]
    revoke = f"{one}/revoke-token?id=okta&token={names[0]}"
    return "/operator/scim-clients", "/operator/new-scim-client", *pages, *deeds, revoke, "/"


def _look(tab: object, path: str, language: str) -> None:
    name = path.strip("/").replace("/", "-").replace("?", "-")
    for size in (SMALL, LARGE):
        tab.set_viewport_size(size)  # type: ignore[attr-defined]
        keep_screenshot(tab, f"clients-{name}-{language}-{size['width']}")  # type: ignore[arg-type]
        assert fits(tab), path  # type: ignore[arg-type]
    assert accessibility_faults(tab) == [], path  # type: ignore[arg-type]


def test_a_client_and_a_scim_client_are_registered_without_a_script(
    office: Office, plain_browser: Visitor
) -> None:
    """Every step, to the secret and to the token, is a link or a form of HTML alone."""
    with office.gateway.serve() as url:
        take_session(plain_browser, office.robin, url)
        tab = plain_browser.open(f"{url}{LIST}")
        tab.click("text=Register a client")
        tab.check("#kind")
        tab.click("main button[type=submit]")
        tab.fill("#client_id", "emi")
        tab.fill("#client_name", "Energy Market")
        tab.fill("#redirect_uris", CALLBACK)
        tab.click("#client-submit")
        assert tab.locator("#client-secret").count() == 1
        tab.click("text=I have copied it")
        assert tab.locator("h1").inner_text() == "Energy Market"
        tab.goto(f"{url}/")
        tab.click("#scim-client-pages")
        tab.click("text=Register a SCIM client")
        tab.fill("#client_id", "okta / acme")
        tab.check("#profile-3")
        tab.click("#client-submit")
        tab.click("text=New token")
        tab.click("#token-submit")
        assert tab.locator("#scim-token").inner_text().startswith("swscim_")
        assert tab.locator("#base-address").inner_text().endswith("/scim/v2")
        tab.click("text=I have copied it")
        assert tab.locator("h1").inner_text() == "okta / acme"
