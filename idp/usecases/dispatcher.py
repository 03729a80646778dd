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
    ProofKind,
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
from idp.storage.credentials import offer_questions, offered_questions
from idp.storage.flows import find_flow, look_up_flow, move_flow
from idp.storage.one_time import last_issued_at
from idp.storage.sessions import acr_of_live
from idp.storage.standing import Standing, find_standing, keep_standing
from idp.usecases.flow_outcomes import AlreadyDone, FlowLost, FlowPage, Moved
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
    connection: Connection,
    services: IdpServices,
    *,
    token: str,
    browser: str,
    now: dt.datetime,
    keep: bool = False,
) -> Position | AlreadyDone | FlowLost:
    """Find out where a flow stands, as its own browser may know it.

    A flow dies with its account: one that was deactivated meanwhile moves no further (I4). A step-up dies
    with its session, idle or ended.

    ``keep`` has the account stay until the unit ends: for who writes what hangs on it (its factors, one-time
    secrets, its sessions), which whoever deletes the account or ends its sign-ins takes after it, too.
    """
    return _locate(connection, services, token=token, browser=browser_digest(browser), now=now, keep=keep)


def _locate(
    connection: Connection,
    services: IdpServices,
    *,
    token: str,
    browser: bytes,
    now: dt.datetime,
    keep: bool = False,
) -> Position | AlreadyDone | FlowLost:
    flow = find_flow(connection, digest(token), browser)
    if flow is None:
        return FlowLost()
    over = _over(flow, token, now)
    if over is not None:
        return over
    if flow.kind is FlowKind.STEP_UP:
        idle = services.settings.session_idle
        acr = acr_of_live(connection, flow.session_id, now=now, idle=idle)
        if acr is None:
            return FlowLost(flow.client_name, flow.client_id)
        flow = dataclasses.replace(flow, session_acr=acr)
    found = _position(connection, services, token, flow, now, keep=keep)
    return found or FlowLost(flow.client_name, flow.client_id)


def locate_stranger(
    services: IdpServices, *, token: str, browser: str, now: dt.datetime
) -> Position | AlreadyDone | FlowLost | None:
    """Find out where a flow stands in which nobody said yet who he is; None if somebody did.

    For looking alone: one statement, outside any transaction.
    """
    flow = look_up_flow(services.store.database, digest(token), browser_digest(browser))
    if flow is None:
        return FlowLost()
    over = _over(flow, token, now)
    return over if over is not None or flow.account_id is not None else _stranger(services, token, flow)


def _over(flow: Flow, token: str, now: dt.datetime) -> AlreadyDone | FlowLost | None:
    if flow.finished_at is not None and (flow.expires_at > now or flow.resumed_at is not None):
        return AlreadyDone(
            next_url(flow.request, token),
            flow.client_name,
            flow.client_id,
            led_back=flow.resumed_at is not None,
            given_up=flow.session_id is None,
        )
    if flow.is_alive(now):
        return None
    return FlowLost(flow.client_name, flow.client_id, is_spent=flow.is_spent and flow.expires_at > now)


def _stranger(services: IdpServices, token: str, flow: Flow) -> Position:
    state = AccountState()
    return Position(token, flow, None, state, (), next_step(flow, state, rules(services, None)))


def _position(
    connection: Connection,
    services: IdpServices,
    token: str,
    flow: Flow,
    now: dt.datetime,
    *,
    keep: bool = False,
) -> Position | None:
    if flow.account_id is None:
        return _stranger(services, token, flow)
    found = (keep_standing if keep else find_standing)(connection, flow.account_id)
    return None if found is None else _position_of(services, token, flow, found, now)


def _position_of(
    services: IdpServices, token: str, flow: Flow, found: Standing, now: dt.datetime
) -> Position | None:
    account, factors = found.account, found.factors
    if not account.is_usable:
        return None
    if not _proved_by(flow).issubset(factor.id for factor in factors):
        return None  # what was proved by a factor that is removed since counts no more
    given = [proof.at for proof in flow.proofs if proof.kind is ProofKind.PASSWORD]
    if given and found.password is not None and max(given) < found.password.set_at:
        return None  # nor what was proved by a password that was changed since
    if not flow.outlives(found.sign_ins_ended_at):
        return None
    state = _state(services, found, now)
    return Position(token, flow, account, state, factors, next_step(flow, state, rules(services, account)))


def _proved_by(flow: Flow) -> frozenset[str]:
    return frozenset(proof.factor for proof in flow.proofs if proof.factor)


def _state(services: IdpServices, found: Standing, now: dt.datetime) -> AccountState:
    account, stored = found.account, found.password
    kinds = {factor.kind for factor in found.factors}
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
        question=found.has_question,
    )


def advance(
    unit: Unit,
    services: IdpServices,
    position: Position,
    *proofs: Proof,
    account: Account | None = None,
    found: Standing | None = None,
) -> Moved:
    """Add ``proofs`` to the flow with one conditional statement, and return where it stands now.

    ``account`` is named by the step that identifies, and ``found`` is what it has, where that was read in
    this unit. If another request moved the flow first, nothing happens but that the flow is shown as it
    stands. A flow that needs nothing more ends in its session, with the same statement.
    """
    flow = position.flow
    owner = position.account or account
    if owner is None or (account is not None and account.id != owner.id):
        return FlowLost(flow.client_name, flow.client_id)
    moved = dataclasses.replace(
        flow, account_id=owner.id, proofs=(*flow.proofs, *proofs), step=flow.step + 1, tries=0
    )
    reached = (
        _position(unit.connection, services, position.token, moved, unit.now)
        if found is None
        else _position_of(services, position.token, moved, found, unit.now)
    )
    if reached is not None and reached.step is Step.DONE:
        return finish(unit, services, reached, since=flow)
    if not move_flow(unit.connection, flow, account_id=owner.id, proofs=moved.proofs, now=unit.now):
        return show(unit, services, position)
    if reached is None:
        return FlowLost(flow.client_name, flow.client_id)
    if reached.step is Step.SET_QUESTION:
        offer_questions(unit.connection, owner.id, unit.randomness.shuffled(tuple(QUESTIONS))[:OFFERED])
    return page_of(unit.connection, services, reached)


def finish(unit: Unit, services: IdpServices, position: Position, *, since: Flow | None = None) -> Moved:
    """End a flow that needs nothing more in its session; ``since`` is the flow as it is still stored.

    If another request moved or ended it first, it is shown as it stands.
    """
    flow, account = position.flow, position.account
    if account is None:
        return FlowLost(flow.client_name, flow.client_id)
    ended = conclude(unit, services, flow, account, token=position.token, since=since or flow)
    return show(unit, services, position) if ended is None else ended


def show(unit: Unit, services: IdpServices, position: Position) -> FlowPage | AlreadyDone | FlowLost:
    """Return the flow as it stands, whatever was posted to it."""
    flow = position.flow
    found = _locate(unit.connection, services, token=position.token, browser=flow.browser, now=unit.now)
    return page_of(unit.connection, services, found) if isinstance(found, Position) else found


def page_of(connection: Connection, services: IdpServices, position: Position) -> FlowPage:
    """Return what the page of the step needs, and nothing about an account before its first proof (EN-04)."""
    page = first_page(services, position)
    return page if page.account is None else _with_step(connection, services, position, page.account, page)


def first_page(services: IdpServices, position: Position) -> FlowPage:
    """Return what every page of a flow needs, which is all that one needs of which nobody is known yet."""
    flow, account, step = position.flow, position.account, position.step
    identified = account is not None and (step is not Step.IDENTIFY or flow.kind is FlowKind.STEP_UP)
    asked = rules(services, account if identified else None)
    return FlowPage(
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
        began = position.flow.created_at
        return dataclasses.replace(
            page,
            factors=position.factors,
            adds=position.flow.demands.review,
            has_added=any(factor.created_at >= began for factor in position.factors),
        )
    return page


def questions_for(connection: Connection, account: Account) -> tuple[Question, ...]:
    """Return the short list that was drawn for the account (G-34)."""
    drawn = offered_questions(connection, account.id) or tuple(QUESTIONS)[:OFFERED]
    return tuple(QUESTIONS[key] for key in drawn if key in QUESTIONS)


def masked(email: str) -> str:
    """Return an address as a reminder for who knows it: the first character and the host."""
    local, _, host = email.partition("@")
    return f"{local[:1]}•••@{host}" if host else ""
