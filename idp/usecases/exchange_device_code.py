"""Polling for, and redeeming, a device code (RFC 8628 §3.4, §3.5)."""

from __future__ import annotations

from idp.domain.client import AuthenticatedClient, ProvenClient, Replayed
from idp.domain.grant import CodeRequest, grant_fault
from idp.domain.oauth import ErrorCode, Fault, GrantType, invalid_grant, unauthorized_grant
from idp.domain.tokens import Authentication
from idp.storage.clients import admit
from idp.storage.device_authorizations import (
    DeviceAnswer,
    DeviceAuthorization,
    find_for_poll,
    set_pace,
    spend,
)
from idp.storage.grants import grant_state, revoke_grant
from idp.usecases.minting import TokenAnswer, check_client_is_current
from idp.usecases.redeem import locked_meanwhile, redeem
from idp.usecases.services import IdpServices
from idp.usecases.token_refusals import refuse_grant, refuse_replay, refuse_second_use
from kernel.crypto import digest
from kernel.store import Unit

_PENDING = Fault(ErrorCode.AUTHORIZATION_PENDING, "Nobody has answered yet.")
_DENIED = Fault(ErrorCode.ACCESS_DENIED, "The request was denied.")
_EXPIRED = Fault(ErrorCode.EXPIRED_TOKEN, "The device code has expired.")
_TARGET = Fault(ErrorCode.INVALID_TARGET, "The resource is not the one that was asked for.")


def exchange_device_code(
    services: IdpServices, proven: ProvenClient, *, device_code: str, resource: tuple[str, ...] = ()
) -> TokenAnswer | Fault:
    """Answer a poll: who was allowed gets tokens, once; who asks too soon meanwhile is slowed down for good.

    ``slow_down`` says that the request still waits, so what is decided, over or spent is told at once.

    Raises:
        StaleClientError: if the client changed a moment ago; nothing was spent.
    """
    if not proven.client.may_use(GrantType.DEVICE_CODE):
        return unauthorized_grant()
    code = digest(device_code)
    with services.store.write() as unit:
        client = admit(unit.connection, proven)
        if isinstance(client, Replayed):
            return refuse_replay(unit, proven.client, client)
        found = find_for_poll(unit.connection, code, client.id)
        if found is None:
            return refuse_grant(services, unit, client, invalid_grant("device code: unknown"))
        asked, answer = found
        if asked.bound_to and str(client.held) != asked.bound_to:
            # Whoever lacks the key hears nothing of the request, and does not slow its owner down.
            return refuse_grant(services, unit, client, invalid_grant("device code: key"))
        fault = _waiting(asked, answer, unit, code) or _resource_fault(asked, resource)
        return fault or _redeem(services, unit, client, asked, answer, code)


def _waiting(asked: DeviceAuthorization, answer: DeviceAnswer, unit: Unit, code: bytes) -> Fault | None:
    if answer.used_at is not None:
        return None
    if asked.expires_at <= unit.now:
        return _EXPIRED
    if answer.decided_at is None:
        return _paced(asked, unit, code)
    return _DENIED if answer.authentication is None else None


def _paced(asked: DeviceAuthorization, unit: Unit, code: bytes) -> Fault:
    pace = asked.pace.after(unit.now)
    set_pace(unit.connection, code, pace)
    if asked.pace.too_soon(unit.now):
        return Fault(ErrorCode.SLOW_DOWN, f"Wait {pace.interval} seconds between two requests.")
    return _PENDING


def _resource_fault(asked: DeviceAuthorization, resource: tuple[str, ...]) -> Fault | None:
    """A token is for the resource that was allowed, and for no other (RFC 8707 §2.2)."""
    return None if all(each == asked.request.resource for each in resource) else _TARGET


def _redeem(
    services: IdpServices,
    unit: Unit,
    client: AuthenticatedClient,
    asked: DeviceAuthorization,
    answer: DeviceAnswer,
    code: bytes,
) -> TokenAnswer | Fault:
    """Spend the code, then look; a second use of a code takes back what the first one gave (TK-01)."""
    if answer.grant_id is None or answer.authentication is None or answer.decided_at is None:
        return refuse_grant(services, unit, client, invalid_grant("device code: grant is gone"))
    if not spend(unit.connection, code, now=unit.now):
        return refuse_second_use(
            services, unit, client, grant_id=answer.grant_id, owner=client.id, what="device code"
        )
    how = Authentication.from_json(dict(answer.authentication))
    state = grant_state(unit.connection, answer.grant_id, now=unit.now)
    reason = grant_fault(state, now=unit.now)
    if state is not None and not reason:
        reason = "locked" if locked_meanwhile(unit, state, how, since=answer.decided_at) else ""
    if state is None or reason:
        revoke_grant(unit.connection, answer.grant_id, reason="device-code-refused", now=unit.now)
        return refuse_grant(services, unit, client, invalid_grant(f"device code: {reason}"))
    check_client_is_current(state, client.client)
    request = CodeRequest(tuple(asked.scope.split()), "", "", asked.request.resource, how)
    return redeem(services, unit, client, state, request, GrantType.DEVICE_CODE)
