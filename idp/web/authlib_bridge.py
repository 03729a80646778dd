"""The one file that meets Authlib: its validators judge what we publish and what is registered with us.

Authlib's authorization server itself is not used: it saves tokens before it deletes the code, and knows no
single conditional statement. Its rules of RFC 8414, OpenID Connect Discovery, RFC 7591 and OpenID Connect
Registration are a second, independent reading of the same standards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc7591 import ClientMetadataClaims
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc import discovery, registration, rpinitiated
from joserfc.errors import JoseError

from idp.domain.redirects import LOOPBACK


def provider_metadata_fault(document: Mapping[str, object]) -> str:
    """Return what is wrong with a discovery document by RFC 8414 and OIDC Discovery, or an empty text.

    A loopback issuer over http is judged as if it were https: whether plain http is allowed is a matter of
    our own settings, and it is refused there in production.
    """
    judged = {name: _as_https(value) for name, value in document.items()}
    try:
        AuthorizationServerMetadata(judged).validate()
        discovery.OpenIDProviderMetadata(judged).validate(
            metadata_classes=[rpinitiated.OpenIDProviderMetadata]
        )
    except ValueError as error:
        return str(error)
    return ""


def client_metadata_fault(metadata: Mapping[str, Any], provider: Mapping[str, Any]) -> str:
    """Return the name of a field of client metadata that is wrong, or an empty text.

    Wrong by RFC 7591, by OpenID Connect Registration, or because ``provider``, our own metadata, does not
    offer it.
    """
    # The scopes of resources that are not ours stand in no discovery document.
    offered = {name: value for name, value in provider.items() if name != "scopes_supported"}
    judged = dict(metadata)
    # It wants a host in every address, which a private scheme of a native client has none (RFC 8252 §7.1).
    judged["redirect_uris"] = [uri for uri in metadata.get("redirect_uris", ()) if "://" in uri]
    for rules in (ClientMetadataClaims, registration.ClientMetadataClaims):
        try:
            rules(dict(judged), {}, rules.get_claims_options(offered)).validate()
        except JoseError as error:
            return str(getattr(error, "claim", "") or "metadata")
    return ""


def _as_https(value: object) -> object:
    if isinstance(value, str) and value.startswith("http://") and _is_loopback(value):
        return "https://" + value.removeprefix("http://")
    return value


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    return host in LOOPBACK or f"[{host}]" in LOOPBACK
