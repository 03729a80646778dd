"""Somebody says who he is and gives a password.

The try is counted in a unit of work of its own, committed before the password is looked at; the slow hash
runs between two units, so that it holds neither the database's writer nor a row. What is answered to a
stranger is one sentence, whatever the reason; the audit knows the reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.account import Account
from idp.domain.identification import meant_by_email, typed_identifier
from idp.domain.lockout import Counted, LockRule
from idp.domain.login_flow import FlowKind, Proof, ProofKind, Step
from idp.domain.temporary_password import may_be_given
from idp.domain.user_name import user_name_key
from idp.outbound.mail import post_locked, post_which_account
from idp.storage.credentials import refresh_hash, spend_temporary_password
from idp.storage.lockouts import Locked, Try, account_key, clear_at_last, count_try, give_back, name_key
from idp.storage.standing import Candidate, candidate, candidates, hold_standing
from idp.usecases.dispatcher import Position, advance, locate, page_of, show
from idp.usecases.flow_outcomes import Moved, NotSignedIn, SlowDown
from idp.usecases.letterhead import letterhead
from idp.usecases.limits import LOCK_LETTERS, WHICH_ACCOUNT_LETTERS, refund_sign_in, take_sign_in
from idp.usecases.minting import StaleClientError
from idp.usecases.secret_hashing import hash_password, password_matches
from idp.usecases.services import IdpServices
from kernel.audit import SYSTEM, Actor
from kernel.errors import BusyError
from kernel.origin import current_origin
from kernel.ratelimit import take
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An admitted or locked attempt. ``name`` stands for a name that belongs to nobody.

    ``outside`` tells that the account is a machine's, and the try comes from where it is not registered;
    ``over`` that its password is a temporary one which was used, or whose time has passed.
    """

    position: Position
    account: Account | None
    name: str
    key: bytes
    familiar: bool
    counted: Try | Locked
    stored: str | None
    outside: bool
    over: bool


def present_password(
    services: IdpServices, *, flow: str, browser: str, identifier: str, password: str
) -> Moved | NotSignedIn | SlowDown:
    """Take a login name or e-mail address and a password at the step that identifies (G-05, G-26).

    Exactly one hash is computed, whoever is named (EN-01, LK-10). In a step-up the account is fixed and
    ``identifier`` is not read.

    Raises:
        BusyError: when too many passwords are checked at once, or somebody else came first; the try is given
            back.
        StaleClientError: if the client that waits was switched off a moment ago; so is the try.
    """
    with services.store.write() as unit:
        position = locate(unit.connection, services, token=flow, browser=browser, now=unit.now)
        if not isinstance(position, Position):
            return position
        if position.step is not Step.IDENTIFY:
            return page_of(unit.connection, services, position)
        attempt = _admit(unit, services, position, identifier)
        if isinstance(attempt, SlowDown):
            return attempt
    owner = attempt.account.id if attempt.account else ""
    try:
        right = password_matches(services, attempt.stored, owner, password)
        renewed = _renewed(services, attempt, password) if right else None
    except BusyError:
        if isinstance(attempt.counted, Try):  # one that met a lock was not counted, and opens none
            with services.store.write() as unit:
                give_back(unit.connection, Counted.PASSWORD, attempt.key)
        raise
    if not right or attempt.account is None:
        with services.store.write() as unit:
            return _refuse(unit, services, attempt)
    try:
        with services.store.write() as unit:
            return _accept(unit, services, attempt, attempt.account, renewed, browser=browser)
    except (BusyError, StaleClientError):  # nothing came of a right password: it was no failure, either
        with services.store.write() as unit:
            refund_sign_in(unit, services, familiar=attempt.familiar)
            give_back(unit.connection, Counted.PASSWORD, attempt.key)
        raise


def _admit(unit: Unit, services: IdpServices, position: Position, identifier: str) -> _Attempt | SlowDown:
    """Find who is meant and count the try, before anything about the password is known."""
    typed = typed_identifier(identifier)
    flow = position.flow
    if position.account is not None and flow.kind is FlowKind.STEP_UP:
        meant = candidate(unit.connection, position.account.id, flow.browser)
    else:
        meant = _meant(unit, services, typed, flow.browser)
    account = meant.account if meant else None
    familiar = meant is not None and meant.known
    wait = take_sign_in(unit, services, familiar=familiar)
    if wait is not None:
        return SlowDown(wait)
    outside = account is not None and not account.may_sign_in_from(current_origin().address)
    key = (
        account_key(account.id, flow.browser if familiar else None)
        if account and not outside  # whoever tries a machine's name elsewhere locks nobody out (MA-04)
        else name_key(user_name_key(typed))
    )
    rule = LockRule(services.settings.lock_after, services.settings.lock_first)
    counted = count_try(unit.connection, Counted.PASSWORD, key, rule=rule, now=unit.now)
    usable = account is not None and account.is_usable and isinstance(counted, Try) and not outside
    over = meant is not None and not may_be_given(meant.temporary_until, now=unit.now)
    hashed = meant.hash if meant and usable and not over else None
    return _Attempt(position, account, user_name_key(typed), key, familiar, counted, hashed, outside, over)


def _meant(unit: Unit, services: IdpServices, typed: str, browser: bytes) -> Candidate | None:
    """Return who is meant: a login name first, so that nobody's address can stand in its way (LG-14)."""
    named, sharing = candidates(unit.connection, typed, browser)
    if named is not None or not sharing:
        return named
    accounts = tuple(each.account for each in sharing)
    meant = meant_by_email(accounts, {each.account.id for each in sharing if each.known})
    if meant is None:
        _tell_which(unit, services, accounts)
    return next((each for each in sharing if each.account is meant), None)


def _tell_which(unit: Unit, services: IdpServices, sharing: tuple[Account, ...]) -> None:
    """Write to a shared address which login names it has; the page says nothing of it (G-06)."""
    usable = tuple(account for account in sharing if account.is_usable)
    if (
        usable
        and take(unit.connection, WHICH_ACCOUNT_LETTERS, usable[0].email.casefold(), now=unit.now).allowed
    ):
        post_which_account(unit, usable, letterhead(services))


def _renewed(services: IdpServices, attempt: _Attempt, password: str) -> str | None:
    """Return the hash under the costs now in force, if the stored one was made with others."""
    if attempt.account is None or attempt.stored is None:
        return None
    if not services.passwords.needs_rehash(attempt.stored):
        return None
    return hash_password(services, attempt.account.id, password)


def _accept(
    unit: Unit,
    services: IdpServices,
    attempt: _Attempt,
    account: Account,
    renewed: str | None,
    *,
    browser: str,
) -> Moved | NotSignedIn:
    """Add the proof to the flow, if the account and its password are still what was checked.

    That the flow itself stands where it was read is told by the statement that moves it.
    """
    position, stored = attempt.position, attempt.stored
    if position.flow.kind is FlowKind.STEP_UP:  # it dies with its session, which that statement does not see
        again = locate(unit.connection, services, token=position.token, browser=browser, now=unit.now)
        if not isinstance(again, Position):
            return again
        if again.step is not Step.IDENTIFY:
            return show(unit, services, again)
        position = again
    # First the account, for which this may have to wait. The rows that count tries are everybody's, and are
    # held at the very end, in the order in which the try was counted.
    found = hold_standing(unit.connection, account.id)
    if found is None or found.password is None or found.password.hash != stored:
        return NotSignedIn()
    if found.password.temporary_until is not None and not spend_temporary_password(
        unit.connection, account.id, stored, now=unit.now
    ):
        return NotSignedIn()
    refund_sign_in(unit, services, familiar=attempt.familiar)
    clear_at_last(unit.transaction, Counted.PASSWORD, attempt.key)
    if renewed is not None and stored is not None:
        refresh_hash(unit.connection, account.id, renewed, instead_of=stored)
    unit.audit.record("gateway:sign-in:identified", actor=Actor("account", account.id), target=account.id)
    proof = Proof(ProofKind.PASSWORD, unit.now)
    return advance(unit, services, position, proof, account=account, found=found)


def _refuse(unit: Unit, services: IdpServices, attempt: _Attempt) -> NotSignedIn:
    """Note the true reason for the audit, tell the holder of a new lock, and answer the one sentence."""
    account = attempt.account
    unit.audit.record(
        "gateway:sign-in:refused",
        actor=SYSTEM,
        target=account.id if account else _pseudonym(unit, attempt.name),
        outcome="refused",
        reason=_reason(attempt),
    )
    counted = attempt.counted
    if account is None or not account.is_usable or attempt.outside:
        return NotSignedIn()
    if isinstance(counted, Try) and counted.locked_until:
        told = take(unit.connection, LOCK_LETTERS, account.id, now=unit.now)
        if told.allowed:
            post_locked(unit, account, letterhead(services), until=counted.locked_until)
    return NotSignedIn()


def _reason(attempt: _Attempt) -> str:
    account = attempt.account
    if account is None:
        return "unknown"
    if not account.active:
        return "deactivated" if account.locked_at is None else "locked-by-staff"
    if account.activated_at is None:
        return "not-activated"
    if attempt.outside:
        return "address"
    wrong = "temporary-over" if attempt.over else "wrong"
    return "locked" if isinstance(attempt.counted, Locked) else wrong


def _pseudonym(unit: Unit, name: str) -> str:
    """Return a keyed mark of a name that belongs to nobody: people type passwords there."""
    return "name:" + unit.sealer.mac("unknown name", name.encode(errors="replace")).hex()[:12]
