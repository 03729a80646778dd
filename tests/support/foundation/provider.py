"""What the suite looks at before it asks for anything: the provider's document and its keys."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from tests.support.foundation.party import Party

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_MEMBERS = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",)}
_CURVES = {"P-256", "P-384", "P-521", "secp256k1", "Ed25519", "Ed448", "X25519", "X448"}
_SIGN = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
_ENCRYPT = {"RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"}
_SHORTEST = {"RSA": 2_048, "EC": 224, "OKP": 0}
_ADDRESSES = {
    "issuer",
    "jwks_uri",
    *(
        f"{each}_endpoint"
        for each in (
            "authorization",
            "token",
            "userinfo",
            "registration",
            "introspection",
            "revocation",
            "end_session",
            "device_authorization",
            "pushed_authorization_request",
        )
    ),
}
_LISTS = {
    *(
        f"{each}_supported"
        for each in (
            "scopes",
            "response_types",
            "response_modes",
            "grant_types",
            "subject_types",
            "code_challenge_methods",
            "prompt_values",
            "acr_values",
            "claim_types",
            "claims",
            "ui_locales",
            "claims_locales",
            "display_values",
            "dpop_signing_alg_values",
        )
    ),
    *(
        f"{endpoint}_endpoint_auth_{each}_supported"
        for endpoint in ("token", "introspection", "revocation")
        for each in ("methods", "signing_alg_values")
    ),
    *(
        f"{what}_{each}_values_supported"
        for what in ("id_token", "userinfo", "request_object", "authorization", "introspection")
        for each in ("signing_alg", "encryption_alg", "encryption_enc")
    ),
}
_FLAGS = {
    *(
        f"{each}_supported"
        for each in (
            "claims_parameter",
            "request_parameter",
            "request_uri_parameter",
            "authorization_response_iss_parameter",
            "backchannel_logout",
            "backchannel_logout_session",
            "frontchannel_logout",
            "frontchannel_logout_session",
        )
    ),
    "require_request_uri_registration",
    "require_signed_request_object",
    "require_pushed_authorization_requests",
    "tls_client_certificate_bound_access_tokens",
}
"""What is registered for documents like ours, of which the suite takes no other member: whatever is in none of these
three sets it warns of."""


def document(party: Party) -> dict[str, Any]:
    """Return the discovery document, fetched anew, once what every plan checks of it is checked."""
    answer = party.http.get(f"{party.lab.issuer}/.well-known/openid-configuration")
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == "application/json"
    op: dict[str, Any] = answer.json()
    assert op["issuer"] == party.lab.issuer
    issuer = urlsplit(op["issuer"])
    assert (issuer.scheme, issuer.query, issuer.fragment) == ("https", "", "")
    assert op.keys() <= _ADDRESSES | _LISTS | _FLAGS, "what nobody registered"
    assert {urlsplit(op[each]).scheme for each in op.keys() & _ADDRESSES} == {"https"}
    assert all(isinstance(op[each], bool) for each in op.keys() & _FLAGS)
    for name in op.keys() & _LISTS:
        assert isinstance(op[name], list), name
        assert op[name], name
        assert all(isinstance(each, str) for each in op[name]), name
    assert all(_SCOPE.fullmatch(each) for each in op["scopes_supported"])
    for name in ("ui_locales_supported", "claims_locales_supported"):
        assert all(_LANGUAGE.fullmatch(each) for each in op.get(name, ())), name
    return op


def keys(party: Party) -> list[dict[str, Any]]:
    """Return the provider's keys: public, whole, long enough, each with a name of its own."""
    answer = party.http.get(party.op["jwks_uri"])
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["keys"]
    for key in found:
        assert not key.keys() & _PRIVATE, "what is private"
        assert key.get("use", "sig") in {"sig", "enc"}
        assert key.get("alg") in {None, *(_ENCRYPT if key.get("use") == "enc" else _SIGN)}, (
            "unknown to libraries"
        )
        assert key["kty"] == "RSA" or key["crv"] in _CURVES
        parts = [key[name] for name in _MEMBERS[key["kty"]]]
        assert all(_BASE64URL.fullmatch(each) for each in parts), "padding, or what base64url has not"
        assert len(base64.urlsafe_b64decode(parts[0] + "==")) * 8 >= _SHORTEST[key["kty"]]
    assert len({each["kid"] for each in found}) == len(found)
    return found
