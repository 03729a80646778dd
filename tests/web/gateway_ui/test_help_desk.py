"""The help desk's pages: who may, whom they leave alone, what they ask first, and each deed done once."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from gateway_ui.settings import GatewayPagesSettings
from idp.storage.tables import account, group, membership, one_time_secret
from idp.usecases.account_standing import AccountDetail
from idp.usecases.protect_account import protect_account
from idp.usecases.show_account import show_account
from kernel.audit import SYSTEM
from kernel.tables import audit_event
from tests.support import office as offices
from tests.support.accounts import switched
from tests.support.browser import LARGE, SMALL, examined, faults_on_paper, settled
from tests.support.forms import Form, form_with, token_of
from tests.support.gateway import PASSWORD, Journey, heading_of
from tests.support.office import an_office
from tests.support.page_walk import in_french
from tests.support.staff import STAFF_ROLE, take_session
from tests.support.staff_deeds import lock, reset, unlock

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.browser import Visitor

DESK = "/operator/accounts"
DEEDS = ("temporary-password", "second-steps", "unlock", "invitation", "sign-out", "lock")
CHECKS = ["called-back", "person-id", "organization"]
SURE: dict[str, Any] = {"checks": CHECKS, "ticket": "INC-4711"}
STATED: dict[str, dict[str, Any]] = {
    "temporary-password": SURE,
    "second-steps": SURE,
    "unlock": SURE,
    "invitation": SURE,
    "sign-out": SURE | {"ground": "holder"},
    "lock": SURE | {"ground": "staff", "reason": "compromised"},
}
EVERYTHING = {**STATED["lock"], "seen": "none", "doubt": "impostor"}
_LINES = "(each) => each.getClientRects().length"
NOBODY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@dataclass
class Office(offices.Office):
    """The office, and Nora Field, who activated her account and is signed in at home."""

    nora: Journey
    nora_id: str
    nora_app: str

    def at(self, deed: str = "", account_id: str = "") -> str:
        """Return the address of Nora's page, or of somebody else's; of a deed."""
        return f"{DESK}/{account_id or self.nora_id}" + (f"/{deed}" if deed else "")

    def detail(self, user_name: str = "fieldn") -> AccountDetail:
        """Return how an account stands."""
        found = show_account(self.gateway.services, user_name)
        assert found is not None
        return found

    def another(self, user_name: str, **facts: str) -> tuple[str, Journey]:
        """Provision and activate an account; return its id and its browser."""
        account_id = self.gateway.provision(user_name, email=f"{user_name}@acme.example", **facts)  # type: ignore[arg-type]
        journey = Journey(self.gateway)
        journey.activate(f"{user_name}@acme.example")
        return account_id, journey

    def do(self, deed: str, account_id: str = "", **changed: Any) -> None:
        """Open the page of a deed, state all that it asks for, and send it."""
        self.robin.open(self.at(deed, account_id))
        self.robin.send(**(STATED[deed] | changed))

    def form(self, deed: str) -> Form:
        """Return the form of a deed to Nora's account, filled in, to be sent as often as one likes."""
        form = form_with(self.robin.open(self.at(deed)).text, "ticket")
        form.fields |= {
            name: value if isinstance(value, list) else [value] for name, value in STATED[deed].items()
        }
        return form

    def post(self, form: Form) -> str:
        """Send a form as it is and return where it leads."""
        answer = self.robin.client.post(form.action, data=form.fields)
        assert answer.status_code == 303, answer.text
        return answer.location

    def join_staff(self, account_id: str) -> None:
        """Put an account into the group of Customer Relations."""
        with self.gateway.services.store.write() as unit:
            staff = select(group.c.id).where(group.c.access_role_key == STAFF_ROLE).scalar_subquery()
            joined = {"group_id": staff, "account_id": account_id, "added_at": unit.now}
            unit.connection.execute(membership.insert().values(joined))

    def told(self) -> list[str]:
        """Return what the audit says of deeds of staff to accounts, oldest first."""
        tags = (
            "account:locked",
            "account:unlocked",
            "password:reset",
            "sessions-ended",
            "factors-removed",
            "invited-again",
            "denied",
        )
        with self.gateway.services.store.read() as connection:
            found = connection.scalars(select(audit_event.c.tag).order_by(audit_event.c.seq)).all()
        return [each for each in found if each.endswith(tags)]


@pytest.fixture
def office(sqlite_gateway_database: Database, clock: FrozenClock) -> Office:
    """Give the office, with Nora's account."""
    made = an_office(offices.Office, sqlite_gateway_database, clock)
    nora_id = made.gateway.provision(phone="tel:+1-416-555-0123;ext=7")
    nora = Journey(made.gateway)
    app = nora.activate()
    clock.advance(dt.timedelta(minutes=1))
    return Office(made.gateway, made.robin, made.app, clock, nora, nora_id, app)


# --- who may -----------------------------------------------------------------------------------------


def test_the_help_desk_is_the_operators_staffs_alone(office: Office) -> None:
    """LI-07, EN-01: strangers sign in first, others are refused; whether an account exists is told to neither."""
    paths = [DESK, f"{DESK}?q=fieldn"]
    paths += [
        office.at(deed, each)
        for each in (office.nora_id, NOBODY)
        for deed in ("", "password", "deny", *DEEDS)
    ]
    stranger = Journey(office.gateway)
    before = office.detail()
    for path in paths:
        assert heading_of(stranger.open(path).text) == "Sign in", path
    assert 'id="help-desk"' not in office.nora.open("/").text
    token = token_of(office.nora.open("/change-password").text)
    for path in paths:
        assert office.nora.open(path).status_code == 403, path
    for path in paths[4:]:
        posted = office.nora.client.post(path, data={**EVERYTHING, "csrf_token": token})
        assert posted.status_code in (403, 405), path
    assert office.told() == []
    assert office.detail() == before
    assert f'id="help-desk" href="{DESK}"' in office.robin.open("/").text


def test_a_form_of_another_site_does_nothing(office: Office) -> None:
    """SE-05: without the page's own token nothing is done, and no denial is recorded."""
    office.robin.open(DESK)
    for deed in (*DEEDS, "deny"):
        assert office.robin.client.post(office.at(deed), data=EVERYTHING).status_code == 403, deed
        office.robin.client.open(office.at(deed), method="HEAD", data=EVERYTHING)
    assert office.told() == []


def test_staff_do_nothing_to_themselves_to_one_another_or_to_what_is_protected(office: Office) -> None:
    """Section 6.7: the page says why, offers no deed, and a form that was made up does nothing; a denial does."""
    robin_id = office.detail("clarkr").account.id
    sam_id, _sam = office.another("lees", given_name="Sam", family_name="Lee")
    office.join_staff(sam_id)
    guarded_id, _guarded = office.another("guarded", given_name="Break", family_name="Glass")
    protect_account(office.gateway.services, "guarded", actor=SYSTEM)
    token = token_of(office.robin.open(office.at("lock")).text)
    for account_id, said in (
        (robin_id, "This is your own account."),
        (sam_id, "This is an account of the operator's staff."),
        (guarded_id, "This account is protected"),
    ):
        page = office.robin.open(office.at(account_id=account_id)).text
        assert said in unescape(page)
        assert 'id="deeds"' not in page
        for deed in DEEDS:
            path = office.at(deed, account_id)
            assert office.robin.open(path).request.path == office.at(account_id=account_id), path
            answer = office.robin.client.post(path, data={**EVERYTHING, "csrf_token": token})
            assert answer.location == office.at(account_id=account_id), path
        office.robin.open(office.at("deny", account_id))
        office.robin.send(doubt="not-allowed", ticket="INC-1")
        assert "Request denied: The person may not ask for this, INC-1" in office.robin.text
    assert office.told() == ["gateway:account:request-denied"] * 3


def test_a_deed_asks_who_one_is_unless_that_was_proved_a_moment_ago(office: Office) -> None:
    """ASVS 7.5.3: looking goes on; each deed asks for both factors first, and a form too late does nothing."""
    lock(office.gateway.services)
    unlock(office.gateway.services)
    before, life = office.told(), GatewayPagesSettings().operator_proof_life
    for deed in ("temporary-password", "lock", "deny"):
        office.robin.open(office.at(deed))
        asked = office.robin.page
        assert asked is not None
        office.clock.advance(life + dt.timedelta(seconds=1))
        for path in (f"{DESK}?q=fieldn", office.at(), office.at("password")):
            assert office.robin.open(path).status_code == 200, path
        assert heading_of(office.robin.open(office.at(deed)).text) == "Confirm that it is you", deed
        office.robin.page = asked
        office.robin.send(**STATED.get(deed, {"doubt": "impostor", "ticket": "INC-1"}))
        assert heading_of(office.robin.text) == "Confirm that it is you", deed
        office.prove()
        assert heading_of(office.robin.text) == heading_of(asked.text), "the question is asked again"
    assert office.told() == before


def test_what_is_not_there_is_not_found(office: Office) -> None:
    """ASVS 8.2.2: an id nobody has, one that is none, a deed that is none."""
    for account_id in (NOBODY, "fieldn", "x" * 500, "%00"):
        for deed in ("", "password", "deny", *DEEDS):
            status = office.robin.open(office.at(deed, account_id)).status_code
            assert status in (400, 404), (deed, account_id)
    assert office.robin.open(office.at("delete")).status_code == 404
    assert office.robin.open(f"{DESK}?q={'x' * 300}").status_code == 400


# --- verification ------------------------------------------------------------------------------------


def test_nothing_is_done_until_it_is_stated_how_the_person_was_verified(office: Office) -> None:
    """G-65: what is missing is named, what was stated stays, and the record holds a number and no name."""
    office.robin.open(office.at("temporary-password"))
    office.robin.send(ticket="Nora Field")
    assert office.robin.messages == ["5140", "5141"]
    assert office.robin.page is not None
    assert office.robin.page.status_code == 422
    office.robin.send(checks=CHECKS[:2], ticket=" INC-4711 ")  # type: ignore[arg-type]
    assert office.robin.messages == ["5140"]
    form = form_with(office.robin.text, "ticket")
    assert (form.fields["checks"], form.fields["ticket"]) == (CHECKS[:2], ["INC-4711"])
    office.robin.open(office.at("lock"))
    office.press()
    assert office.robin.messages == ["5142", "5143", "5141"]
    office.robin.send(ground="holder", reason="requested", ticket="INC-4711")
    assert office.robin.messages == ["5140"]
    office.robin.send(ground="staff", reason="requested")
    assert office.robin.messages == ["5143"], "nobody asked, and the holder did"
    office.robin.send(ground="owner", reason="revenge")
    assert office.robin.messages == ["5142", "5143"]
    office.robin.open(office.at("deny"))
    office.press()
    assert office.robin.messages == ["5144", "5141"]
    assert office.told() == []


@pytest.mark.parametrize(
    ("language", "asked", "facts"),
    [
        (
            "en",
            "and ask for the person ID and the organization. Never read them out.",
            ["Telephone number that is registered", "Person ID", "Organization"],
        ),
        (
            "fr",
            "puis demandez-lui son numéro de personne et son organisation. Ne les lisez jamais à voix haute.",
            ["Numéro de téléphone inscrit", "Numéro de personne", "Organisation"],
        ),
    ],
)
def test_beside_what_to_ask_stands_what_is_compared_and_no_more(
    office: Office, language: str, asked: str, facts: list[str]
) -> None:
    """Section 6.7, G-67: the number is called, two facts are asked for; an address is neither, and stands above."""
    robin = office.robin if language == "en" else in_french(office.robin)
    above, _, told = unescape(robin.open(office.at()).text).partition(asked)
    section = told.partition("<h2")[0]
    assert [each.strip() for each in re.findall(r"<dt[^>]*>([^<]+)", section)] == facts
    assert "nora@acme.example" in above


def test_what_is_not_there_agrees_in_french(office: Office) -> None:
    """A second step and an organization are feminine; an identifier is not."""
    nobody = office.gateway.provision("moreau", email="moreau@acme.example")
    with office.gateway.services.store.write() as unit:
        nowhere = account.update().where(account.c.id == nobody)
        unit.connection.execute(nowhere.values(organizations=[], person_id=""))
    page = unescape(in_french(office.robin).open(office.at(account_id=nobody)).text)
    values = dict(re.findall(r"<dt[^>]*>\s*([^<]+?)\s*</dt>\s*<dd[^>]*>\s*([^<]*?)\s*</dd>", page))
    told = [values[each] for each in ("Deuxièmes étapes", "Organisation", "Numéro de personne")]
    assert told == ["Aucune", "Aucune", "Aucun"]
    assert re.search(r'data-label="Organisation">Aucune<', office.robin.open(f"{DESK}?q=moreau").text)


def test_nobody_gets_a_password_because_staff_saw_something(office: Office) -> None:
    """G-65: without being asked staff only protect; the form of another deed does not offer it, nor take it."""
    office.do("sign-out", ground="staff", checks=[])
    assert "The person is signed out everywhere." in office.robin.text
    lock(office.gateway.services)
    for deed in ("temporary-password", "unlock"):
        form = office.form(deed)
        assert "ground" not in form.names
        form.fields |= {"ground": ["staff"], "checks": []}
        answer = office.robin.client.post(form.action, data=form.fields)
        assert answer.status_code == 422, deed
    assert office.detail().account.locked_at is not None


# --- the deeds ---------------------------------------------------------------------------------------


def test_somebody_is_found_and_gets_a_temporary_password_that_is_shown_once(office: Office) -> None:
    """G-66 to G-69: found by name, told what will happen, shown once with its spelling, and in no address."""
    assert 'id="accounts"' not in office.robin.open(DESK).text, "nobody is listed unasked"
    assert 'id="nobody"' in office.robin.open(f"{DESK}?q=nobody").text
    assert f'href="{office.at()}"' in office.robin.open(f"{DESK}?q=FIELD").text
    page = office.robin.open(office.at()).text
    for text in (
        'href="tel:+14165550123">+1-416-555-0123, extension 7<',
        "P-1",
        "ACME GENERATION",
        "Authenticator app",
        "In 1 browser",
    ):
        assert text in page, text
    assert "Nothing keeps its holder from signing in." in page
    office.do("temporary-password")
    found = re.search(r'id="temporary-password">([^<]+)<', office.robin.text)
    assert found is not None
    assert "Do not send it by email or chat" in office.robin.text
    assert office.robin.path == office.at("password")
    assert 'id="no-password"' in office.robin.open(office.at("password")).text
    assert found[1] not in office.robin.open(office.at()).text
    assert "A temporary password waits to be used" in office.robin.text
    assert re.search(r"Temporary password: INC-4711.*?Robin Clark", office.robin.text, re.DOTALL)
    assert heading_of(office.nora.open("/").text) == "Sign in"
    office.nora.give_password(password=found[1])
    assert heading_of(office.nora.text) == "Enter your code"


def test_what_a_person_lost_is_removed_and_she_sets_up_another(office: Office) -> None:
    """ASVS 6.4.4, MF-13: nothing is ticked for staff, and what is not hers is not there; two clicks are one."""
    (phone,) = office.detail().factors
    page = office.robin.open(office.at("second-steps")).text
    assert f'value="{phone.id}" aria' in page
    office.robin.send(**SURE)
    assert office.robin.messages == ["5145"]
    (robins,) = office.detail("clarkr").factors
    form = office.form("second-steps")
    form.fields["factors"] = [robins.id]
    assert office.post(form) == f"{office.at()}?done=meanwhile"
    assert office.told() == []
    form.fields["factors"] = [phone.id]
    leads = [office.post(form) for _ in range(2)]
    assert leads == [f"{office.at()}?done={each}" for each in ("second-steps", "meanwhile")]
    assert office.told() == ["gateway:account:factors-removed"]
    page = office.robin.open(leads[0]).text
    assert "What you ticked is removed, and the person is signed out everywhere." in page
    assert "Second steps removed: INC-4711" in page
    assert f'href="{office.at("second-steps")}"' not in page, "there is none left to remove"
    assert office.robin.open(office.at("second-steps")).request.path == office.at()
    assert heading_of(office.nora.open("/").text) == "Sign in"
    office.nora.give_password(password=PASSWORD)
    assert heading_of(office.nora.text) == "Confirm your mailbox"


def test_who_has_no_address_is_not_parted_from_her_account_unawares(office: Office) -> None:
    """MF-14: without an address no code can be sent, and nothing new can be set up; staff read it before."""
    warning = "No email address stands here, so no code can be sent"
    assert warning not in office.robin.open(office.at("second-steps")).text
    with office.gateway.services.store.write() as unit:
        unit.connection.execute(account.update().where(account.c.id == office.nora_id).values(email=""))
    assert warning in office.robin.open(office.at("second-steps")).text
    assert warning not in office.robin.open(office.at("temporary-password")).text


def test_who_asks_with_head_takes_no_password(office: Office) -> None:
    """RFC 9110 §9.3.2, G-69: whoever only looks whether the page is there does not see what it would show once."""
    page = office.post(office.form("temporary-password"))
    for _ in range(2):
        answer = office.robin.client.head(page)
        assert (answer.status_code, answer.data) == (200, b"")
    assert 'id="temporary-password"' in office.robin.open(page).text


def test_of_two_clicks_both_lead_to_the_password_that_the_first_made(office: Office) -> None:
    """G-69: the browser drops the first answer; a second password would make the first, read aloud, wrong."""
    form = office.form("temporary-password")
    assert [office.post(form) for _ in range(2)] == [office.at("password")] * 2
    assert office.told() == ["gateway:password:reset"]
    assert 'id="temporary-password"' in office.robin.open(office.at("password")).text
    assert office.post(form) == f"{office.at()}?done=meanwhile", "once it was read"
    assert office.told() == ["gateway:password:reset"]


def test_a_password_of_a_colleagues_making_is_not_shown(office: Office) -> None:
    """CA-09: it waits for the session that asked, and for the page of that account."""
    other_id, _other = office.another("moreau")
    office.post(office.form("temporary-password"))
    assert 'id="no-password"' in office.robin.open(office.at("password", other_id)).text
    elsewhere = Journey(office.gateway)
    elsewhere.open(office.at("password"))
    office.clock.advance(dt.timedelta(minutes=1))
    elsewhere.give_password("clarkr")
    elsewhere.give_code(office.app)
    assert 'id="no-password"' in elsewhere.text
    assert 'id="temporary-password"' in office.robin.open(office.at("password")).text


def test_an_account_is_locked_signed_out_and_unlocked_and_the_page_tells_who_and_why(office: Office) -> None:
    """LG-11, G-72, UI-05: each deed is offered while there is something to do, and told in the history."""
    office.do("sign-out")
    assert "The person is signed out everywhere." in office.robin.text
    assert heading_of(office.nora.open("/").text) == "Sign in"
    assert office.robin.open(office.at("sign-out")).request.path == office.at(), "there is nothing to end"
    office.do("lock", reason="lost-device")
    assert office.detail().account.locked_at is not None
    assert re.search(r"Staff locked it on [^<]+: A device was lost or stolen\.", office.robin.text)
    assert re.search(
        r"Locked: A device was lost or stolen, INC-4711.*?Robin Clark", office.robin.text, re.DOTALL
    )
    assert "opens nothing until it is unlocked" in office.robin.open(office.at("temporary-password")).text
    office.do("unlock")
    assert "The account is unlocked." in office.robin.text
    assert office.detail().account.locked_at is None
    assert office.robin.open(office.at("unlock")).request.path == office.at()
    office.gateway.deliver()
    subjects = [str(each.payload["subject"]) for each in office.gateway.mail.to("nora@acme.example")]
    assert sum("You were signed out everywhere" in each for each in subjects) == 1


def test_who_lost_the_activation_email_gets_one_new_link(office: Office) -> None:
    """X-05, G-14, G-25: of two clicks one letter comes; the page says when, and that the former is too old."""
    new_id = office.gateway.provision(
        "moreau", given_name="Zoe", email="zoe@acme.example", phone="tel:+1-416-555-0199"
    )
    former = office.gateway.activation_path("zoe@acme.example")
    office.clock.advance(dt.timedelta(minutes=1))
    assert "its link works until" in office.robin.open(office.at(account_id=new_id)).text
    with office.gateway.services.store.write() as unit:
        over = one_time_secret.update().where(one_time_secret.c.account_id == new_id)
        unit.connection.execute(over.values(expires_at=unit.now))
    page = office.robin.open(office.at(account_id=new_id)).text
    assert "works no more." in page
    assert f'href="{office.at("temporary-password", new_id)}"' not in page
    office.robin.open(office.at("invitation", new_id))
    form = form_with(office.robin.text, "ticket")
    form.fields |= {"checks": CHECKS, "ticket": ["INC-4711"]}
    leads = [office.post(form) for _ in range(2)]
    assert leads == [f"{office.at(account_id=new_id)}?done={each}" for each in ("invitation", "meanwhile")]
    assert office.told() == ["gateway:account:invited-again"]
    assert office.gateway.activation_path("zoe@acme.example") != former


def test_of_two_clicks_one_denial_is_recorded(office: Office) -> None:
    """UI-05: both say that it is; the next call is another, and a moment that is none is no form of ours."""
    stated = {"doubt": ["impostor"], "ticket": ["INC-1"]}
    office.clock.advance(dt.timedelta(minutes=1))
    form = form_with(office.robin.open(office.at("deny")).text, "doubt")
    form.fields |= stated
    office.clock.advance(dt.timedelta(minutes=1))
    assert [office.post(form) for _ in range(2)] == [f"{office.at()}?done=deny"] * 2
    assert office.told() == ["gateway:account:request-denied"]
    office.clock.advance(dt.timedelta(minutes=1))
    office.robin.open(office.at("deny"))
    office.press()
    office.robin.send(doubt="impostor", ticket="INC-1")
    assert office.told() == ["gateway:account:request-denied"] * 2
    for moment in ("none", "", "today", "0001-01-01T00:00:00+14:00"):
        made_up = form.fields | {"seen": [moment]}
        assert office.robin.client.post(form.action, data=made_up).status_code == 400, moment
    assert len(office.told()) == 2


def test_what_changed_meanwhile_is_told_plainly_and_nothing_is_done(office: Office) -> None:
    """Two at the help desk, or the source of the account: who comes later reads how the account stands now."""
    services = office.gateway.services
    forms = {deed: office.form(deed) for deed in ("temporary-password", "sign-out", "lock")}
    reset(services)
    lock(services)
    before = office.told()
    assert office.post(forms["temporary-password"]) == f"{office.at()}?done=meanwhile"
    assert office.post(forms["lock"]) == f"{office.at()}?done=meanwhile"
    assert office.told() == before
    assert "Somebody did the same a moment ago" in office.robin.open(f"{office.at()}?done=meanwhile").text
    forms["unlock"] = office.form("unlock")
    unlock(services)
    assert office.post(forms["unlock"]) == f"{office.at()}?done=nothing"
    assert "There was nothing to do" in office.robin.open(f"{office.at()}?done=nothing").text
    forms["temporary-password"] = office.form("temporary-password")
    switched(services, office.nora_id, active=False)
    assert office.post(forms["temporary-password"]) == f"{office.at()}?done=nothing"
    assert "has switched it off" in office.robin.open(office.at()).text
    with services.store.write() as unit:
        unit.connection.execute(account.delete().where(account.c.id == office.nora_id))
    answer = office.robin.client.post(forms["lock"].action, data=forms["lock"].fields)
    assert answer.status_code == 404


def test_a_lock_that_nobody_saw_yet_is_not_taken_off(office: Office) -> None:
    """LG-11: a colleague locks the account again while the form of its former lock waits, or is sent anew."""
    services = office.gateway.services
    lock(services)
    form = office.form("unlock")
    assert office.post(form) == f"{office.at()}?done=unlock"
    office.clock.advance(dt.timedelta(minutes=1))
    lock(services)
    before = office.told()
    assert office.post(form) == f"{office.at()}?done=locked-anew"
    assert office.told() == before
    assert office.detail().account.locked_at is not None
    assert (
        "Somebody has locked the account since" in office.robin.open(f"{office.at()}?done=locked-anew").text
    )
    office.do("unlock")
    assert office.detail().account.locked_at is None


def test_who_guessed_too_often_is_let_in_again(office: Office) -> None:
    """G-72, LK-05: the page says until when; nothing is told of a lock to who sits at the browser."""
    guesser = Journey(office.gateway)
    guesser.open("/")
    for number in range(10):
        guesser.give_password(password=f"Wrong+Word{number}")
    page = office.robin.open(office.at()).text
    assert "Wrong guesses lock the sign-in until" in page
    assert f'href="{office.at("unlock")}"' in page
    office.do("unlock")
    assert "Nothing keeps its holder from signing in." in office.robin.text
    fresh = Journey(office.gateway)
    fresh.open("/")
    fresh.give_password(password=PASSWORD)
    assert heading_of(fresh.text) == "Enter your code"


def test_no_secret_and_no_answer_stands_on_any_page(office: Office) -> None:
    """Bar 28: no hash, no seed, no question, no answer; what a person is called is in no address."""
    for path in (f"{DESK}?q=fieldn", office.at(), *(office.at(deed) for deed in (*DEEDS, "deny"))):
        page = office.robin.open(path).text
        for secret in ("argon2", office.nora_app, "whale", PASSWORD):
            assert secret not in page, path
        assert not re.search(r'href="[^"]*(fieldn|nora)', page), path


# --- in a browser ------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_call_is_taken_by_everyone_who_can_use_a_page(  # noqa: PLR0915 - one way through all pages
    office: Office, browser: Visitor, language: str
) -> None:
    """Bar 3, 4 and 38, WCAG 2.2 AA: each page and its errors, light and dark, at 320 pixels, and on paper."""
    new_id = office.gateway.provision("moreau", given_name="Zoe", email="zoe.moreau.lafontaine@acme.example")
    sam_id, _sam = office.another("lees", given_name="Sam", family_name="Lee")
    office.join_staff(sam_id)
    faults: list[str] = []
    with office.gateway.serve() as url:
        take_session(browser, office.robin, url, language)
        tab = browser.open()

        def look(name: str) -> None:
            faults.extend(examined(tab, f"desk-{name}-{language}"))
            faults.extend(faults_on_paper(tab))

        def state(**more: str) -> None:
            for field, value in more.items():
                tab.check(f"input[name={field}][value={value}]")
            for check in CHECKS:
                tab.check(f"input[value={check}]")
            tab.fill("#ticket", "INC-4711")
            tab.click("#confirm-submit")
            settled(tab)

        tab.goto(f"{url}/")
        tab.click("#help-desk")
        look("search")
        tab.fill("#q", "zz")
        tab.keyboard.press("Enter")
        tab.locator("#nobody").wait_for()
        look("nobody")
        tab.fill("#q", "field")
        tab.keyboard.press("Enter")
        tab.locator("#accounts").wait_for()
        look("found")
        tab.click("#accounts a")
        look("account")
        for deed in DEEDS:
            link = tab.locator(f"#deeds a[href$='/{deed}']")
            if link.count():
                link.click()
                look(deed)
                tab.click("#confirm-submit")
                tab.locator(".govuk-error-summary").wait_for()
                look(f"{deed}-errors")
                tab.goto(f"{url}{office.at()}")
        tab.click("#deny")
        tab.click("#confirm-submit")
        tab.locator(".govuk-error-summary").wait_for()
        look("deny-errors")
        tab.check("input[value=wrong-answers]")
        tab.fill("#ticket", "INC-4710")
        tab.click("#confirm-submit")
        look("denied")
        tab.goto(f"{url}{office.at('sign-out')}")
        state(ground="staff")
        tab.goto(f"{url}{office.at('lock')}")
        state(ground="holder", reason="lost-device")
        look("locked")
        tab.goto(f"{url}{office.at('unlock')}")
        look("unlock")
        tab.goto(f"{url}{office.at('temporary-password')}")
        look("temporary-password-locked")
        state()
        tab.locator("#temporary-password").wait_for()
        look("password")
        tab.set_viewport_size(SMALL)  # type: ignore[arg-type]
        pieces = [each.evaluate(_LINES) for each in tab.locator("#spelled th code").all()]
        assert pieces == [1, 1, 1, 1], "a piece that is read out stands on one line, on a telephone, too"
        tab.set_viewport_size(LARGE)  # type: ignore[arg-type]
        tab.reload()
        tab.locator("#no-password").wait_for()
        look("no-password")
        for name, account_id in (("new", new_id), ("staff", sam_id)):
            tab.goto(f"{url}{office.at(account_id=account_id)}")
            look(name)
        tab.goto(f"{url}{office.at('invitation', new_id)}")
        look("invitation")
    assert faults == []


def test_a_call_is_taken_without_a_script(office: Office, plain_browser: Visitor) -> None:
    """From the search to the password, and back by the button: links and forms of HTML alone."""
    with office.gateway.serve() as url:
        take_session(plain_browser, office.robin, url)
        tab = plain_browser.open(f"{url}/")
        tab.click("#help-desk")
        tab.fill("#q", "nora@acme.example")
        tab.click("main button[type=submit]")
        tab.click("#accounts a")
        tab.click("text=Temporary password")
        for check in CHECKS:
            tab.check(f"input[value={check}]")
        tab.fill("#ticket", "INC-4711")
        tab.click("#confirm-submit")
        assert tab.locator("#temporary-password").count() == 1
        tab.click("text=I have read it out")
        assert tab.locator("h1").inner_text() == "Nora Field"
        assert office.told() == ["gateway:password:reset"]
