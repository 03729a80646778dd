"""How a request that should have given tokens is refused: counted, written down, told. Parts of deeds."""

from __future__ import annotations

from idp.domain.client import AuthenticatedClient, Client, Replayed
from idp.domain.oauth import ErrorCode, Fault, invalid_client, invalid_grant, slow_down
from idp.storage.grants import revoke_grant
from idp.usecases.authenticate_client import failure_key
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.store import Unit


def refuse_grant(services: IdpServices, unit: Unit, client: AuthenticatedClient, fault: Fault) -> Fault:
    """Count a failed redemption, write it down, and return the refusal: the fault, or 429 (TK-19)."""
    if services.settings.limits:
        wait = services.failures.count(unit.connection, failure_key(client.id), now=unit.now)
        if wait is not None:
            return slow_down(wait)
    unit.audit.record(
        "gateway:grant:refused",
        actor=Actor("client", client.id),
        outcome="refused",
        reason=fault.reason,
    )
    return fault


def refuse_replay(unit: Unit, client: Client, what: Replayed) -> Fault:
    """Write down that an assertion or a proof came a second time, and return the refusal."""
    unit.audit.record(
        "gateway:client:refused",
        actor=Actor("client", client.id),
        outcome="refused",
        reason=f"{what}: replayed",
    )
    if what is Replayed.PROOF:
        return Fault(ErrorCode.INVALID_DPOP_PROOF, "The DPoP proof is not valid.", reason="proof: replayed")
    return invalid_client("assertion: replayed")


def refuse_second_use(
    services: IdpServices, unit: Unit, client: AuthenticatedClient, *, grant_id: str, owner: str, what: str
) -> Fault:
    """Refuse a code that comes a second time, and take back what it gave ``owner`` (RFC 6749 §4.1.2, TK-01).

    ``what`` is what kind of code it is, in the words of the audit.
    """
    if revoke_grant(unit.connection, grant_id, reason=f"{what.replace(' ', '-')}-replayed", now=unit.now):
        unit.audit.record(
            "gateway:grant:revoked",
            actor=Actor("client", client.id),
            target=grant_id,
            reason=f"{what} replayed",
            details={"owner": owner},
        )
    return refuse_grant(services, unit, client, invalid_grant(f"{what}: replayed"))
