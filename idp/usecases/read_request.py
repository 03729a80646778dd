"""Reading an authorization request, however it came: as parameters, pushed before, or signed. No deed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from idp.domain.authorization_request import PARAMETERS, REFERENCES, Asked
from idp.domain.client import Client
from idp.domain.oauth import ASSERTION_ALGORITHMS, ErrorCode, Fault
from idp.domain.request_object import Expected, read_object
from idp.storage.clients import look_up_client
from idp.storage.pushed_requests import find_pushed_request
from idp.usecases.client_keys import keys_of
from idp.usecases.services import IdpServices
from kernel.crypto import digest

PUSHED = "urn:ietf:params:oauth:request_uri:"
"""What the name of a pushed request begins with (RFC 9126 §2.2)."""

_LONGEST_ID = 64
_LONGEST_NAME = 200
_BOTH = Fault(ErrorCode.INVALID_REQUEST, "request and request_uri exclude each other.")
_NOT_FOUND = Fault(
    ErrorCode.INVALID_REQUEST_URI,
    "The request_uri is unknown, expired, used, or another application's.",
    reason="request_uri",
)
_BY_ADDRESS = Fault(
    ErrorCode.REQUEST_URI_NOT_SUPPORTED,
    "request_uri has to name a request that was pushed.",
    reason="request_uri",
)


def read_request(services: IdpServices, parameters: Mapping[str, Sequence[str]]) -> Asked:
    """Return the request that a browser brought, with the client it names, if that is known."""
    known = {name: list(parameters[name]) for name in PARAMETERS if parameters.get(name)}
    client_id = known.get("client_id", [""])[0]
    named = 0 < len(client_id) <= _LONGEST_ID
    asked = Asked(known, look_up_client(services.store.database, client_id) if named else None)
    if asked.client is None or not (asked.value("request") or asked.value("request_uri")):
        return asked
    if asked.value("request") and asked.value("request_uri"):
        return replace(asked, unread=_BOTH)
    return opened(services, asked) if asked.value("request") else _found(services, asked)


def opened(services: IdpServices, asked: Asked) -> Asked:
    """Return the request whose object stands in ``request``: what is in the object, and nothing beside it."""
    client = asked.known_client
    known = services.clients.look_up(services.store, client.id)
    names = [name for name in PARAMETERS if name not in REFERENCES]
    found = read_object(
        asked.value("request"),
        keys_of(services, known, asked.value("request")) if known else None,
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
        return replace(asked, unread=fault)
    return replace(asked, parameters={**found, "client_id": [client.id]}, signed=True)


def request_algorithms(client: Client) -> tuple[str, ...]:
    """Return the algorithms that a client may sign its requests with."""
    if client.request_algorithm:
        return (client.request_algorithm,)
    return tuple(name for name in ASSERTION_ALGORITHMS if name not in client.rules.barred_algorithms)


def _found(services: IdpServices, asked: Asked) -> Asked:
    name = asked.value("request_uri")
    if not name.startswith(PUSHED):
        return replace(asked, unread=_BY_ADDRESS)
    if len(name) > _LONGEST_NAME:
        return replace(asked, unread=_NOT_FOUND)
    stored = find_pushed_request(
        services.store.database,
        digest(name.removeprefix(PUSHED)),
        asked.known_client.id,
        now=services.store.clock.now(),
    )
    if stored is None:
        return replace(asked, unread=_NOT_FOUND)
    return Asked(stored.parameters, asked.client, pushed=stored.digest, signed=stored.signed)
