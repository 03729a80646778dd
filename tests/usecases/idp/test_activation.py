"""Activation: the link, the password, and the wizard that follows."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, update

from idp.domain.account import AccountKind
from idp.domain.login_flow import FlowKind, Step
from idp.domain.one_time import Purpose
from idp.domain.password_policy import FaultCode
from idp.settings import IdpSettings
from idp.storage.one_time import spend
from idp.storage.tables import factor, one_time_secret, password, security_question, session
from idp.usecases.activate_account import Activated, activate_account
from idp.usecases.enrol_totp import begin_totp_enrolment, confirm_totp_enrolment, look_at_totp_enrolment
from idp.usecases.finish_login import finish_login
from idp.usecases.flow_outcomes import (
    AnswerRefused,
    Done,
    FlowLost,
    FlowPage,
    LinkDead,
    PasswordRefused,
    SlowDown,
    WrongCode,
)
from idp.usecases.invitation import invite
from idp.usecases.list_apps import list_apps
from idp.usecases.look_at_activation import ActivationPage, look_at_activation
from idp.usecases.sessions import find_session
from idp.usecases.set_security_question import set_security_question
from kernel.crypto import PasswordHasher, digest
from tests.support.gatehouse import ANSWER, PASSWORD, Gatehouse, a_gatehouse, from_place

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.database import Database

BROWSER = "browser-home"


def post(gatehouse: Gatehouse, token: str, value: str = PASSWORD, browser: str = BROWSER) -> object:
    return activate_account(gatehouse.services, token=token, browser=browser, password=value, repeat=value)


def count(gatehouse: Gatehouse, table: object) -> int:
    with gatehouse.services.store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]


def test_a_made_up_link_is_dead(gatehouse: Gatehouse) -> None:
    """RC-19, EN-09: nothing but a token that was issued opens anything."""
    gatehouse.provision()
    real = gatehouse.link_token("fieldn@acme.example")
    for token in ("", "x", "a" * 43, real[:-1], real + "A", real.swapcase(), real[::-1]):
        assert look_at_activation(gatehouse.services, token=token) == LinkDead()
        assert post(gatehouse, token) == LinkDead()
    assert count(gatehouse, password) == 0


def test_used_expired_replaced_and_random_links_look_the_same(gatehouse: Gatehouse) -> None:
    """EN-09: a stranger learns nothing from a dead link."""
    used = gatehouse.provision("used")
    token_used = gatehouse.link_token(used.email)
    assert isinstance(post(gatehouse, token_used), Activated)
    replaced = gatehouse.provision("replaced")
    token_replaced = gatehouse.link_token(replaced.email)
    with gatehouse.services.store.write() as unit:
        invite(unit, gatehouse.services, replaced)
    gone = gatehouse.provision("gone")
    token_gone = gatehouse.link_token(gone.email)
    gatehouse.deactivate(gone.id)
    late = gatehouse.provision("late")
    token_late = gatehouse.link_token(late.email)
    live = gatehouse.link_token(replaced.email)
    assert isinstance(look_at_activation(gatehouse.services, token=live), ActivationPage)
    gatehouse.clock.advance(dt.timedelta(days=90))
    for token in (token_used, token_replaced, token_gone, token_late, "a" * 43):
        assert look_at_activation(gatehouse.services, token=token) == LinkDead()
        assert post(gatehouse, token) == LinkDead()


def test_a_link_works_to_the_last_moment_and_not_after(gatehouse: Gatehouse) -> None:
    """RC-07, G-14: 90 days less a second, and 90 days exactly."""
    first, second = gatehouse.provision("first"), gatehouse.provision("second")
    tokens = [gatehouse.link_token(each.email) for each in (first, second)]
    gatehouse.clock.advance(dt.timedelta(days=90) - dt.timedelta(seconds=1))
    assert isinstance(post(gatehouse, tokens[0]), Activated)
    gatehouse.clock.advance(dt.timedelta(seconds=1))
    assert post(gatehouse, tokens[1]) == LinkDead()


def test_looking_never_spends_a_link(gatehouse: Gatehouse) -> None:
    """RC-08, bar 12: a hundred mail scanners leave it usable."""
    gatehouse.provision()
    token = gatehouse.link_token("fieldn@acme.example")
    pages = [look_at_activation(gatehouse.services, token=token) for _ in range(100)]
    assert all(isinstance(page, ActivationPage) for page in pages)
    assert isinstance(post(gatehouse, token), Activated)


def test_the_page_names_nobody(gatehouse: Gatehouse) -> None:
    """EN-09: before the link is spent there is no name to read."""
    gatehouse.provision()
    page = look_at_activation(gatehouse.services, token=gatehouse.link_token("fieldn@acme.example"))
    assert "field" not in repr(page).lower()
    assert "nora" not in repr(page).lower()


def test_a_refused_password_spends_nothing(gatehouse: Gatehouse) -> None:
    """G-16, G-47, G-55: the reasons are named, the link still works."""
    gatehouse.provision()
    token = gatehouse.link_token("fieldn@acme.example")
    refused = post(gatehouse, token, "fieldn&")
    assert isinstance(refused, PasswordRefused)
    found = {fault.code for fault in refused.faults}
    assert {FaultCode.TOO_SHORT, FaultCode.CONTAINS_USER_NAME, FaultCode.FORBIDDEN_CHARACTER} <= found
    differing = activate_account(
        gatehouse.services, token=token, browser=BROWSER, password=PASSWORD, repeat=PASSWORD + "x"
    )
    assert isinstance(differing, PasswordRefused)
    assert count(gatehouse, password) == 0
    assert isinstance(post(gatehouse, token), Activated)


def test_a_link_works_once(gatehouse: Gatehouse) -> None:
    """RC-20, WA-13: an activated account is never activated again, nor its password changed."""
    account = gatehouse.provision()
    token = gatehouse.link_token(account.email)
    assert isinstance(post(gatehouse, token), Activated)
    assert post(gatehouse, token, "Another+Password-55") == LinkDead()
    flow = gatehouse.start()
    gatehouse.give_password(flow, "browser-elsewhere", "fieldn", PASSWORD)
    assert gatehouse.step(flow, "browser-elsewhere") is not Step.IDENTIFY


def test_a_new_link_kills_the_old_one(gatehouse: Gatehouse) -> None:
    """G-23, bar 13: one live link per account."""
    account = gatehouse.provision()
    old = gatehouse.link_token(account.email)
    with gatehouse.services.store.write() as unit:
        invite(unit, gatehouse.services, account)
    assert post(gatehouse, old) == LinkDead()
    assert isinstance(post(gatehouse, gatehouse.link_token(account.email)), Activated)


def test_only_the_digest_of_a_link_is_stored(gatehouse: Gatehouse) -> None:
    """RC-04, G-25: 256 bits, and the database cannot be used to activate anything."""
    account = gatehouse.provision()
    token = gatehouse.link_token(account.email)
    assert len(token) == 43
    with gatehouse.services.store.read() as connection:
        rows = connection.execute(select(one_time_secret)).all()
    assert token not in repr(rows)
    assert len(rows[0].digest) == 32


def test_a_secret_for_another_purpose_is_no_link(gatehouse: Gatehouse) -> None:
    """RC-19: it is live, and the account's own, and opens nothing."""
    account = gatehouse.provision()
    token = gatehouse.link_token(account.email)
    with gatehouse.services.store.write() as unit:
        unit.connection.execute(update(one_time_secret).values(purpose=Purpose.MAILBOX_CODE))
        assert spend(unit.connection, digest(token), purpose=Purpose.ACTIVATION, now=unit.now) is None
    assert look_at_activation(gatehouse.services, token=token) == LinkDead()
    assert post(gatehouse, token) == LinkDead()


def test_a_link_of_another_environment_is_dead(
    gatehouse: Gatehouse, databases: object, clock: FrozenClock
) -> None:
    """G-03, RC-18: a Sandbox link opens nothing in Production."""
    production = a_gatehouse(databases.gateway(), clock, environment="")  # type: ignore[attr-defined]
    gatehouse.provision()
    production.provision()
    assert post(production, gatehouse.link_token("fieldn@acme.example")) == LinkDead()


def test_activations_from_one_place_are_limited(sqlite_gatehouse: Gatehouse) -> None:
    """LK-07: guessing links is slow, whoever guesses."""
    with from_place("192.0.2.9"):
        answers = [post(sqlite_gatehouse, "a" * 43) for _ in range(61)]
    assert answers[:60] == [LinkDead()] * 60
    assert isinstance(answers[60], SlowDown)


def test_the_wizard_goes_from_password_to_question_to_factor_to_the_dashboard(gatehouse: Gatehouse) -> None:
    """G-16, G-18, G-20, G-21, G-22, 6.5."""
    account = gatehouse.provision()
    flow = gatehouse.start_activation(account, browser=BROWSER)
    page = gatehouse.page(flow, BROWSER)
    assert (page.step, page.kind) == (Step.SET_QUESTION, FlowKind.ACTIVATION)
    assert page.account is not None
    assert gatehouse.account(account.id).activated_at is not None
    answered = gatehouse.answer_question(flow, BROWSER)
    assert isinstance(answered, FlowPage)
    assert answered.step is Step.ENROL_FACTOR
    _, enrolled = gatehouse.enrol_app(flow, BROWSER)
    assert isinstance(enrolled, FlowPage)
    assert enrolled.step is Step.REVIEW
    assert [each.label for each in enrolled.factors] == ["Phone"]
    done = finish_login(gatehouse.services, flow=flow, browser=BROWSER)
    assert isinstance(done, Done)
    assert done.next_url == "/"
    live = find_session(gatehouse.services, done.session_token)
    assert live is not None
    assert live.account.id == account.id
    assert live.amr == ("pwd", "otp", "mfa")


def test_no_step_of_the_wizard_can_be_skipped(gatehouse: Gatehouse) -> None:
    """RC-01: every later post leads back to the step that is due."""
    account = gatehouse.provision()
    flow = gatehouse.start_activation(account, browser=BROWSER)
    services = gatehouse.services
    assert isinstance(begin_totp_enrolment(services, flow=flow, browser=BROWSER), FlowLost)
    confirmed = confirm_totp_enrolment(services, flow=flow, browser=BROWSER, code="123456")
    finished = finish_login(services, flow=flow, browser=BROWSER)
    for answer in (confirmed, finished):
        assert isinstance(answer, FlowPage)
        assert answer.step is Step.SET_QUESTION
    gatehouse.answer_question(flow, BROWSER)
    finished = finish_login(services, flow=flow, browser=BROWSER)
    assert isinstance(finished, FlowPage)
    assert finished.step is Step.ENROL_FACTOR
    assert count(gatehouse, session) == 0


def test_the_wizard_belongs_to_its_browser(gatehouse: Gatehouse) -> None:
    """CVE-2026-7507's class: the flow's address alone is worth nothing elsewhere."""
    account = gatehouse.provision()
    flow = gatehouse.start_activation(account, browser=BROWSER)
    services = gatehouse.services
    stranger = {"flow": flow, "browser": "browser-of-a-stranger"}
    assert isinstance(set_security_question(services, question="lake", answer=ANSWER, **stranger), FlowLost)
    assert isinstance(begin_totp_enrolment(services, **stranger), FlowLost)
    assert look_at_totp_enrolment(services, **stranger) is None
    assert isinstance(finish_login(services, **stranger), FlowLost)


def test_the_wizard_dies_with_its_account(gatehouse: Gatehouse) -> None:
    """I4: deactivated in the middle, nothing goes on."""
    account = gatehouse.provision()
    flow = gatehouse.start_activation(account, browser=BROWSER)
    gatehouse.deactivate(account.id)
    assert isinstance(finish_login(gatehouse.services, flow=flow, browser=BROWSER), FlowLost)
    assert isinstance(begin_totp_enrolment(gatehouse.services, flow=flow, browser=BROWSER), FlowLost)


def test_questions_are_a_short_list_that_reloading_does_not_change(gatehouse: Gatehouse) -> None:
    """G-34: drawn once for the account."""
    flow = gatehouse.start_activation(gatehouse.provision(), browser=BROWSER)
    first = gatehouse.page(flow, BROWSER).questions
    assert len(first) == 6
    assert gatehouse.page(flow, BROWSER).questions == first
    other = gatehouse.start_activation(gatehouse.provision("other"), browser=BROWSER)
    assert len({each.key for each in gatehouse.page(other, BROWSER).questions}) == 6


def test_an_answer_is_refused_for_its_reason_and_stored_as_a_hash(gatehouse: Gatehouse) -> None:
    """MF-15, G-35, G-51."""
    flow = gatehouse.start_activation(gatehouse.provision(), browser=BROWSER)
    key = gatehouse.page(flow, BROWSER).questions[0].key
    arguments = {"flow": flow, "browser": BROWSER}
    for bad in ("a", "fieldn", "password", ""):
        refused = set_security_question(gatehouse.services, question=key, answer=bad, **arguments)
        assert isinstance(refused, AnswerRefused)
    offered = {each.key for each in gatehouse.page(flow, BROWSER).questions}
    from idp.domain.security_question import QUESTIONS

    foreign = next(name for name in QUESTIONS if name not in offered)
    refused = set_security_question(gatehouse.services, question=foreign, answer=ANSWER, **arguments)
    assert isinstance(refused, AnswerRefused)
    gatehouse.answer_question(flow, BROWSER)
    with gatehouse.services.store.read() as connection:
        stored = connection.execute(select(security_question)).one()
    assert stored.answer_hash.startswith("$argon2id$")
    assert ANSWER.lower() not in repr(stored).lower()


def test_an_app_is_a_factor_only_after_its_own_code(gatehouse: Gatehouse) -> None:
    """MF-22: wrong code, abandoned seeds, a code of the seed before."""
    account = gatehouse.provision()
    flow = gatehouse.start_activation(account, browser=BROWSER)
    gatehouse.answer_question(flow, BROWSER)
    services = gatehouse.services
    begin_totp_enrolment(services, flow=flow, browser=BROWSER)
    abandoned = gatehouse.pending_seed(flow, BROWSER)
    shown = look_at_totp_enrolment(services, flow=flow, browser=BROWSER)
    assert shown is not None
    assert look_at_totp_enrolment(services, flow=flow, browser=BROWSER) == shown
    begin_totp_enrolment(services, flow=flow, browser=BROWSER)
    assert count(gatehouse, factor) == 1
    code = gatehouse.code(abandoned)
    assert confirm_totp_enrolment(services, flow=flow, browser=BROWSER, code=code) == WrongCode(4)
    assert gatehouse.page(flow, BROWSER).factors == ()
    _, enrolled = gatehouse.enrol_app(flow, BROWSER)
    assert isinstance(enrolled, FlowPage)
    assert len(enrolled.factors) == 1


def test_a_seed_is_sealed_for_its_own_row(gatehouse: Gatehouse) -> None:
    """Security §6: a stolen database shows no seed."""
    holder = gatehouse.a_holder()
    with gatehouse.services.store.read() as connection:
        stored = connection.execute(select(factor.c.sealed_secret)).scalar_one()
    assert holder.seed not in stored


def test_a_flow_confirms_only_what_it_began_itself(gatehouse: Gatehouse) -> None:
    """MF-09, MF-22: a code of one flow's seed is worth nothing in another's."""
    account = gatehouse.provision()
    flow = gatehouse.start_activation(account, browser=BROWSER)
    gatehouse.answer_question(flow, BROWSER)
    begin_totp_enrolment(gatehouse.services, flow=flow, browser=BROWSER)
    seed = gatehouse.pending_seed(flow, BROWSER)
    other = gatehouse.start("browser-other")
    gatehouse.give_password(other, "browser-other", "fieldn")
    answer = confirm_totp_enrolment(
        gatehouse.services, flow=other, browser="browser-other", code=gatehouse.code(seed)
    )
    assert isinstance(answer, FlowPage)
    assert answer.step is Step.PROVE_MAILBOX


def test_an_enrolment_code_is_no_sign_in_code(gatehouse: Gatehouse) -> None:
    """MF-09: the step that confirmed the app is used up."""
    account = gatehouse.provision()
    flow = gatehouse.start_activation(account, browser=BROWSER)
    gatehouse.answer_question(flow, BROWSER)
    seed, _ = gatehouse.enrol_app(flow, BROWSER)
    finish_login(gatehouse.services, flow=flow, browser=BROWSER)
    again = gatehouse.start()
    gatehouse.give_password(again, "browser-elsewhere", "fieldn")
    assert gatehouse.give_code(again, "browser-elsewhere", gatehouse.code(seed)) == WrongCode(4)


def test_a_machine_account_is_activated_the_same_way_and_has_no_applications(gatehouse: Gatehouse) -> None:
    """G-24: the custodian activates it; the dashboard is empty; one can sign out."""
    account = gatehouse.provision("APIIESO00001", kind=AccountKind.MACHINE, email="custodian@acme.example")
    letter = gatehouse.letters("activation", "custodian@acme.example")[0]
    assert "machine account" in str(letter.payload["text"])
    holder = gatehouse.activate(account)
    done = gatehouse.sign_in(holder)
    live = find_session(gatehouse.services, done.session_token)
    assert live is not None
    assert list_apps(gatehouse.services, live.account) == ()


def test_the_modern_profile_asks_for_no_question(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """ASVS 6.4.2: profile nist-63b-4."""
    gatehouse = a_gatehouse(sqlite_gateway_database, clock, settings=IdpSettings(policy="nist-63b-4"))
    flow = gatehouse.start_activation(gatehouse.provision(), password="violet canyon drum")
    assert gatehouse.step(flow, BROWSER) is Step.ENROL_FACTOR


def test_stored_hashes_are_argon2id_at_the_floor_and_bound_to_their_account(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """LG-10, G-51: m >= 19,456, t >= 2, p >= 1; a hash moved to another account matches nothing."""
    gatehouse = a_gatehouse(sqlite_gateway_database, clock, passwords=PasswordHasher())
    first, second = gatehouse.a_holder("first"), gatehouse.a_holder("second", email="b@acme.example")
    with gatehouse.services.store.read() as connection:
        stored = connection.scalar(select(password.c.hash).where(password.c.account_id == first.id))
    assert stored is not None
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    with gatehouse.services.store.write() as unit:
        unit.connection.execute(
            password.update().where(password.c.account_id == second.id).values(hash=stored)
        )
    flow = gatehouse.start()
    assert not isinstance(gatehouse.give_password(flow, "browser-elsewhere", "second"), FlowPage)


def test_what_happened_is_in_the_audit_without_its_secrets(gatehouse: Gatehouse) -> None:
    """G-89, G-90: one row per deed; no password, link, seed or answer in it."""
    holder = gatehouse.a_holder()
    tags = [row.tag for row in gatehouse.audit()]
    assert tags == [
        "gateway:account:invited",
        "gateway:account:provisioned",
        "gateway:account:activated",
        "gateway:question:set",
        "gateway:factor:enrolled",
        "gateway:session:started",
    ]
    everything = repr(gatehouse.audit())
    for secret in (PASSWORD, ANSWER, gatehouse.mail.last_link_to(holder.account.email).rpartition("/")[2]):
        assert secret not in everything


@pytest.mark.parametrize("language", ["en", "fr", "", "de"])
def test_the_holder_hears_of_every_step(sqlite_gatehouse: Gatehouse, language: str) -> None:
    """ASVS 6.3.7: activated, question set, factor added; in the account's language, English otherwise."""
    holder = sqlite_gatehouse.a_holder(language=language)
    sent = {each.template: each for each in sqlite_gatehouse.deliver()}
    assert set(sent) == {"activation", "activated", "question-set", "factor-added"}
    text = str(sent["factor-added"].payload["text"])
    assert ("Bonjour Nora Field" in text) == (language == "fr")
    assert holder.password not in repr([dict(each.payload) for each in sent.values()])
