"""A browser answers with a passkey: who somebody is and that he is there, in one, or the second factor."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.account import Account
from idp.domain.factors import PasskeyFactor
from idp.domain.login_flow import Proof, ProofKind, wants_verified_passkey
from idp.domain.webauthn_policy import (
    Answer,
    Assertion,
    Ceremony,
    PasskeyFault,
)
from idp.storage.accounts import keep_account
from idp.storage.factors import find_passkey, use_passkey
from idp.usecases.dispatcher import Position, advance, locate, page_of
from idp.usecases.flow_outcomes import Moved, PasskeyRefused, SlowDown
from idp.usecases.limits import CHALLENGES, take_from_place
from idp.usecases.passkey_party import answer_of, may_prove, party, user_handle
from idp.usecases.services import IdpServices
from kernel.audit import SYSTEM, Actor
from kernel.origin import current_origin
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class _Proved:
    """A verified assertion, with the passkey and account it belongs to."""

    account: Account
    factor: PasskeyFactor
    assertion: Assertion


def present_passkey(
    services: IdpServices, *, flow: str, browser: str, credential: str
) -> Moved | PasskeyRefused | SlowDown:
    """Take the JSON of a ``PublicKeyCredential`` as the proof that the flow waits for (WA-01 to WA-12).

    The challenge is spent whether or not the rest holds. A passkey alone signs in whom it belongs to, if it
    checked its holder; as a second factor it must belong to the account that gave the password (MF-07).
    """
    import idp.domain.passkey_ceremonies  # noqa: F401, PLC0415 - loaded while nobody waits for the unit

    with services.store.write() as unit:
        position = locate(unit.connection, services, token=flow, browser=browser, now=unit.now, keep=True)
        if not isinstance(position, Position):
            return position
        if not may_prove(position):
            return page_of(unit.connection, services, position)
        wait = take_from_place(unit, services, CHALLENGES)
        if wait is not None:
            return SlowDown(wait)
        found = _prove(unit, services, position, credential)
        if isinstance(found, PasskeyFault):
            return _refuse(unit, position, found)
        account, factor = found.account, found.factor
        unit.audit.record(
            "gateway:passkey:proved",
            actor=Actor("account", account.id),
            target=account.id,
            details={"factor": factor.id, "verified": found.assertion.verified},
        )
        proof = Proof(
            ProofKind.PASSKEY,
            unit.now,
            factor=factor.id,
            verified=found.assertion.verified,
            synced=factor.backup_eligible,
        )
        return advance(unit, services, position, proof, account=account)


def _prove(unit: Unit, services: IdpServices, position: Position, credential: str) -> _Proved | PasskeyFault:
    answer = answer_of(unit, services, position, credential, Ceremony.PROVE)
    if isinstance(answer, PasskeyFault):
        return answer
    factor = find_passkey(unit.connection, answer.credential_id)
    account = keep_account(unit.connection, factor.account_id) if factor else None
    if factor is None or account is None or not account.is_usable:
        return PasskeyFault.UNKNOWN_CREDENTIAL
    if not account.may_sign_in_from(current_origin().address):
        return PasskeyFault.ADDRESS
    if position.account is not None and position.account.id != account.id:
        return PasskeyFault.OWNER
    return _verify(unit, services, position, answer, _Owned(account, factor))


@dataclass(frozen=True, slots=True)
class _Owned:
    """A passkey and its account."""

    account: Account
    factor: PasskeyFactor


def _verify(
    unit: Unit, services: IdpServices, position: Position, answer: Answer, owned: _Owned
) -> _Proved | PasskeyFault:
    from idp.domain.passkey_ceremonies import verify_proof  # noqa: PLC0415 - 5 MB, for who sees a passkey

    assertion = verify_proof(
        answer,
        owned.factor,
        challenge=answer.challenge,
        party=party(services),
        user_handle=user_handle(services, owned.account.id),
        must_verify=wants_verified_passkey(position.flow, position.state),
        must_name_owner=position.account is None,
    )
    if isinstance(assertion, PasskeyFault):
        return assertion
    used = use_passkey(
        unit.connection,
        owned.factor.id,
        sign_count=assertion.sign_count,
        backed_up=assertion.backed_up,
        now=unit.now,
    )
    return _Proved(owned.account, owned.factor, assertion) if used else PasskeyFault.COUNTER


def _refuse(unit: Unit, position: Position, fault: PasskeyFault) -> PasskeyRefused:
    account = position.account
    unit.audit.record(
        "gateway:passkey:refused",
        actor=Actor("account", account.id) if account else SYSTEM,
        target=account.id if account else "",
        outcome="refused",
        reason=fault.value,
    )
    return PasskeyRefused()
