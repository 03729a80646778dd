"""The holder of an account spends the activation link and creates the password (G-16, G-22, G-25)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from idp.domain.account import Account
from idp.domain.login_flow import Demands, Flow, FlowKind, Proof, ProofKind
from idp.domain.one_time import Purpose, is_token
from idp.domain.password_policy import owner_of, password_faults
from idp.domain.security_question import OFFERED, QUESTIONS
from idp.outbound.mail import post_activated
from idp.storage.accounts import find_account, keep_account
from idp.storage.credentials import mark_activated, offer_questions, set_password
from idp.storage.flows import add_flow
from idp.storage.one_time import find_live, spend
from idp.usecases.dispatcher import browser_digest, policy
from idp.usecases.flow_outcomes import LinkDead, PasswordRefused, SlowDown
from idp.usecases.letterhead import letterhead
from idp.usecases.limits import ACTIVATIONS, take_from_place
from idp.usecases.secret_hashing import hash_password
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class Activated:
    """The password is set; the wizard goes on in this flow."""

    flow: str


def activate_account(
    services: IdpServices, *, token: str, browser: str, password: str, repeat: str
) -> Activated | PasswordRefused | LinkDead | SlowDown:
    """Spend the link and set the password in one transaction, then start the wizard in this browser.

    A refused password spends nothing. Of many who post the same link at once, one activates the account
    (RC-05, RC-20); the others read what a stranger with a made-up link reads (EN-09).

    Raises:
        BusyError: when too many hashes are asked for at once; nothing was spent.
    """
    if not is_token(token):
        return LinkDead()
    with services.store.write() as unit:
        wait = take_from_place(unit, services, ACTIVATIONS)
        if wait is not None:
            return SlowDown(wait)
        account = _invited(unit, token)
    if account is None:
        return LinkDead()
    profile = policy(services)
    faults = password_faults(password, profile=profile, owner=owner_of(account), repeat=repeat)
    if faults:
        return PasswordRefused(faults)
    new_hash = hash_password(services, account.id, password)
    flow_token = services.store.randomness.token(32)
    with services.store.write() as unit:
        if not _activate(unit, services, account, new_hash, token):
            return LinkDead()
        flow = _wizard(unit, account, digest(flow_token), browser, life=services.settings.flow_life)
        add_flow(unit.transaction, flow)
        offer_questions(unit.connection, account.id, unit.randomness.shuffled(tuple(QUESTIONS))[:OFFERED])
        post_activated(unit, account, letterhead(services))
        unit.audit.record("gateway:account:activated", actor=Actor("account", account.id), target=account.id)
    return Activated(flow_token)


def _invited(unit: Unit, token: str) -> Account | None:
    account_id = find_live(unit.connection, digest(token), purpose=Purpose.ACTIVATION, now=unit.now)
    return find_account(unit.connection, account_id) if account_id else None


def _activate(unit: Unit, services: IdpServices, account: Account, new_hash: str, token: str) -> bool:
    """Spend the link, then set the password of exactly its account; False if the link was dead by now.

    The account first: whoever changes or deletes it takes its links after it.
    """
    keep_account(unit.connection, account.id)
    owner = spend(unit.connection, digest(token), purpose=Purpose.ACTIVATION, now=unit.now)
    if owner != account.id or not mark_activated(unit.connection, account.id, now=unit.now):
        return False
    set_password(unit.connection, account.id, new_hash, now=unit.now, history=policy(services).history)
    return True


def _wizard(unit: Unit, account: Account, flow_id: bytes, browser: str, *, life: dt.timedelta) -> Flow:
    return Flow(
        id=flow_id,
        browser=browser_digest(browser),
        kind=FlowKind.ACTIVATION,
        account_id=account.id,
        session_id=None,
        client_id="",
        client_name="",
        login_hint="",
        request={"kind": "page", "path": "/"},
        demands=Demands(),
        session_acr="",
        proofs=(Proof(ProofKind.LINK, unit.now), Proof(ProofKind.PASSWORD, unit.now)),
        step=0,
        tries=0,
        created_at=unit.now,
        expires_at=unit.now + life,
    )
