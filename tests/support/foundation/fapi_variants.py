"""The variants in which the suite runs the plans of FAPI 2.0, and the clients that play in each.

A variant is written as the suite's own words: ``client_auth_type/sender_constrain``, and where they are not the
usual ones ``/fapi_request_method/fapi_response_mode`` and ``/openid`` behind them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc.jwk import ECKey, RSAKey

from tests.support.certificates import Holder, a_holder
from tests.support.foundation.registry import plans
from tests.support.tls_world import CALLBACK, QUERY, SCOPE, Keys, a_fapi_client

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

WHO = ("first", "second")
OWN_SCOPE = "scim.users.read offline_access"
"""What is asked for without OpenID Connect: to see one's own account by SCIM."""
_SIGNED = "signed_non_repudiation"
_ALGORITHMS = {
    ("private_key_jwt", "mtls", "unsigned", "plain_response"): "PS256",
    ("mtls", "dpop", "unsigned", "plain_response"): "EdDSA",
    ("private_key_jwt", "dpop", _SIGNED, "jarm"): "EdDSA",
    ("private_key_jwt", "mtls", _SIGNED, "plain_response"): "PS256",
    ("mtls", "dpop", "unsigned", "jarm"): "PS256",
}
"""FAPI 2.0 §5.4: PS256, ES256, or EdDSA with Ed25519. Each proves clients, signs requests and proves keys somewhere."""


@dataclass(frozen=True)
class Variant:
    """How clients prove themselves, what their tokens are bound to, and what is signed."""

    auth: str
    constrain: str
    request: str = "unsigned"
    response: str = "plain_response"
    openid: str = "openid_connect"
    signs_by: str = ""

    @property
    def algorithm(self) -> str:
        """What clients sign with, and want signed for them: what was chosen, or the variant's own."""
        return self.signs_by or _ALGORITHMS.get(
            (self.auth, self.constrain, self.request, self.response), "ES256"
        )

    @property
    def signs_in(self) -> bool:
        """Nobody is told who signed in, unless tokens are for OpenID Connect."""
        return self.openid == "openid_connect"

    @property
    def by_certificate(self) -> bool:
        """Clients prove themselves by certificates."""
        return self.auth == "mtls"

    @property
    def by_proof(self) -> bool:
        """Tokens are bound to the keys of proofs (DPoP), else to certificates."""
        return self.constrain == "dpop"

    @property
    def signs(self) -> bool:
        """Requests are signed objects."""
        return self.request == _SIGNED

    @property
    def jarm(self) -> bool:
        """Answers are signed."""
        return self.response == "jarm"

    @property
    def token_type(self) -> str:
        """How tokens are presented."""
        return "DPoP" if self.by_proof else "Bearer"

    @property
    def is_self_signed(self) -> bool:
        """Clients are known by their certificates' keys, else by names that an authority certifies."""
        return self.by_certificate and self.by_proof

    def client_id(self, who: str) -> str:
        """Return the name of a client."""
        words = (
            self.auth,
            self.constrain,
            *(("jar",) if self.signs else ()),
            *(("jarm",) if self.jarm else ()),
            *(() if self.signs_in else ("oauth",)),
        )
        return "-".join(("fapi", *words, who))

    def certificate(self, who: str) -> str:
        """Return which certificate a client has."""
        return f"own-{who}" if self.is_self_signed else who


def variant_of(text: str) -> Variant:
    """Read a variant as the plans write it."""
    return Variant(*text.split("/"))


@dataclass(frozen=True)
class Certificates:
    """The certificates of clients, by name, and the file of whom the provider trusts for them."""

    holders: dict[str, Holder]
    trusted: Path


def certificates_in(
    folder: Path, *, of_rsa: Collection[str] = ("second",), life: dt.timedelta = dt.timedelta(hours=12)
) -> Certificates:
    """Make two certificates of one authority and two that stand for themselves; some have keys of RSA."""
    authority = a_holder("CN=An authority for clients", authority=True, life=life)
    issued = {
        who: a_holder(f"CN={who},O=Foundation", issuer=authority, of_rsa=who in of_rsa, life=life)
        for who in WHO
    }
    own = {f"own-{who}": a_holder(f"CN={who},O=Self", of_rsa=who in of_rsa, life=life) for who in WHO}
    for name, holder in {**issued, **own, "authority": authority}.items():
        holder.write(folder, name)
    trusted = folder / "trusted.pem"
    parts = ("authority", *own)
    trusted.write_text("".join((folder / f"{name}.pem").read_text() for name in parts))
    return Certificates({**issued, **own}, trusted)


def variants() -> list[Variant]:
    """Return every variant that is walked in a plan of FAPI 2.0."""
    named = {text for name, plan in plans().items() if name.startswith("fapi2") for text in plan["variants"]}
    return [variant_of(text) for text in sorted(named)]


def fapi_clients(
    keys: Keys,
    certificates: Certificates,
    resource: str,
    *,
    callback: str = CALLBACK,
    among: Iterable[Variant] = (),
) -> list[dict[str, Any]]:
    """Return two clients for each variant, of those that are walked unless others are named; their own tokens are for ``resource``."""
    return [
        _client(each, who, keys, certificates.holders)
        | {"redirect_uris": [callback, callback + QUERY], "resources": [resource]}
        for each in among or variants()
        for who in WHO
    ]


def _client(variant: Variant, who: str, keys: Keys, holders: dict[str, Holder]) -> dict[str, Any]:
    key = keys.of(who, variant.algorithm)
    metadata: dict[str, Any] = {
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "scope": f"{SCOPE if variant.signs_in else OWN_SCOPE} scim.read",
        "dpop_bound_access_tokens": variant.by_proof,
        "tls_client_certificate_bound_access_tokens": not variant.by_proof,
    }
    if variant.signs:
        metadata |= {"require_signed_request_object": True, "request_object_signing_alg": variant.algorithm}
    if variant.jarm:
        metadata["authorization_signed_response_alg"] = variant.algorithm
    if variant.is_self_signed:
        held = holders[variant.certificate(who)].key
        own = (RSAKey if isinstance(held, RSAPrivateKey) else ECKey).import_key(held, {"kid": f"own-{who}"})
        public = {"keys": [own.as_dict(private=False), key.as_dict(private=False)]}
        metadata |= {"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": public}
    elif variant.by_certificate:
        metadata["token_endpoint_auth_method"] = "tls_client_auth"
        metadata["tls_client_auth_subject_dn"] = f"CN={who},O=Foundation"
    if variant.by_certificate:
        metadata["token_endpoint_auth_signing_alg"] = None
    return a_fapi_client(variant.client_id(who), key, **metadata)
