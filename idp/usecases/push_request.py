"""Pushing an authorization request (RFC 9126): judged at once, kept, and named by what cannot be guessed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from idp.domain.authorization_request import PARAMETERS, AuthorizationRequest
from idp.domain.authorize_checks import first_broken
from idp.domain.client import ProvenClient, Replayed
from idp.domain.oauth import ErrorCode, Fault, slow_down
from idp.storage.clients import admit
from idp.storage.pushed_requests import PushedRequest, add_pushed_request
from idp.usecases.limits import FLOWS, PUSHES, take_from_client, take_from_place
from idp.usecases.read_request import PUSHED, open_object
from idp.usecases.services import IdpServices
from idp.usecases.token_refusals import refuse_replay
from kernel.audit import Actor
from kernel.crypto import digest

LONGEST = 32_768
_TOO_LARGE = Fault(ErrorCode.INVALID_REQUEST, "The request is too large.", 413)


@dataclass(frozen=True, slots=True)
class Pushed:
    """The request waits; ``request_uri`` names it for this long, once."""

    request_uri: str = field(repr=False)
    life: dt.timedelta


def push_request(
    services: IdpServices, proven: ProvenClient, parameters: Mapping[str, Sequence[str]]
) -> Pushed | Fault:
    """Keep a request of an authenticated client if the authorization endpoint would take it.

    The name is bound to the client, and what it names cannot be changed any more. Nobody fills
    the table: whoever needs no secret is counted by place, everybody else by client.
    """
    client = proven.client
    if sum(len(value) for values in parameters.values() for value in values) > LONGEST:
        return _TOO_LARGE
    request = _read(services, proven, parameters)
    if isinstance(request, Fault):
        return request
    broken = first_broken(request)
    if broken is not None:
        return replace(broken.fault, status=400)
    name = services.store.randomness.token(32)
    life = services.settings.pushed_request_life
    with services.store.write() as unit:
        admitted = admit(unit.connection, proven)
        if isinstance(admitted, Replayed):
            return refuse_replay(unit, client, admitted)
        if client.is_public:
            wait = take_from_place(unit, services, FLOWS)
        else:
            wait = take_from_client(unit, services, PUSHES, client.id)
        if wait is not None:
            return slow_down(wait)
        kept = {name: list(values) for name, values in request.parameters.items()}
        add_pushed_request(
            unit.connection, PushedRequest(digest(name), client.id, kept, request.signed, unit.now + life)
        )
        unit.audit.record("gateway:authorization:pushed", actor=Actor("client", client.id))
    return Pushed(PUSHED + name, life)


def _read(
    services: IdpServices, proven: ProvenClient, parameters: Mapping[str, Sequence[str]]
) -> AuthorizationRequest | Fault:
    known = {name: list(parameters[name]) for name in PARAMETERS if parameters.get(name)}
    if "request_uri" in known:
        return Fault(ErrorCode.INVALID_REQUEST, "request_uri cannot be pushed.")
    if known.setdefault("client_id", [proven.client.id]) != [proven.client.id]:
        return Fault(ErrorCode.INVALID_REQUEST, "client_id is not the client that is authenticated.")
    request = AuthorizationRequest(known, proven.client, pushed=b"")
    if request.value("request"):
        request = open_object(services, request, proven=not proven.client.is_public)
    return _with_key(request, proven)


def _with_key(request: AuthorizationRequest, proven: ProvenClient) -> AuthorizationRequest | Fault:
    """A key that is proved here binds the code as ``dpop_jkt`` does; both have to be one (RFC 9449 §10.1)."""
    if proven.proof is None:
        return request
    key = proven.proof.jkt
    if request.value("dpop_jkt") not in {"", key}:
        return Fault(ErrorCode.INVALID_DPOP_PROOF, "dpop_jkt is not the key of the DPoP proof.")
    return replace(request, parameters={**request.parameters, "dpop_jkt": [key]})
