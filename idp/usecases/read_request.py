"""Reading an authorization request, however it came: as parameters, pushed before, or signed. No deed."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from idp.domain.authorization_request import PARAMETERS, REFERENCES, AuthorizationRequest
from idp.domain.client import Client
from idp.domain.oauth import ASSERTION_ALGORITHMS, ErrorCode, Fault, slow_down
from idp.domain.request_object import LONGEST, Expected, read_object
from idp.domain.response_encryption import ENCRYPTED_DOTS
from idp.storage.clients import look_up_client
from idp.storage.pushed_requests import find_pushed_request
from idp.usecases.client_keys import keys_of
from idp.usecases.limits import SEALED_PUSHES, SEALED_REQUESTS, take_from_client, take_from_place
from idp.usecases.services import IdpServices
from kernel.crypto import digest
from kernel.fetch import NotFetched

PUSHED = "urn:ietf:params:oauth:request_uri:"
"""What the name of a pushed request begins with (RFC 9126 §2.2)."""

_OBJECT = "application/oauth-authz-req+jwt, application/jwt"
_LONGEST_ID = 64
_LONGEST_NAME = 200
_BOTH = Fault(ErrorCode.INVALID_REQUEST, "request and request_uri exclude each other.")
_NOT_FOUND = Fault(
    ErrorCode.INVALID_REQUEST_URI,
    "The request_uri is unknown, expired, used, or another application's.",
    reason="request_uri",
)
_NOT_FETCHED = Fault(
    ErrorCode.INVALID_REQUEST_URI, "No request stands at the request_uri.", reason="request_uri"
)
_BUSY = Fault(
    ErrorCode.TEMPORARILY_UNAVAILABLE, "Another request is being fetched. Try again.", reason="request_uri"
)
_FETCHING = threading.BoundedSemaphore(1)
"""One thread of this process at most waits for the server of a client: whoever makes it wait is unknown."""


def read_request(services: IdpServices, parameters: Mapping[str, Sequence[str]]) -> AuthorizationRequest:
    """Return the request that a browser brought, with the client it names, if that is known."""
    known = {name: list(parameters[name]) for name in PARAMETERS if parameters.get(name)}
    client_id = known.get("client_id", [""])[0]
    named = 0 < len(client_id) <= _LONGEST_ID
    request = AuthorizationRequest(
        known, look_up_client(services.store.database, client_id) if named else None
    )
    if request.client is None or not (request.value("request") or request.value("request_uri")):
        return request
    repeated = next((name for name in ("client_id", *REFERENCES) if len(known.get(name, ())) > 1), "")
    if repeated:  # what the object says stands once in any case: none of two is chosen (RFC 6749 §3.1)
        return replace(request, unread=Fault(ErrorCode.INVALID_REQUEST, f"{repeated} has to stand once."))
    if request.value("request") and request.value("request_uri"):
        return replace(request, unread=_BOTH)
    if request.value("request"):
        return open_object(services, request)
    pushed = request.value("request_uri").startswith(PUSHED)
    return _find_pushed(services, request) if pushed else _fetch(services, request)


def open_object(
    services: IdpServices, request: AuthorizationRequest, fetched: str = "", *, proven: bool = False
) -> AuthorizationRequest:
    """Return the request whose object stands in ``request``, or was fetched: what it says, and nothing else.

    The keys may have to be fetched, and tries are counted: never within a unit of work. ``proven``: the
    client proved itself, and is counted instead of the place.
    """
    client, token = request.known_client, fetched or request.value("request")
    known = services.clients.look_up(services.store, client.id)
    names = [name for name in PARAMETERS if name not in REFERENCES]
    if token.count(".") == ENCRYPTED_DOTS:
        wait = _count_opening(services, client, token, proven=proven)
        if wait is not None:
            return replace(request, unread=slow_down(wait))
        token = _decrypt(services, client, token)
    found = read_object(
        token,
        keys_of(services, known, token) if known and len(token) <= LONGEST else None,
        Expected(
            client.id,
            services.issuer,
            request_algorithms(client),
            services.store.clock.now(),
            exact=client.rules.exact_audience,
        ),
        names=names,
    )
    if isinstance(found, str):
        fault = Fault(
            ErrorCode.INVALID_REQUEST_OBJECT,
            f"The request object is not to be trusted: {found}.",
            reason="request_object",
        )
        return replace(request, unread=fault)
    return replace(request, parameters={**found, "client_id": [client.id]}, signed=True)


def _count_opening(services: IdpServices, client: Client, token: str, *, proven: bool) -> dt.timedelta | None:
    """Count an object that a private key is used for; return how long to wait if that is one too many.

    Whoever knows the name of a client can send one, and whoever registered one proves itself.
    """
    if not (_signs(client) and services.signing.names_a_key(token)):
        return None
    with services.store.write() as unit:
        if proven:
            return take_from_client(unit, services, SEALED_PUSHES, client.id)
        return take_from_place(unit, services, SEALED_REQUESTS)


def _signs(client: Client) -> bool:
    return bool(client.jwks or client.jwks_uri)


def _decrypt(services: IdpServices, client: Client, token: str) -> str:
    """Return the signed object within an encrypted one, or what is none (RFC 9101 §6.1).

    However it cannot be opened, nothing more is told than that no signature was found. Nothing is opened for
    a client without keys: it could have signed nothing.
    """
    return (services.signing.opened(token) if _signs(client) else None) or "sealed"


def request_algorithms(client: Client) -> tuple[str, ...]:
    """Return the algorithms that a client may sign its requests with."""
    if client.request_algorithm:
        return (client.request_algorithm,)
    return tuple(name for name in ASSERTION_ALGORITHMS if name not in client.rules.barred_algorithms)


def _find_pushed(services: IdpServices, request: AuthorizationRequest) -> AuthorizationRequest:
    name = request.value("request_uri")
    if len(name) > _LONGEST_NAME:
        return replace(request, unread=_NOT_FOUND)
    stored = find_pushed_request(
        services.store.database,
        digest(name.removeprefix(PUSHED)),
        request.known_client.id,
        now=services.store.clock.now(),
    )
    if stored is None:
        return replace(request, unread=_NOT_FOUND)
    return AuthorizationRequest(stored.parameters, request.client, pushed=stored.digest, signed=stored.signed)


def _fetch(services: IdpServices, request: AuthorizationRequest) -> AuthorizationRequest:
    """Return the request whose object stands at an address of the client's (RFC 9101 §5.2.2, §10.4).

    Nobody else's word makes us fetch anything, and the fetcher sees to where the address leads. A server that
    says nothing holds up one request of ours and never all (§10.4.1).
    """
    address = request.value("request_uri")
    if address not in request.known_client.request_uris:
        return replace(request, unread=_NOT_FOUND)
    if not _FETCHING.acquire(blocking=False):
        return replace(request, unread=_BUSY)
    try:
        # A fragment tells the digest of what stands there (OIDC Core §6.2): it never travels.
        found = services.fetcher.get(address.partition("#")[0], accept=_OBJECT)
    finally:
        _FETCHING.release()
    if isinstance(found, NotFetched) or not found.body.isascii():
        return replace(request, unread=_NOT_FETCHED)
    return open_object(services, request, found.body.decode("ascii").strip() or "empty")
