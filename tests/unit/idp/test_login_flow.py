"""The login flow: no order of posts reaches the end without the proofs."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.login_flow import (
    AccountState,
    Demands,
    Flow,
    FlowKind,
    PasswordDue,
    Proof,
    ProofKind,
    Rules,
    Step,
    acr_of,
    amr_of,
    next_step,
    next_url,
    second_factors,
    wants_verified_passkey,
)
from idp.domain.session import Acr, satisfies

NOON = dt.datetime(2026, 6, 1, 12, 0, tzinfo=dt.UTC)
RULES = Rules()
READY = AccountState(totp=True, question=True)


def a_flow(*proofs: ProofKind | Proof, **values: object) -> Flow:
    flow = Flow(
        id=b"f",
        browser=b"b",
        kind=FlowKind.SIGN_IN,
        account_id="A" if proofs else None,
        session_id=None,
        client_id="",
        client_name="",
        login_hint="",
        request={},
        demands=Demands(),
        session_acr="",
        proofs=tuple(proof if isinstance(proof, Proof) else Proof(proof, NOON) for proof in proofs),
        step=0,
        tries=0,
        created_at=NOON,
        expires_at=NOON + dt.timedelta(hours=1),
    )
    return dataclasses.replace(flow, **values)  # type: ignore[arg-type]


PASSWORD, TOTP, PASSKEY, MAILBOX, LINK = (
    ProofKind.PASSWORD,
    ProofKind.TOTP,
    ProofKind.PASSKEY,
    ProofKind.MAILBOX,
    ProofKind.LINK,
)
VERIFIED = Proof(PASSKEY, NOON, verified=True)


def test_a_password_alone_never_signs_in_whoever_has_a_factor() -> None:
    """G-29, RC-01: the second step cannot be skipped."""
    assert next_step(a_flow(PASSWORD), READY, RULES) is Step.SECOND_FACTOR
    assert next_step(a_flow(PASSWORD), READY, Rules(factor_required=False)) is Step.SECOND_FACTOR


def test_a_second_factor_alone_identifies_nobody() -> None:
    """CVE-2026-18963's class: a proof out of order opens nothing."""
    assert next_step(a_flow(TOTP), READY, RULES) is Step.IDENTIFY
    assert next_step(a_flow(MAILBOX), READY, RULES) is Step.IDENTIFY
    assert next_step(a_flow(PASSKEY), READY, RULES) is Step.IDENTIFY


def test_a_verified_passkey_is_both_factors() -> None:
    """G-31: a passkey that checked its holder signs in alone."""
    assert next_step(a_flow(VERIFIED), dataclasses.replace(READY, passkey=True), RULES) is Step.DONE


def test_second_steps_are_reviewed_only_by_whoever_proved_one() -> None:
    """G-33, MF-14: a password alone never leads to where a factor is added, not even without any factor."""
    demands = Demands(fresh=True, review=True)
    stepping = {"kind": FlowKind.STEP_UP, "account_id": "A", "demands": demands}
    assert next_step(a_flow(**stepping), READY, RULES) is Step.IDENTIFY
    assert next_step(a_flow(PASSWORD, **stepping), READY, RULES) is Step.SECOND_FACTOR
    assert next_step(a_flow(PASSWORD, TOTP, **stepping), READY, RULES) is Step.REVIEW
    bare, waived = dataclasses.replace(READY, totp=False), Rules(factor_required=False)
    assert next_step(a_flow(PASSWORD, **stepping), bare, waived) is Step.PROVE_MAILBOX
    assert next_step(a_flow(PASSWORD, MAILBOX, **stepping), bare, waived) is Step.REVIEW


def test_an_overdue_password_leads_only_to_its_change_and_after_the_second_factor() -> None:
    """LG-08, G-37: MFA first, then the change, then nothing else before it."""
    for due in (PasswordDue.EXPIRED, PasswordDue.TEMPORARY):
        state = dataclasses.replace(READY, password_due=due)
        assert next_step(a_flow(PASSWORD), state, RULES) is Step.SECOND_FACTOR
        assert next_step(a_flow(PASSWORD, TOTP), state, RULES) is Step.CHANGE_PASSWORD


def test_a_password_that_was_not_used_need_not_be_changed_first() -> None:
    """G-52: who signs in by passkey is not stopped by an old password."""
    state = AccountState(password_due=PasswordDue.EXPIRED, passkey=True, question=True)
    assert next_step(a_flow(VERIFIED), state, RULES) is Step.DONE


def test_a_stolen_password_cannot_enrol_a_factor() -> None:
    """MF-14: an account without factor proves its mailbox before it enrols anything."""
    bare = AccountState()
    assert next_step(a_flow(PASSWORD), bare, RULES) is Step.PROVE_MAILBOX
    assert next_step(a_flow(PASSWORD, MAILBOX), bare, RULES) is Step.SET_QUESTION
    half = AccountState(question=True)
    assert next_step(a_flow(PASSWORD), half, RULES) is Step.PROVE_MAILBOX
    assert next_step(a_flow(PASSWORD, MAILBOX), half, RULES) is Step.ENROL_FACTOR


def test_activation_goes_through_question_and_factor_to_a_review() -> None:
    """G-18, G-20, G-21, G-22, X-12."""
    flow = a_flow(LINK, PASSWORD, kind=FlowKind.ACTIVATION)
    assert next_step(flow, AccountState(), RULES) is Step.SET_QUESTION
    assert next_step(flow, AccountState(question=True), RULES) is Step.ENROL_FACTOR
    done = a_flow(LINK, PASSWORD, TOTP, kind=FlowKind.ACTIVATION)
    assert next_step(done, READY, RULES) is Step.REVIEW


def test_an_activation_without_its_link_is_nothing() -> None:
    """RC-01: the kind of a flow is no proof."""
    assert next_step(a_flow(PASSWORD, kind=FlowKind.ACTIVATION), READY, RULES) is Step.IDENTIFY


def test_a_fresh_step_up_asks_for_everything_again() -> None:
    """OIDC Core §3.1.2.1: prompt=login and max_age."""
    flow = a_flow(
        kind=FlowKind.STEP_UP, account_id="A", session_acr=Acr.TWO_FACTORS.value, demands=Demands(fresh=True)
    )
    assert next_step(flow, READY, RULES) is Step.IDENTIFY
    again = dataclasses.replace(flow, proofs=(Proof(PASSWORD, NOON),))
    assert next_step(again, READY, RULES) is Step.SECOND_FACTOR


def test_a_step_up_asks_only_for_what_is_missing() -> None:
    """acr_values: a one-factor session gives the second factor, no password."""
    flow = a_flow(
        kind=FlowKind.STEP_UP,
        account_id="A",
        session_acr=Acr.ONE_FACTOR.value,
        demands=Demands(acr=(Acr.TWO_FACTORS.value,)),
    )
    assert next_step(flow, READY, RULES) is Step.SECOND_FACTOR
    assert next_step(dataclasses.replace(flow, proofs=(Proof(TOTP, NOON),)), READY, RULES) is Step.DONE
    enough = dataclasses.replace(flow, session_acr=Acr.TWO_FACTORS.value)
    assert next_step(enough, READY, RULES) is Step.DONE


def test_phishing_resistance_is_asked_of_who_can_give_it() -> None:
    """acr_values=phr: with a passkey only that will do; without one nobody goes in circles."""
    demands = Demands(acr=(Acr.PHISHING_RESISTANT.value,))
    both = AccountState(totp=True, passkey=True, question=True)
    flow = a_flow(PASSWORD, TOTP, demands=demands)
    assert next_step(flow, both, RULES) is Step.SECOND_FACTOR
    assert second_factors(flow, both) == (PASSKEY,)
    assert wants_verified_passkey(flow, both)
    assert next_step(flow, READY, RULES) is Step.DONE


def test_a_demand_for_two_factors_enrols_one_even_where_it_is_optional() -> None:
    """acr_values: who has no factor proves the mailbox and enrols one."""
    flow = a_flow(PASSWORD, demands=Demands(acr=(Acr.TWO_FACTORS.value,)))
    free = Rules(factor_required=False, question_required=False)
    assert next_step(flow, AccountState(), free) is Step.PROVE_MAILBOX
    assert next_step(a_flow(PASSWORD), AccountState(), free) is Step.DONE


@pytest.mark.parametrize(
    ("flow", "acr", "amr"),
    [
        (a_flow(PASSWORD), Acr.ONE_FACTOR, ("pwd",)),
        (a_flow(PASSWORD, TOTP), Acr.TWO_FACTORS, ("pwd", "otp", "mfa")),
        (a_flow(PASSWORD, PASSKEY), Acr.TWO_FACTORS, ("pwd", "hwk", "mfa")),
        (a_flow(VERIFIED), Acr.PHISHING_RESISTANT, ("hwk", "user", "mfa")),
        (
            a_flow(Proof(PASSKEY, NOON, verified=True, synced=True)),
            Acr.PHISHING_RESISTANT,
            ("swk", "user", "mfa"),
        ),
        (a_flow(PASSWORD, MAILBOX), Acr.ONE_FACTOR, ("pwd",)),
    ],
)
def test_strength_and_means_are_told_as_they_were(flow: Flow, acr: Acr, amr: tuple[str, ...]) -> None:
    """RFC 8176; a mailed code is no factor (NIST SP 800-63B-4 §3.1.3)."""
    assert acr_of(flow) is acr
    assert amr_of(flow) == amr


_PROOFS = st.builds(
    Proof, st.sampled_from(ProofKind), st.just(NOON), verified=st.booleans(), synced=st.booleans()
)
_STATES = st.builds(
    AccountState,
    password_due=st.sampled_from(PasswordDue),
    totp=st.booleans(),
    passkey=st.booleans(),
    question=st.booleans(),
)
_DEMANDS = st.builds(
    Demands,
    acr=st.lists(st.sampled_from([*(acr.value for acr in Acr), "unknown"]), max_size=3).map(tuple),
    fresh=st.booleans(),
)


@given(
    st.sampled_from(FlowKind),
    st.lists(_PROOFS, max_size=6),
    _STATES,
    _DEMANDS,
    st.builds(Rules, st.booleans(), st.booleans()),
    st.sampled_from(Acr),
)
def test_no_order_of_posts_ends_a_flow_without_the_proofs(
    kind: FlowKind,
    proofs: list[Proof],
    state: AccountState,
    demands: Demands,
    rules: Rules,
    session_acr: Acr,
) -> None:
    """Security §1.1: whatever was posted in whatever order, the end is reached by its proofs only."""
    flow = a_flow(
        *proofs,
        kind=kind,
        account_id="A",
        demands=demands,
        session_acr=session_acr.value if kind is FlowKind.STEP_UP else "",
    )
    step = next_step(flow, state, rules)
    kinds = {proof.kind for proof in proofs}
    strong = any(proof.kind is PASSKEY and proof.verified for proof in proofs)
    possession = bool(kinds & {TOTP, PASSKEY})
    carried = kind is FlowKind.STEP_UP and not demands.fresh
    if step not in {Step.DONE, Step.REVIEW}:
        return
    assert PASSWORD in kinds or strong or carried
    if kind is FlowKind.ACTIVATION:
        assert {LINK, PASSWORD} <= kinds
    if state.has_factor and not carried:
        assert possession
    if PASSWORD in kinds:
        assert state.password_due is PasswordDue.NO
    assert state.has_factor or not rules.factor_required
    assert state.question or not rules.question_required


@given(st.lists(_PROOFS, max_size=6), _STATES, _DEMANDS, st.builds(Rules, st.booleans(), st.booleans()))
def test_nothing_is_enrolled_without_a_possession_proved_in_this_flow(
    proofs: list[Proof], state: AccountState, demands: Demands, rules: Rules
) -> None:
    """MF-13, MF-14: in no sign-in, whatever was posted."""
    flow = a_flow(*proofs, account_id="A", demands=demands)
    if next_step(flow, state, rules) in {Step.SET_QUESTION, Step.ENROL_FACTOR, Step.REVIEW}:
        assert flow.has_possession or flow.has(LINK) or flow.has(MAILBOX)


@pytest.mark.parametrize(
    "path",
    [
        "//evil.test",
        "/\\evil.test",
        "https://evil.test",
        "/\t/evil.test",
        "javascript:alert(1)",
        "",
        "/a\r\nb",
    ],
)
def test_no_flow_leads_away_from_this_host(path: str) -> None:
    """RFC 9700 §4.11: only paths of ours, in every reading browsers know."""
    assert next_url({"kind": "page", "path": path}, "t") == "/"


def test_a_flow_leads_back_to_its_request() -> None:
    """An authorization request is taken up by the flow's token, a page by its path."""
    assert next_url({"kind": "authorize", "params": {}}, "tok") == "/oauth2/authorize/resume?flow=tok"
    assert next_url({"kind": "page", "path": "/settings?a=1"}, "tok") == "/settings?a=1"


def test_a_class_is_satisfied_by_every_stronger_one() -> None:
    """acr: order of strength; a request without a class we know asks for nothing."""
    assert satisfies(Acr.PHISHING_RESISTANT, [Acr.TWO_FACTORS])
    assert not satisfies(Acr.ONE_FACTOR, [Acr.TWO_FACTORS, Acr.PHISHING_RESISTANT])
    assert satisfies(Acr.ONE_FACTOR, ["urn:other"])
    assert satisfies("", [])


def test_an_old_session_is_too_old_for_its_max_age() -> None:
    """OIDC Core §3.1.2.1: max_age in seconds, 0 means now."""
    at = NOON - dt.timedelta(seconds=100)
    assert Demands(max_age=99).wants_fresh(authenticated_at=at, now=NOON)
    assert not Demands(max_age=100).wants_fresh(authenticated_at=at, now=NOON)
    assert Demands(max_age=0).wants_fresh(authenticated_at=at, now=NOON)
    assert Demands(fresh=True).wants_fresh(authenticated_at=NOON, now=NOON)
