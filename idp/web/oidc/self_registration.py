"""The client registration endpoint, and the address at which a client manages itself (RFC 7591, RFC 7592)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from idp.domain.client_metadata import MetadataError
from idp.domain.oauth import ErrorCode, Fault
from idp.usecases.change_registration import change_registration
from idp.usecases.read_registration import read_registration
from idp.usecases.register_client import RegistrationRefused
from idp.usecases.register_itself import register_itself
from idp.usecases.self_registration import Reading, RegistrationShown
from idp.usecases.services import IdpServices
from idp.usecases.withdraw_registration import withdraw_registration
from idp.web.authlib_bridge import client_metadata_fault
from idp.web.oidc.answers import bearer_error, challenge, oauth_error
from kernel.foreign_json import read_json
from kernel.web.http import NO_STORE, Endpoint, Request, Response, json_response

_MEDIA_TYPE = "application/json"
_LARGEST = 65_536
_LONGEST_DESCRIPTION = 1_000


def registration_endpoint(services: IdpServices, path: str, provider: Mapping[str, Any]) -> Endpoint:
    """Return the endpoint at which clients register themselves; ``provider`` is what we offer."""
    reading = _second_reading(provider)

    def endpoint(request: Request) -> Response:
        if request.method != "POST":
            return _not_allowed("POST")
        document = _document(request)
        if isinstance(document, Response):
            return document
        token = _bearer(request)
        found = register_itself(services, document, token=token, reading=reading)
        return _answer(services, path, found, told=bool(token), status=201)

    return endpoint


def management_endpoint(services: IdpServices, path: str, provider: Mapping[str, Any]) -> Endpoint:
    """Return the endpoint below which each client that registered itself has its own address."""
    reading = _second_reading(provider)

    def endpoint(request: Request) -> Response:
        client_id, token = request.path_values["client_id"], _bearer(request)
        told = bool(token)
        if request.method in ("GET", "HEAD"):
            shown = read_registration(services, client_id, token=token)
            return _answer(services, path, shown, told=told)
        if request.method == "PUT":
            document = _document(request)
            if isinstance(document, Response):
                return document
            found = change_registration(services, client_id, document, token=token, reading=reading)
            return _answer(services, path, found, told=told)
        if request.method == "DELETE":
            fault = withdraw_registration(services, client_id, token=token)
            return _refusal(fault, told=told) if fault is not None else Response(204, b"", NO_STORE)
        return _not_allowed("DELETE, GET, HEAD, PUT")

    return endpoint


def _second_reading(provider: Mapping[str, Any]) -> Reading:
    return lambda metadata: client_metadata_fault(metadata, provider)


def _bearer(request: Request) -> str:
    scheme, _, token = request.header("authorization").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _document(request: Request) -> dict[str, Any] | Response:
    """Return the object of the body, or the refusal of what is none (RFC 7591 §3.1, RFC 7493)."""
    if len(request.body) > _LARGEST:
        return _error(413, MetadataError.METADATA, "The body is too large.")
    if request.media_type != _MEDIA_TYPE:
        return _error(400, MetadataError.METADATA, f"The body has to be {_MEDIA_TYPE}.")
    try:
        found = read_json(request.body.decode("utf-8"))
    except (ValueError, RecursionError):
        return _error(400, MetadataError.METADATA, "The body is no JSON.")
    if not isinstance(found, dict):
        return _error(400, MetadataError.METADATA, "The body is no JSON object.")
    return found


def _answer(
    services: IdpServices,
    path: str,
    found: RegistrationShown | RegistrationRefused | Fault,
    *,
    told: bool,
    status: int = 200,
) -> Response:
    if isinstance(found, Fault):
        return _refusal(found, told=told)
    if isinstance(found, RegistrationRefused):
        first = found.faults[0]
        said = "; ".join(f"{each.name} {each.message}" for each in found.faults if each.code is first.code)
        return _error(400, first.code, said)
    return json_response(status, _shown(services, path, found), NO_STORE)


def _shown(services: IdpServices, path: str, shown: RegistrationShown) -> dict[str, object]:
    """Return the client information response (RFC 7591 §3.2.1, RFC 7592 §3)."""
    body: dict[str, object] = {
        "client_id": shown.client_id,
        "client_id_issued_at": int(shown.issued_at.timestamp()),
    }
    if shown.secret:
        body["client_secret"] = shown.secret
    if shown.secret_until is not None:
        body["client_secret_expires_at"] = shown.secret_until
    address = f"{services.issuer}{path}/{quote(shown.client_id, safe='')}"
    return {
        **shown.metadata,
        **body,
        "registration_access_token": shown.management_token,
        "registration_client_uri": address,
    }


def _refusal(fault: Fault, *, told: bool) -> Response:
    """Return a refusal: whoever has to bring a token, which is bound to no key, is told so (RFC 6750 §3)."""
    if told and fault.code is ErrorCode.INVALID_TOKEN:
        return bearer_error(fault, told=True)
    return oauth_error(fault, challenge=challenge("Gateway"))


def _error(status: int, code: MetadataError, description: str) -> Response:
    body = {"error": code.value, "error_description": _plain(description)[:_LONGEST_DESCRIPTION]}
    return json_response(status, body, NO_STORE)


def _plain(text: str) -> str:
    """Return a text of the characters that an error description may have (RFC 6749 §5.2)."""
    readable = text.replace("§", "section ")
    return "".join(each if " " <= each <= "~" and each not in '"\\' else "?" for each in readable)


def _not_allowed(methods: str) -> Response:
    return json_response(405, {"error": "invalid_request"}, (("Allow", methods), *NO_STORE))
