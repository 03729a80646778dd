"""Redeeming an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5)."""

from __future__ import annotations

from idp.domain.client import AuthenticatedClient, ProvenClient, Replayed
from idp.domain.confirmation import Binding, Confirmation
from idp.domain.grant import (
    RESOURCE,
    TOLD,
    CodeRequest,
    Redemption,
    SpentCode,
    code_fault,
    grant_fault,
)
from idp.domain.oauth import ErrorCode, Fault, GrantType, invalid_grant, unauthorized_grant
from idp.storage.clients import admit
from idp.storage.codes import find_spent_code, spend_code
from idp.storage.grants import grant_state, revoke_grant
from idp.usecases.minting import TokenAnswer, check_client_is_current
from idp.usecases.redeem import locked_meanwhile, redeem
from idp.usecases.services import IdpServices
from idp.usecases.token_refusals import refuse_grant, refuse_replay, refuse_second_use
from kernel.crypto import digest
from kernel.store import Unit


def exchange_code(
    services: IdpServices,
    proven: ProvenClient,
    *,
    code: str,
    redirect_uri: str,
    verifier: str,
    resource: tuple[str, ...] = (),
) -> TokenAnswer | Fault:
    """Spend a code by one conditional statement, and issue tokens only if that succeeded (TK-01..TK-05).

    A code that fails any check is burned. A second redemption revokes all that the first one gave.

    Raises:
        StaleClientError: if the client changed a moment ago; nothing was spent.
    """
    if not proven.client.may_use(GrantType.AUTHORIZATION_CODE):
        return unauthorized_grant()
    with services.store.write() as unit:
        client = admit(unit.connection, proven)
        if isinstance(client, Replayed):
            return refuse_replay(unit, proven.client, client)
        spent = spend_code(unit.connection, digest(code), now=unit.now)
        if spent is None:
            return _refuse_unspendable(services, unit, client, code)
        redemption = Redemption(client.id, redirect_uri, verifier)
        reason = code_fault(spent, redemption, now=unit.now) or _key_fault(spent, client)
        reason = reason or _resource_fault(spent, resource)
        state = grant_state(unit.connection, spent.grant_id, now=unit.now) if not reason else None
        reason = reason or grant_fault(state, now=unit.now)
        request = CodeRequest.from_json(spent.request)
        if state is not None and not reason:
            issued_at = spent.expires_at - services.settings.code_life
            how = request.authentication
            reason = "locked" if locked_meanwhile(unit, state, how, since=issued_at) else ""
        if state is None or reason:
            revoke_grant(unit.connection, spent.grant_id, reason="code-refused", now=unit.now)
            return refuse_grant(services, unit, client, _fault(reason))
        check_client_is_current(state, client.client)
        return redeem(services, unit, client, state, request, GrantType.AUTHORIZATION_CODE)


def _resource_fault(spent: SpentCode, resource: tuple[str, ...]) -> str:
    """A token may be narrowed to the resource that was authorized, and to no other (RFC 8707 §2.2)."""
    return "" if all(each == spent.request["resource"] for each in resource) else RESOURCE


def _fault(reason: str) -> Fault:
    """Return what the client hears: of a resource in the word of RFC 8707 §2, as by every other grant."""
    told, audited = TOLD.get(reason, ""), f"code: {reason}"
    if reason == RESOURCE:
        return Fault(ErrorCode.INVALID_TARGET, told, reason=audited)
    return invalid_grant(audited, told)


def _key_fault(spent: SpentCode, client: AuthenticatedClient) -> str:
    """A code that was asked for with a key is redeemed with that key alone (RFC 9449 §10)."""
    wanted = spent.request.get("dpop_jkt")
    return "dpop_jkt" if wanted and client.held != Confirmation(Binding.KEY, wanted) else ""


def _refuse_unspendable(services: IdpServices, unit: Unit, client: AuthenticatedClient, code: str) -> Fault:
    """Refuse a code that could not be spent: nobody knows it, or it was spent before (TK-01)."""
    found = find_spent_code(unit.connection, digest(code))
    if found is None:
        return refuse_grant(services, unit, client, invalid_grant("code: unknown"))
    grant_id, owner = found
    return refuse_second_use(services, unit, client, grant_id=grant_id, owner=owner, what="code")
