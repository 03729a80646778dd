"""The client that the modules of FAPI 2.0 play: it pushes requests, and binds its tokens to a key or a certificate."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from httpx import QueryParams
from joserfc.jwk import KeySet

from tests.support.foundation.fapi_variants import OWN_SCOPE
from tests.support.foundation.fapi_words import is_random
from tests.support.foundation.party import CHALLENGE, VERIFIER
from tests.support.foundation.registered import KeyParty
from tests.support.person import Arrival
from tests.support.signatures import a_signing_key, algorithm_of, signed, verified
from tests.support.tls_world import CALLBACK, QUERY

if TYPE_CHECKING:
    import httpx

    from switchyard.visitor import Page
    from tests.support.foundation.fapi_variants import Variant
    from tests.support.signatures import SigningKey


_BESIDE = "a_header_that_nobody_knows"
_REPEATED = ("response_type", "scope", "redirect_uri")
"""What the suite says beside the name of a pushed request once more (RFC 6749 §4.1.1, OIDC Core §6.1)."""
_OF_A_YEAR = 31_536_000


@dataclass
class FapiParty(KeyParty):
    """A client of the variant that is walked: ``who`` of the two that there are.

    Beside the name of a pushed request it ``repeats`` some of what it asked last, unless told otherwise.
    """

    variant: Variant = field(kw_only=True)
    who: str = "first"
    dpop_key: Any = None
    nonce: str = ""
    repeats: bool = True
    last: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Be who is named."""
        self.become(self.who)

    def become(self, who: str) -> None:
        """Go on as one of the two clients, with everything that proves it, and with a key of its own for proofs."""
        self.who, self.client_id = who, self.variant.client_id(who)
        self.algorithm, self.beside = self.variant.algorithm, frozenset()
        self.redirect_uri = CALLBACK + (QUERY if who == "second" else "")
        self.key = self.lab.keys.of(who, self.algorithm)
        self.dpop_key = self.another_key()

    def another_key(self) -> SigningKey:
        """Draw a key for proofs, of the kind that the variant's clients have."""
        return a_signing_key(self.algorithm)

    def rsa_key(self) -> SigningKey:
        """Return the key with which RS256 could be tried: the registered one, where that is of RSA."""
        return self.key if self.algorithm == "PS256" else a_signing_key("PS256", self.key.kid)

    def line(self, *, bound: bool = True) -> httpx.Client:
        """Return what speaks with the provider, by the client's certificate where it has one to show.

        What is not ``bound`` lacks what tokens are bound to.
        """
        shows = self.variant.by_certificate or not self.variant.by_proof
        if shows and (bound or self.variant.by_proof):
            return self.lab.presenting[self.variant.certificate(self.who)]
        return self.lab.http

    # --- proofs ---------------------------------------------------------------------------------------

    def dpop(
        self, method: str, url: str, *, token: str = "", key: SigningKey | None = None, **changes: Any
    ) -> str:
        """Return a proof of possession, changed as told; None leaves a claim or a header out."""
        chosen = key or self.dpop_key
        ath = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        claims: dict[str, Any] = {
            "htm": method,
            "htu": url,
            "iat": int(time.time()),
            "jti": uuid.uuid4().hex,
            "nonce": self.nonce or None,
            "ath": ath if token else None,
        }
        header: dict[str, Any] = {
            "typ": "dpop+jwt",
            "alg": algorithm_of(chosen),
            "jwk": {
                **chosen.as_dict(private=False),
                "kid": chosen.thumbprint(),
                "use": "sig",
                "alg": algorithm_of(chosen),
            },
        }
        for name, value in changes.items():
            (header if name in header or name == _BESIDE else claims)[name] = value
        said = {name: value for name, value in claims.items() if value is not None}
        kept = {name: value for name, value in header.items() if value is not None}
        return signed(kept, said, chosen)

    def proof(self, **changes: object) -> dict[str, str]:
        """Return the fields of private_key_jwt; the assertion tells from when on it holds, too."""
        return super().proof(**{"nbf": int(time.time()), **changes})

    def post(
        self,
        endpoint: str,
        fields: dict[str, Any],
        *,
        bound: bool = True,
        proof: dict[str, Any] | None = None,
        assertion: dict[str, Any] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Post a form; a nonce of the server is brought as soon as it is told.

        Who proves itself by a signature names itself nowhere else.
        """
        for _ in range(2):
            url = self.op[endpoint]
            proves = bound and self.variant.by_proof
            headers = {"DPoP": self.dpop("POST", url, **(proof or {}))} if proves else {}
            by_certificate = self.variant.by_certificate
            named = {"client_id": self.client_id} if by_certificate else self.proof(**(assertion or {}))
            data = {name: value for name, value in {**named, **fields}.items() if value is not None}
            answer = self.line(bound=bound).post(url, data=data, headers=headers, **more)
            told = answer.headers.get("DPoP-Nonce", "")
            self.nonce = told or self.nonce
            if not (told and "use_dpop_nonce" in answer.text):
                break
        return answer

    # --- asking ---------------------------------------------------------------------------------------

    @cached_property
    def op(self) -> dict[str, Any]:
        """The provider's metadata, as a client of OpenID Connect finds it, or as any other does (RFC 8414)."""
        if self.variant.signs_in:
            return self.lab.discovery
        answer = self.http.get(f"{self.lab.issuer}/.well-known/oauth-authorization-server")
        assert answer.headers["content-type"].startswith("application/json")
        return dict(answer.json())

    def request(self, **changes: str | None) -> dict[str, str]:
        """Return a good request with PKCE."""
        mode = {"response_mode": "jwt"} if self.variant.jarm else {}
        pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
        own: dict[str, str | None] = {"scope": OWN_SCOPE.split()[0], "nonce": None}
        self.last = super().request(**{**({} if self.variant.signs_in else own), **mode, **pkce, **changes})
        return self.last

    def object(self, asked: dict[str, Any], *, key: Any = None, alg: str = "", **changes: Any) -> str:
        """Return a request as a signed object, its claims changed as told; None leaves one out.

        The suite's second client tells when and what it is, its first does not. What is JSON in a query is
        part of the object (OIDC Core §6.1).
        """
        now = int(time.time())
        told = self.who == "second"
        dates = {"iss": self.client_id, "aud": self.lab.issuer, "nbf": now, "exp": now + 300}
        parts = {"claims": json.loads(asked["claims"])} if "claims" in asked else {}
        held = {**asked, **parts, **dates, **({"iat": now} if told else {}), **changes}
        said = {name: value for name, value in held.items() if value is not None}
        signing = key or self.key
        kind = {"typ": "oauth-authz-req+jwt"} if told else {}
        return signed({"alg": alg or algorithm_of(signing), "kid": signing.kid, **kind}, said, signing)

    def push(self, asked: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        """Push a request, as an object where the variant signs; see :meth:`push_fields`."""
        return self.push_fields(self.pushes(asked), **more)

    def push_fields(self, fields: dict[str, Any], *, bound: bool = False, **more: Any) -> httpx.Response:
        """Push these fields as they are, without what tokens will be bound to unless that is told.

        A certificate that proves the client is shown in any case.
        """
        proves_both = self.variant.by_certificate and not self.variant.by_proof
        return self.post("pushed_authorization_request_endpoint", fields, bound=bound or proves_both, **more)

    def pushes(self, asked: dict[str, str] | None = None) -> dict[str, str]:
        """Return the fields of a request that is to be pushed."""
        wanted = asked or self.request()
        return {"request": self.object(wanted)} if self.variant.signs else wanted

    def pushed(self, asked: dict[str, str], **more: Any) -> str:
        """Return the name of a pushed request."""
        answer = self.push(asked, **more)
        assert answer.status_code == 201, answer.text
        found = answer.json()
        assert found.keys() == {"request_uri", "expires_in"}
        assert isinstance(found["expires_in"], int)
        assert 5 <= found["expires_in"] < _OF_A_YEAR
        assert is_random(found["request_uri"])
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["cache-control"].startswith("no-")
        return str(found["request_uri"])

    def visit(self, request_uri: str, **beside: str) -> Arrival | Page:
        """Send the person to the authorization endpoint with the name of a pushed request."""
        repeated = {name: self.last[name] for name in _REPEATED if name in self.last and self.repeats}
        named = {**repeated, "client_id": self.client_id, "request_uri": request_uri, **beside}
        query = QueryParams(sorted(named.items(), reverse=self.who == "second"))
        return self.person.go(f"{self.op['authorization_endpoint']}?{query}")

    def opened(self, arrived: Arrival | Page) -> dict[str, str]:
        """Return the parameters that came back; a signed answer is verified first."""
        assert isinstance(arrived, Arrival), arrived
        assert arrived.url.startswith(self.redirect_uri)
        found = {name: value for name, value in arrived.answer.items() if f"{name}={value}" not in QUERY}
        if not self.variant.jarm:
            return found
        assert found.keys() == {"response"}
        published = KeySet.import_key_set(self.http.get(self.op["jwks_uri"]).json())
        claims = verified(found["response"], published, self.algorithm)
        assert (claims.pop("iss"), claims.pop("aud")) == (self.lab.issuer, self.client_id)
        assert claims.pop("iat", 0) <= time.time() + 5
        assert time.time() < claims.pop("exp") <= time.time() + 600
        return {**claims, "iss": self.lab.issuer}

    def code(self, **changes: str | None) -> str:
        """Return a fresh code."""
        return self.code_of(self.request(**changes))

    def code_of(self, asked: dict[str, str], **more: Any) -> str:
        """Return the code that answers this request."""
        found = self.opened(self.visit(self.pushed(asked, **more)))
        assert "error" not in found, found
        assert found.keys() <= {"code", "state", "iss"}, found
        assert found.get("state") == asked.get("state")
        assert found["iss"] == self.lab.issuer
        assert is_random(found["code"])
        return found["code"]

    # --- tokens ---------------------------------------------------------------------------------------

    def redeem(self, code: str, **changes: Any) -> httpx.Response:
        """Redeem a code; what is no field goes to :meth:`post`."""
        more = {name: changes.pop(name) for name in ("bound", "proof", "assertion") if name in changes}
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER,
        }
        return self.post("token_endpoint", {**fields, **changes}, **more)

    def bound_tokens(self, *, bound: bool = False, **changes: str | None) -> dict[str, Any]:
        """Return good tokens that are bound to the key, the ID token's claims beside them.

        ``bound``: the request is pushed with the key already.
        """
        asked = self.request(**changes)
        found = self.token_answer(self.redeem(self.code_of(asked, bound=bound)))
        assert found["token_type"] == self.variant.token_type
        assert found["expires_in"] <= _OF_A_YEAR
        assert all(is_random(found[each]) for each in ("access_token", "refresh_token") if each in found)
        return found | {"claims": self.who_signed_in(found, asked)}

    def who_signed_in(self, found: dict[str, Any], asked: dict[str, str]) -> dict[str, Any]:
        """Return the claims of the ID token, which is there where OpenID Connect is asked for and only there."""
        if not self.variant.signs_in:
            assert "id_token" not in found
            return {}
        return self.claims(found["id_token"], asked.get("nonce"), found)

    def ask_as_machine(self, fields: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        """Ask for tokens of the client itself, for the resource that it is registered for."""
        wanted = {"grant_type": "client_credentials", "scope": "scim.read"}
        return self.post("token_endpoint", {**wanted, **(fields or {})}, **more)

    def machine_token(self, **more: Any) -> str:
        """Return a good token of the client itself: nobody signed in, and nothing is refreshed."""
        found = self.token_answer(self.ask_as_machine(**more))
        assert found["token_type"] == self.variant.token_type
        assert not {"refresh_token", "id_token"} & found.keys()
        return str(found["access_token"])

    @property
    def resource(self) -> str:
        """What the tokens of machines are for: the Gateway's users, by SCIM."""
        return f"{self.lab.issuer}/scim/v2/Users"

    @property
    def own(self) -> str:
        """The resource that tells a person's own: userinfo, or without OpenID Connect her account by SCIM."""
        return str(self.op["userinfo_endpoint"]) if self.variant.signs_in else f"{self.lab.issuer}/scim/v2/Me"

    def ask_own(self, token: str, **more: Any) -> httpx.Response:
        """Ask for a person's own with what the token is bound to; see :meth:`ask_resource`."""
        return self.ask_resource(self.own, token, **more)

    def ask_resource(
        self,
        url: str,
        token: str,
        *,
        scheme: str = "",
        headers: dict[str, str] | None = None,
        beside: dict[str, str] | None = None,
        **changes: Any,
    ) -> httpx.Response:
        """Ask a resource with a proof, changed as told, or by the certificate; again with a nonce of the server.

        ``headers`` are sent instead of the proof, those ``beside`` in any case.
        """
        for _ in range(2):
            proof = {"DPoP": self.dpop("GET", url, token=token, **changes)} if self.variant.by_proof else {}
            sent = {
                "Authorization": f"{scheme or self.variant.token_type} {token}",
                **(proof if headers is None else headers),
            }
            sent |= beside or {}
            answer = self.line().get(url, headers=sent)
            told = answer.headers.get("DPoP-Nonce", "")
            self.nonce = told or self.nonce
            if "use_dpop_nonce" not in answer.headers.get("WWW-Authenticate", ""):
                break
        return answer
