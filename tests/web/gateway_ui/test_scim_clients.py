"""The operator's pages of SCIM clients: who may, what is refused, a token shown once, and one deed at a time."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from sqlalchemy import select

from gateway_ui.settings import GatewayPagesSettings
from idp.usecases.disable_client import disable_client
from idp.usecases.issue_scim_token import ScimTokenIssued, issue_scim_token
from idp.usecases.register_client import ClientOrder, Registered, register_client
from idp.usecases.register_scim_client import register_scim_client
from idp.usecases.security_events import open_authorization
from idp.usecases.show_scim_client import ScimClientDetail, show_scim_client
from idp.usecases.store_event_stream import StreamOrder, store_event_stream
from idp.usecases.store_scim_client import ScimClientOrder
from kernel.audit import SYSTEM
from kernel.tables import audit_event
from tests.support import office as offices
from tests.support.forms import form_with, token_of
from tests.support.gateway import Journey, heading_of
from tests.support.office import an_office
from tests.support.scim import a_scim_world, a_user
from tests.support.together import together

if TYPE_CHECKING:
    from idp.domain.security_events import Stream
    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.scim import ScimWorld

LIST, ONE, NEW = "/operator/scim-clients", "/operator/scim-client", "/operator/new-scim-client"
EVENTS = ("events", "pause-events", "resume-events", "remove-events")
DEEDS = ("change", "new-token", "disable", "enable", *EVENTS, "revoke-token")
HEADER = "Bearer a-secret-of-the-receiver"


class Office(offices.Office):
    """The office, and its SCIM clients."""

    def stored(self, client_id: str = "okta", **order: object) -> ScimClientDetail:
        """Return the client as it is stored; register it if it is not there."""
        services = self.gateway.services
        wanted = ScimClientOrder(client_id, f"The {client_id}", **order)  # type: ignore[arg-type]
        register_scim_client(services, wanted, actor=SYSTEM)
        found = show_scim_client(services, client_id)
        assert found is not None
        return found

    def token(self, client_id: str = "okta") -> str:
        """Make a token of a client behind the pages; return its fingerprint."""
        made = issue_scim_token(self.gateway.services, client_id, actor=SYSTEM)
        assert isinstance(made, ScimTokenIssued)
        return made.fingerprint

    def stream(self, client_id: str = "okta") -> Stream:
        """Return the stream of events of a client; switch it on if there is none."""
        if self.stored(client_id).stream is None:
            store_event_stream(self.gateway.services, StreamOrder(client_id), actor=SYSTEM)
        found = self.stored(client_id).stream
        assert found is not None
        return found

    def make_token(self, client_id: str = "okta", **chosen: str) -> str:
        """Fill in the form of a new token; return the token that the page after it shows, if it does."""
        self.robin.open(f"{ONE}/new-token?id={client_id}")
        self.robin.send(**({"ends": "never"} | chosen))
        found = re.search(r'id="scim-token">([^<]+)<', self.robin.text)
        return found[1] if found else ""

    def live(self, client_id: str = "okta") -> list[str]:
        """Return the fingerprints of the client's tokens, the oldest first."""
        return [each.fingerprint for each in self.stored(client_id).line.tokens]


@pytest.fixture
def office(sqlite_gateway_database: Database, clock: FrozenClock) -> Office:
    """Give the office; no SCIM client is registered."""
    return an_office(Office, sqlite_gateway_database, clock)


# --- who may -----------------------------------------------------------------------------------------


def test_the_pages_are_the_operators_staffs_alone(office: Office) -> None:
    """LI-07: strangers sign in first; others are refused, whether they look or post, and nothing happens."""
    stream, name, before = office.stream(), office.token(), office.stored()
    deeds = [f"{ONE}/{deed}?id=okta&token={name}" for deed in DEEDS]
    paths = (LIST, NEW, f"{ONE}?id=okta", f"{ONE}/token?id=okta", *deeds)
    office.gateway.provision()
    nora = Journey(office.gateway)
    for path in paths:
        assert heading_of(nora.open(path).text) == "Sign in", path
    nora.activate()
    assert 'id="scim-client-pages"' not in nora.text
    token = token_of(nora.text)
    for path in paths:
        assert nora.open(path).status_code == 403, path
    for path in (NEW, *deeds):
        posted = nora.client.post(path, data={"csrf_token": token, "client_id": "mine", "ends": "never"})
        assert posted.status_code == 403, path
    assert office.stored().line.registration == before.line.registration
    assert (office.live(), office.stored().stream) == ([name], stream)
    assert show_scim_client(office.gateway.services, "mine") is None
    assert f'id="scim-client-pages" href="{LIST}"' in office.robin.open("/").text


def test_a_form_of_another_site_does_nothing(office: Office) -> None:
    """SE-05: without the page's own token no client is made, changed or disabled, no token made or ended."""
    stream, name, before = office.stream(), office.token(), office.stored()
    office.robin.open(LIST)
    for path in (NEW, *(f"{ONE}/{deed}?id=okta&token={name}" for deed in DEEDS)):
        answer = office.robin.client.post(path, data={"client_id": "mine", "ends": "never"})
        assert answer.status_code == 403, path
        office.robin.client.open(path, method="HEAD", data={"client_id": "mine", "ends": "never"})
    assert (office.stored().line.registration, office.live()) == (before.line.registration, [name])
    assert office.stored().stream == stream
    assert show_scim_client(office.gateway.services, "mine") is None


def test_a_deed_asks_who_one_is_unless_that_was_proved_a_moment_ago(office: Office) -> None:
    """ASVS 7.5.3: looking goes on; each deed asks for both factors first, and a form too late does nothing."""
    stream, life = office.stream(), GatewayPagesSettings().operator_proof_life
    name = office.token()
    office.clock.advance(life + dt.timedelta(seconds=1))
    for path in (LIST, f"{ONE}?id=okta", f"{ONE}/token?id=okta"):
        assert office.robin.open(path).status_code == 200, path
    deeds = [f"{ONE}/{deed}?id=okta&token={name}" for deed in DEEDS]
    for path in (NEW, *deeds):
        assert heading_of(office.robin.open(path).text) == "Confirm that it is you", path
    office.prove()
    assert heading_of(office.robin.text) == f"Revoke the token {name} of The okta?", "one comes back"
    for path in [each for each in deeds if "/change?" not in each and "/events?" not in each]:
        office.robin.open(path)
        asked = office.robin.page
        office.clock.advance(life + dt.timedelta(seconds=1))
        office.press()
        assert heading_of(office.robin.text) == "Confirm that it is you", path
        office.prove()
        assert asked is not None
        assert heading_of(office.robin.text) == heading_of(asked.text), "the question is asked again"
    assert (office.live(), office.stored().stream) == ([name], stream)
    assert not office.stored().line.registration.client.disabled
    for deed, field, said in (("change", "client_name", "5103"), ("events", "description", "5103")):
        office.robin.open(f"{ONE}/{deed}?id=okta")
        office.clock.advance(life + dt.timedelta(seconds=1))
        office.robin.send(**{field: "What was typed"})
        assert office.robin.messages == [said]
        assert form_with(office.robin.text, field).fields[field] == ["What was typed"]
        office.robin.open("/operator/proof")
        office.prove()
    assert office.stored().line.registration.client.name == "The okta"
    assert office.stored().stream == stream


def test_what_is_not_there_is_not_found(office: Office) -> None:
    """ASVS 8.2.2: an id nobody has, a token of another client, one that was revoked; none of them is touched."""
    office.stored()
    office.stored("entra")
    others = office.token("entra")
    for deed in ("", "/token", *(f"/{each}" for each in DEEDS)):
        for client_id in ("nobody", "", "OKTA", "%00", "%FF"):
            answer = office.robin.open(f"{ONE}{deed}?id={client_id}&token={others}")
            assert answer.status_code in (400, 404), (deed, client_id)
    for wrong in (others, others[:6], "", "x"):
        assert office.robin.open(f"{ONE}/revoke-token?id=okta&token={wrong}").status_code == 404
    for deed in EVENTS[1:]:
        assert office.robin.open(f"{ONE}/{deed}?id=okta").status_code == 404, "it has no events"
    mine = office.token()
    data = {"csrf_token": token_of(office.robin.open(f"{ONE}/revoke-token?id=okta&token={mine}").text)}
    told = office.robin.client.post(f"{ONE}/revoke-token?id=okta&token={others}", data=data)
    assert told.headers["Location"] == f"{ONE}?id=okta&done=gone"
    assert (office.live(), office.live("entra")) == ([mine], [others])


# --- registering and changing ---------------------------------------------------------------------------


def test_wrong_input_names_its_fields_and_loses_nothing(office: Office) -> None:
    """WCAG 3.3.1, O4, O6, SA-11: a summary that links to each field; everything typed is still there."""
    typed = {"client_name": "x" * 101, "allowed_addresses": "192.0.2.0/24\n192.0.2.1/24", "client_id": " "}
    office.robin.open(NEW)
    office.robin.send(**typed, requests_per_second="many", scopes=[])
    assert office.robin.messages == ["5117"], "what cannot be read is told first"
    office.robin.send(requests_per_second="24", profile="other")
    assert office.robin.page is not None
    assert office.robin.page.status_code == 422
    links = re.findall(r'<a href="#([a-z_]+)">([^<]+)</a>', office.robin.text)
    assert [name for name, _text in links] == [
        "client_id",
        "client_name",
        "profile",
        "scopes",
        "requests_per_second",
        "allowed_addresses",
    ]
    assert "“192.0.2.1/24” is no network" in unescape(links[-1][1])
    form = form_with(office.robin.text, "client_id")
    assert {name: form.fields[name] for name in typed} == {name: [text] for name, text in typed.items()}
    office.stored()
    right = {"client_name": "", "allowed_addresses": "", "requests_per_second": "", "scopes": "scim.read"}
    office.robin.send(client_id="okta", profile="okta", **right)
    assert office.robin.messages == ["5113"], "another's client is not taken over"
    assert office.stored().line.registration.client.name == "The okta"
    office.robin.send(client_id="okta-2", extension="yes", leave_out_unknown_members="yes")
    made = office.stored("okta-2").line.registration.client
    assert (made.name, made.profile, made.scopes) == ("okta-2", "okta", {"scim.read"})
    assert (made.extension, made.leave_out_unknown_members) == (True, True)
    assert "It may use it" in office.robin.text
    assert "They are left out" in office.robin.text


def test_the_form_gives_back_what_it_was_given_and_changes_nothing_else(office: Office) -> None:
    """Each setting of the command line has its field; a disabled client stays disabled, its tokens live on."""
    order = {
        "profile": "entra",
        "scopes": frozenset({"scim.users.write", "scim.groups.read"}),
        "require_match": True,
        "extension": True,
        "leave_out_unknown_members": True,
        "requests_per_second": 50,
        "allowed_addresses": ("192.0.2.0/24", "2001:db8::/32"),
    }
    before, name = office.stored(**order), office.token()
    office.robin.open(f"{ONE}/change?id=okta")
    office.press()
    assert "Nothing was different" in office.robin.text
    assert office.stored().line.registration == before.line.registration
    office.robin.open(f"{ONE}/disable?id=okta")
    office.robin.send(reason="its token leaked")
    office.robin.open(f"{ONE}/change?id=okta")
    office.robin.send(
        client_name="Okta of Acme",
        profile="okta",
        scopes="scim.write",
        require_match=[],
        extension=[],
        leave_out_unknown_members=[],
        requests_per_second="",
        allowed_addresses=" 198.51.100.7 \n",
    )
    found = office.stored().line.registration.client
    assert (found.name, found.profile, found.scopes) == ("Okta of Acme", "okta", {"scim.write"})
    assert (found.require_match, found.extension, found.requests_per_second) == (False, False, None)
    assert not found.leave_out_unknown_members
    assert (found.allowed_addresses, found.disabled) == (("198.51.100.7",), True)
    assert office.live() == [name]
    text = office.robin.text
    assert "Disabled: its token leaked" in text
    assert "They refuse the change" in text
    assert "Changed: Name, Profile" in unescape(text)
    assert f"Token {name} made" in text
    office.robin.open(f"{ONE}/enable?id=okta")
    office.press()
    assert not office.stored().line.registration.client.disabled
    with office.gateway.services.store.read() as connection:
        deed = (audit_event.c.tag, audit_event.c.actor_kind, audit_event.c.reason)
        told = select(*deed).where(audit_event.c.target == "okta").order_by(audit_event.c.seq.desc())
        rows = [(row.tag.rpartition(":")[2], row.actor_kind, row.reason) for row in connection.execute(told)]
    assert rows[:3] == [
        ("enabled", "account", ""),
        ("changed", "account", ""),
        ("disabled", "account", "its token leaked"),
    ]


def test_of_two_people_who_change_a_client_the_later_is_told(office: Office) -> None:
    """What the later typed stays; saving again puts it in the place of what the earlier saved."""
    office.stored()
    office.robin.open(f"{ONE}/change?id=okta")
    later = office.robin.page
    office.robin.send(client_name="The earlier")
    office.robin.page = later
    office.robin.send(client_name="The later")
    assert office.robin.messages == ["5104"]
    assert office.stored().line.registration.client.name == "The earlier"
    assert f'id="now" href="{ONE}?id=okta"' in office.robin.text
    office.press()
    assert office.stored().line.registration.client.name == "The later"


# --- tokens ---------------------------------------------------------------------------------------------


@pytest.fixture
def both(gateway_database: Database, clock: FrozenClock) -> tuple[Office, ScimWorld]:
    """Give the office on either database, with the SCIM service beside it and one client for Entra."""
    office = an_office(Office, gateway_database, clock)
    office.stored("entra", profile="entra")
    return office, a_scim_world(gateway_database, clock=clock)


def test_a_token_is_shown_once_works_is_rotated_and_revoked(both: tuple[Office, ScimWorld]) -> None:
    """O2: pasted into the client with the base address; two at a time, a third refused in one sentence."""
    office, scim = both
    first = office.make_token("entra", label="Acme, production")
    assert office.robin.page is not None
    assert office.robin.page.headers["Cache-Control"] == "no-store"
    assert [answer.status_code for answer in office.robin.page.history] == [303]
    assert first not in office.robin.page.request.url
    assert f'id="base-address">{office.gateway.services.issuer}/scim/v2<' in office.robin.text
    assert "Tenant URL" in office.robin.text
    office.robin.open(f"{ONE}/token?id=entra")
    assert 'id="no-token"' in office.robin.text
    assert scim.get("/Users", token=first).status == 200
    office.robin.open(f"{ONE}/new-token?id=entra")
    stale = office.robin.page
    office.clock.advance(dt.timedelta(minutes=1))
    second = office.make_token("entra")
    office.robin.page = stale
    office.robin.send(ends="never")
    assert office.robin.messages == ["5120"], "the third, from a form that was open meanwhile"
    assert "Two tokens of this client work already" in office.robin.text
    names = office.live("entra")
    assert len(names) == 2
    office.robin.open(f"{ONE}/new-token?id=entra")
    assert 'name="ends"' not in office.robin.text
    office.robin.open(f"{ONE}/revoke-token?id=entra&token={names[0]}")
    assert office.live("entra") == names, "it is asked about first"
    question = office.robin.page
    office.press()
    assert "The token is revoked." in office.robin.text
    assert [scim.get("/Users", token=each).status for each in (first, second)] == [401, 200]
    office.robin.page = question
    office.press()
    assert "nothing to revoke" in office.robin.text, "a second click ends no other token"
    assert office.live("entra") == names[1:]
    with office.gateway.services.store.read() as connection:
        told = repr(connection.execute(select(audit_event)).all())
    assert first not in told
    assert second not in told


def test_one_who_asks_twice_for_a_token_gets_one(office: Office) -> None:
    """O2: a second click, or another operator's, makes no token that nobody sees."""
    office.stored()
    office.robin.open(f"{ONE}/new-token?id=okta")
    asked = office.robin.page
    office.robin.send(ends="year")
    office.robin.page = asked
    office.robin.send(ends="year")
    assert office.robin.messages == ["5121"]
    assert len(office.live()) == 1
    office.robin.send(ends="year")
    assert len(office.live()) == 2, "the form as it is now knows of the first"


def test_who_clicks_twice_is_shown_the_token_that_the_first_click_made(office: Office) -> None:
    """O2: the browser drops the answer to the first, and whoever asks with HEAD sees nothing of the page."""
    office.stored()
    office.robin.open(f"{ONE}/new-token?id=okta")
    form = form_with(office.robin.text, "ends")
    data = {name: values[0] for name, values in form.fields.items()} | {"ends": "year"}
    answers = [office.robin.client.post(form.action, data=data) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert [answer.location for answer in answers] == [f"{ONE}/token?id=okta"] * 2
    assert len(office.live()) == 1
    assert office.robin.client.head(answers[1].location).status_code == 200
    assert 'id="scim-token"' in office.robin.open(answers[1].location).text
    assert office.robin.client.post(form.action, data=data).status_code == 422, "once it was seen"


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"ends": ""}, "5122"),
        ({"ends": "sometime"}, "5122"),
        ({"ends": "day"}, "5101"),
        ({"ends": "day", "day": "tomorrow"}, "5101"),
        ({"ends": "day", "day": "2026-02-30"}, "5101"),
        ({"ends": "day", "day": "2001-01-01"}, "5123"),
        ({"ends": "day", "day": "8999-01-01"}, "5123"),
        ({"label": "x" * 61}, "5124"),
    ],
)
def test_a_token_without_an_end_that_can_be_is_not_made(
    office: Office, chosen: dict[str, str], message: str
) -> None:
    """O2: what was chosen and typed is still there."""
    office.stored()
    label = "Acme"
    assert office.make_token(**{"label": label} | chosen) == ""
    assert office.robin.messages == [message]
    assert office.live() == []
    form = form_with(office.robin.text, "label")
    assert form.fields["label"] == [chosen.get("label", label)]
    assert form.fields["day"] == [chosen.get("day", "")]


def test_a_token_lives_through_its_last_day_where_the_operator_is(office: Office) -> None:
    """O2: the day that was entered is the last; today is one."""
    office.stored()
    today = office.clock.now().date()
    assert office.make_token(ends="day", day=today.isoformat())
    (stored,) = office.stored().line.tokens
    assert stored.expires_at is not None
    assert stored.expires_at.isoformat() == f"{today + dt.timedelta(days=1)}T04:00:00+00:00"
    assert "Soon" in office.robin.open(LIST).text
    office.clock.advance(dt.timedelta(days=1))
    assert office.live() == []


def test_a_token_of_somebody_elses_making_is_not_shown(office: Office) -> None:
    """CA-09, O2: it waits for the session that asked, and for the page of that client."""
    office.stored()
    office.stored("entra")
    office.robin.open(f"{ONE}/new-token?id=okta")
    page = form_with(office.robin.text, "ends")
    data = {name: values[0] for name, values in page.fields.items()}
    assert office.robin.client.post(page.action, data=data).status_code == 303
    assert 'id="scim-token"' not in office.robin.open(f"{ONE}/token?id=entra").text
    other = Journey(office.gateway)
    other.open(f"{ONE}/token?id=okta")
    office.clock.advance(dt.timedelta(minutes=1))
    other.give_password("clarkr")
    other.give_code(office.app)
    assert 'id="no-token"' in other.text
    assert 'id="scim-token"' in office.robin.open(f"{ONE}/token?id=okta").text


# --- events ---------------------------------------------------------------------------------------------


def test_what_is_wrong_with_events_is_told_and_their_header_never_sent_back(office: Office) -> None:
    """P2, RFC 8935 §5: no stream is made; what was typed is still there but for the receiver's secret."""
    office.stored()
    typed = {"endpoint_url": "http://receiver.example/events", "description": "The directory"}
    for wrong, messages in (
        ({"provisioning": "none", **typed}, ["5125"]),
        ({**typed, "authorization": HEADER}, ["5126"]),
        ({"endpoint_url": "", "authorization": HEADER}, ["5127"]),
        ({"description": "x" * 257}, ["5128"]),
        ({"algorithm": "none"}, ["5129"]),
    ):
        office.robin.open(f"{ONE}/events?id=okta")
        office.robin.send(**wrong)  # type: ignore[arg-type]
        assert office.robin.messages == messages
        form = form_with(office.robin.text, "provisioning")
        kept = {name: form.fields[name] for name in typed if name in wrong}
        assert kept == {name: [text] for name, text in wrong.items() if name in typed}
        assert HEADER not in office.robin.text
    assert office.stored().stream is None


def test_of_two_clicks_at_one_moment_neither_blames_a_colleague(office: Office) -> None:
    """P2: whoever comes second finds the events just as she ordered them."""
    office.stored()
    office.robin.open(f"{ONE}/events?id=okta")
    form = form_with(office.robin.text, "provisioning")
    data = {name: values[0] for name, values in form.fields.items()} | {"provisioning": "full"}

    def click(_number: int) -> int:
        browser = office.robin.client.application.test_client()
        for name in ("gateway_session", "gateway_browser"):
            cookie = office.robin.client.get_cookie(name)
            assert cookie is not None
            browser.set_cookie(name, cookie.value)
        return browser.post(form.action, data=data).status_code

    assert together(4, click) == [303] * 4
    assert office.stream().provisioning == "full"


def test_a_page_promises_no_more_than_the_deed_does(office: Office) -> None:
    """Paused events wait a week, as others do; a disabled SCIM client's access tokens open what is not SCIM."""
    office.stream()
    assert (
        "Whatever has waited for 7 days is forgotten" in office.robin.open(f"{ONE}/pause-events?id=okta").text
    )
    office.robin.open(f"{ONE}/disable?id=okta")
    office.press()
    assert "No token of it opens the SCIM service." in office.robin.text


def test_events_are_switched_on_changed_paused_and_taken_away(both: tuple[Office, ScimWorld]) -> None:
    """P2, RFC 9967: what the command line can do; the header stays while its address does, and goes with it."""
    office, scim = both
    assert 'id="no-events"' in office.robin.open(f"{ONE}?id=entra").text
    address = "https://receiver.example/events"
    office.robin.open(f"{ONE}/events?id=entra")
    earlier = office.robin.page
    office.robin.send(provisioning="full", endpoint_url=address, authorization=HEADER, algorithm="RS256")
    made = office.stream("entra")
    assert (made.provisioning, made.endpoint_url, made.algorithm) == ("full", address, "RS256")
    assert open_authorization(office.gateway.services.store.sealer, made) == HEADER
    office.robin.page = earlier
    office.robin.send(provisioning="notice")
    assert office.robin.messages == ["5104"]
    assert office.stream("entra") == made, "the later of two is told"
    office.clock.advance(dt.timedelta(minutes=1))
    office.robin.open(f"{ONE}/events?id=entra")
    office.robin.send(description="The directory")
    kept = office.stream("entra")
    assert (kept.id, kept.authorization, kept.description) == (made.id, made.authorization, "The directory")
    for deed, status in (
        ("pause-events", "paused"),
        ("resume-events", "enabled"),
        ("pause-events", "paused"),
    ):
        office.robin.open(f"{ONE}/{deed}?id=entra")
        office.press()
        assert office.stream("entra").status == status
    token = office.make_token("entra")
    assert scim.post("/Users", a_user("erin"), token=token).status == 201
    assert office.stored("entra").waiting == 1
    office.robin.open(f"{ONE}/events?id=entra")
    office.robin.send(endpoint_url="https://elsewhere.example/")
    assert office.stream("entra").authorization is None, "no other receiver gets this one's secret"
    assert office.stream("entra").status == "paused"
    text = office.robin.open(f"{ONE}?id=entra").text
    assert "https://elsewhere.example/" in text
    assert "Events paused" in text
    assert HEADER not in text
    office.robin.open(f"{ONE}/remove-events?id=entra")
    office.press()
    assert office.stored("entra").stream is None
    assert "This client hears of nothing any more." in office.robin.text


# --- looking --------------------------------------------------------------------------------------------


def test_the_list_and_a_page_tell_who_was_heard_from_and_lead_to_what_it_sent(
    both: tuple[Office, ScimWorld],
) -> None:
    """G-96: from the client to its refused requests; whatever character its id holds, its page is found."""
    office, scim = both
    assert "Never" in office.robin.open(LIST).text
    token = office.make_token("entra")
    assert scim.post("/Users", a_user("erin"), token=token).status == 201
    assert scim.post("/Users", a_user("erin"), token=token).status == 409
    scim.services.requests.flush(scim.services.store.database)
    assert "Never" not in office.robin.open(LIST).text
    link = re.search(r'id="sent" href="([^"]+)"', office.robin.open(f"{ONE}?id=entra").text)
    assert link is not None
    assert 'data-status="409"' in office.robin.open(unescape(link[1])).text
    request = re.search(r'href="(/operator/provisioning/[0-9A-Z]{26})"', office.robin.text)
    assert request is not None
    assert f'id="sender" href="{ONE}?id=entra"' in office.robin.open(request[1]).text, "and back"
    office.stored("other")
    assert "data-status" not in office.robin.open("/operator/provisioning?client=other").text
    for odd in ("a/b ?&=é", "..", 'x"><script>'):
        office.stored(odd)
        assert f'href="{ONE}?id={quote(odd, safe="").replace("%20", "+")}"' in office.robin.open(LIST).text
        found = re.search(rf'href="({ONE}/disable\?[^"]+)"', office.robin.open(f"{ONE}?id={quote(odd)}").text)
        assert found is not None
        assert parse_qs(urlsplit(unescape(found[1])).query) == {"id": [odd]}
        office.robin.open(unescape(found[1]))
        office.press()
        assert office.stored(odd).line.registration.client.disabled
    assert "<script>" not in office.robin.open(LIST).text.replace("<script nonce", "")
    shown = office.robin.open(f"{LIST}?show=disabled&q=a%2Fb").text
    assert shown.count(f'href="{ONE}?id=') == 1


def test_a_client_tells_of_its_namesake_among_the_oauth_clients(both: tuple[Office, ScimWorld]) -> None:
    """O2: it is one client, each page leads to the other; where one is disabled, the page says what that means."""
    office, scim = both
    office.stored("importer")
    assert "None: it has static tokens alone" in office.robin.open(f"{ONE}?id=importer").text
    scim.token("importer")
    text = office.robin.open(f"{ONE}?id=importer").text
    assert 'href="/operator/clients/importer"' in text
    assert "no token of either" not in text
    disable_client(office.gateway.services, "importer", actor=SYSTEM)
    assert "no token of either opens anything" in office.robin.open(f"{ONE}?id=importer").text
    assert f'href="{ONE}?id=importer"' in office.robin.open("/operator/clients/importer").text
    metadata = {"grant_types": ["client_credentials"], "response_types": [], "scope": "scim.write"}
    worker = ClientOrder("worker", "Worker", metadata | {"token_endpoint_auth_method": "client_secret_basic"})
    assert isinstance(register_client(office.gateway.services, worker, actor=SYSTEM), Registered)
    led = re.search(r'id="register-scim" href="([^"]+)"', office.robin.open("/operator/clients/worker").text)
    assert led is not None
    office.robin.open(led[1])
    office.robin.send(client_name=" The\u00a0 worker ")
    assert office.robin.path == ONE
    assert office.stored("worker").line.registration.client.name == "The worker"
    assert 'id="register-scim"' not in office.robin.open("/operator/clients/worker").text
