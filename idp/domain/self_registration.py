"""What a client may state of itself where it registers itself (RFC 7591 §2, OpenID Connect Registration §2).

Nobody looks at such a registration before it counts. So it holds what people can allow on the consent page,
and nothing that reaches further: machines, their audiences and their scopes are registered by an operator.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from idp.domain.client import PAIRWISE
from idp.domain.client_metadata import MetadataError, MetadataFault, kept
from idp.domain.client_profile import PROFILES
from idp.domain.localized import localized_names
from idp.domain.metadata_addresses import REDIRECTS
from idp.domain.oauth import SECRET_METHODS, GrantType
from idp.domain.redirects import is_of_origin
from idp.domain.response_encryption import ENCODINGS

CLOSED: Final = "closed"
TOKEN: Final = "token"  # noqa: S105 - a mode
OPEN: Final = "open"
"""Who may register: nobody, whoever has a token for it, everybody."""

ASSIGNED: Final = frozenset(
    {
        "client_id_issued_at",
        "client_secret_expires_at",
        "registration_access_token",
        "registration_client_uri",
    }
)
"""What we tell a client and it never tells us (RFC 7592 §2.2)."""

RENEWAL: Final = "renew_client_secret"
"""Asks for a new secret, and says for how many seconds the former one works on: a member of our own."""

_LONGEST_OVERLAP: Final = 7 * 86_400
_OPERATORS: Final = frozenset({"allowed_addresses", "may_act", "resources", "serves"})
_MACHINES: Final = frozenset(
    {GrantType.CLIENT_CREDENTIALS.value, GrantType.JWT_BEARER.value, GrantType.TOKEN_EXCHANGE.value}
)
_STANDARD: Final = "RS256"
_SIGNED_FOR_IT: Final = ("id_token_signed_response_alg", "authorization_signed_response_alg")
_ENCRYPTION: Final = ("_encrypted_response_alg", "request_object_encryption_alg")
_LONGEST_NAME: Final = 120
_PARTS_OF_A_JWS: Final = 3


def stated(
    document: Mapping[str, Any],
    *,
    profile: str,
    scopes: Collection[str],
    algorithms: Collection[str],
    usual: str,
) -> dict[str, Any]:
    """Return the metadata to keep of what a client states, with every default written out for it.

    Names that are not known are dropped, and so are those that only an operator may give. What the client
    leaves open is decided by the standards: RS256, where its profile and our keys allow it, else ``usual``.
    """
    found = kept({name: value for name, value in document.items() if name not in _OPERATORS})
    found.setdefault("scope", " ".join(scopes))
    offered = _STANDARD in algorithms and _STANDARD not in PROFILES[profile].barred_algorithms
    for name in _SIGNED_FOR_IT:
        found.setdefault(name, _STANDARD if offered else usual)
    for name in [name for name in found if name.endswith(_ENCRYPTION)]:
        found.setdefault(f"{name.removesuffix('alg')}enc", ENCODINGS[0])
    return found


def self_registration_faults(
    metadata: Mapping[str, Any], *, scopes: Collection[str], issuer: str
) -> Iterator[MetadataFault]:
    """Find what is against the rules of clients that register themselves, in metadata whose shapes hold.

    None of them is answered at an address of ours, where a page would open as if we had led there with
    whatever its request brought along.
    """
    for name in REDIRECTS:
        if any(is_of_origin(uri, issuer) for uri in metadata.get(name, ())):
            yield MetadataFault(MetadataError.REDIRECT_URI, name, "must not lead to the Gateway itself")
    for grant in sorted(_MACHINES.intersection(metadata["grant_types"])):
        yield _wrong("grant_types", f"{grant} is for clients that an operator registered")
    if metadata.get("subject_type") == PAIRWISE and GrantType.DEVICE_CODE in metadata["grant_types"]:
        # A device is answered at no address, so nothing shows that the sector is the client's own.
        message = f"{PAIRWISE} with {GrantType.DEVICE_CODE} is for clients that an operator registered"
        yield _wrong("subject_type", message)
    for scope in str(metadata["scope"]).split():
        if scope not in scopes:
            yield _wrong("scope", f"has to be of {' '.join(scopes)}")
            break
    for name in ("client_name", *localized_names(metadata, ("client_name",))):
        if not _is_name(metadata.get(name, "-")):
            yield _wrong(name, f"has to be at most {_LONGEST_NAME} characters that can be seen")


def statement_fault(document: Mapping[str, Any]) -> MetadataFault | None:
    """Return why a software statement is refused, if there is one: we trust nobody's (RFC 7591 §3.1.1)."""
    statement = document.get("software_statement")
    if statement is None:
        return None
    name = "software_statement"
    if not _is_signed_token(statement):
        return MetadataFault(MetadataError.INVALID_STATEMENT, name, "is no signed token")
    return MetadataFault(MetadataError.UNAPPROVED_STATEMENT, name, "is of an issuer that is not trusted here")


def assigned_names(document: Mapping[str, Any]) -> list[str]:
    """Return the names in ``document`` that are ours to tell."""
    return sorted(ASSIGNED & document.keys())


def renewal_fault(document: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """Return what is wrong with the wish for another secret, or an empty text (:data:`RENEWAL`)."""
    asked = document.get(RENEWAL)
    if asked is None:
        return ""
    if not isinstance(asked, int) or isinstance(asked, bool) or not 0 <= asked <= _LONGEST_OVERLAP:
        return f"has to be whole seconds, {_LONGEST_OVERLAP} at most"
    method = str(metadata["token_endpoint_auth_method"])  # of whatever kind: that is told by another rule
    return "" if method in SECRET_METHODS else "belongs to methods with a secret"


def name_of(metadata: Mapping[str, Any], client_id: str) -> str:
    """Return what people are shown of a client: its name, or its id if it has none (RFC 7591 §2)."""
    return str(metadata.get("client_name") or client_id)


def _is_name(text: object) -> bool:
    return (
        isinstance(text, str) and len(text.strip()) > 0 and len(text) <= _LONGEST_NAME and text.isprintable()
    )


def _is_signed_token(statement: object) -> bool:
    if not isinstance(statement, str) or statement.count(".") != _PARTS_OF_A_JWS - 1:
        return False
    header, payload, signature = statement.split(".")
    try:
        said = [json.loads(urlsafe_b64decode(each + "=" * (-len(each) % 4))) for each in (header, payload)]
    except (ValueError, RecursionError):
        return False
    return bool(signature) and all(isinstance(each, dict) for each in said) and said[0].get("alg") != "none"


def _wrong(name: str, message: str) -> MetadataFault:
    return MetadataFault(MetadataError.METADATA, name, message)
