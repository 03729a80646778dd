"""What a client's profile adds to the rules of its registration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.domain.client_profile import CODE, PROFILES, ProfileRules, in_order
from idp.domain.metadata_addresses import REDIRECTS, Found
from idp.domain.oauth import GrantType

_ALGORITHMS = (
    "id_token_signed_response_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
    "userinfo_signed_response_alg",
    "request_object_signing_alg",
    "token_endpoint_auth_signing_alg",
)


def profile_faults(metadata: Mapping[str, Any], profile: str) -> Found:
    """Return what is wrong with ``metadata``, whose shapes hold, for a client of this profile."""
    rules = PROFILES.get(profile)
    if rules is None:
        return [("profile", f"has to be one of {', '.join(PROFILES)}")]
    return [
        *_response_types(metadata, rules),
        *_grants(metadata, rules, profile),
        *_authentication(metadata, rules, profile),
        *_algorithms(metadata, rules, profile),
        *_addresses(metadata, rules, profile),
        *_binding(metadata, rules, profile),
    ]


def _response_types(metadata: Mapping[str, Any], rules: ProfileRules) -> Found:
    """Response types and the grants behind them belong together (RFC 7591 §2.1)."""
    types = [in_order(each) for each in metadata.get("response_types", ())]
    grants = metadata["grant_types"]
    found: Found = []
    if any(each not in rules.response_types for each in types):
        found.append(("response_types", f"has to be of {', '.join(rules.response_types)}"))
    words = {word for each in types for word in each.split()}
    if (CODE in words) != (GrantType.AUTHORIZATION_CODE in grants):
        found.append(("response_types", "belongs to the grant authorization_code, and it to code"))
    if bool(words - {CODE}) != (GrantType.IMPLICIT in grants):
        found.append(("grant_types", "implicit belongs to response types with tokens, and they to it"))
    return found


def _grants(metadata: Mapping[str, Any], rules: ProfileRules, profile: str) -> Found:
    return [
        ("grant_types", f"must not name {grant} in the profile {profile}")
        for grant in metadata["grant_types"]
        if grant in rules.barred_grants
    ]


def _authentication(metadata: Mapping[str, Any], rules: ProfileRules, profile: str) -> Found:
    method = metadata["token_endpoint_auth_method"]
    if rules.auth_methods is None or method in rules.auth_methods:
        return []
    methods = ", ".join(sorted(rules.auth_methods))
    return [("token_endpoint_auth_method", f"has to be one of {methods} in the profile {profile}")]


def _algorithms(metadata: Mapping[str, Any], rules: ProfileRules, profile: str) -> Found:
    return [
        (name, f"must not be {metadata[name]} in the profile {profile}")
        for name in _ALGORITHMS
        if metadata.get(name) in rules.barred_algorithms
    ]


def _addresses(metadata: Mapping[str, Any], rules: ProfileRules, profile: str) -> Found:
    if not rules.needs_https or metadata["application_type"] == "native":
        return []
    return [
        (name, f"has to use https in the profile {profile}")
        for name in REDIRECTS
        if any(uri.startswith("http:") for uri in metadata.get(name, ()))
    ]


def _binding(metadata: Mapping[str, Any], rules: ProfileRules, profile: str) -> Found:
    bound = ("dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens")
    if any("token" in each.split(" ") for each in metadata.get("response_types", ())):
        # What the browser brings proves no key (RFC 9700 §2.1.2): such a token would be one to be borne.
        return [(name, "excludes response types with token") for name in bound if metadata.get(name) is True]
    if not rules.sender_constrained or any(metadata.get(name) is True for name in bound):
        return []
    return [(bound[0], f"or {bound[1]} has to be true in the profile {profile}")]
