"""Passkeys as a factor and alone: every trap that the library leaves open is refused."""

from __future__ import annotations

import datetime as dt
import json
import os
from typing import TYPE_CHECKING

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from idp.domain.login_flow import Demands, ProofKind, Step
from idp.domain.session import Acr
from idp.storage.tables import factor, password
from idp.usecases.change_password import PasswordChanged, change_password
from idp.usecases.enrol_passkey import begin_passkey_enrolment
from idp.usecases.finish_login import finish_login
from idp.usecases.flow_outcomes import (
    Done,
    FlowLost,
    FlowPage,
    PasskeyRefused,
    TooManyFactors,
    WrongCode,
)
from idp.usecases.sessions import find_session
from idp.usecases.set_new_password import set_new_password
from tests.support.accounts import switched
from tests.support.gatehouse import ANOTHER, PASSWORD, Gatehouse, a_gatehouse
from tests.support.passkeys import ELSEWHERE, HOME, a_passkey, asked, confirm, enrolment, present, wizard
from tests.support.soft_passkey import SoftPasskey, b64, rsa_cose_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.clock import FrozenClock
    from kernel.database import Database


def reasons(gatehouse: Gatehouse, tag: str) -> list[str]:
    return [row.reason for row in gatehouse.audit(tag)]


# --- enrolment -----------------------------------------------------------------------------------

ENROLMENT_LIES: dict[str, tuple[Callable[[], dict[str, object]], str]] = {
    "WA-02 another origin": (lambda: {"origin": "https://evil.test"}, "origin"),
    "WA-02 a subdomain": (lambda: {"origin": "http://sub.localhost:8000"}, "origin"),
    "WA-02 another port": (lambda: {"origin": "http://localhost:8001"}, "origin"),
    "WA-02 another scheme": (lambda: {"origin": "https://localhost:8000"}, "origin"),
    "WA-02 another relying party": (lambda: {"rp_id": "evil.test"}, "verification"),
    "WA-03 the other ceremony": (lambda: {"type": "webauthn.get"}, "type"),
    "WA-04 a foreign frame": (lambda: {"cross_origin": True}, "cross_origin"),
    "WA-04 a foreign frame in words": (lambda: {"cross_origin": "true"}, "cross_origin"),
    "WA-04 a foreign top": (lambda: {"top_origin": "https://evil.test"}, "cross_origin"),
    "WA-01 a made-up challenge": (lambda: {"challenge": b64(os.urandom(32))}, "challenge"),
    "nobody there": (lambda: {"absent": True}, "verification"),
    "WA-07 an empty id": (lambda: {"credential_id": b""}, "credential_id"),
    "WA-07 an id of 1,024 bytes": (lambda: {"credential_id": os.urandom(1024)}, "credential_id"),
    "WA-07 an id beside the signed one": (lambda: {"raw_id": os.urandom(32)}, "credential_id"),
    "WA-08 a weak RSA key": (lambda: {"cose_key": rsa_cose_key(1024)}, "algorithm"),
    "WA-08 RS1": (lambda: {"cose_key": rsa_cose_key(2048, -65535)}, "verification"),
    "WA-11 an unknown attestation": (lambda: {"fmt": "android-safetynet"}, "verification"),
    "WA-11 a forged self attestation": (
        lambda: {"fmt": "packed", "statement": {"alg": -7, "sig": b"x" * 70}, "aaguid": b"a" * 16},
        "verification",
    ),
    "WA-12 trailing bytes": (lambda: {"trailing": b"\x00"}, "verification"),
    "WA-12 deep CBOR": (lambda: {"attestation": b"\x81" * 10_000 + b"\x00"}, "verification"),
    "WA-12 huge length": (lambda: {"attestation": b"\x9b" + b"\xff" * 8}, "verification"),
    "WA-12 truncated": (lambda: {"attestation": cbor2.dumps({"fmt": "none"})[:-2]}, "verification"),
    "WA-12 a byte order mark": (lambda: {"client_data": b"\xef\xbb\xbf{}"}, "malformed"),
    "WA-12 UTF-16": (lambda: {"client_data": "{}".encode("utf-16")}, "malformed"),
    "WA-12 a name twice": (
        lambda: {"client_data": b'{"type":"webauthn.create","type":"webauthn.get"}'},
        "malformed",
    ),
}


@pytest.mark.parametrize("lie", ENROLMENT_LIES)
def test_an_enrolment_with_one_lie_is_refused(sqlite_gatehouse: Gatehouse, lie: str) -> None:
    """WA-01 to WA-12: nothing is stored, and the flow waits as before."""
    flow = wizard(sqlite_gatehouse)
    make, reason = ENROLMENT_LIES[lie]
    answer = confirm(
        sqlite_gatehouse, flow, SoftPasskey().create(enrolment(sqlite_gatehouse, flow), **make())
    )
    assert answer == PasskeyRefused()
    assert reasons(sqlite_gatehouse, "gateway:factor:refused") == [reason]
    assert sqlite_gatehouse.page(flow, HOME).step is Step.ENROL_FACTOR


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"response":{}}',
        '{"id":1,"rawId":1,"type":"public-key","response":{"clientDataJSON":1}}',
        "[" * 100_000,
        "{" * 3_000,
        '{"rawId":"' + "A" * 70_000 + '"}',
        '{"a":NaN}',
        "\ud800",
        '{"rawId":"****","response":{"clientDataJSON":"e30"}}',
    ],
)
def test_what_is_no_credential_is_refused_quietly(sqlite_gatehouse: Gatehouse, text: str) -> None:
    """WA-12: never an accident, whatever arrives."""
    flow = wizard(sqlite_gatehouse)
    enrolment(sqlite_gatehouse, flow)
    assert confirm(sqlite_gatehouse, flow, text) == PasskeyRefused()
    other = sqlite_gatehouse.start()
    asked(sqlite_gatehouse, other)
    assert present(sqlite_gatehouse, other, text) == PasskeyRefused()


def test_an_answer_works_once(gatehouse: Gatehouse) -> None:
    """WA-01: the same registration again is refused, and so is the same credential (WA-07)."""
    flow = wizard(gatehouse)
    key = SoftPasskey()
    answer = key.create(enrolment(gatehouse, flow))
    assert isinstance(confirm(gatehouse, flow, answer), FlowPage)
    assert confirm(gatehouse, flow, answer) == PasskeyRefused()
    again = key.create(enrolment(gatehouse, flow))
    assert confirm(gatehouse, flow, again) == PasskeyRefused()
    assert reasons(gatehouse, "gateway:factor:refused") == ["challenge", "already_enrolled"]


def test_a_credential_of_another_account_cannot_be_enrolled(gatehouse: Gatehouse) -> None:
    """WA-07: the id is bound to one account for good."""
    key = a_passkey(gatehouse, "alice")
    flow = wizard(gatehouse, "bob")
    answer = key.create(enrolment(gatehouse, flow))
    assert confirm(gatehouse, flow, answer) == PasskeyRefused()
    assert reasons(gatehouse, "gateway:factor:refused") == ["already_enrolled"]


def test_a_challenge_belongs_to_its_flow_and_dies_in_five_minutes(gatehouse: Gatehouse) -> None:
    """WA-01, ATH-01-014: of another flow, of another ceremony, too old."""
    first, second = wizard(gatehouse, "alice"), wizard(gatehouse, "bob")
    foreign = SoftPasskey().create(enrolment(gatehouse, first))
    assert confirm(gatehouse, second, foreign) == PasskeyRefused()
    late = SoftPasskey().create(enrolment(gatehouse, first))
    gatehouse.clock.advance(dt.timedelta(minutes=5))
    assert confirm(gatehouse, first, late) == PasskeyRefused()
    other = gatehouse.start(HOME)
    proof = json.loads(asked(gatehouse, other, HOME))["challenge"]
    crossed = SoftPasskey().create(enrolment(gatehouse, first), challenge=proof)
    assert confirm(gatehouse, first, crossed) == PasskeyRefused()
    assert reasons(gatehouse, "gateway:factor:refused") == ["challenge"] * 3


def test_no_passkey_is_enrolled_out_of_turn(gatehouse: Gatehouse) -> None:
    """MF-13, MF-14, WA-13: a password alone enrols nothing; another browser enrols nothing."""
    flow = wizard(gatehouse)
    options = enrolment(gatehouse, flow)
    answer = SoftPasskey().create(options)
    assert confirm(gatehouse, flow, answer, browser="browser-stranger") == FlowLost()
    thief = gatehouse.start()
    gatehouse.give_password(thief, ELSEWHERE, "fieldn")
    assert begin_passkey_enrolment(gatehouse.services, flow=thief, browser=ELSEWHERE) == FlowLost()
    page = confirm(gatehouse, thief, answer, browser=ELSEWHERE)
    assert isinstance(page, FlowPage)
    assert page.step is Step.PROVE_MAILBOX


def test_what_is_offered_names_no_person_and_excludes_what_is_there(gatehouse: Gatehouse) -> None:
    """WebAuthn §14.6.1: an opaque handle, our own relying party, no attestation, five minutes."""
    flow = wizard(gatehouse)
    first = SoftPasskey()
    options = json.loads(enrolment(gatehouse, flow))
    assert options["rp"] == {"id": "localhost", "name": "Gateway (Sandbox)"}
    account = gatehouse.page(flow, HOME).account
    assert account is not None
    assert account.id not in json.dumps(options)
    assert len(options["user"]["id"]) == 43
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [-7, -8, -257]
    assert (options["timeout"], options["attestation"]) == (300_000, "none")
    confirm(gatehouse, flow, first.create(json.dumps(options)))
    again = json.loads(enrolment(gatehouse, flow))
    assert [each["id"] for each in again["excludeCredentials"]] == [b64(first.credential_id)]


def test_an_account_has_ten_passkeys_at_most(sqlite_gatehouse: Gatehouse) -> None:
    """A bound on what one account can store."""
    flow = wizard(sqlite_gatehouse)
    for _ in range(10):
        assert isinstance(
            confirm(sqlite_gatehouse, flow, SoftPasskey().create(enrolment(sqlite_gatehouse, flow))), FlowPage
        )
    full = begin_passkey_enrolment(sqlite_gatehouse.services, flow=flow, browser=HOME)
    assert full == TooManyFactors()


def test_rsa_keys_of_good_size_are_taken(sqlite_gatehouse: Gatehouse) -> None:
    """WA-08: RS256 is offered, so it works."""
    flow = wizard(sqlite_gatehouse)
    answer = SoftPasskey().create(enrolment(sqlite_gatehouse, flow), cose_key=rsa_cose_key(2048))
    assert isinstance(confirm(sqlite_gatehouse, flow, answer), FlowPage)


# --- proof ---------------------------------------------------------------------------------------


def test_a_passkey_alone_signs_its_owner_in(gatehouse: Gatehouse) -> None:
    """G-31, bar 22: nobody says who he is; the strength is phr."""
    key = a_passkey(gatehouse)
    flow = gatehouse.start()
    done = present(gatehouse, flow, key.get(asked(gatehouse, flow)))
    assert isinstance(done, Done)
    live = find_session(gatehouse.services, done.session_token)
    assert live is not None
    assert live.account.user_name == "fieldn"
    assert (live.acr, live.amr) == (Acr.PHISHING_RESISTANT.value, ("hwk", "user", "mfa"))


def test_a_passkey_is_the_second_factor_after_a_password(gatehouse: Gatehouse) -> None:
    """G-31: of the account alone, without checking its holder if it cannot."""
    key = a_passkey(gatehouse, verifies=False)
    flow = gatehouse.start()
    page = gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    assert isinstance(page, FlowPage)
    assert page.second_factors == (ProofKind.PASSKEY,)
    options = json.loads(asked(gatehouse, flow))
    assert [each["id"] for each in options["allowCredentials"]] == [b64(key.credential_id)]
    done = present(gatehouse, flow, key.get(json.dumps(options), user_handle=None))
    assert isinstance(done, Done)
    assert done.acr is Acr.TWO_FACTORS


PROOF_LIES: dict[str, tuple[Callable[[], dict[str, object]], str]] = {
    "WA-02 another origin": (lambda: {"origin": "https://evil.test"}, "origin"),
    "WA-02 another relying party": (lambda: {"rp_id": "evil.test"}, "verification"),
    "WA-03 the other ceremony": (lambda: {"type": "webauthn.create"}, "type"),
    "WA-04 a foreign frame": (lambda: {"cross_origin": True}, "cross_origin"),
    "WA-04 a foreign top": (lambda: {"top_origin": "https://evil.test"}, "cross_origin"),
    "WA-01 a made-up challenge": (lambda: {"challenge": b64(os.urandom(32))}, "challenge"),
    "an unknown credential": (lambda: {"credential_id": os.urandom(32)}, "unknown_credential"),
    "another owner": (lambda: {"user_handle": b"somebody else"}, "owner"),
    "no owner": (lambda: {"user_handle": None}, "owner"),
    "nobody there": (lambda: {"absent": True}, "verification"),
    "the holder unchecked": (lambda: {"verifies": False}, "verification"),
    "synced all of a sudden": (lambda: {"synced": True}, "backup_eligibility"),
    "a counter that stands": (lambda: {"counter": 0}, "counter"),
    "another key": (lambda: {"key": ec.generate_private_key(ec.SECP256R1())}, "verification"),
}


@pytest.mark.parametrize("lie", PROOF_LIES)
def test_a_proof_with_one_lie_is_refused(sqlite_gatehouse: Gatehouse, lie: str) -> None:
    """WA-01 to WA-04, WebAuthn §7.2: nobody is signed in, the true reason is in the audit alone."""
    key = a_passkey(sqlite_gatehouse)
    flow = sqlite_gatehouse.start()
    assert isinstance(present(sqlite_gatehouse, flow, key.get(asked(sqlite_gatehouse, flow))), Done)
    flow = sqlite_gatehouse.start()
    make, reason = PROOF_LIES[lie]
    assert (
        present(sqlite_gatehouse, flow, key.get(asked(sqlite_gatehouse, flow), **make())) == PasskeyRefused()
    )
    assert reasons(sqlite_gatehouse, "gateway:passkey:refused") == [reason]
    assert sqlite_gatehouse.page(flow, ELSEWHERE).step is Step.IDENTIFY


def test_an_assertion_works_once_and_in_its_own_flow(gatehouse: Gatehouse) -> None:
    """WA-01: replayed in its flow, in another flow, in another browser, too late."""
    key = a_passkey(gatehouse, counts=False)
    first, second = gatehouse.start("browser-1"), gatehouse.start("browser-2")
    answer = key.get(asked(gatehouse, first, "browser-1"))
    assert present(gatehouse, second, answer, "browser-2") == PasskeyRefused()
    assert present(gatehouse, first, answer, "browser-2") == FlowLost()
    assert isinstance(present(gatehouse, first, answer, "browser-1"), Done)
    third = gatehouse.start("browser-3")
    assert present(gatehouse, third, answer, "browser-3") == PasskeyRefused()
    late = key.get(asked(gatehouse, third, "browser-3"))
    gatehouse.clock.advance(dt.timedelta(minutes=5))
    assert present(gatehouse, third, late, "browser-3") == PasskeyRefused()


def test_a_refused_answer_has_used_its_challenge_up(gatehouse: Gatehouse) -> None:
    """WA-01: one challenge, one answer, right or wrong."""
    key = a_passkey(gatehouse)
    flow = gatehouse.start()
    options = asked(gatehouse, flow)
    assert present(gatehouse, flow, key.get(options, verifies=False)) == PasskeyRefused()
    assert present(gatehouse, flow, key.get(options)) == PasskeyRefused()
    assert reasons(gatehouse, "gateway:passkey:refused") == ["verification", "challenge"]


def test_somebody_elses_passkey_is_no_second_factor(gatehouse: Gatehouse) -> None:
    """MF-07: alice's password with bob's passkey."""
    a_passkey(gatehouse, "alice")
    bob = a_passkey(gatehouse, "bob")
    flow = gatehouse.start()
    gatehouse.give_password(flow, ELSEWHERE, "alice")
    assert present(gatehouse, flow, bob.get(asked(gatehouse, flow))) == PasskeyRefused()
    assert reasons(gatehouse, "gateway:passkey:refused") == ["owner"]


def test_a_copied_passkey_is_noticed(gatehouse: Gatehouse) -> None:
    """WebAuthn §6.1.1: the counter of the copy stands behind."""
    key = a_passkey(gatehouse)
    copy = SoftPasskey(
        credential_id=key.credential_id, key=key.key, user_handle=key.user_handle, rp_id=key.rp_id
    )
    for _ in range(3):
        flow = gatehouse.start()
        assert isinstance(present(gatehouse, flow, key.get(asked(gatehouse, flow))), Done)
    flow = gatehouse.start()
    assert present(gatehouse, flow, copy.get(asked(gatehouse, flow))) == PasskeyRefused()
    assert reasons(gatehouse, "gateway:passkey:refused") == ["counter"]


def test_a_passkey_of_a_deactivated_account_opens_nothing(gatehouse: Gatehouse) -> None:
    """LG-11: every way in looks at the account."""
    key = a_passkey(gatehouse)
    with gatehouse.services.store.read() as connection:
        owner = connection.scalar(select(factor.c.account_id))
    assert owner is not None
    gatehouse.deactivate(owner)
    flow = gatehouse.start()
    assert present(gatehouse, flow, key.get(asked(gatehouse, flow))) == PasskeyRefused()


def test_a_passkey_works_while_guessers_have_locked_the_password(gatehouse: Gatehouse) -> None:
    """LK-05: a way back in without staff."""
    key = a_passkey(gatehouse)
    for _ in range(10):
        gatehouse.give_password(gatehouse.start(), ELSEWHERE, "fieldn", "Wrong-Password-1")
    flow = gatehouse.start()
    assert isinstance(present(gatehouse, flow, key.get(asked(gatehouse, flow))), Done)


def test_a_sign_in_by_passkey_that_is_under_way_ends_when_the_password_is_changed(
    gatehouse: Gatehouse,
) -> None:
    """ASVS 7.4.3, RT-07: what ends every other session ends it too, whatever was proved in it."""
    key = a_passkey(gatehouse)
    own = gatehouse.start(ELSEWHERE)
    done = present(gatehouse, own, key.get(asked(gatehouse, own)))
    assert isinstance(done, Done)
    parked = gatehouse.start("browser-of-a-thief", demands=Demands(review=True))
    page = present(
        gatehouse, parked, key.get(asked(gatehouse, parked, "browser-of-a-thief")), "browser-of-a-thief"
    )
    assert isinstance(page, FlowPage)
    gatehouse.next_step()
    session = find_session(gatehouse.services, done.session_token)
    assert session is not None
    changed = change_password(gatehouse.services, session, current=PASSWORD, password=ANOTHER, repeat=ANOTHER)
    assert isinstance(changed, PasswordChanged)
    ended = finish_login(gatehouse.services, flow=parked, browser="browser-of-a-thief")
    assert isinstance(ended, FlowLost)


def test_a_password_changed_within_a_sign_in_ends_every_other_and_not_its_own(gatehouse: Gatehouse) -> None:
    """ASVS 7.4.3, LG-08: whoever holds a stolen passkey is out, whoever changes the password goes on."""
    key = a_passkey(gatehouse)
    with gatehouse.services.store.write() as unit:
        unit.connection.execute(password.update().values(must_change=True))
    stolen = gatehouse.start(demands=Demands(review=True))
    present(gatehouse, stolen, key.get(asked(gatehouse, stolen)))
    assert gatehouse.step(stolen, ELSEWHERE) is Step.REVIEW
    gatehouse.clock.advance(dt.timedelta(seconds=5))
    hers = gatehouse.start(HOME)
    gatehouse.give_password(hers, HOME, "fieldn")
    present(gatehouse, hers, key.get(asked(gatehouse, hers, HOME)), HOME)
    gatehouse.clock.advance(dt.timedelta(seconds=5))
    done = set_new_password(gatehouse.services, flow=hers, browser=HOME, password=ANOTHER, repeat=ANOTHER)
    assert isinstance(done, Done)
    assert find_session(gatehouse.services, done.session_token) is not None
    assert isinstance(finish_login(gatehouse.services, flow=stolen, browser=ELSEWHERE), FlowLost)


def test_a_sign_in_that_changed_the_password_ends_with_what_comes_after(gatehouse: Gatehouse) -> None:
    """ASVS 7.4.3: the change itself spares it, the next thing that ends sign-ins does not."""
    key = a_passkey(gatehouse)
    with gatehouse.services.store.write() as unit:
        unit.connection.execute(password.update().values(must_change=True))
    flow = gatehouse.start(demands=Demands(review=True))
    gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    present(gatehouse, flow, key.get(asked(gatehouse, flow)))
    page = set_new_password(
        gatehouse.services, flow=flow, browser=ELSEWHERE, password=ANOTHER, repeat=ANOTHER
    )
    assert isinstance(page, FlowPage)
    assert page.step is Step.REVIEW
    gatehouse.clock.advance(dt.timedelta(seconds=5))
    account = page.account
    assert account is not None
    for active in (False, True):
        assert switched(gatehouse.services, account.id, active=active)
    assert isinstance(finish_login(gatehouse.services, flow=flow, browser=ELSEWHERE), FlowLost)


def test_a_demand_for_phishing_resistance_is_met_by_a_passkey_only(gatehouse: Gatehouse) -> None:
    """acr_values=phr: an app's code is not asked for, an unchecked passkey not enough."""
    flow = wizard(gatehouse)
    seed, _ = gatehouse.enrol_app(flow, HOME)
    key = SoftPasskey()
    confirm(gatehouse, flow, key.create(enrolment(gatehouse, flow)))
    assert isinstance(finish_login(gatehouse.services, flow=flow, browser=HOME), Done)
    gatehouse.next_step()
    strict = gatehouse.start(demands=Demands(acr=(Acr.PHISHING_RESISTANT.value,)))
    page = gatehouse.give_password(strict, ELSEWHERE, "fieldn")
    assert isinstance(page, FlowPage)
    assert page.second_factors == (ProofKind.PASSKEY,)
    refused = gatehouse.give_code(strict, ELSEWHERE, gatehouse.code(seed))
    assert isinstance(refused, FlowPage)
    options = asked(gatehouse, strict)
    assert json.loads(options)["userVerification"] == "required"
    assert present(gatehouse, strict, key.get(options, verifies=False)) == PasskeyRefused()
    done = present(gatehouse, strict, key.get(asked(gatehouse, strict)))
    assert isinstance(done, Done)
    assert done.acr is Acr.PHISHING_RESISTANT


def test_enrolling_a_passkey_is_no_proof_that_it_resists_phishing(gatehouse: Gatehouse) -> None:
    """The first session after enrolment has two factors, the next sign-in is phr."""
    flow = wizard(gatehouse)
    confirm(gatehouse, flow, SoftPasskey().create(enrolment(gatehouse, flow)))
    done = finish_login(gatehouse.services, flow=flow, browser=HOME)
    assert isinstance(done, Done)
    assert done.acr is Acr.TWO_FACTORS


def test_a_passkey_of_another_environment_is_unknown(
    gatehouse: Gatehouse, databases: object, clock: FrozenClock
) -> None:
    """G-03, WA-02: Sandbox and Production share no credential."""
    key = a_passkey(gatehouse)
    production = a_gatehouse(databases.gateway(), clock, public_url="https://gateway.example", environment="")  # type: ignore[attr-defined]
    production.a_holder()
    flow = production.start()
    assert present(production, flow, key.get(asked(production, flow))) == PasskeyRefused()
    lied = key.get(asked(production, flow), origin="https://gateway.example", rp_id="gateway.example")
    assert present(production, flow, lied) == PasskeyRefused()
    assert reasons(production, "gateway:passkey:refused") == ["origin", "unknown_credential"]


def test_a_code_is_refused_where_there_is_only_a_passkey(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """MF-07: a factor the account has not is none."""
    gatehouse = a_gatehouse(sqlite_gateway_database, clock)
    a_passkey(gatehouse)
    flow = gatehouse.start()
    gatehouse.give_password(flow, ELSEWHERE, "fieldn")
    answer = gatehouse.give_code(flow, ELSEWHERE, "123456")
    assert isinstance(answer, FlowPage)
    assert not isinstance(answer, WrongCode)
