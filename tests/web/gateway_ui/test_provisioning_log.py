"""The operator's pages: why was this person not provisioned? Who may look, what is found, what is never shown."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING

import pytest

from gateway_ui.settings import GatewayPagesSettings
from gateway_ui.web import provisioning_words
from idp.domain.provisioning_log import Outcome
from idp.settings import IdpSettings
from idp.storage.provisioning_log import Range, page_of_all
from idp.usecases.find_provisioning_requests import PAGE
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from kernel.audit import SYSTEM
from scim.domain.models import GROUP_SCHEMA
from tests.support.browser import LARGE, SMALL, accessibility_faults, fits, keep_screenshot
from tests.support.gateway import Journey, PagesGateway, a_gateway, heading_of
from tests.support.page_walk import in_french
from tests.support.ports import free_port
from tests.support.scim import PATCH_SCHEMA, ScimWorld, a_group, a_scim_world, a_user
from tests.support.staff import make_staff, robin_clark, take_session
from tests.support.staff_deeds import lock, unlock

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.browser import Visitor

LIST = "/operator/provisioning"
NOBODY = "01KT1GW6G0R5GAV2QNXRSS0P82"
GUIDES = {"schemas": [GROUP_SCHEMA], "displayName": "Guides"}
SECRETS = ("Nora Field", "nora.secret@acme.example", "416-555-0100", "hunter2-in-clear")


@dataclass
class Office:
    """The Gateway's pages and its SCIM face over one database, and somebody of Customer Relations."""

    pages: PagesGateway
    scim: ScimWorld
    robin: Journey
    clock: FrozenClock

    def send(self, method: str, path: str, body: object = None, **options: object) -> int:
        """Send a request of its own second and return its status; what waits is written."""
        self.clock.advance(dt.timedelta(seconds=1))
        answer = self.scim.request(method, path, body, **options)  # type: ignore[arg-type]
        self.scim.services.requests.flush(self.scim.services.store.database)
        self.last = answer
        return answer.status

    def open(self, query: str = "") -> list[str]:
        """Open the list and return the deeds on it, newest first."""
        self.robin.open(f"{LIST}{query}")
        return deeds(self.robin.text)

    def open_first(self, query: str = "") -> str:
        """Open the newest request of the list and return its page."""
        self.open(query)
        return self.robin.open(deeds_at(self.robin.text)[0]).text


def deeds(page: str) -> list[str]:
    """Return what each line of the list says was asked, and of whom."""
    return [
        " ".join(re.sub(r"<[^>]+>", " ", unescape(each)).split())
        for each in re.findall(rf'href="{LIST}/[0-9A-Z]{{26}}">(.*?)</a>', page)
    ]


def deeds_at(page: str) -> list[str]:
    """Return where the lines of the list lead."""
    return re.findall(rf'href="({LIST}/[0-9A-Z]{{26}})"', page)


@pytest.fixture
def office(sqlite_gateway_database: Database, clock: FrozenClock) -> Office:
    """Give the office of Customer Relations; nothing was sent yet."""
    long = dt.timedelta(days=7)
    settings = IdpSettings(loopback_http_clients=True, session_idle=long, session_life=long)
    url = f"http://localhost:{free_port()}"
    gateway = a_gateway(sqlite_gateway_database, clock=clock, settings=settings, public_url=url)
    return Office(gateway, a_scim_world(sqlite_gateway_database, clock=clock), robin_clark(gateway)[0], clock)


# --- who may look ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [LIST, f"{LIST}?q=fieldn", f"{LIST}/01KT1GW6G07KG39TYVNEGWKA41"])
def test_nobody_looks_without_a_session(gateway: PagesGateway, path: str) -> None:
    """LI-07: one signs in first."""
    assert heading_of(Journey(gateway).open(path).text) == "Sign in"


def test_a_person_without_the_role_is_refused(gateway: PagesGateway) -> None:
    """LI-07: neither the list nor a request is theirs, nor the way to it on the dashboard."""
    member = gateway.provision()
    gateway.application("emi", "Energy Market Interface", "https://apps.example/", member)
    nora = Journey(gateway)
    nora.activate()
    assert 'id="operator-pages"' not in nora.text
    for path in (LIST, f"{LIST}/01KT1GW6G07KG39TYVNEGWKA41"):
        assert nora.open(path).status_code == 403
        assert "Only Customer Relations can open this page." in nora.text
        assert 'name="q"' not in nora.text


def test_the_role_of_another_source_opens_nothing(gateway: PagesGateway) -> None:
    """LI-07, O9: a provisioning client cannot make staff of its own people by naming a role so."""
    account = gateway.provision()
    make_staff(gateway, account, source="okta")
    nora = Journey(gateway)
    nora.activate()
    assert nora.open(LIST).status_code == 403


def test_the_settings_can_close_the_pages(sqlite_gateway_database: Database, clock: FrozenClock) -> None:
    """LI-07: without a role in the settings they are nobody's."""
    closed = a_gateway(sqlite_gateway_database, clock=clock, pages=GatewayPagesSettings(operator_role=""))
    assert robin_clark(closed)[0].open(LIST).status_code == 403


def test_staff_lose_the_pages_with_the_role(office: Office) -> None:
    """G-91: asked on each request, so that a role that is gone opens nothing."""
    assert office.open() == []
    with office.pages.services.store.write() as unit:
        unit.connection.exec_driver_sql("DELETE FROM membership")
    assert office.robin.open(LIST).status_code == 403


def test_staff_find_the_way_from_their_applications(office: Office) -> None:
    """O11: a link on the dashboard, which leads to the list."""
    office.robin.open("/")
    assert f'id="operator-pages" href="{LIST}"' in office.robin.text
    assert heading_of(office.robin.open(LIST).text) == "Provisioning requests"


# --- what is found -----------------------------------------------------------------------------------


def test_the_empty_list_says_that_nothing_was_sent(office: Office) -> None:
    """O11: an empty state of its own, and another one for a search that finds nothing."""
    assert office.open() == []
    assert "No provisioning client has sent a change yet." in office.robin.text
    assert office.open("?q=nobody") == []
    assert "No account or group is called “nobody” now." in unescape(office.robin.text)
    assert "The sender has not sent it yet." in office.robin.text


def test_a_refused_creation_tells_why_and_what_to_do(office: Office) -> None:
    """O11, C4: the very question of the page; the name is found though no account has it from this sender."""
    assert office.send("POST", "/Users", a_user("fieldn")) == 201
    other = a_user("FieldN", externalId="acct:other")
    assert office.send("POST", "/Users", other, client_id="okta") == 409
    assert office.open("?q=fieldn") == ["Create account FieldN", "Create account fieldn"]
    assert "409" in office.robin.text
    assert "uniqueness" in office.robin.text
    assert "Waits for activation" in office.robin.text
    page = unescape(office.open_first("?q=fieldn"))
    assert "Another account or group already has this user ID" in page
    assert "Search for the name here to see who has it." in page
    assert "Another resource has this 'userName' already." in page
    assert "okta" in page
    assert office.open("?q=acct:other") == ["Create account FieldN"]


def test_a_refusal_is_told_in_french_and_quoted_as_english(office: Office) -> None:
    """WCAG 3.1.2: list and page say what it means and what it is about; what was sent is marked as English."""
    office.send("POST", "/Users", a_user("fieldn"))
    office.send("POST", "/Users", a_user("FieldN", externalId="acct:other"), client_id="okta")
    office.robin.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr"
    sent, meaning = "Another resource has this", "Un autre compte ou groupe a déjà cet identifiant"
    office.open()
    assert meaning in office.robin.text
    assert '<br><span class="kit-note">userName</span>' in office.robin.text
    assert sent not in office.robin.text
    page = unescape(office.open_first())
    assert meaning in page
    assert re.search(r"Attribut ou paramètre</dt>\s*<dd[^>]*>userName</dd>", page)
    assert re.search(
        rf"Motif, tel qu'il a été renvoyé \(en anglais\)</dt>\s*<dd[^>]*><span [^>]*lang=\"en\"><q>{sent}",
        page,
    )


@pytest.mark.parametrize(
    ("reason", "named"),
    [
        ("Another resource has this 'userName' already.", "userName"),
        ("Each of 'members' needs a 'value': the id of an account.", "members, value"),
        ("A value is missing: name.familyName", "name.familyName"),
        ("'schemas' must name urn:ietf:params:scim:schemas:core:2.0:User.", "schemas"),
        ("There is no attribute '\N{HORIZONTAL ELLIPSIS}'.", ""),
        ("Members are selected by 'value' and 'type'.", "value, type"),
        ("The selection of members cannot be read.", ""),
        ("The request has no body.", ""),
        ("", ""),
    ],
)
def test_what_a_reason_is_about_is_read_from_it(office: Office, reason: str, named: str) -> None:
    """O11: names stand in quotation marks, or alone at the end; a gap where a value stood is no name."""
    office.send("POST", "/Users", {"schemas": []})
    with office.scim.services.store.read() as connection:
        record = page_of_all(connection, Range(frozenset({Outcome.REFUSED})))[0]
    assert provisioning_words.named(dataclasses.replace(record, reason=reason)) == named


def test_members_that_were_left_out_are_told_with_what_to_do(office: Office) -> None:
    """O11, J2: how many, whether or not anything else was done, in the list and on its own page; never who."""
    _unknown_members(office, NOBODY)
    path = f"/Groups/{office.last['id']}"
    body = GUIDES | {"members": [{"value": NOBODY}, {"value": "another"}]}
    assert office.send("PUT", path, body, client_id="directory") == 200
    assert office.open("?q=Guides") == ["Replace group Guides", "Create group Guides"]
    listed = office.robin.text
    assert "1 unknown member was left out" in listed
    assert "2 unknown members were left out" in listed
    assert "Nothing changed" in listed
    assert "Nothing to do" not in listed
    page = office.open_first("?q=Guides")
    assert "2 were left out" in page
    assert "Members that nobody knows were left out of the group." in page
    assert "Search for the person" in page
    assert NOBODY not in listed + page
    office.robin.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr"
    office.open()
    assert "2 membres inconnus ont été laissés de côté" in unescape(office.robin.text)


def test_a_person_is_found_by_every_name(office: Office) -> None:
    """O11: user name in any case, e-mail address, external id, id; and the group by its own."""
    office.send("POST", "/Users", a_user("fieldn"))
    account = office.last["id"]
    office.send("POST", "/Users", a_user("younga"))
    office.send("POST", "/Groups", a_group(members=[{"value": account}]))
    group = office.last["id"]
    wanted = ["Create group ACME GENERATION/emi_user", "Create account fieldn"]
    for words in ("fieldn", "FIELDN", "fieldn@acme.example", "acct:fieldn", account, account.lower()):
        assert office.open(f"?q={words}") == wanted, words
    assert "was added" in office.robin.text
    assert "ACME GENERATION/<wbr>emi_user" in office.robin.text, "a line breaks between the two names"
    for words in ("ACME+GENERATION/emi_user", "grp:10001:emi_user", group):
        assert office.open(f"?q={words}") == wanted[:1], words


def test_an_account_that_staff_locked_is_told_from_one_that_its_source_switched_off(office: Office) -> None:
    """O11: its source is not asked why it does not come back."""
    off = {"schemas": [PATCH_SCHEMA], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    office.send("POST", "/Users", a_user("fieldn"))
    account = office.last["id"]
    lock(office.scim.services)
    office.open("?q=fieldn")
    assert "Locked" in office.robin.text
    office.send("PATCH", f"/Users/{account}", off)
    office.open("?q=fieldn")
    assert "Locked" in office.robin.text
    unlock(office.scim.services)
    office.open("?q=fieldn")
    assert "Locked" not in office.robin.text
    assert "Deactivated" in office.robin.text


def test_the_longest_names_are_found_too(office: Office) -> None:
    """O11: whatever a name may be, its whole is found, and what the pages link to opens."""
    long = {"userName": "u" * 256, "externalId": "é" * 512}
    office.send("POST", "/Users", a_user("fieldn") | long)
    office.send("POST", "/Groups", a_group() | {"displayName": "g" * 1_024, "externalId": "e" * 1_024})
    assert office.last.status == 201
    deleted = office.last["id"]
    assert office.send("DELETE", f"/Groups/{deleted}") == 204
    assert office.send("POST", "/Groups", a_group() | {"displayName": "h" * 1_025}) == 400
    for words in long.values():
        assert office.open(f"?q={words}") == [f"Create account {long['userName']}"], words
    for words in ("g" * 1_024, "e" * 1_024):
        assert len(office.open(f"?q={words}")) == 2, words


def test_membership_is_told_from_both_sides(office: Office) -> None:
    """O11, J4: a member's page shows who put it into a group and who took it out."""
    office.send("POST", "/Users", a_user("fieldn"))
    account = office.last["id"]
    office.send("POST", "/Groups", a_group())
    group = office.last["id"]
    change = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}
    add = {"op": "add", "path": "members", "value": [{"value": account}]}
    remove = {"op": "remove", "path": f'members[value eq "{account}"]'}
    assert office.send("PATCH", f"/Groups/{group}", change | {"Operations": [add]}) < 300
    assert office.send("PATCH", f"/Groups/{group}", change | {"Operations": [remove]}) < 300
    assert office.send("PATCH", f"/Groups/{group}", change | {"Operations": [remove]}) < 300
    name = "Change group ACME GENERATION/emi_user"
    assert office.open("?q=fieldn") == [name, name, "Create account fieldn"]
    assert "“fieldn” was added" in office.robin.text
    assert "“fieldn” was removed" in office.robin.text
    assert len(office.open(f"?q={group}")) == 4
    assert "Nothing to do" in office.robin.text
    page = office.open_first("?q=fieldn")
    assert "0 added, 1 removed" in page
    assert re.search(rf'href="{LIST}\?q={account}">fieldn</a> \W removed', page)


def test_changed_attributes_are_named_and_values_are_not(office: Office) -> None:
    """LI-03, SF-09, N6: no page of the record shows what was sent, however it was refused."""
    secret = a_user(
        "fieldn",
        name={"givenName": "Nora", "familyName": "Field"},
        emails=[{"value": "nora.secret@acme.example"}],
        password="hunter2-in-clear",
    )
    office.send("POST", "/Users", secret)
    path = f"/Users/{office.last['id']}"
    patch = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}
    renamed = {"op": "replace", "path": "name.familyName", "value": "Nora Field"}
    office.send("PATCH", path, patch | {"Operations": [renamed]})
    for wrong in (
        {"op": "replace", "path": 'emails[value eq "nora.secret@acme.example"].value', "value": 1},
        {"op": "replace", "path": "hunter2-in-clear", "value": "nora.secret@acme.example"},
        {"op": "replace", "path": "active", "value": "hunter2-in-clear"},
    ):
        assert office.send("PATCH", path, patch | {"Operations": [wrong]}) == 400
    for filtered in (
        'userName eq hunter2-in-clear and "',
        'nope eq "nora.secret@acme.example"',
        'password eq "hunter2-in-clear"',
    ):
        assert office.send("GET", "/Users", query={"filter": filtered}) == 400
    listed = office.robin.open(f"{LIST}?show=everything").text
    pages = [unescape(office.robin.open(each).text) for each in re.findall(rf"{LIST}/[0-9A-Z]{{26}}", listed)]
    assert len(pages) == 8
    assert "name.familyName" in "".join(pages)
    for secret_text in SECRETS:
        assert not [page for page in pages if secret_text in page], secret_text


def test_a_deleted_account_is_forgotten_by_name_and_found_by_who_knows_it(office: Office) -> None:
    """I3: no row names it any more; the name still leads to what was sent, and its new bearer too."""
    office.send("POST", "/Users", a_user("fieldn"))
    account = office.last["id"]
    assert office.send("DELETE", f"/Users/{account}") == 204
    wanted = ["Delete account", "Create account"]
    for words in ("fieldn", "acct:fieldn", account):
        assert office.open(f"?q={words}") == wanted, words
    assert "Not there now" in office.open_first(f"?q={account}")
    assert "fieldn" not in office.robin.open(f"{LIST}?show=everything").text
    database = office.scim.services.store.database
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM provisioning_request").all()
        rows += connection.exec_driver_sql("SELECT * FROM provisioning_subject").all()
    assert "fieldn" not in repr(rows)
    office.send("POST", "/Users", a_user("fieldn"))
    assert office.open("?q=fieldn") == ["Create account fieldn", *wanted]


def test_the_list_is_narrowed_by_sender_outcome_and_day(office: Office) -> None:
    """O11: each narrows by itself and together; days are those of the operator's place."""
    office.send("POST", "/Users", a_user("fieldn"))
    account = office.last["id"]
    office.send("GET", f"/Users/{account}")
    office.send("POST", "/Users", a_user("fieldn"), client_id="okta")
    office.clock.advance(dt.timedelta(days=1))
    office.send("POST", "/Users", a_user("younga", emails=[]), client_id="okta")
    fieldn, taken, younga = "Create account fieldn", "Create account fieldn", "Create account younga"
    assert office.open() == [younga, taken, fieldn]
    assert office.open("?show=everything") == [younga, taken, "Read account fieldn", fieldn]
    assert office.open("?show=refused") == [taken]
    assert office.open("?show=done") == [younga, fieldn]
    assert office.open("?show=whatever") == [younga, taken, fieldn]
    assert office.open("?client=okta") == [younga, taken]
    assert office.open("?client=okta&show=refused&q=fieldn") == [taken]
    assert office.open("?from=2026-06-02") == [younga]
    assert office.open("?to=2026-06-01") == [taken, fieldn]
    assert office.open("?from=2026-06-01&to=2026-06-02&show=done") == [younga, fieldn]
    assert office.open("?from=2026-06-03") == []


def test_a_day_that_cannot_be_read_is_complained_about(office: Office) -> None:
    """WCAG 3.3.1: the field says what is wrong; the rest of the question still counts."""
    office.send("POST", "/Users", a_user("fieldn"))
    assert office.open("?from=yesterday") == ["Create account fieldn"]
    assert office.robin.messages == ["5101"]
    assert office.open("?from=2026-06-02&to=2026-06-01") == ["Create account fieldn"]
    assert office.robin.messages == ["5102"]
    for odd in ("?from=0001-01-01", "?to=9999-12-31"):
        office.open(odd)
        assert office.robin.messages == ["5101"], odd


def test_pages_follow_one_another_both_ways(office: Office) -> None:
    """F5: by key, so that what comes in meanwhile moves no line from page to page."""
    names = [f"person{number:02}" for number in range(2 * PAGE + 3)]
    for name in names:
        office.send("POST", "/Users", a_user(name))
    expected = [f"Create account {name}" for name in reversed(names)]
    for query in ("", "?client=registration-worker", "?q=registration-none"):
        if "none" in query:
            assert office.open(query) == []
            continue
        assert office.open(query) == expected[:PAGE]
        office.send("POST", "/Users", a_user(f"late{len(query)}"))
        pages = [_follow(office, "next"), _follow(office, "next")]
        assert pages == [expected[PAGE : 2 * PAGE], expected[2 * PAGE :]]
        assert 'rel="next"' not in office.robin.text
        assert _follow(office, "prev") == expected[PAGE : 2 * PAGE]
        assert _follow(office, "prev") == expected[:PAGE]
        late = f"Create account late{len(query)}"
        assert _follow(office, "prev")[0] == late
        expected = [late, *expected]


def _follow(office: Office, rel: str) -> list[str]:
    found = re.search(rf'href="([^"]+)" rel="{rel}"', office.robin.text)
    assert found is not None, rel
    office.robin.open(unescape(found[1]))
    return deeds(office.robin.text)


def test_equal_requests_within_a_moment_are_one_line(office: Office) -> None:
    """RX-12: a client in a loop fills no page and no table."""
    world = office.scim
    for _ in range(40):
        world.get("/Users/01KT1GW6G07KG39TYVNEGWKA41")
    assert office.send("GET", "/Users/01KT1GW6G07KG39TYVNEGWKA41") == 404
    assert office.open("?show=refused") == ["Read account"]
    assert "41 times" in office.robin.text


def test_whatever_is_typed_is_text(office: Office) -> None:
    """SE-15, LI-01: names with markup, control characters and directions are shown as they are, or not at all."""
    name = "<script>alert(1)</script>{{7*7}}\u202e\u2028\x1b"
    office.send("POST", "/Users", a_user("x") | {"userName": name})
    assert office.last.status == 400
    office.open()
    assert "<script>alert" not in office.robin.text
    assert "{{7*7}}" in office.robin.text
    assert not any(character in office.robin.text for character in "\u202e\u2028\x1b")
    for query in (
        "?q=%3Cscript%3Ealert(1)",
        "?q=%27+OR+1%3D1--",
        "?q=%25",
        "?client=%22%3E%3Cimg",
        "?older=../..",
    ):
        assert office.robin.open(f"{LIST}{query}").status_code == 200
        assert "<script>alert" not in office.robin.text
        assert "<img" not in office.robin.text
    for query in ("?q=a&q=b", f"?q={'x' * 1025}", "?q=%00"):
        assert office.robin.open(f"{LIST}{query}").status_code == 400
    for odd in ("nope", "01KT1GW6G07KG39TYVNEGWKA41", "%00"):
        assert office.robin.open(f"{LIST}/{odd}").status_code == 404


def test_every_refusal_has_its_advice(office: Office) -> None:
    """O11: whatever the status, the page says what it means and what to do, in both languages."""
    office.send("POST", "/Users", {"schemas": []})
    office.open_first()
    with office.scim.services.store.read() as connection:
        record = page_of_all(connection, Range(frozenset({Outcome.REFUSED})))[0]
    with office.pages.app.test_request_context("/"):
        for status in (400, 401, 403, 404, 405, 409, 412, 413, 415, 428, 429, 500, 501, 503):
            said = provisioning_words.advice(dataclasses.replace(record, status=status))
            assert said is not None
            assert said.meaning
            assert said.next_step
        leaked = dataclasses.replace(record, status=403, scim_type="sensitive")
        said = provisioning_words.advice(leaked)
        assert said is not None
        assert "access token" in said.meaning


@pytest.mark.parametrize("language", ["en", "fr"])
def test_an_account_in_many_groups_shows_twenty_and_tells_how_many_more(
    office: Office, language: str
) -> None:
    """Section 6.7: here and at the help desk nobody takes the first twenty groups for all of them."""
    office.send("POST", "/Users", a_user("fieldn"))
    nora, member = office.last["id"], [{"value": office.last["id"]}]
    more = {"en": ("", ", and 1 more", ", and 2 more"), "fr": ("", ", et 1 autre", ", et 2 autres")}
    robin = office.robin if language == "en" else in_french(office.robin)
    for number in range(1, 23):
        name = f"Guides {number:02}"
        assert office.send("POST", "/Groups", GUIDES | {"displayName": name, "members": member}) == 201
        if number >= 20:
            shown = ", ".join(f"Guides {each:02}" for each in range(1, 21)) + more[language][number - 20]
            for page in (f"{LIST}?q=fieldn", f"/operator/accounts/{nora}"):
                told = re.findall(r">\s*(Guides 01, .*?)\s*<", robin.open(page).text)
                assert told == [shown], page


# --- how it looks ------------------------------------------------------------------------------------


def _unknown_members(office: Office, *members: str) -> None:
    """Have a client that is registered so make a group of members that nobody knows."""
    order = ScimClientOrder("directory", "", leave_out_unknown_members=True)
    assert isinstance(store_scim_client(office.scim.services, order, actor=SYSTEM), ScimClientStored)
    body = GUIDES | {"members": [{"value": each} for each in members]}
    assert office.send("POST", "/Groups", body, client_id="directory") == 201


def _a_busy_day(office: Office) -> None:
    office.send("POST", "/Users", a_user("fieldn"))
    nora = office.last["id"]
    office.send("POST", "/Users", a_user("younga"))
    office.send("POST", "/Groups", a_group(members=[{"value": nora}]))
    group = office.last["id"]
    patch = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}
    office.send(
        "PATCH",
        f"/Users/{nora}",
        patch | {"Operations": [{"op": "replace", "path": "active", "value": False}]},
    )
    office.send("POST", "/Users", a_user("FieldN", externalId="0oa1f2"), client_id="okta")
    remove = {"op": "remove", "path": f'members[value eq "{nora}"]'}
    office.send("PATCH", f"/Groups/{group}", patch | {"Operations": [remove]})
    office.send("GET", "/Users", query={"filter": 'userName eq "x'}, client_id="okta")
    office.send("DELETE", "/Users/01KT1GW6G07KG39TYVNEGWKA41", client_id="okta")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_pages_are_accessible_and_fit_a_phone(office: Office, browser: Visitor, language: str) -> None:
    """WCAG 2.2 AA: list, search, empty list, error and details at 320 and 1280 pixels."""
    _a_busy_day(office)
    _unknown_members(office, NOBODY, "another")
    page = office.robin.open(LIST).text
    newest = deeds_at(page)[0]
    refused = re.search(rf'data-status="409".*?href="({LIST}/[0-9A-Z]{{26}})"', page, re.DOTALL)
    assert refused is not None
    with office.pages.serve() as url:
        take_session(browser, office.robin, url, language)
        tab = browser.open()
        colon = ": " if language == "en" else "\N{NO-BREAK SPACE}: "
        paths = (LIST, f"{LIST}?q=fieldn", f"{LIST}?q=nobody", f"{LIST}?from=x", refused[1], newest)
        for number, path in enumerate(paths):
            for size in (SMALL, LARGE):
                tab.set_viewport_size(size)  # type: ignore[arg-type]  # a plain dictionary is fine
                tab.goto(f"{url}{path}")
                keep_screenshot(tab, f"provisioning-{number}-{language}-{size['width']}")
                assert fits(tab), path
            assert accessibility_faults(tab) == [], path
        tab.set_viewport_size(SMALL)  # type: ignore[arg-type]  # a plain dictionary is fine
        tab.goto(f"{url}{LIST}")
        label = "getComputedStyle(document.querySelector('td[data-label]'), '::before').content"
        assert tab.evaluate(label).endswith(f'{colon}"')
        assert (tab.locator("tbody [lang=en]").count() == 0) is (language == "fr"), (
            "reasons are in its language"
        )


def test_the_search_needs_no_script(office: Office, plain_browser: Visitor) -> None:
    """O11: the form is a GET, filled in and sent by the browser alone."""
    _a_busy_day(office)
    with office.pages.serve() as url:
        take_session(plain_browser, office.robin, url, "en")
        tab = plain_browser.open(f"{url}{LIST}")
        tab.fill("#q", "fieldn")
        tab.click("form[role=search] button")
        assert tab.locator("#requests tbody tr").count() == 5
