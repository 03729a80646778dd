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
_SHORTEST = {"RSA": 2_048, "EC": 224, "OKP": 0}


def document(party: Party) -> dict[str, Any]:
    """Return the discovery document, fetched anew, once what every plan checks of it is checked."""
    answer = party.http.get(f"{party.lab.issuer}/.well-known/openid-configuration")
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == "application/json"
    op: dict[str, Any] = answer.json()
    assert op["issuer"] == party.lab.issuer
    issuer = urlsplit(op["issuer"])
    assert (issuer.scheme, issuer.query, issuer.fragment) == ("https", "", "")
    addresses = {name: value for name, value in op.items() if name.endswith(("_endpoint", "_uri"))}
    assert len(addresses) > 7
    assert {urlsplit(each).scheme for each in addresses.values()} == {"https"}
    for name, value in op.items():
        if name.endswith(("_supported", "_values")) and isinstance(value, list):
            assert value, name
            assert all(isinstance(each, str) for each in value), name
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
        parts = [key[name] for name in _MEMBERS[key["kty"]]]
        assert all(_BASE64URL.fullmatch(each) for each in parts), "padding, or what base64url has not"
        assert len(base64.urlsafe_b64decode(parts[0] + "==")) * 8 >= _SHORTEST[key["kty"]]
    assert len({each["kid"] for each in found}) == len(found)
    return found
