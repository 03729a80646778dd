"""Small rules of sign-in: codes, locks, questions, links, names of factors and browsers."""

from __future__ import annotations

import datetime as dt
import json

import pytest
import webauthn
from hypothesis import given
from hypothesis import strategies as st
from webauthn.helpers import structs

from idp.domain.account import Account, AccountKind
from idp.domain.factors import PasskeyFactor, clean_label
from idp.domain.identification import meant_by_email, typed_identifier
from idp.domain.lockout import LockRule
from idp.domain.login_flow import PasswordDue
from idp.domain.one_time import LIFETIME, Purpose, code_from, is_code, is_live, is_token
from idp.domain.password_age import expires_at, password_due
from idp.domain.policy_profiles import IESO_2025, NIST_63B_4
from idp.domain.security_question import OFFERED, QUESTIONS, AnswerFault, answer_fault, normal_answer
from idp.domain.session import ends_at
from idp.domain.totp import code_at, enrolment, matching_step, step_at
from idp.domain.user_agent import browser_of, system_of
from idp.domain.webauthn_policy import TRANSPORTS, passkeys_possible, proof_options, relying_party
from idp.usecases.limits import place

NOON = dt.datetime(2026, 6, 1, 12, 0, tzinfo=dt.UTC)
SEED = b"12345678901234567890"
NOW_STEP = step_at(NOON)


def test_codes_are_those_of_the_standard() -> None:
    """RFC 6238 appendix B, six digits of the eight."""
    assert code_at(SEED, 59 // 30) == "287082"
    assert code_at(SEED, 1111111109 // 30) == "081804"
    assert code_at(SEED, 20000000000 // 30) == "353130"


@pytest.mark.parametrize(("shift", "accepted"), [(-3, 0), (-2, 0), (-1, 1), (0, 1), (1, 1), (2, 0), (3, 0)])
def test_the_window_is_one_step_to_either_side(shift: int, accepted: int) -> None:
    """MF-05: documented window, the server's clock alone (MF-19)."""
    found = matching_step(SEED, code_at(SEED, NOW_STEP + shift), now=NOON, last_step=None)
    assert found == (NOW_STEP + shift if accepted else None)


def test_a_step_is_never_accepted_after_itself_or_a_later_one() -> None:
    """MF-05: monotonic: after a future step the present one is refused."""
    code = code_at(SEED, NOW_STEP)
    assert matching_step(SEED, code, now=NOON, last_step=NOW_STEP - 1) == NOW_STEP
    assert matching_step(SEED, code, now=NOON, last_step=NOW_STEP) is None
    assert matching_step(SEED, code, now=NOON, last_step=NOW_STEP + 1) is None


def test_only_six_ascii_digits_are_a_code() -> None:
    """MF-02: pyotp takes other spellings of the same digits; we do not."""
    code = code_at(SEED, NOW_STEP)
    spellings = [
        code.translate({ord(str(digit)): 0xFF10 + digit for digit in range(10)}),
        code.translate({ord(str(digit)): 0x1D7CE + digit for digit in range(10)}),
        code.translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")),
        f" {code}",
        f"{code}\n",
        f"{code[:3]} {code[3:]}",
        f"{code[:3]}-{code[3:]}",
        f"{code}0",
        code[:5],
        "",
    ]
    assert [matching_step(SEED, each, now=NOON, last_step=None) for each in spellings] == [None] * len(
        spellings
    )
    assert not any(is_code(each) for each in spellings)


def test_an_enrolment_names_issuer_and_account() -> None:
    """G-31: the app shows for what it is; the picture is inline and fetches nothing."""
    shown = enrolment(SEED, issuer="Gateway (Sandbox)", user_name="jonesj")
    assert shown.uri.startswith("otpauth://totp/Gateway%20%28Sandbox%29:jonesj?secret=GEZDGNBVGY3TQOJQ")
    assert "issuer=Gateway%20%28Sandbox%29" in shown.uri
    assert shown.secret.replace(" ", "") in shown.uri
    assert shown.qr_svg.startswith("<svg")
    assert "style=" not in shown.qr_svg
    assert "script" not in shown.qr_svg


def test_mailed_codes_keep_their_leading_zeros() -> None:
    """MF-12."""
    assert code_from(7) == "000007"
    assert code_from(999_999) == "999999"


def test_a_lock_grows_from_a_quarter_of_an_hour_to_an_hour() -> None:
    """Bar 10: ten failures, then 15, 30 and 60 minutes."""
    rule = LockRule()
    minutes = [rule.lock_for(failures) for failures in (1, 9, 10, 11, 12, 13, 500)]
    assert minutes == [None, None, *(dt.timedelta(minutes=each) for each in (15, 30, 60, 60, 60))]


@given(st.integers(1, 10_000))
def test_a_lock_never_outlasts_an_hour(failures: int) -> None:
    """LK-05: a soft lock, never for good."""
    lock = LockRule().lock_for(failures)
    assert lock is None or lock <= dt.timedelta(hours=1)


@given(st.timedeltas(min_value=dt.timedelta(0), max_value=dt.timedelta(days=400)))
def test_a_link_lives_exactly_as_long_as_it_says(age: dt.timedelta) -> None:
    """RC-07, G-14: 90 days to the microsecond, and never again once used."""
    end = NOON + LIFETIME[Purpose.ACTIVATION]
    assert is_live(used_at=None, expires_at=end, now=NOON + age) == (age < dt.timedelta(days=90))
    assert not is_live(used_at=NOON, expires_at=end, now=NOON + age)


@pytest.mark.parametrize(
    "text", ["", "abc", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "é", "' OR 1=1 --" + "a" * 32]
)
def test_what_has_not_the_form_of_a_token_is_none(text: str) -> None:
    """SE-10, RC-19: it never reaches the database."""
    assert not is_token(text)


def test_passwords_age_by_profile_and_kind() -> None:
    """G-52, G-54, X-20: personal accounts 90 days, machine accounts never."""
    set_at = NOON - dt.timedelta(days=90)
    arguments = {"set_at": set_at, "must_change": False, "now": NOON}
    assert password_due(IESO_2025, AccountKind.PERSONAL, **arguments) is PasswordDue.EXPIRED  # type: ignore[arg-type]
    assert password_due(IESO_2025, AccountKind.MACHINE, **arguments) is PasswordDue.NO  # type: ignore[arg-type]
    assert password_due(NIST_63B_4, AccountKind.PERSONAL, **arguments) is PasswordDue.NO  # type: ignore[arg-type]
    assert expires_at(IESO_2025, AccountKind.PERSONAL, NOON) == NOON + dt.timedelta(days=90)
    temporary = {**arguments, "set_at": NOON, "must_change": True}
    assert password_due(NIST_63B_4, AccountKind.MACHINE, **temporary) is PasswordDue.TEMPORARY  # type: ignore[arg-type]


def test_questions_are_many_and_in_both_languages() -> None:
    """G-34: a short list out of a larger set."""
    assert len(QUESTIONS) >= 3 * OFFERED
    assert all(question.text("en") != question.text("fr") for question in QUESTIONS.values())
    assert all(question.text("fr").endswith("?") for question in QUESTIONS.values())


def test_answers_count_without_case_and_extra_spaces() -> None:
    """G-35, MF-15."""
    assert normal_answer("  The  GLASS menagerie ") == normal_answer("the glass Menagerie")
    assert normal_answer("\uff21\uff22\uff23") == "abc"
    assert normal_answer("Straße") == normal_answer("STRASSE")


@pytest.mark.parametrize(
    ("question", "answer", "fault"),
    [
        ("lake", "", AnswerFault.EMPTY),
        ("lake", "   ", AnswerFault.EMPTY),
        ("lake", "abc", AnswerFault.TOO_SHORT),
        ("lake", "a  b", AnswerFault.TOO_SHORT),
        ("lake", "aaaaaa", AnswerFault.TOO_SIMPLE),
        ("lake", "Password", AnswerFault.TOO_SIMPLE),
        ("lake", "mot de passe", AnswerFault.TOO_SIMPLE),
        ("lake", "123456", AnswerFault.TOO_SIMPLE),
        ("lake", "river", AnswerFault.IN_QUESTION),
        ("lake", "JonesJ", AnswerFault.USER_NAME),
        ("lake", "x" * 201, AnswerFault.TOO_LONG),
        ("first-dish", "ratatouille", AnswerFault.UNKNOWN_QUESTION),
        ("no-such-question", "ratatouille", AnswerFault.UNKNOWN_QUESTION),
    ],
)
def test_each_weak_answer_is_refused_for_its_reason(question: str, answer: str, fault: AnswerFault) -> None:
    """MF-15, G-34: minimum length, deny-list, and only a question that was offered."""
    assert answer_fault(question, answer, offered=("lake", "no-such-question"), user_name="jonesj") is fault


@pytest.mark.parametrize("answer", ["Georgian Bay", "~!@ #$%^", "Lac-à-l'Épaule", "4711"])
def test_any_characters_make_an_answer(answer: str) -> None:
    """G-35: any ASCII, and more."""
    assert answer_fault("lake", answer, offered=("lake",), user_name="jonesj") is None


def test_labels_are_one_line_of_visible_characters() -> None:
    """SE-15: what people name their factors cannot hide or turn text around."""
    assert clean_label(" My\u202e\x00 \n phone ") == "My phone"
    assert len(clean_label("x" * 1000)) == 60
    assert clean_label("\u200b") == ""


@pytest.mark.parametrize(
    ("agent", "browser", "system"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/142.0 Safari/537.36 Edg/142.0", "Edge", "Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Chrome/142.0 Safari/537.36", "Chrome", "macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604.1", "Safari", "iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0", "Firefox", "Linux"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/142.0 Mobile Safari/537.36 EdgA/142.0", "Edge", "Android"),
        ("Mozilla/5.0 (iPad; CPU OS 19_0 like Mac OS X) EdgiOS/142.0 Safari/604.1", "Edge", "iPad"),
        ("Mozilla/5.0 (X11; CrOS x86_64) Chrome/142.0 Safari/537.36", "Chrome", "ChromeOS"),
        ("curl/8.1", "", ""),
    ],
)
def test_a_browser_is_named_as_people_do(agent: str, browser: str, system: str) -> None:
    """gateway.md 6.4: "Chrome on Windows". Only for reading: a forged header decides nothing."""
    assert (browser_of(agent), system_of(agent)) == (browser, system)


def test_a_session_ends_at_the_sooner_of_its_limits() -> None:
    """SE-04."""
    idle = dt.timedelta(minutes=30)
    late = NOON + dt.timedelta(hours=12)
    assert ends_at(expires_at=late, last_seen_at=NOON, idle=idle) == NOON + idle
    soon = NOON + dt.timedelta(minutes=5)
    assert ends_at(expires_at=soon, last_seen_at=NOON, idle=idle) == soon


def test_passkeys_need_a_host_with_a_name() -> None:
    """Browsers refuse an address as relying party, and plain http anywhere but on this machine."""
    assert passkeys_possible("https://gateway.example")
    assert passkeys_possible("http://localhost:8000")
    assert not passkeys_possible("http://127.0.0.1:8000")
    assert not passkeys_possible("https://192.0.2.7")
    assert not passkeys_possible("https://[2001:db8::1]")
    assert not passkeys_possible("http://gateway.example")
    party = relying_party("https://Gateway.example:8443", "Gateway")
    assert (party.id, party.origin) == ("gateway.example", "https://gateway.example:8443")


@pytest.mark.parametrize("transports", [(), ("internal", "hybrid")])
@pytest.mark.parametrize("must_verify", [True, False])
def test_a_proof_is_asked_for_in_the_words_of_the_library(
    transports: tuple[str, ...],
    *,
    must_verify: bool,
) -> None:
    """WebAuthn Level 3 §5.5: the options of a sign-in page are written without loading py_webauthn."""
    assert {one.value for one in structs.AuthenticatorTransport} == TRANSPORTS
    known = PasskeyFactor(
        id="1",
        account_id="2",
        credential_id=b"\xff\xfe credential",
        public_key=b"",
        sign_count=0,
        transports=transports,
        backup_eligible=False,
    )
    party = relying_party("https://gateway.example", "Gateway")
    asked = proof_options(party, challenge=SEED, allowed=[known], must_verify=must_verify)
    named = structs.PublicKeyCredentialDescriptor(
        id=known.credential_id,
        transports=[structs.AuthenticatorTransport(one) for one in transports] or None,
    )
    needed = structs.UserVerificationRequirement
    assert json.loads(asked) == json.loads(
        webauthn.options_to_json(
            webauthn.generate_authentication_options(
                rp_id=party.id,
                challenge=SEED,
                timeout=300_000,
                allow_credentials=[named],
                user_verification=needed.REQUIRED if must_verify else needed.PREFERRED,
            )
        )
    )
    assert json.loads(proof_options(party, challenge=SEED, allowed=(), must_verify=True)) == json.loads(
        webauthn.options_to_json(
            webauthn.generate_authentication_options(
                rp_id=party.id, challenge=SEED, timeout=300_000, user_verification=needed.REQUIRED
            )
        )
    )


def an_account(identifier: str, *, active: bool = True, activated: bool = True, **values: object) -> Account:
    known = {
        "source": "s",
        "kind": AccountKind.PERSONAL,
        "user_name": identifier.lower(),
        "external_id": None,
        "display_name": "",
        "given_name": "",
        "family_name": "",
        "middle_name": "",
        "email": "shared@acme.example",
        "phone": "",
        "language": "",
        "activated_at": NOON if activated else None,
        "person_id": "",
        "custodian_person_id": "",
        "organizations": (),
        "allowed_addresses": (),
        "source_version": 0,
        "version": 1,
        "created_at": NOON,
        "updated_at": NOON,
        **values,
    }
    return Account(id=identifier, active=active, **known)  # type: ignore[arg-type]


def test_an_address_means_an_account_only_where_it_can_be_told() -> None:
    """G-06, LG-14: alone, alone among the usable, alone among the familiar; else nobody."""
    first, second = an_account("A"), an_account("B")
    gone, new = an_account("C", active=False), an_account("D", activated=False)
    assert meant_by_email((gone,), ()) == gone
    assert meant_by_email((first, gone, new), ()) == first
    assert meant_by_email((first, second, gone), ()) is None
    assert meant_by_email((first, second), ("B",)) == second
    assert meant_by_email((first, second), ("A", "B")) is None
    assert meant_by_email((gone, new), ("C",)) is None


def test_an_account_is_called_by_the_best_name_there_is() -> None:
    """Pages and letters: display name, else given and family name, else the login name."""
    assert an_account("A", display_name="J. Jones").display == "J. Jones"
    assert an_account("A", given_name="Jane", family_name="Jones").display == "Jane Jones"
    assert an_account("A").display == "a"
    assert an_account("A", given_name="Jane", family_name="Jones").names == ("Jane", "Jones")


def test_what_is_looked_up_is_bounded() -> None:
    """LG-12: a megabyte of name is no name."""
    assert typed_identifier("  jonesj ") == "jonesj"
    assert len(typed_identifier("x" * 1_000_000)) == 1_024


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002::", "2001:db8:1:2::/64"),
        ("unix:", "unix:"),
    ],
)
def test_a_place_is_an_address_or_a_network_that_one_subscriber_has(address: str, counted_as: str) -> None:
    """LK-07: who has a /64 has not 2^64 tries."""
    assert place(address) == counted_as
