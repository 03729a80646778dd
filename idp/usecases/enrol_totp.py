"""Enrolling an authenticator app: a sealed seed, confirmed by its first code (G-22, MF-22)."""

from __future__ import annotations

from idp.domain.account import Account
from idp.domain.factors import MOST, FactorKind, TotpFactor, clean_label
from idp.domain.login_flow import ENROLLING_STEPS, Proof, ProofKind
from idp.domain.signals import Credential
from idp.domain.totp import SEED_BYTES, TotpEnrolment, enrolment, matching_step
from idp.outbound.mail import post_factor_changed
from idp.storage.factors import begin_totp, confirm_totp, count_factors, pending_totp
from idp.usecases.dispatcher import Position, advance, locate, page_of
from idp.usecases.factor_tries import CodeTry, accept_code, admit_code, refuse_code
from idp.usecases.flow_outcomes import AlreadyDone, FlowLost, Moved, SlowDown, TooManyFactors, WrongCode
from idp.usecases.letterhead import letterhead
from idp.usecases.services import IdpServices
from idp.usecases.signals import signal_credential_changed
from kernel.audit import Actor
from kernel.store import Unit

SEED_PLACE = {"table": "factor", "column": "sealed_secret"}
"""Where the seed of an app is kept, which its seal is bound to."""


def begin_totp_enrolment(
    services: IdpServices, *, flow: str, browser: str
) -> TotpEnrolment | TooManyFactors | FlowLost | AlreadyDone:
    """Make a new seed that only this flow can confirm; one begun before is purged (MF-22)."""
    with services.store.write() as unit:
        position = locate(unit.connection, services, token=flow, browser=browser, now=unit.now, keep=True)
        if not isinstance(position, Position):
            return position
        account = position.account
        if account is None or position.step not in ENROLLING_STEPS:
            return FlowLost(position.flow.client_name, position.flow.client_id)
        if count_factors(unit.connection, account.id, FactorKind.TOTP) >= MOST[FactorKind.TOTP]:
            return TooManyFactors()
        seed = unit.randomness.token_bytes(SEED_BYTES)
        factor_id = unit.randomness.ulid(unit.now)
        begin_totp(
            unit.connection,
            factor_id=factor_id,
            account_id=account.id,
            flow_id=position.flow.id,
            sealed=unit.sealer.seal(seed, row=factor_id, **SEED_PLACE),
            now=unit.now,
        )
        return _shown(services, account, seed)


def look_at_totp_enrolment(services: IdpServices, *, flow: str, browser: str) -> TotpEnrolment | None:
    """Return the enrolment that this flow has begun, unchanged, or None."""
    now = services.store.clock.now()
    with services.store.read() as connection:
        position = locate(connection, services, token=flow, browser=browser, now=now)
        if not isinstance(position, Position) or position.account is None:
            return None
        if position.step not in ENROLLING_STEPS:
            return None
        pending = pending_totp(connection, position.account.id, position.flow.id)
    return None if pending is None else _shown(services, position.account, _seed(services, pending))


def confirm_totp_enrolment(
    services: IdpServices, *, flow: str, browser: str, code: str, label: str = ""
) -> Moved | WrongCode | SlowDown:
    """Confirm the app with a code of its own: from then on, and not before, it is a factor."""
    with services.store.write() as unit:
        position = locate(unit.connection, services, token=flow, browser=browser, now=unit.now, keep=True)
        if not isinstance(position, Position):
            return position
        account = position.account
        pending = pending_totp(unit.connection, account.id, position.flow.id) if account else None
        if account is None or pending is None or position.step not in ENROLLING_STEPS:
            return page_of(unit.connection, services, position)
        tried = admit_code(unit, services, position, account)
        if not isinstance(tried, CodeTry):
            return tried
        step = matching_step(_seed(services, pending), code, now=unit.now, last_step=None)
        name = clean_label(label)
        if step is None or not confirm_totp(
            unit.connection, pending.id, flow_id=position.flow.id, label=name, step=step, now=unit.now
        ):
            return refuse_code(unit, services, account, tried, tag="gateway:factor:refused", reason="wrong")
        accept_code(unit, tried)
        _tell(unit, services, account, pending, name)
        return advance(unit, services, position, Proof(ProofKind.TOTP, unit.now, factor=pending.id))


def _seed(services: IdpServices, factor: TotpFactor) -> bytes:
    return services.store.sealer.open(factor.sealed_seed, row=factor.id, **SEED_PLACE)


def _shown(services: IdpServices, account: Account, seed: bytes) -> TotpEnrolment:
    issuer = f"{services.product} ({services.environment})" if services.environment else services.product
    return enrolment(seed, issuer=issuer, user_name=account.user_name)


def _tell(unit: Unit, services: IdpServices, account: Account, factor: TotpFactor, label: str) -> None:
    post_factor_changed(
        unit, account, letterhead(services), change="added", kind=FactorKind.TOTP, label=label
    )
    actor = Actor("account", account.id)
    unit.audit.record(
        "gateway:factor:enrolled",
        actor=actor,
        target=account.id,
        details={"kind": FactorKind.TOTP.value, "factor": factor.id},
    )
    signal_credential_changed(
        unit, services, account_id=account.id, credential=Credential.APP, change="create", actor=actor
    )
