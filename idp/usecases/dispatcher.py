"""The dispatcher of login flows: where a flow stands, and where it goes after a proof.

Every deed of a flow begins with :func:`locate` and ends with :func:`advance`; no step knows another. What a
step may do is asked of the rules each time anew, never of the page that was shown.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection

from idp.domain.account import Account, Waiver
from idp.domain.factors import FactorKind, FactorSummary
from idp.domain.login_flow import (
    ENROLLING_STEPS,
    AccountState,
    Flow,
    FlowKind,
    PasswordDue,
    Proof,
    Rules,
    Step,
    next_step,
    next_url,
    second_factors,
)
from idp.domain.one_time import Purpose
from idp.domain.password_age import password_due
from idp.domain.password_policy import requirements
from idp.domain.policy_profiles import PolicyProfile, profile_named
from idp.domain.security_question import OFFERED, QUESTIONS, Question
from idp.domain.webauthn_policy import passkeys_possible
from idp.storage.accounts import find_account
from idp.storage.credentials import find_password, has_question, offer_questions, offered_questions
from idp.storage.factors import confirmed_factors
from idp.storage.flows import find_flow, move_flow
from idp.storage.one_time import last_issued_at
from idp.storage.sessions import acr_of_live
from idp.usecases.flow_outcomes import AlreadyDone, Done, FlowLost, FlowPage, Moved
from idp.usecases.opening import conclude
from idp.usecases.services import IdpServices
from kernel.crypto import digest
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class Position:
    """Where a flow stands: the flow, its account if it has one, what that has, and what comes next."""

    token: str
    flow: Flow
    account: Account | None
    state: AccountState
    factors: tuple[FactorSummary, ...]
    step: Step


def policy(services: IdpServices) -> PolicyProfile:
    """Return the policy in force."""
    return profile_named(
        services.settings.policy, factor_required=services.settings.second_factor == "required"
    )


def rules(services: IdpServices, account: Account | None) -> Rules:
    """Return what the policy in force asks of an account: all it asks of everybody, less what was waived."""
    waived = account.waived if account else ()
    return Rules(
        factor_required=services.settings.second_factor == "required" and Waiver.SECOND_FACTOR not in waived,
        question_required=policy(services).question and Waiver.QUESTION not in waived,
    )


def browser_digest(browser: str) -> bytes:
    """Return the digest under which a browser is known."""
    return digest(browser)


def locate(
    connection: Connection, services: IdpServices, *, token: str, browser: str, now: dt.datetime
) -> Position | AlreadyDone | FlowLost:
    """Find out where a flow stands, as its own browser may know it.

    A flow dies with its account: one that was deactivated meanwhile moves no further (I4). A step-up dies
    with its session, idle or ended.
    """
    return _locate(connection, services, token=token, browser=browser_digest(browser), now=now)


def _locate(
    connection: Connection, services: IdpServices, *, token: str, browser: bytes, now: dt.datetime
) -> Position | AlreadyDone | FlowLost:
    flow = find_flow(connection, digest(token), browser)
    if flow is None:
        return FlowLost()
    if flow.finished_at is not None and flow.expires_at > now:
        return AlreadyDone(next_url(flow.request, token))
    if not flow.is_alive(now):
        return FlowLost(flow.client_name, flow.client_id)
    if flow.kind is FlowKind.STEP_UP:
        idle = services.settings.session_idle
        acr = acr_of_live(connection, flow.session_id, now=now, idle=idle)
        if acr is None:
            return FlowLost(flow.client_name, flow.client_id)
        flow = dataclasses.replace(flow, session_acr=acr)
    return _position(connection, services, token, flow, now) or FlowLost(flow.client_name, flow.client_id)


def _position(
    connection: Connection, services: IdpServices, token: str, flow: Flow, now: dt.datetime
) -> Position | None:
    account = find_account(connection, flow.account_id) if flow.account_id else None
    if flow.account_id is not None and (account is None or not account.is_usable):
        return None
    factors = confirmed_factors(connection, account.id) if account else ()
    if not _proved_by(flow).issubset(factor.id for factor in factors):
        return None  # what was proved by a factor that is removed since counts no more
    state = _state(connection, services, account, factors, now) if account else AccountState()
    return Position(token, flow, account, state, factors, next_step(flow, state, rules(services, account)))


def _proved_by(flow: Flow) -> frozenset[str]:
    return frozenset(proof.factor for proof in flow.proofs if proof.factor)


def _state(
    connection: Connection,
    services: IdpServices,
    account: Account,
    factors: tuple[FactorSummary, ...],
    now: dt.datetime,
) -> AccountState:
    stored = find_password(connection, account.id)
    kinds = {factor.kind for factor in factors}
    due = (
        PasswordDue.NO
        if stored is None
        else password_due(
            policy(services), account.kind, set_at=stored.set_at, must_change=stored.must_change, now=now
        )
    )
    return AccountState(
        password_due=due,
        totp=FactorKind.TOTP in kinds,
        passkey=FactorKind.PASSKEY in kinds,
        question=has_question(connection, account.id),
    )


def advance(
    unit: Unit, services: IdpServices, position: Position, *proofs: Proof, account: Account | None = None
) -> Moved:
    """Add ``proofs`` to the flow with one conditional statement, and return where it stands now.

    ``account`` is named by the step that identifies. If another request moved the flow first, nothing
    happens but that the flow is shown as it stands. A flow that needs nothing more ends in its session.
    """
    flow = position.flow
    owner = position.account or account
    if owner is None or (account is not None and account.id != owner.id):
        return FlowLost(flow.client_name, flow.client_id)
    if not move_flow(
        unit.connection, flow, account_id=owner.id, proofs=(*flow.proofs, *proofs), now=unit.now
    ):
        return show(unit, services, position)
    moved = dataclasses.replace(
        flow, account_id=owner.id, proofs=(*flow.proofs, *proofs), step=flow.step + 1, tries=0
    )
    reached = _position(unit.connection, services, position.token, moved, unit.now)
    if reached is None:
        return FlowLost(flow.client_name, flow.client_id)
    if reached.step is Step.DONE:
        return finish(unit, services, reached)
    if reached.step is Step.SET_QUESTION:
        offer_questions(unit.connection, owner.id, unit.randomness.shuffled(tuple(QUESTIONS))[:OFFERED])
    return page_of(unit.connection, services, reached)


def finish(unit: Unit, services: IdpServices, position: Position) -> Done | AlreadyDone | FlowLost:
    """End a flow that needs nothing more in its session."""
    if position.account is None:
        return FlowLost(position.flow.client_name, position.flow.client_id)
    return conclude(unit, services, position.flow, position.account, token=position.token)


def show(unit: Unit, services: IdpServices, position: Position) -> FlowPage | AlreadyDone | FlowLost:
    """Return the flow as it stands, whatever was posted to it."""
    flow = position.flow
    found = _locate(unit.connection, services, token=position.token, browser=flow.browser, now=unit.now)
    return page_of(unit.connection, services, found) if isinstance(found, Position) else found


def page_of(connection: Connection, services: IdpServices, position: Position) -> FlowPage:
    """Return what the page of the step needs, and nothing about an account before its first proof (EN-04)."""
    flow, account, step = position.flow, position.account, position.step
    identified = account is not None and (step is not Step.IDENTIFY or flow.kind is FlowKind.STEP_UP)
    asked = rules(services, account if identified else None)
    page = FlowPage(
        step=step,
        kind=flow.kind,
        client_name=flow.client_name,
        client_id=flow.client_id,
        login_hint=flow.login_hint,
        account=account if identified else None,
        has_question=position.state.question,
        factor_required=asked.factor_required,
        question_required=asked.question_required,
        passkeys_possible=passkeys_possible(services.public_url),
        expires_at=flow.expires_at,
    )
    if account is None or not identified:
        return page
    return _with_step(connection, services, position, account, page)


def _with_step(
    connection: Connection, services: IdpServices, position: Position, account: Account, page: FlowPage
) -> FlowPage:
    step = position.step
    if step is Step.SECOND_FACTOR:
        return dataclasses.replace(page, second_factors=second_factors(position.flow, position.state))
    if step is Step.CHANGE_PASSWORD:
        wanted = requirements(policy(services))
        return dataclasses.replace(page, password_due=position.state.password_due, requirements=wanted)
    if step is Step.PROVE_MAILBOX:
        sent_at = last_issued_at(connection, account.id, purpose=Purpose.MAILBOX_CODE)
        return dataclasses.replace(
            page,
            mailbox=masked(account.email),
            code_sent=sent_at is not None and sent_at >= position.flow.created_at,
        )
    if step is Step.SET_QUESTION:
        return dataclasses.replace(page, questions=questions_for(connection, account))
    if step in ENROLLING_STEPS:
        return dataclasses.replace(page, factors=position.factors)
    return page


def questions_for(connection: Connection, account: Account) -> tuple[Question, ...]:
    """Return the short list that was drawn for the account (G-34)."""
    drawn = offered_questions(connection, account.id) or tuple(QUESTIONS)[:OFFERED]
    return tuple(QUESTIONS[key] for key in drawn if key in QUESTIONS)


def masked(email: str) -> str:
    """Return an address as a reminder for who knows it: the first character and the host."""
    local, _, host = email.partition("@")
    return f"{local[:1]}•••@{host}" if host else ""
