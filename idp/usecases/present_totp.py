"""Somebody gives the code of an authenticator app as the second factor."""

from __future__ import annotations

from idp.domain.account import Account
from idp.domain.login_flow import Proof, ProofKind, Step, second_factors
from idp.domain.totp import matching_step
from idp.storage.factors import accept_step, totp_factors
from idp.usecases.dispatcher import Position, advance, locate, page_of
from idp.usecases.factor_tries import CodeTry, accept_code, admit_code, refuse_code
from idp.usecases.flow_outcomes import Moved, SlowDown, WrongCode
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.store import Unit

_TAG = "gateway:second-factor:"


def present_totp(
    services: IdpServices, *, flow: str, browser: str, code: str
) -> Moved | WrongCode | SlowDown:
    """Take a code at the step that asks for a second factor; each time step works once (MF-02, MF-03).

    Only the apps of the flow's own account are asked (MF-07), and only six ASCII digits are a code.
    """
    with services.store.write() as unit:
        position = locate(unit.connection, services, token=flow, browser=browser, now=unit.now, keep=True)
        if not isinstance(position, Position):
            return position
        account, step = position.account, position.step
        asked = second_factors(position.flow, position.state)
        if account is None or step is not Step.SECOND_FACTOR or ProofKind.TOTP not in asked:
            return page_of(unit.connection, services, position)
        tried = admit_code(unit, services, position, account)
        if not isinstance(tried, CodeTry):
            return tried
        factor_id, reason = _accepted(unit, account, code)
        if factor_id is None:
            return refuse_code(unit, services, account, tried, tag=f"{_TAG}refused", reason=reason)
        accept_code(unit, tried)
        actor = Actor("account", account.id)
        details = {"kind": "totp", "factor": factor_id}
        unit.audit.record(f"{_TAG}proved", actor=actor, target=account.id, details=details)
        return advance(unit, services, position, Proof(ProofKind.TOTP, unit.now, factor=factor_id))


def _accepted(unit: Unit, account: Account, code: str) -> tuple[str | None, str]:
    """Return the app whose step was moved forward by ``code``, or the reason why none was."""
    reason = "wrong"
    for factor in totp_factors(unit.connection, account.id):
        seed = unit.sealer.open(factor.sealed_seed, table="factor", column="sealed_secret", row=factor.id)
        step = matching_step(seed, code, now=unit.now, last_step=None)
        if step is None:
            continue
        if accept_step(unit.connection, factor.id, step, now=unit.now):
            return factor.id, ""
        reason = "used"
    return None, reason
