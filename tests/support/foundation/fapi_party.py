"""The client that the modules of FAPI 2.0 play: it pushes requests, and binds its tokens to a key (DPoP)."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from httpx import QueryParams
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests.support.foundation.party import CHALLENGE, VERIFIER
from tests.support.foundation.registered import KeyParty
from tests.support.person import Arrival

if TYPE_CHECKING:
    import httpx

    from switchyard.visitor import Page


@dataclass
class FapiParty(KeyParty):
    """``signed`` is the plan on message signing: requests are signed objects, answers are signed (JARM)."""

    algorithm: str = "ES256"
    signed: bool = False
    dpop_key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", private=True))
    nonce: str = ""

    # --- proofs ---------------------------------------------------------------------------------------

    def dpop(
        self, method: str, url: str, *, token: str = "", key: ECKey | None = None, **changes: Any
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
        header: dict[str, Any] = {"typ": "dpop+jwt", "alg": "ES256", "jwk": chosen.as_dict(private=False)}
        for name, value in changes.items():
            (header if name in header else claims)[name] = value
        said = {name: value for name, value in claims.items() if value is not None}
        kept = {name: value for name, value in header.items() if value is not None}
        return jwt.encode(kept, said, chosen, algorithms=["ES256"])

    def post(
        self,
        endpoint: str,
        fields: dict[str, str],
        *,
        bound: bool = True,
        proof: dict[str, Any] | None = None,
        assertion: dict[str, Any] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Post a form; a nonce of the server is brought as soon as it is told."""
        for _ in range(2):
            url = self.op[endpoint]
            headers = {"DPoP": self.dpop("POST", url, **(proof or {}))} if bound else {}
            named = {"client_id": self.client_id, **self.proof(**(assertion or {}))}
            data = {name: value for name, value in {**named, **fields}.items() if value is not None}
            answer = self.http.post(url, data=data, headers=headers, **more)
            told = answer.headers.get("DPoP-Nonce", "")
            self.nonce = told or self.nonce
            if not (told and "use_dpop_nonce" in answer.text):
                break
        return answer

    # --- asking ---------------------------------------------------------------------------------------

    def request(self, **changes: str | None) -> dict[str, str]:
        """Return a good request with PKCE."""
        mode = {"response_mode": "jwt"} if self.signed else {}
        pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
        return super().request(**{**mode, **pkce, **changes})

    def object(self, asked: dict[str, Any], *, key: Any = None, alg: str = "ES256", **changes: Any) -> str:
        """Return a request as a signed object, its claims changed as told."""
        now = int(time.time())
        dates = {"iss": self.client_id, "aud": self.lab.issuer, "iat": now, "nbf": now, "exp": now + 300}
        held = {**asked, **dates, **changes}
        said = {name: value for name, value in held.items() if value is not None}
        signing = key or self.key
        return jwt.encode({"alg": alg, "kid": signing.kid}, said, signing, algorithms=[alg])

    def push(self, asked: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        """Push a request, as an object where the plan signs."""
        wanted = asked or self.request()
        fields = {"request": self.object(wanted)} if self.signed else wanted
        return self.post("pushed_authorization_request_endpoint", fields, **more)

    def pushed(self, asked: dict[str, str], **more: Any) -> str:
        """Return the name of a pushed request."""
        answer = self.push(asked, **more)
        assert answer.status_code == 201, answer.text
        found = answer.json()
        assert found.keys() == {"request_uri", "expires_in"}
        assert isinstance(found["expires_in"], int)
        assert answer.headers["cache-control"].startswith("no-")
        return str(found["request_uri"])

    def visit(self, request_uri: str, **beside: str) -> Arrival | Page:
        """Send the person to the authorization endpoint with the name of a pushed request."""
        query = QueryParams({"client_id": self.client_id, "request_uri": request_uri, **beside})
        return self.person.go(f"{self.op['authorization_endpoint']}?{query}")

    def opened(self, arrived: Arrival | Page) -> dict[str, str]:
        """Return the parameters that came back; a signed answer is verified first."""
        assert isinstance(arrived, Arrival), arrived
        assert arrived.place == self.redirect_uri
        found = arrived.answer
        if not self.signed:
            return found
        assert found.keys() == {"response"}
        published = KeySet.import_key_set(self.http.get(self.op["jwks_uri"]).json())
        claims = jwt.decode(found["response"], published, algorithms=["ES256"]).claims
        assert (claims.pop("iss"), claims.pop("aud")) == (self.lab.issuer, self.client_id)
        assert claims.pop("iat", 0) <= time.time() + 5
        assert time.time() < claims.pop("exp") < time.time() + 3_600
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

    def bound_tokens(self, **changes: str | None) -> dict[str, Any]:
        """Return good tokens that are bound to the key, the ID token's claims beside them."""
        asked = self.request(**changes)
        found = self.token_answer(self.redeem(self.code_of(asked)))
        assert found["token_type"] == "DPoP"
        return found | {"claims": self.claims(found["id_token"], asked.get("nonce"))}

    def ask_userinfo(
        self, token: str, *, scheme: str = "DPoP", headers: dict[str, str] | None = None, **changes: Any
    ) -> httpx.Response:
        """Ask userinfo with a proof, changed as told, and again with a nonce of the server."""
        url = self.op["userinfo_endpoint"]
        for _ in range(2):
            sent = headers or {"DPoP": self.dpop("GET", url, token=token, **changes)}
            answer = self.http.get(url, headers={"Authorization": f"{scheme} {token}", **sent})
            told = answer.headers.get("DPoP-Nonce", "")
            self.nonce = told or self.nonce
            if "use_dpop_nonce" not in answer.headers.get("WWW-Authenticate", ""):
                break
        return answer
