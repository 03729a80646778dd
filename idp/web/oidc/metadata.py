"""The discovery document, generated from what is wired, so that it tells the truth (DJ-06, RFC 8414)."""

from __future__ import annotations

from collections.abc import Mapping

from idp.domain.authorize_checks import PROMPTS
from idp.domain.claims import CLAIMS_OF_SCOPE
from idp.domain.client import SUBJECT_TYPES
from idp.domain.client_profile import RESPONSE_TYPES
from idp.domain.dpop import ALGORITHMS as DPOP_ALGORITHMS
from idp.domain.oauth import ASSERTION_ALGORITHMS, CERTIFICATE_METHODS, AuthMethod, GrantType
from idp.domain.pkce import METHOD
from idp.domain.response_encryption import ALGORITHMS as ENCRYPTION_ALGORITHMS
from idp.domain.response_encryption import ENCODINGS
from idp.domain.response_mode import MODES
from idp.domain.scim_scopes import SCOPES as SCIM_SCOPES
from idp.domain.scope import SIGN_IN_SCOPES
from idp.domain.session import Acr
from idp.domain.signal_scopes import SCOPES as SIGNAL_SCOPES
from idp.usecases.services import IdpServices
from idp.web.oidc.token import GRANTS
from kernel.translations import LANGUAGES

ENDPOINTS = {
    "authorize": "authorization_endpoint",
    "token": "token_endpoint",
    "userinfo": "userinfo_endpoint",
    "jwks": "jwks_uri",
    "introspect": "introspection_endpoint",
    "revoke": "revocation_endpoint",
    "logout": "end_session_endpoint",
    "device": "device_authorization_endpoint",
    "push": "pushed_authorization_request_endpoint",
    "register": "registration_endpoint",
}
"""The name of a route, and the member of the document that tells its address."""

_ID_TOKEN_CLAIMS = (
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "sid",
    "session_expiry",
    "access",
)


def provider_metadata(services: IdpServices, paths: Mapping[str, str]) -> dict[str, object]:
    """Return the metadata of this provider; ``paths`` are the routes that are wired, by name."""
    algorithms = list(services.signing.algorithms)
    certificates = bool(services.settings.certificate_header)
    methods = [each.value for each in AuthMethod if certificates or each not in CERTIFICATE_METHODS]
    confidential = [method for method in methods if method != AuthMethod.NONE]
    document: dict[str, object] = {"issuer": services.issuer}
    for name, member in ENDPOINTS.items():
        if name in paths:
            document[member] = services.issuer + paths[name]
    document |= {
        "scopes_supported": [*SIGN_IN_SCOPES, *SCIM_SCOPES, *SIGNAL_SCOPES],
        "response_types_supported": list(RESPONSE_TYPES),
        "response_modes_supported": list(MODES),
        "grant_types_supported": [*GRANTS, GrantType.IMPLICIT.value],
        "subject_types_supported": list(SUBJECT_TYPES),
        "id_token_signing_alg_values_supported": algorithms,
        "id_token_encryption_alg_values_supported": list(ENCRYPTION_ALGORITHMS),
        "id_token_encryption_enc_values_supported": list(ENCODINGS),
        "userinfo_signing_alg_values_supported": algorithms,
        "userinfo_encryption_alg_values_supported": list(ENCRYPTION_ALGORITHMS),
        "userinfo_encryption_enc_values_supported": list(ENCODINGS),
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "introspection_signing_alg_values_supported": algorithms,
        "introspection_encryption_alg_values_supported": list(ENCRYPTION_ALGORITHMS),
        "introspection_encryption_enc_values_supported": list(ENCODINGS),
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "tls_client_certificate_bound_access_tokens": certificates,
        "dpop_signing_alg_values_supported": list(DPOP_ALGORITHMS),
        "code_challenge_methods_supported": [METHOD],
        "prompt_values_supported": list(PROMPTS),
        "acr_values_supported": [acr.value for acr in Acr],
        "claim_types_supported": ["normal"],
        "claims_supported": [
            *_ID_TOKEN_CLAIMS,
            *(name for names in CLAIMS_OF_SCOPE.values() for name in names),
        ],
        "ui_locales_supported": list(LANGUAGES),
        "display_values_supported": ["page", "popup", "touch"],
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        **_request_encryption(services),
        "require_signed_request_object": False,
        "require_pushed_authorization_requests": False,
        "authorization_signing_alg_values_supported": algorithms,
        "authorization_encryption_alg_values_supported": list(ENCRYPTION_ALGORITHMS),
        "authorization_encryption_enc_values_supported": list(ENCODINGS),
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
    }
    return document


def _request_encryption(services: IdpServices) -> dict[str, object]:
    """Return how requests may be encrypted; nothing is said of it where no key is kept for that."""
    algorithms = list(services.signing.encryption_algorithms)
    if not algorithms:
        return {}
    return {
        "request_object_encryption_alg_values_supported": algorithms,
        "request_object_encryption_enc_values_supported": list(services.signing.encodings),
    }
