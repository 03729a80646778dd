"""What every address of security events has in common: who may ask, and how a refusal reads."""

from __future__ import annotations

from typing import Any

from idp.domain.oauth import Fault
from idp.usecases.authenticate_receiver import Receiver, ReceiverRefused, receiver
from idp.usecases.prove_possession import Shown
from idp.usecases.provisioning_rate import ProvisioningRate
from idp.usecases.services import IdpServices
from idp.web.oidc.answers import challenge, either_scheme
from idp.web.oidc.possession import beside_token, token_of, with_nonce
from kernel.foreign_json import read_json
from kernel.web.http import NO_STORE, BadRequestError, Request, Response, json_response

MEDIA_TYPE = "application/json"


def refused(status: int, code: str, description: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return an error as RFC 8935 §2.3 words it."""
    return json_response(status, {"err": code, "description": description}, (*NO_STORE, *headers))


class Door:
    """Lets receivers in, and counts what they ask."""

    def __init__(self, services: IdpServices, rate: ProvisioningRate) -> None:
        self._services = services
        self._rate = rate

    def enter(self, request: Request, *, scope: str, provisions: bool) -> Receiver | Response:
        """Return who asks, or the refusal (RFC 6750 §3, RFC 9449 §7.1)."""
        token = token_of(request)
        if not token:
            return _challenge(401, "authentication_failed", "An access token is needed.")
        shown = beside_token(self._services, request)
        found = receiver(self._services, token, shown, scope=scope, provisions=provisions)
        if not isinstance(found, Receiver):
            refusal = _refusal(found, shown)
            return with_nonce(self._services, request, refusal) if isinstance(found, Fault) else refusal
        seconds = self._rate.wait(found.client_id, found.per_second)
        if seconds:
            return refused(429, "access_denied", "Too many requests.", (("Retry-After", str(seconds)),))
        return found


def _refusal(found: Fault | ReceiverRefused, shown: Shown) -> Response:
    """Refuse a token; a challenge stands where another token, or a better one, would do."""
    if found is ReceiverRefused.ADDRESS:
        return refused(403, "access_denied", found.value)
    scheme = "DPoP" if shown.as_dpop else "Bearer"
    if isinstance(found, Fault):
        told = f'error="{found.code.value}"'
        return _challenge(401, "authentication_failed", found.description, told, scheme=scheme)
    if found is ReceiverRefused.UNKNOWN:
        return _challenge(401, "authentication_failed", found.value, 'error="invalid_token"', scheme=scheme)
    return _challenge(403, "access_denied", found.value, 'error="insufficient_scope"', scheme=scheme)


def json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object of a body.

    Raises:
        BadRequestError: if it is none, or holds a text that nothing can hold: with a zero character or half
            of a pair, which JSON brings by an escape.
    """
    if request.media_type != MEDIA_TYPE:
        raise BadRequestError(f"the body must be {MEDIA_TYPE}")
    try:
        found = read_json(request.body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BadRequestError("the body is no JSON") from None
    if not isinstance(found, dict):
        raise BadRequestError("the body is no JSON object")
    return found


def _challenge(status: int, code: str, description: str, *parts: str, scheme: str = "Bearer") -> Response:
    said = challenge("events", *parts, scheme=scheme) if parts else either_scheme("events")
    return refused(status, code, description, (("WWW-Authenticate", said),))
