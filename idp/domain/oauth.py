"""The words of OAuth 2.0: error codes, grant types, authentication methods, and a refusal as a value."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """Error codes (RFC 6749 §4.1.2.1, §5.2, RFC 6750, RFC 8628, RFC 8707, RFC 9449, OIDC Core §3.1.2.6)."""

    ACCESS_DENIED = "access_denied"
    AUTHORIZATION_PENDING = "authorization_pending"
    CONSENT_REQUIRED = "consent_required"
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - the standard's word
    INSUFFICIENT_SCOPE = "insufficient_scope"
    INVALID_DPOP_PROOF = "invalid_dpop_proof"
    INVALID_CLIENT = "invalid_client"
    INVALID_CLIENT_METADATA = "invalid_client_metadata"
    INVALID_GRANT = "invalid_grant"
    INVALID_REQUEST = "invalid_request"
    INVALID_REQUEST_OBJECT = "invalid_request_object"
    INVALID_REQUEST_URI = "invalid_request_uri"
    INVALID_SCOPE = "invalid_scope"
    INVALID_TARGET = "invalid_target"
    INVALID_TOKEN = "invalid_token"  # noqa: S105 - the standard's word
    LOGIN_REQUIRED = "login_required"
    REGISTRATION_NOT_SUPPORTED = "registration_not_supported"
    SLOW_DOWN = "slow_down"
    USE_DPOP_NONCE = "use_dpop_nonce"
    UNMET_AUTHENTICATION_REQUIREMENTS = "unmet_authentication_requirements"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"


class GrantType(StrEnum):
    """Grant types a client may be registered for. The password grant does not exist (RFC 9700 §2.4)."""

    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the standard's word
    CLIENT_CREDENTIALS = "client_credentials"
    JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - the standard's word
    DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
    IMPLICIT = "implicit"


class AuthMethod(StrEnum):
    """How a client proves itself at the token endpoint (OIDC Core §9, RFC 8705 §2)."""

    SECRET_BASIC = "client_secret_basic"  # noqa: S105 - the standard's word
    SECRET_POST = "client_secret_post"  # noqa: S105 - the standard's word
    PRIVATE_KEY_JWT = "private_key_jwt"
    TLS = "tls_client_auth"
    SELF_SIGNED_TLS = "self_signed_tls_client_auth"
    NONE = "none"


CERTIFICATE_METHODS = frozenset({AuthMethod.TLS.value, AuthMethod.SELF_SIGNED_TLS.value})
SECRET_METHODS = frozenset({AuthMethod.SECRET_BASIC.value, AuthMethod.SECRET_POST.value})


class ResponseMode(StrEnum):
    """How an authorization response travels."""

    QUERY = "query"
    FRAGMENT = "fragment"
    FORM_POST = "form_post"


ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS = ("ES256", "PS256", "EdDSA", "RS256")
"""What clients sign with: assertions and request objects. ``EdDSA`` is that of Ed25519."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request is refused: a code of the standard, and a sentence of ours that quotes nothing (AZ-15).

    ``reason`` is for the audit and never leaves the house. ``retry_after`` is set where waiting helps.
    """

    code: ErrorCode
    description: str = ""
    status: int = 400
    reason: str = ""
    retry_after: dt.timedelta | None = None


def invalid_client(reason: str, description: str = "Client authentication failed.") -> Fault:
    """Return the one answer to every failed client authentication: it never says what was wrong (CA-01).

    Only who brought the client's own secret by the wrong way is told more (``wrong_way``).
    """
    return Fault(ErrorCode.INVALID_CLIENT, description, 401, reason)


def wrong_way(registered: str) -> Fault:
    """Return the answer to the right secret, sent otherwise than ``registered``: its holder is the client."""
    description = f"The secret is right, but the client is registered for {registered}."
    return invalid_client("another method is registered", description)


def unauthorized_grant() -> Fault:
    """Return the answer to a client that asks by a grant it is not registered for."""
    return Fault(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this grant.")


def slow_down(retry_after: dt.timedelta) -> Fault:
    """Return the answer to whoever failed too often (TK-19, CA-13)."""
    return Fault(
        ErrorCode.TEMPORARILY_UNAVAILABLE, "Too many failed requests.", 429, "limit", retry_after=retry_after
    )


def invalid_grant(reason: str, description: str = "") -> Fault:
    """Return the one answer to every code or refresh token that does not work.

    It is described otherwise only to the client whose code was good, and who used it wrongly.
    """
    return Fault(
        ErrorCode.INVALID_GRANT,
        description or "The grant is invalid, expired, revoked, or was issued to another client.",
        reason=reason,
    )
