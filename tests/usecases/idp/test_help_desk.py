"""The help desk: whom it leaves alone, what it asks first, and what each of its deeds ends (G-64 to G-69)."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from idp.domain.factors import FactorKind
from idp.domain.help_desk import Check, Desk, DeskRefusal, Doubt, Ground, Verification
from idp.domain.login_flow import Step
from idp.domain.provisioning import Missing, Protected
from idp.domain.session import Acr
from idp.domain.ticket import BadTicket
from idp.storage.tables import account
from idp.usecases.deny_request import RequestDenied, deny_request
from idp.usecases.end_account_sessions import SessionsEnded, end_account_sessions
from idp.usecases.find_accounts import find_accounts, show_card
from idp.usecases.finish_login import finish_login
from idp.usecases.flow_outcomes import Done, FlowLost
from idp.usecases.invite_again import InvitedAgain, NothingToActivate
from idp.usecases.issue_temporary_password import NothingToReset, TemporaryPassword
from idp.usecases.lock_account import AccountLocked
from idp.usecases.look_at_flow import look_at_flow
from idp.usecases.present_mailbox_code import present_mailbox_code
from idp.usecases.protect_account import protect_account
from idp.usecases.remove_lost_factors import FactorsRemoved, NoneOfThose, remove_lost_factors
from idp.usecases.send_mailbox_code import send_mailbox_code
from idp.usecases.sessions import find_session
from idp.usecases.unlock_account import AccountUnlocked, unlock_account
from kernel.audit import Actor
from tests.support.accounts import switched
from tests.support.factors import an_app
from tests.support.gateway import SOURCE
from tests.support.help_desk import SURE, card, deeds
from tests.support.scim import USER_EXTENSION, a_scim_world, a_user
from tests.support.staff import STAFF_ROLE, make_staff
from tests.support.staff_deeds import STAFF, lock
from tests.support.statements import recorded, whole_reads
from tests.support.together import together

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.gatehouse import Gatehouse

TOLD = {"ticket": "INC-4711", "ground": "holder", "checks": "called-back person-id organization"}


DONE = (
    "gateway:account:locked",
    "gateway:account:unlocked",
    "gateway:account:sessions-ended",
    "gateway:account:invited-again",
    "gateway:account:factors-removed",
    "gateway:password:reset",
)


def changes(gatehouse: Gatehouse) -> list[str]:
    """Return what the audit tells of deeds of staff."""
    return [row.tag for row in gatehouse.audit() if row.tag in DONE]


# --- whom it leaves alone ----------------------------------------------------------------------------


def test_staff_do_nothing_to_themselves_to_one_another_or_to_what_is_protected(gatehouse: Gatehouse) -> None:
    """Section 6.7: no account of staff is taken over, or kept out, from a colleague's browser; nor is one's own."""
    robin, sam = gatehouse.a_holder("clarkr"), gatehouse.a_holder("lees")
    guarded, nora = gatehouse.a_holder("guarded"), gatehouse.a_holder()
    make_staff(gatehouse, robin.id, sam.id)
    protect_account(gatehouse.services, "guarded", actor=STAFF)
    for target, expected in (
        (robin, DeskRefusal.OWN),
        (sam, DeskRefusal.STAFF),
        (guarded, Protected()),
    ):
        assert card(gatehouse, target.id, robin.id).left_alone == expected
        for name, deed in deeds(gatehouse, robin.id, target.id, target.user_name).items():
            assert deed() == expected, (name, target.user_name)
    assert card(gatehouse, nora.id, robin.id).left_alone is None
    assert changes(gatehouse) == []


def test_a_role_of_the_same_name_from_elsewhere_makes_nobody_staff(gatehouse: Gatehouse) -> None:
    """A directory cannot put an account out of the help desk's reach."""
    robin, nora = gatehouse.a_holder("clarkr"), gatehouse.a_holder()
    make_staff(gatehouse, robin.id)
    make_staff(gatehouse, nora.id, source="okta")
    assert card(gatehouse, nora.id, robin.id).left_alone is None
    assert card(gatehouse, robin.id).groups.names == ("OPERATOR/Customer Relations functions",)
    assert deeds(gatehouse, robin.id, nora.id, "fieldn")["end"]() == SessionsEnded(1)


def test_who_was_not_verified_gets_nothing(gatehouse: Gatehouse) -> None:
    """G-65: every deed asks for each check and a number; without being asked staff only protect."""
    nora = gatehouse.a_holder()
    robin = gatehouse.a_holder("clarkr")
    half = Verification("INC-4711", frozenset({Check.CALLED_BACK}))
    bare = Verification("", frozenset(Check))
    for stated, expected in ((half, DeskRefusal.UNVERIFIED), (bare, DeskRefusal.TICKET)):
        for name, deed in deeds(gatehouse, robin.id, nora.id, "fieldn", stated).items():
            assert deed() is expected, name
    own = Verification("INC-4711", ground=Ground.STAFF)
    for name, deed in deeds(gatehouse, robin.id, nora.id, "fieldn", own).items():
        if name not in ("lock", "end"):
            assert deed() is DeskRefusal.UNVERIFIED, name
    assert changes(gatehouse) == []


def test_a_name_that_went_to_somebody_else_meanwhile_is_not_followed(gatehouse: Gatehouse) -> None:
    """SF-07: what staff looked at was another account."""
    nora, robin = gatehouse.a_holder(), gatehouse.a_holder("clarkr")
    for name, deed in deeds(gatehouse, robin.id, nora.id, "clarkr").items():
        assert deed() == Missing(), name
    for name, deed in deeds(gatehouse, robin.id, nora.id, "nobody").items():
        assert deed() == Missing(), name
    assert changes(gatehouse) == []


# --- what it does ------------------------------------------------------------------------------------


def test_each_deed_stands_in_the_audit_with_how_its_holder_was_verified(gatehouse: Gatehouse) -> None:
    """G-65: who did it, to whom, by which request and after which checks; and no name."""
    robin, nora = gatehouse.a_holder("clarkr"), gatehouse.a_holder()
    new = gatehouse.provision("newcomer")
    made = deeds(gatehouse, robin.id, nora.id, "fieldn")
    gatehouse.clock.advance(dt.timedelta(minutes=1))
    assert isinstance(made["reset"](), TemporaryPassword)
    assert made["end"]() == SessionsEnded(0)
    assert made["remove"]() == FactorsRemoved((FactorKind.TOTP,), left=0, sessions=0)
    assert isinstance(made["lock"](), AccountLocked)
    assert isinstance(made["unlock"](), AccountUnlocked)
    assert deeds(gatehouse, robin.id, new.id, "newcomer")["invite"]() == InvitedAgain()
    for tag, target in (
        ("gateway:password:reset", nora),
        ("gateway:account:sessions-ended", nora),
        ("gateway:account:factors-removed", nora),
        ("gateway:account:locked", nora),
        ("gateway:account:unlocked", nora),
        ("gateway:account:invited-again", new),
    ):
        (row,) = gatehouse.audit(tag)
        assert (row.actor_kind, row.actor_id, row.target, row.organization) == (
            "account",
            robin.id,
            target.id,
            "10001",
        ), tag
        assert dict(row.details).items() >= TOLD.items(), tag
        assert "fieldn" not in repr(row), tag


def test_a_lock_is_taken_off_by_whoever_saw_that_one(gatehouse: Gatehouse) -> None:
    """LG-11: what was verified before a colleague locked the account tells nothing of why that was done."""
    robin, nora = gatehouse.a_holder("clarkr"), gatehouse.a_holder()
    made = deeds(gatehouse, robin.id, nora.id, "fieldn")
    made["lock"]()
    desk = Desk(robin.id, nora.id, STAFF_ROLE, SOURCE, SURE)
    unseen = (None, gatehouse.clock.now() - dt.timedelta(minutes=1))
    outcomes = [
        unlock_account(gatehouse.services, "fieldn", actor=STAFF, desk=desk, former=former)
        for former in unseen
    ]
    assert outcomes == [DeskRefusal.MEANWHILE] * 2
    assert card(gatehouse, nora.id).account.locked_at is not None
    assert isinstance(made["unlock"](), AccountUnlocked)


def test_a_denial_is_written_down_and_changes_nothing(gatehouse: Gatehouse) -> None:
    """G-65: "otherwise the request will be denied"; of staff's accounts, too, and never without a number."""
    nora, services = gatehouse.a_holder(), gatehouse.services
    before = card(gatehouse, nora.id).detail
    denied = partial(deny_request, services, actor=STAFF, asked_at=gatehouse.clock.now())
    for ticket in ("", "Nora Field"):
        assert denied(nora.id, doubt=Doubt.IMPOSTOR, ticket=ticket) == BadTicket()
    nobody = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    assert denied(nobody, doubt=Doubt.IMPOSTOR, ticket="INC-1") == Missing()
    assert denied(nora.id, doubt=Doubt.WRONG_ANSWERS, ticket="INC-1") == RequestDenied()
    (row,) = gatehouse.audit("gateway:account:request-denied")
    assert (row.target, row.reason, dict(row.details)) == (nora.id, "wrong-answers", {"ticket": "INC-1"})
    assert (row.actor_id, row.organization) == (STAFF.id, "10001")
    found = card(gatehouse, nora.id)
    assert found.detail == before
    assert [(each.tag, each.reason) for each in found.deeds] == [(row.tag, row.reason)]


def test_a_denial_that_is_sent_twice_is_written_down_once(gatehouse: Gatehouse) -> None:
    """UI-05: of four clicks at once, too; what differs, and what is asked anew, is another denial."""
    nora, clock = gatehouse.provision(), gatehouse.clock
    sent = {"doubt": Doubt.IMPOSTOR, "ticket": "INC-1", "actor": STAFF, "asked_at": clock.now()}

    def denied(**changed: Any) -> int:
        assert deny_request(gatehouse.services, nora.id, **(sent | changed)) == RequestDenied()
        return len(gatehouse.audit("gateway:account:request-denied"))

    clock.advance(dt.timedelta(minutes=1))
    together(4, lambda _number: denied())
    assert denied() == 1
    assert denied(ticket="INC-2") == 2
    assert denied(doubt=Doubt.WRONG_ANSWERS) == 3
    assert denied(actor=Actor("account", nora.id)) == 4
    clock.advance(dt.timedelta(minutes=1))
    assert denied(asked_at=clock.now()) == 5, "who calls again is denied again"


def test_signing_a_person_out_everywhere_leaves_her_password_and_tells_her(gatehouse: Gatehouse) -> None:
    """UI-05: sessions and sign-ins under way end; who was signed in nowhere gets no letter."""
    nora, robin = gatehouse.a_holder(), gatehouse.a_holder("clarkr")
    session = gatehouse.sign_in(nora).session_token
    desk = Desk(robin.id, nora.id, STAFF_ROLE, SOURCE, Verification("INC-1", ground=Ground.STAFF))
    for sessions in (1, 0):
        done = end_account_sessions(gatehouse.services, "fieldn", actor=STAFF, desk=desk)
        assert done == SessionsEnded(sessions)
    assert find_session(gatehouse.services, session) is None
    assert gatehouse.audit("gateway:session:ended")[-1].reason == "ended-by-staff"
    told = [dict(row.details)["sessions"] for row in gatehouse.audit("gateway:account:sessions-ended")]
    assert told == [1, 0]
    assert len(gatehouse.letters("sessions-ended", "fieldn@acme.example")) == 1
    gatehouse.clock.advance(dt.timedelta(minutes=1))
    assert gatehouse.sign_in(nora).session_token


def test_of_two_who_reset_a_password_at_once_one_is_told_a_password(gatehouse: Gatehouse) -> None:
    """G-69: the password that was read aloud is the one that works; the other is told that it changed."""
    nora, robin = gatehouse.a_holder(), gatehouse.a_holder("clarkr")
    gatehouse.clock.advance(dt.timedelta(minutes=1))
    seen = deeds(gatehouse, robin.id, nora.id, "fieldn")["reset"]
    assert isinstance(seen(), TemporaryPassword)
    assert seen() is DeskRefusal.MEANWHILE
    assert len(gatehouse.audit("gateway:password:reset")) == 1
    again = deeds(gatehouse, robin.id, nora.id, "fieldn")["reset"]
    gatehouse.clock.advance(dt.timedelta(minutes=1))
    assert isinstance(again(), TemporaryPassword), "what was lost on the way is made anew"


def test_of_two_clicks_one_letter_comes_and_its_link_works(gatehouse: Gatehouse) -> None:
    """G-14, G-25, X-05: the newest link alone works; only who waits for activation gets one."""
    robin = gatehouse.a_holder("clarkr")
    new = gatehouse.provision("newcomer")
    former = gatehouse.link_token(new.email)
    invite = deeds(gatehouse, robin.id, new.id, "newcomer")["invite"]
    assert card(gatehouse, new.id).link_until == gatehouse.clock.now() + dt.timedelta(days=90)
    gatehouse.clock.advance(dt.timedelta(days=91))
    assert card(gatehouse, new.id).link_until is None
    assert invite() == InvitedAgain()
    assert invite() is DeskRefusal.MEANWHILE
    assert len(gatehouse.letters("activation", new.email)) == 2
    assert gatehouse.link_token(new.email) != former
    nora = gatehouse.activate(new)
    assert deeds(gatehouse, robin.id, nora.id, "newcomer")["invite"]() == NothingToActivate()
    off = gatehouse.provision("off")
    switched(gatehouse.services, off.id, active=False)
    made = deeds(gatehouse, robin.id, off.id, "off")
    assert (made["invite"](), made["reset"]()) == (NothingToActivate(), NothingToReset())


def test_who_has_no_address_is_written_to_by_no_deed(gatehouse: Gatehouse) -> None:
    """G-12, UI-05: no link is made that nobody gets, and the former one stays; a person is signed out all the same."""
    robin, silent, nora = gatehouse.a_holder("clarkr"), gatehouse.provision("silent"), gatehouse.a_holder()
    with gatehouse.services.store.write() as unit:
        without = account.update().where(account.c.id.in_([silent.id, nora.id])).values(email="")
        unit.connection.execute(without)
    link_until = card(gatehouse, silent.id).link_until
    assert link_until is not None
    gatehouse.clock.advance(dt.timedelta(minutes=1))
    assert deeds(gatehouse, robin.id, silent.id, "silent")["invite"]() == NothingToActivate()
    found = card(gatehouse, silent.id)
    assert (found.can_be_invited, found.link_until) == (False, link_until)
    assert changes(gatehouse) == []
    assert deeds(gatehouse, robin.id, nora.id, "fieldn")["end"]() == SessionsEnded(1)
    assert gatehouse.letters("sessions-ended") == []


ELSEWHERE = "browser-elsewhere"


def test_who_lost_a_second_step_proves_her_mailbox_and_enrols_another(gatehouse: Gatehouse) -> None:
    """ASVS 6.4.4, MF-14: the password alone, or a sign-in that was under way, opens nothing and enrols nothing."""
    nora, robin = gatehouse.a_holder(), gatehouse.a_holder("clarkr")
    session = gatehouse.sign_in(nora).session_token
    under_way = gatehouse.start(ELSEWHERE)
    gatehouse.give_password(under_way, ELSEWHERE, "fieldn")
    gatehouse.clock.advance(dt.timedelta(minutes=1))
    done = deeds(gatehouse, robin.id, nora.id, "fieldn")["remove"]()
    assert done == FactorsRemoved((FactorKind.TOTP,), left=0, sessions=1)
    assert find_session(gatehouse.services, session) is None
    assert gatehouse.audit("gateway:session:ended")[-1].reason == "factor-removed"
    assert isinstance(look_at_flow(gatehouse.services, flow=under_way, browser=ELSEWHERE), FlowLost)
    flow = gatehouse.start(ELSEWHERE)
    gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    assert gatehouse.step(flow, ELSEWHERE) is Step.PROVE_MAILBOX
    send_mailbox_code(gatehouse.services, flow=flow, browser=ELSEWHERE)
    code = gatehouse.mailbox_code("fieldn@acme.example")
    present_mailbox_code(gatehouse.services, flow=flow, browser=ELSEWHERE, code=code)
    assert gatehouse.step(flow, ELSEWHERE) is Step.ENROL_FACTOR
    gatehouse.enrol_app(flow, ELSEWHERE)
    again = finish_login(gatehouse.services, flow=flow, browser=ELSEWHERE)
    assert isinstance(again, Done)
    assert again.acr is Acr.TWO_FACTORS


def test_only_what_was_named_is_removed_once_and_its_holder_reads_how_to_sign_in(
    gatehouse: Gatehouse,
) -> None:
    """MF-13, ASVS 6.3.7: others go on to serve, those of somebody else too; the letter has their names."""
    nora, robin = gatehouse.a_holder(), gatehouse.a_holder("clarkr")
    (phone,) = card(gatehouse, nora.id).detail.factors
    (hers,) = card(gatehouse, robin.id).detail.factors
    new = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    an_app(gatehouse.services, nora.id, new, "Tablet")
    desk = Desk(robin.id, nora.id, STAFF_ROLE, SOURCE, SURE)
    remove = partial(remove_lost_factors, gatehouse.services, "fieldn", actor=STAFF, desk=desk)
    for nothing in ([], [hers.id], ["x" * 200]):
        assert remove(nothing) == NoneOfThose()
    assert changes(gatehouse) == []

    def told() -> str:
        (*_former, letter) = gatehouse.letters("factors-lost", "fieldn@acme.example")
        return " ".join(str(letter.payload["text"]).split())

    assert remove([hers.id, new]) == FactorsRemoved((FactorKind.TOTP,), left=1, sessions=0)
    assert "Authenticator app (Tablet)" in told()
    assert "and a second step that you still have." in told()
    assert remove([new]) == NoneOfThose(), "the second of two clicks"
    assert remove([new, phone.id]) == FactorsRemoved((FactorKind.TOTP,), left=0, sessions=0)
    assert "Authenticator app (Phone)" in told()
    assert "and a code that is sent to this address, and then" in told()
    assert len(gatehouse.letters("factors-lost")) == 2
    assert card(gatehouse, robin.id).detail.factors == (hers,)
    rows = [dict(row.details) for row in gatehouse.audit("gateway:account:factors-removed")]
    assert [(each["factors"], each["left"]) for each in rows] == [({new: "totp"}, 1), ({phone.id: "totp"}, 0)]


def test_wrong_codes_are_forgotten_with_what_was_lost(gatehouse: Gatehouse) -> None:
    """LG-11: who guessed codes of an app that was gone is not locked out of the new one."""
    nora, robin = gatehouse.a_holder(), gatehouse.a_holder("clarkr")
    for browser in (ELSEWHERE, "browser-third"):
        flow = gatehouse.start(browser)
        gatehouse.give_password(flow, browser, "fieldn")
        for _guess in range(5):
            gatehouse.give_code(flow, browser, "000000")
    assert card(gatehouse, nora.id).detail.guessed_until is not None
    deeds(gatehouse, robin.id, nora.id, "fieldn")["remove"]()
    assert card(gatehouse, nora.id).detail.guessed_until is None


# --- what it sees ------------------------------------------------------------------------------------


def test_a_card_tells_how_an_account_stands_and_who_did_what_to_it(gatehouse: Gatehouse) -> None:
    """Section 6.7: the lock with its reason, the last sign-in, factors by their kind, and no secret."""
    nora = gatehouse.a_holder()
    found = card(gatehouse, nora.id)
    assert (found.last_sign_in is not None, found.lock, found.deeds) == (True, None, ())
    gatehouse.clock.advance(dt.timedelta(minutes=1))
    signed_in_at = gatehouse.clock.now()
    gatehouse.sign_in(nora)
    found = card(gatehouse, nora.id)
    assert found.last_sign_in is not None
    assert found.last_sign_in.at == signed_in_at
    lock(gatehouse.services)
    found = card(gatehouse, nora.id)
    assert found.lock is not None
    assert (found.lock.reason, found.lock.who) == ("compromised", "console")
    assert found.deeds == (found.lock,)
    assert show_card(gatehouse.services, "nobody", staff_id="", role=STAFF_ROLE, source=SOURCE) is None
    unlock_account(gatehouse.services, "fieldn", actor=STAFF)
    assert card(gatehouse, nora.id).lock is None


def test_a_card_tells_the_last_deeds_of_staff_newest_first(gatehouse: Gatehouse) -> None:
    """G-65, O8: who hears the next request reads what was done before, protection too; but no long list."""
    nora, services = gatehouse.a_holder(), gatehouse.services
    for protected in (True, False):
        protect_account(services, "fieldn", actor=STAFF, protected=protected)
        gatehouse.clock.advance(dt.timedelta(minutes=1))
    tags = [each.tag for each in card(gatehouse, nora.id).deeds]
    assert tags == ["gateway:account:unprotected", "gateway:account:protected"]
    denied = partial(deny_request, services, actor=STAFF, asked_at=gatehouse.clock.now())
    for number in range(10):
        denied(nora.id, doubt=Doubt.IMPOSTOR, ticket=f"INC-{number}")
    told = [each.details["ticket"] for each in card(gatehouse, nora.id).deeds]
    assert told == [f"INC-{number}" for number in reversed(range(10))]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", []),
        ("nobody", []),
        ("ield", []),
        ("fieldn", ["fieldn"]),
        ("FIELD", ["fieldn", "fieldq"]),
        ("nora", ["fieldn"]),
        ("nora f", ["fieldn"]),
        ("Nora Field", ["fieldn"]),
        ("quentin fieldi", ["fieldq"]),
        ("nora@acme.example", ["fieldn"]),
        ("nora@", ["fieldn"]),
        ("PID-77", ["fieldn"]),
        ("PID-7", []),
        ("PID-79", ["zoe"]),
        ("%", []),
        ("f_eldn", []),
        ("Jo Smith", ["smithj"]),
        ("Mary Smi", []),
    ],
)
def test_somebody_is_found_by_what_she_says_she_is_called(
    gateway_database: Database, clock: FrozenClock, words: str, expected: list[str]
) -> None:
    """G-64: user name, names, e-mail address from their beginning, and the whole person id; in any case."""
    world = a_scim_world(gateway_database, clock=clock)
    for user_name, given, family, mail, person_id in (
        ("fieldn", "Nora", "Field", "nora@acme.example", "PID-77"),
        ("fieldq", "Quentin", "Fielding", "q@acme.example", "PID-78"),
        ("zoe", "Zoe", "Adams", "zoe@acme.example", "pid-79"),
        ("smithj", "John", "Smith", "js@acme.example", "PID-80"),
        ("smitht", "Tom", "Smith", "ts@acme.example", "PID-81"),
    ):
        answer = world.request(
            "POST",
            "/Users",
            a_user(
                user_name,
                name={"givenName": given, "familyName": family},
                displayName=f"{given} {family}" if given != "John" else "Smith, John",
                emails=[{"value": mail}],
                **{USER_EXTENSION: {"personId": person_id}},
            ),
        )
        assert answer.status == 201, answer
    with recorded(gateway_database) as statements:
        found = find_accounts(world.services, words)
    wholly = whole_reads(gateway_database, statements, "account", "account_value", where_needed=True)
    assert wholly == []
    assert ([each.user_name for each in found.accounts], found.more) == (expected, False)


def test_no_more_are_shown_than_one_can_look_through(gatehouse: Gatehouse) -> None:
    """A search is no list of everybody; who is called just so stands first."""
    for number in range(22):
        gatehouse.provision(f"moreau{number:02}")
    gatehouse.provision("moreau")
    found = find_accounts(gatehouse.services, "moreau")
    assert (len(found.accounts), found.more) == (20, True)
    assert [each.user_name for each in found.accounts[:2]] == ["moreau", "moreau00"]
    assert find_accounts(gatehouse.services, "moreau07").more is False
    (by_id,) = find_accounts(gatehouse.services, found.accounts[0].id.lower()).accounts
    assert by_id == found.accounts[0], "an id is found whole, in any case"
