"""The client that the foundation's modules play: it asks, redeems, and checks every answer as the suite does."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from httpx import QueryParams
from joserfc.jwk import KeySet

from idp.domain.claims import CLAIMS_OF_SCOPE
from switchyard.visitor import Page
from tests.support.signatures import verified
from tests.support.tls_world import CALLBACK, SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from tests.support.person import Arrival, Person
    from tests.support.tls_lab import TlsLab

VERIFIER = "a-verifier-that-has-at-least-forty-three-characters"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
_EVERY_SIGN = "".join(map(chr, range(0x20, 0x7F)))
"""The suite draws states from all of these (RFC 6749, Appendix A.5)."""
_DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")
_CODE = re.compile(r"[\x21-\x7e]{22,}")
"""128 bits at least, of signs that can be seen (RFC 6749 §10.10, A.11, A.12)."""
_YEAR = 31_536_000
_ANSWER = {
    "code": {"code"},
    "id_token": {"id_token"},
    "token": {"access_token", "token_type", "expires_in", "scope"},
}
"""What an answer has beside state and issuer, by the words of its response type."""
_REFUSAL = {"error", "error_description", "error_uri", "state", "iss"}
_TOKENS = {"access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"}
_CORE = {"iss", "sub", "aud", "exp", "iat", "jti", "auth_time", "nonce", "acr", "amr", "azp"}
_HASHES = {"at_hash": "access_token", "c_hash": "code"}
_OF_SCOPES = {claim for claims in CLAIMS_OF_SCOPE.values() for claim in claims}
_DIGESTS = dict.fromkeys(("ES256", "PS256", "RS256"), hashlib.sha256) | {"EdDSA": hashlib.sha512}


@dataclass
class Party:
    """One client of the laboratory, one person with a browser, and how answers are to travel."""

    lab: TlsLab
    person: Person
    client_id: str = "foundation"
    secret: str = SECRET
    mode: str = "query"
    response_type: str = "code"
    redirect_uri: str = CALLBACK
    algorithm: str = "RS256"
    serial: int = 0
    beside: frozenset[str] = frozenset({"sid"})
    """Claims of ID tokens beyond those of OpenID Connect Core §2 that the suite expects."""
    registered: list[dict[str, Any]] = field(default_factory=list)
    """What each client was told that registered itself on the way."""

    @property
    def http(self) -> httpx.Client:
        """What speaks with the provider without the person."""
        return self.lab.http

    @property
    def op(self) -> dict[str, Any]:
        """The provider's discovery document."""
        return self.lab.discovery

    # --- asking ---------------------------------------------------------------------------------------

    def request(self, **changes: str | None) -> dict[str, str]:
        """Return a good authorization request with fresh state and nonce, changed as told; None leaves one out."""
        self.serial += 1
        values: dict[str, str | None] = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": self.response_type,
            "scope": "openid",
            "state": f"state-{self.serial}-{_EVERY_SIGN}ü",
            "nonce": f"nonce-{self.serial}-".ljust(43, "n"),
            "response_mode": self.mode if self.mode == "form_post" else None,
            **changes,
        }
        return {name: value for name, value in values.items() if value is not None}

    def address(self, asked: dict[str, str]) -> str:
        """Return the address to which the person is sent with this request."""
        return f"{self.op['authorization_endpoint']}?{QueryParams(asked)}"

    def go(self, **changes: str | None) -> Arrival | Page:
        """Send the person off, and return where that ended."""
        return self.person.go(self.address(self.request(**changes)))

    def answer(self, **changes: str | None) -> dict[str, str]:
        """Return the parameters of a successful answer, which came as it was asked for."""
        asked = self.request(**changes)
        return self.check(self.person.arrive(self.address(asked)), asked)

    def check(self, arrived: Arrival, asked: dict[str, str]) -> dict[str, str]:
        """Return the parameters of a successful answer to ``asked``."""
        self.came_as_asked(arrived, asked)
        found = arrived.answer
        assert "error" not in found, found
        wanted = asked["response_type"].split()
        assert found.keys() <= {"state", "iss"}.union(*(_ANSWER[each] for each in wanted)), "unknown to all"
        assert found.get("state") == asked.get("state")
        assert found["iss"] == self.lab.issuer
        for each in {"code", "token"}.intersection(wanted):
            assert _CODE.fullmatch(found["code" if each == "code" else "access_token"])
        if "token" in wanted:
            assert found["token_type"].lower() == "bearer"
            assert int(found["expires_in"]) > 0
        return found

    def came_as_asked(self, arrived: Arrival, asked: dict[str, str]) -> None:
        """Check that the answer stands where the response mode wants it, and nowhere else.

        Without a response type its own mode cannot be known.
        """
        assert arrived.url.startswith(self.redirect_uri)
        assert bool(arrived.posted) == (self.mode == "form_post")
        if arrived.posted:
            assert arrived.url == self.redirect_uri
        in_fragment = self.mode == "fragment" and "response_type" in asked
        assert bool(urlsplit(arrived.url).fragment) == in_fragment

    def refused(self, **changes: str | None) -> dict[str, str]:
        """Return the error that comes back to the client."""
        asked = self.request(**changes)
        arrived = self.person.arrive(self.address(asked))
        self.came_as_asked(arrived, asked)
        found = arrived.answer
        assert "error" in found, found
        assert found.keys() <= _REFUSAL
        assert found.get("state") == asked.get("state")
        assert found["iss"] == self.lab.issuer
        assert _DESCRIPTION.fullmatch(found.get("error_description", "")), "a line break or a tab"
        return found

    def stopped(self, **changes: str | None) -> Page:
        """Return the page that says what is wrong; nobody is sent to the client."""
        found = self.go(**changes)
        assert isinstance(found, Page), found
        assert found.status in {400, 403}
        return found

    # --- tokens ---------------------------------------------------------------------------------------

    def post(self, endpoint: str, fields: dict[str, str], **more: Any) -> httpx.Response:
        """Post a form to an endpoint of the discovery document as this client."""
        return self.http.post(self.op[endpoint], data=fields, auth=(self.client_id, self.secret), **more)

    def redeem(self, code: str, **changes: str) -> httpx.Response:
        """Redeem a code."""
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        return self.post("token_endpoint", fields | changes)

    def token_answer(self, answer: httpx.Response) -> dict[str, Any]:
        """Return the tokens of an answer that is as it has to be."""
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("application/json")
        assert "no-store" in answer.headers["cache-control"]
        assert answer.headers.get("pragma", "no-cache") == "no-cache"
        found: dict[str, Any] = answer.json()
        assert found.keys() <= _TOKENS, "parameters that nobody knows"
        assert found["token_type"].lower() in {"bearer", "dpop"}
        assert isinstance(found["expires_in"], int)
        assert found["expires_in"] > 0
        assert _CODE.fullmatch(found["access_token"]), "signs that RFC 6749 A.12 has not"
        return found

    def no_tokens(self, answer: httpx.Response, *errors: str) -> None:
        """Check that the token endpoint refuses, by one of these names, in the form of RFC 6749 5.2."""
        assert answer.status_code == 400, answer.text
        assert answer.headers["content-type"].startswith("application/json")
        found = answer.json()
        assert found["error"] in errors
        assert found.keys() <= {"error", "error_description", "error_uri"}
        assert _DESCRIPTION.fullmatch(found.get("error_description", ""))

    def tokens(self, **changes: str | None) -> dict[str, Any]:
        """Sign in and return the tokens; the ID token is checked, and its claims stand beside as ``claims``."""
        return self.tokens_for(self.request(**changes))

    def tokens_for(self, asked: dict[str, str]) -> dict[str, Any]:
        """Do the same with this request as it is.

        Of two ID tokens the second is of the same person (OIDC Core §3.3.3.6), and of two access tokens the first
        is good, too. What is issued at the authorization endpoint has the hashes of what came with it.
        """
        answer = self.check(self.person.arrive(self.address(asked)), asked)
        found: dict[str, Any] = dict(answer)
        if "id_token" in answer:
            found["claims"] = self.claims(answer["id_token"], asked.get("nonce"), answer)
            for name, of in _HASHES.items():
                assert (name in found["claims"]) == (of in answer)
        if "code" in answer:
            verifier = {"code_verifier": VERIFIER} if "code_challenge" in asked else {}
            found |= self.token_answer(self.redeem(answer["code"], **verifier))
            claims = self.claims(found["id_token"], asked.get("nonce"), found)
            assert claims["sub"] == found.get("claims", claims)["sub"]
            found["claims"] = claims
        if "access_token" in answer:
            assert self.userinfo(answer["access_token"])["sub"] == found["claims"]["sub"]
        return found

    def claims(
        self, id_token: str, nonce: str | None, beside: Mapping[str, str] = MappingProxyType({})
    ) -> dict[str, Any]:
        """Return the claims of an ID token for this client that one of the published keys signed.

        Its hashes are those of the access token and of the code ``beside`` it, where it has any. Where no access
        token is issued it may tell what scopes open (OIDC Core §5.4).
        """
        published = self.http.get(self.op["jwks_uri"]).json()
        claims = verified(id_token, KeySet.import_key_set(published), self.algorithm)
        header = json.loads(base64.urlsafe_b64decode(id_token.partition(".")[0] + "=="))
        assert header["alg"] == self.algorithm
        assert [each["kid"] for each in published["keys"]].count(header["kid"]) == 1
        now = time.time()
        assert claims["iss"] == self.lab.issuer
        assert claims["aud"] == self.client_id
        assert claims.get("azp", self.client_id) == self.client_id
        assert now < claims["exp"] < now + 86_400
        assert now - 300 < claims["iat"] <= now + 5
        assert claims.get("nonce") == nonce
        assert now - _YEAR < claims.get("auth_time", now) <= now + 5
        assert claims.get("acr", "0").strip()
        assert isinstance(claims.get("amr", []), list)
        assert 0 < len(claims["sub"]) <= 255
        assert claims["sub"].isascii()
        told = _OF_SCOPES if self.response_type == "id_token" else set()
        assert claims.keys() <= _CORE | _HASHES.keys() | self.beside | told, (
            "what was not asked of the ID token"
        )
        for name, of in _HASHES.items():
            if of in beside and name in claims:
                whole = _DIGESTS[self.algorithm](beside[of].encode()).digest()
                assert base64.urlsafe_b64decode(claims[name] + "==") == whole[: len(whole) // 2]
        return dict(claims)

    def userinfo(self, access_token: str, *, way: str = "get") -> dict[str, Any]:
        """Return what userinfo says to a bearer token that is brought this way."""
        endpoint = self.op["userinfo_endpoint"]
        bearer = {"Authorization": f"Bearer {access_token}"}
        answer = {
            "get": lambda: self.http.get(endpoint, headers=bearer),
            "post-header": lambda: self.http.post(endpoint, headers=bearer),
            "post-body": lambda: self.http.post(endpoint, data={"access_token": access_token}),
        }[way]()
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("application/json")
        found: dict[str, Any] = answer.json()
        return found

    def is_dead(self, access_token: str) -> bool:
        """Tell whether userinfo refuses a bearer token."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return self.http.get(self.op["userinfo_endpoint"], headers=headers).status_code == 401
