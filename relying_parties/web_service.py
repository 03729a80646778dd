"""A stand-in web service for machines: answers who called, to bearers of an access token made for it.

Accepts JWT access tokens (RFC 9068) in the Authorization header only (RFC 6750 §2.1), checked by the
issuer's keys.
"""

from datetime import datetime

from flask import Blueprint, Response, jsonify, make_response, request

from relying_parties.access_token import CallerIdentity, caller_of
from relying_parties.http import ProviderFaultError, ProviderUnreachableError
from relying_parties.jose import Flaw, verified
from relying_parties.ports import Clock
from relying_parties.provider import Provider
from relying_parties.settings import WebServiceSettings
from relying_parties.step_up import Demand, challenge_header


def make_web_service(settings: WebServiceSettings, provider: Provider, clock: Clock) -> Blueprint:
    """Return the service, to be mounted at its path."""
    blueprint = Blueprint("service-" + settings.path.strip("/").replace("/", "-"), __name__)
    metadata_path = "/.well-known/oauth-protected-resource" + settings.path.rstrip("/")

    def challenge(status: int, error: str = "", error_description: str = "", **more: str) -> Response:
        """Refuse as RFC 6750 §3 and RFC 9728 §5.1 say; without a token no reason is given."""
        parts = {
            "realm": settings.name,
            "error": error,
            "error_description": error_description,
            **more,
            "resource_metadata": settings.public_url.rstrip("/") + metadata_path,
        }
        body = {
            "error": error or "unauthorized",
            "error_description": error_description or "an access token is needed",
        }
        response = make_response(jsonify(body), status)
        response.headers["WWW-Authenticate"] = challenge_header(parts)
        return response

    def caller() -> CallerIdentity | Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return challenge(401)
        signed = verified(token.strip(), keys=provider.keys, algorithms=settings.signing_algorithms)
        found = (
            signed
            if isinstance(signed, Flaw)
            else caller_of(signed, issuer=settings.issuer, audience=settings.audience, now=clock.now())
        )
        if isinstance(found, Flaw):
            return challenge(401, "invalid_token", "the access token is not valid here")
        lack = _lack(settings, found, clock.now())
        if lack is not None:
            return challenge(lack[0], **lack[1])
        return found

    @blueprint.get(settings.path)
    def who() -> Response:
        """Answer who called."""
        try:
            found = caller()
        except (ProviderUnreachableError, ProviderFaultError):
            response = make_response(jsonify(error="temporarily_unavailable"), 503)
            response.headers["Retry-After"] = "30"
            return response
        if isinstance(found, Response):
            return found
        return jsonify(
            service=settings.name,
            client_id=found.client_id,
            sub=found.subject,
            scope=list(found.scopes),
            token_expires_at=found.expires_at.isoformat(),
            answered_at=clock.now().isoformat(),
        )

    @blueprint.get(metadata_path)
    def metadata() -> Response:
        """Tell clients where to get a token (RFC 9728 §2)."""
        return jsonify(
            resource=settings.audience,
            authorization_servers=[settings.issuer],
            scopes_supported=[settings.scope] if settings.scope else [],
            bearer_methods_supported=["header"],
            resource_name=settings.name,
        )

    return blueprint


def _lack(
    settings: WebServiceSettings, found: CallerIdentity, now: datetime
) -> tuple[int, dict[str, str]] | None:
    """Return status and challenge for what a good token lacks here (RFC 6750 §3.1, RFC 9470 §3), or None."""
    if settings.scope and settings.scope not in found.scopes:
        said = {"error": "insufficient_scope", "error_description": "the access token lacks a scope"}
        return 403, said | {"scope": settings.scope}
    demand = Demand(acr=settings.acr, max_age=settings.max_age)
    return None if demand.is_met(found, now=now) else (401, demand.challenge() | {"scope": settings.scope})
