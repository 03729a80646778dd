"""What a client may be registered with (RFC 7591 §2, OpenID Connect Registration §2, RFC 9700)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from idp.domain import browser_addresses, response_encryption
from idp.domain.client import PAIRWISE, SUBJECT_TYPES, sector_of
from idp.domain.client_certificate import SUBJECTS, subject_fault, subjects_named
from idp.domain.client_key_sets import key_set_fault
from idp.domain.client_profile import CODE, ClientProfile
from idp.domain.localized import is_localized, localized_names
from idp.domain.metadata_addresses import address_faults, redirect_faults
from idp.domain.oauth import ASSERTION_ALGORITHMS, AuthMethod, GrantType
from idp.domain.profile_metadata import profile_faults
from idp.domain.scope import split_scope
from idp.domain.session import Acr
from kernel.randomness import ULID

KNOWN = frozenset(
    {
        "allowed_addresses",
        "application_type",
        "authorization_signed_response_alg",
        "backchannel_logout_session_required",
        "backchannel_logout_uri",
        "client_name",
        "client_uri",
        "contacts",
        "default_acr_values",
        "default_max_age",
        "dpop_bound_access_tokens",
        "grant_types",
        "id_token_signed_response_alg",
        "introspection_signed_response_alg",
        "jwks",
        "jwks_uri",
        "logo_uri",
        "may_act",
        "policy_uri",
        "post_logout_redirect_uris",
        "redirect_uris",
        "request_object_encryption_alg",
        "request_object_encryption_enc",
        "request_object_signing_alg",
        "request_uris",
        "require_auth_time",
        "require_pushed_authorization_requests",
        "require_signed_request_object",
        "resources",
        "response_types",
        "scope",
        "sector_identifier_uri",
        "serves",
        "software_id",
        "software_version",
        "subject_type",
        "tls_client_certificate_bound_access_tokens",
        *SUBJECTS,
        "token_endpoint_auth_method",
        "token_endpoint_auth_signing_alg",
        "tos_uri",
        "userinfo_signed_response_alg",
        *browser_addresses.NAMES,
        *response_encryption.NAMES,
    }
)
"""Metadata we keep; what else is sent is dropped, as RFC 7591 §2 asks."""

SIGNING_ALGORITHMS = ("ES256", "PS256", "EdDSA", "RS256")
_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,63}")
_MOST_URIS = 50
_PEOPLE = frozenset({GrantType.AUTHORIZATION_CODE.value, GrantType.DEVICE_CODE.value})
_LONGEST = 2_000
_LONGEST_CONTACT = 320
_LONGEST_AGE = 9_999_999_999


class MetadataError(StrEnum):
    """Error codes of a refused registration (RFC 7591 §3.2.2)."""

    REDIRECT_URI = "invalid_redirect_uri"
    METADATA = "invalid_client_metadata"
    INVALID_STATEMENT = "invalid_software_statement"
    UNAPPROVED_STATEMENT = "unapproved_software_statement"


@dataclass(frozen=True, slots=True)
class MetadataFault:
    """What is wrong with a registration: the standard's code, the field, and a sentence for its operator."""

    code: MetadataError
    name: str
    message: str


def kept(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata we keep, with the defaults of the standard written out.

    An empty value counts as not stated (RFC 7592 §2.2), unless it is of another type than the name's.
    """
    found = {
        name: value
        for name, value in metadata.items()
        if (name in KNOWN or is_localized(name)) and not _states_nothing(name, value)
    }
    found.setdefault("grant_types", [GrantType.AUTHORIZATION_CODE.value])
    found.setdefault("token_endpoint_auth_method", AuthMethod.SECRET_BASIC.value)
    found.setdefault("application_type", "web")
    grants = found["grant_types"]
    if isinstance(grants, list) and GrantType.AUTHORIZATION_CODE.value in grants:
        found.setdefault("response_types", [CODE])
    return found


def _states_nothing(name: str, value: object) -> bool:
    if value == []:
        return name in _LISTS
    return value is None or (value == "" and (name in _TEXTS or is_localized(name)))


def is_client_id(text: str) -> bool:
    """Tell whether ``text`` may name a client: plain ASCII, and never the form of an account's id (TK-15)."""
    return _CLIENT_ID.fullmatch(text) is not None and ULID.fullmatch(text) is None


def metadata_faults(
    metadata: Mapping[str, Any], *, profile: str = ClientProfile.DEFAULT, loopback_http: bool = False
) -> tuple[MetadataFault, ...]:
    """Return everything that is wrong with ``metadata``, as :func:`kept` returns it, for this profile."""
    found = [fault for rule in _SHAPES for fault in rule(metadata)]
    if not found:  # the rules below look into values whose shapes hold
        found = [fault for rule in _RULES for fault in rule(metadata)]
        found += [_wrong(name, message) for name, message in profile_faults(metadata, profile)]
        found += [
            MetadataFault(MetadataError.REDIRECT_URI, name, message)
            for name, message in redirect_faults(metadata, loopback_http=loopback_http)
        ]
        found += [
            _wrong(name, message) for name, message in address_faults(metadata, loopback_http=loopback_http)
        ]
        opened = browser_addresses.browser_address_faults(metadata, loopback_http=loopback_http)
        found += [_wrong(name, message) for name, message in opened]
        found += [_wrong(*fault) for fault in response_encryption.encryption_faults(metadata)]
    return tuple(found)


_REQUEST_ALG, _REQUEST_ENC = "request_object_encryption_alg", "request_object_encryption_enc"
_Found = list[MetadataFault]
_Rule = Callable[[Mapping[str, Any]], _Found]


def _wrong(name: str, message: str) -> MetadataFault:
    return MetadataFault(MetadataError.METADATA, name, message)


_LISTS = (
    "allowed_addresses",
    "contacts",
    "default_acr_values",
    "grant_types",
    "post_logout_redirect_uris",
    "redirect_uris",
    "request_uris",
    "resources",
    "response_types",
    "serves",
)
_SWITCHES = (
    "backchannel_logout_session_required",
    "dpop_bound_access_tokens",
    "require_auth_time",
    "tls_client_certificate_bound_access_tokens",
    "require_pushed_authorization_requests",
    "require_signed_request_object",
    *browser_addresses.SWITCHES,
)
_TEXTS = (
    "application_type",
    "authorization_signed_response_alg",
    "backchannel_logout_uri",
    "client_name",
    "client_uri",
    "id_token_signed_response_alg",
    "introspection_signed_response_alg",
    "jwks_uri",
    "logo_uri",
    "may_act",
    "policy_uri",
    "request_object_encryption_alg",
    "request_object_encryption_enc",
    "request_object_signing_alg",
    "scope",
    "sector_identifier_uri",
    "software_id",
    "software_version",
    "subject_type",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "tos_uri",
    *SUBJECTS,
    "userinfo_signed_response_alg",
    *browser_addresses.TEXTS,
    *response_encryption.NAMES,
)


def _lists_are_lists_of_texts(metadata: Mapping[str, Any]) -> _Found:
    return [
        _wrong(name, "has to be a list of at most 50 texts")
        for name in _LISTS
        if name in metadata and not _is_list_of_texts(metadata[name])
    ]


def _is_list_of_texts(value: object) -> bool:
    if not isinstance(value, list) or len(value) > _MOST_URIS:
        return False
    return all(isinstance(each, str) for each in value)


def _texts_are_texts(metadata: Mapping[str, Any]) -> _Found:
    return [
        _wrong(name, "has to be a text of at most 2000 characters")
        for name in (*_TEXTS, *localized_names(metadata))
        if name in metadata and not (isinstance(metadata[name], str) and len(metadata[name]) <= _LONGEST)
    ]


def _switches_are_booleans(metadata: Mapping[str, Any]) -> _Found:
    return [
        _wrong(name, "has to be true or false")
        for name in _SWITCHES
        if not isinstance(metadata.get(name, False), bool)
    ]


_SHAPES: tuple[_Rule, ...] = (_lists_are_lists_of_texts, _texts_are_texts, _switches_are_booleans)


def _contacts_stand_in_a_line(metadata: Mapping[str, Any]) -> _Found:
    if all(each.isprintable() and len(each) <= _LONGEST_CONTACT for each in metadata.get("contacts", [])):
        return []
    return [_wrong("contacts", "has to be texts of at most 320 characters, each in a line")]


def _choices_are_offered(metadata: Mapping[str, Any]) -> _Found:
    offered: dict[str, tuple[str, ...]] = {
        "application_type": ("web", "native"),
        "token_endpoint_auth_method": tuple(AuthMethod),
        "id_token_signed_response_alg": SIGNING_ALGORITHMS,
        "authorization_signed_response_alg": SIGNING_ALGORITHMS,
        "introspection_signed_response_alg": SIGNING_ALGORITHMS,
        "userinfo_signed_response_alg": SIGNING_ALGORITHMS,
        "request_object_signing_alg": ASSERTION_ALGORITHMS,
        _REQUEST_ALG: response_encryption.ALGORITHMS,
        _REQUEST_ENC: response_encryption.ENCODINGS,
        "token_endpoint_auth_signing_alg": ASSERTION_ALGORITHMS,
        "subject_type": SUBJECT_TYPES,
    }
    return [
        _wrong(name, f"has to be one of {', '.join(values)}")
        for name, values in offered.items()
        if name in metadata and metadata[name] not in values
    ]


def _classes_are_offered(metadata: Mapping[str, Any]) -> _Found:
    """A class that no sign-in can have would demand nothing, which is not what was meant."""
    good = all(each in tuple(Acr) for each in metadata.get("default_acr_values", ()))
    return [] if good else [_wrong("default_acr_values", f"has to be of {', '.join(Acr)}")]


def _an_encoding_has_its_algorithm(metadata: Mapping[str, Any]) -> _Found:
    alone = _REQUEST_ENC in metadata and _REQUEST_ALG not in metadata
    return [_wrong(_REQUEST_ENC, f"belongs to {_REQUEST_ALG}")] if alone else []


def _grants_are_offered(metadata: Mapping[str, Any]) -> _Found:
    grants = metadata["grant_types"]
    found = []
    if not grants or any(grant not in tuple(GrantType) for grant in grants):
        found.append(_wrong("grant_types", f"has to name some of {', '.join(GrantType)}"))
    if GrantType.REFRESH_TOKEN in grants and _PEOPLE.isdisjoint(grants):
        found.append(_wrong("grant_types", f"refresh_token needs {' or '.join(sorted(_PEOPLE))}"))
    return found


def _machines_have_a_credential(metadata: Mapping[str, Any]) -> _Found:
    if metadata["token_endpoint_auth_method"] != AuthMethod.NONE:
        return []
    return [
        _wrong("token_endpoint_auth_method", f"{grant} needs a credential")
        for grant in (GrantType.CLIENT_CREDENTIALS, GrantType.TOKEN_EXCHANGE)
        if grant in metadata["grant_types"]
    ]


def _assertions_are_signed_with_registered_keys(metadata: Mapping[str, Any]) -> _Found:
    method = metadata["token_endpoint_auth_method"]
    if GrantType.JWT_BEARER in metadata["grant_types"] and method != AuthMethod.PRIVATE_KEY_JWT:
        return [_wrong("token_endpoint_auth_method", f"has to be private_key_jwt for {GrantType.JWT_BEARER}")]
    return []


def _scope_is_well_formed(metadata: Mapping[str, Any]) -> _Found:
    if "scope" in metadata and split_scope(metadata["scope"]) is None:
        return [_wrong("scope", "has to be scopes separated by single spaces")]
    return []


def _keys_are_public_and_strong(metadata: Mapping[str, Any]) -> _Found:
    method = metadata["token_endpoint_auth_method"]
    wanted = method in {AuthMethod.PRIVATE_KEY_JWT, AuthMethod.SELF_SIGNED_TLS}
    if "jwks_uri" in metadata:
        both = "jwks" in metadata  # RFC 7591 §2: never both
        return [_wrong("jwks_uri", "and jwks exclude each other")] if both else []
    if "jwks" not in metadata:
        return [_wrong("jwks", f"or jwks_uri is needed by {method}")] if wanted else []
    fault = key_set_fault(metadata["jwks"])
    if not fault and wanted and all(row.get("use") == "enc" for row in metadata["jwks"]["keys"]):
        fault = f"has to hold a key for signatures: {method} needs one"
    return [_wrong("jwks", fault)] if fault else []


def _a_pairwise_subject_has_a_sector(metadata: Mapping[str, Any]) -> _Found:
    if metadata.get("subject_type") != PAIRWISE or sector_of(metadata):
        return []
    return [_wrong("sector_identifier_uri", "is needed: the redirect URIs are not all of one host")]


def _certificates_have_a_subject(metadata: Mapping[str, Any]) -> _Found:
    """RFC 8705 §2.1.2: exactly one name of the certificate, and only where it proves the client."""
    named = subjects_named(metadata)
    if metadata["token_endpoint_auth_method"] != AuthMethod.TLS:
        return [_wrong(name, "belongs to tls_client_auth alone") for name in named]
    if len(named) != 1:
        return [_wrong("token_endpoint_auth_method", f"needs exactly one of {', '.join(SUBJECTS)}")]
    return [_wrong(name, fault) for name in named if (fault := subject_fault(name, metadata[name]))]


def _an_actor_is_a_client(metadata: Mapping[str, Any]) -> _Found:
    good = "may_act" not in metadata or is_client_id(metadata["may_act"])
    return [] if good else [_wrong("may_act", "has to be the id of a client")]


def _max_age_is_seconds(metadata: Mapping[str, Any]) -> _Found:
    value = metadata.get("default_max_age", 0)
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LONGEST_AGE
    return [] if good else [_wrong("default_max_age", "has to be whole seconds")]


_RULES: tuple[_Rule, ...] = (
    _contacts_stand_in_a_line,
    _choices_are_offered,
    _classes_are_offered,
    _an_encoding_has_its_algorithm,
    _grants_are_offered,
    _machines_have_a_credential,
    _assertions_are_signed_with_registered_keys,
    _scope_is_well_formed,
    _keys_are_public_and_strong,
    _certificates_have_a_subject,
    _an_actor_is_a_client,
    _max_age_is_seconds,
    _a_pairwise_subject_has_a_sector,
)
