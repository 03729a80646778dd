"""Addresses in a client's metadata: where people may be sent, what is shown, and what is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from idp.domain.localized import localized_names
from idp.domain.networks import is_of_somebody
from idp.domain.oauth import GrantType
from idp.domain.redirects import LOOPBACK, names_host, uri_fault

Found = list[tuple[str, str]]
"""Fields that are wrong, each with a sentence for the operator."""

REDIRECTS = ("redirect_uris", "post_logout_redirect_uris")
_SHOWN = ("client_uri", "logo_uri", "policy_uri", "tos_uri")
_FETCHED = ("jwks_uri", "sector_identifier_uri")
_PLAIN = "has to be an https address without a fragment"


def redirect_faults(metadata: Mapping[str, Any], *, loopback_http: bool) -> Found:
    """Return what is wrong with the addresses that people are sent back to (RFC 9700 §4.1.3)."""
    native = metadata["application_type"] == "native"
    sent_back = {GrantType.AUTHORIZATION_CODE, GrantType.IMPLICIT} & set(metadata["grant_types"])
    if sent_back and not metadata.get("redirect_uris"):
        return [("redirect_uris", f"{min(sent_back)} needs at least one")]
    return [
        (name, f"{uri} {fault}")
        for name in REDIRECTS
        for uri in metadata.get(name, [])
        if (fault := uri_fault(uri, native=native, loopback_http=loopback_http))
    ]


def address_faults(metadata: Mapping[str, Any], *, loopback_http: bool) -> Found:
    """Return what is wrong with every other address; what we fetch is never http, not even on loopback."""
    shown = ["backchannel_logout_uri", *_SHOWN, *localized_names(metadata, _SHOWN)]
    found = [
        (name, _PLAIN)
        for name in shown
        if name in metadata and not is_web_address(metadata[name], loopback_http=loopback_http)
    ]
    found += [(name, _PLAIN) for name in _FETCHED if name in metadata and not is_web_address(metadata[name])]
    found += [
        # OIDC Core §6.2: the fragment may name the digest of what stands there.
        ("request_uris", "has to be https addresses")
        for uri in metadata.get("request_uris", [])
        if not is_web_address(uri, fragment=True)
    ]
    found += [
        (name, "has to be absolute URIs without fragment and spaces")
        for name in ("resources", "serves")
        if not all(_is_resource(each) for each in metadata.get(name, []))
    ]
    if not all(is_of_somebody(each) for each in metadata.get("allowed_addresses", [])):
        found.append(("allowed_addresses", "has to be addresses or networks, like 192.0.2.7 or 192.0.2.0/28"))
    return found


def is_web_address(text: str, *, loopback_http: bool = False, fragment: bool = False) -> bool:
    """Tell whether ``text`` is an https address of a plain host, as a header of a page may name it."""
    if not text.isascii() or not text.isprintable() or set(text) & set(" \"'<>\\"):
        return False
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    plain = loopback_http and parts.scheme == "http" and (host in LOOPBACK or f"[{host}]" in LOOPBACK)
    return (
        (parts.scheme == "https" or plain)
        and names_host(parts.netloc.lower())
        and port != 0
        and (fragment or "#" not in text)
    )


def _is_resource(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return (
        bool(parts.scheme) and "#" not in text and text.isascii() and not any(each.isspace() for each in text)
    )
