"""A stand-in OpenID provider on 127.0.0.1: the outside world as a relying party sees it.

It speaks the standards over real HTTP and has knobs for everything a provider, or somebody in its place, may do
wrong. Nobody has to type a password here: whoever is set as :attr:`FakeOP.account` is signed in.
"""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc import jwk, jwt

from relying_parties.id_token import half_hash
from relying_parties.oidc import challenge_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from relying_parties.ports import Clock

Claims = dict[str, Any]
ALGORITHMS = ["ES256", "RS256", "PS256", "EdDSA", "HS256", "ES384"]
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
ACCESS = [
    {
        "org": "101234",
        "org_name": "ACME GENERATION",
        "role": "emi-dispatch-data-submit",
        "role_name": "Dispatch data submit",
    }
]
ALICE: Claims = {
    "sub": "01J9ZC3Q4R5S6T7V8W9X0Y1Z2A",
    "name": "Alice Smith",
    "preferred_username": "smithal",
    "email": "alice.smith@acme.example",
}


@dataclass
class ClientAtOP:
    """What the provider knows of a client."""

    redirect_uri: str
    secret: str = ""
    jwks: Mapping[str, Any] | None = None


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class FakeOP:
    """The provider; use it as a context manager."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.key: Any = jwk.ECKey.generate_key("P-256", {"kid": "first", "alg": "ES256", "use": "sig"})
        self.published: list[Any] = [self.key]
        self.clients: dict[str, ClientAtOP] = {}
        self.account: Claims = dict(ALICE)
        self.sid = "op-session-1"
        self.acr = "urn:switchyard:acr:2fa"
        self.amr = ["pwd", "otp", "mfa"]
        self.access: list[dict[str, str]] = [dict(row) for row in ACCESS]
        self.signed_in_at = int(clock.now().timestamp())
        self.hits: list[str] = []
        self.asked: list[dict[str, str]] = []
        """The authorization requests, as they came."""
        self.change_id_token: Callable[[Claims], Claims] = lambda claims: claims
        self.change_response: Callable[[dict[str, str]], dict[str, str]] = lambda query: query
        self.change_userinfo: Callable[[Claims], Claims] = lambda claims: claims
        self.authorize_error = ""
        self.checks_pkce = True
        self.broken: set[str] = set()
        """Paths that answer 500."""
        self._codes: dict[str, dict[str, str]] = {}
        self._tokens: dict[str, str] = {}
        self._numbers = count(1)
        handler = type("Handler", (_Handler,), {"op": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop to serve."""
        self.stop()

    def stop(self) -> None:
        """Be unreachable from now on."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def now(self) -> int:
        """Return the provider's time in Unix seconds."""
        return int(self.clock.now().timestamp())

    def rotate_key(self, kid: str) -> None:
        """Sign with a new key from now on; the old one stays published."""
        self.key = jwk.ECKey.generate_key("P-256", {"kid": kid, "alg": "ES256", "use": "sig"})
        self.published.append(self.key)

    def sign(self, claims: Claims, *, typ: str = "JWT", key: Any = None, alg: str = "", **header: str) -> str:
        """Return the claims signed."""
        key = key or self.key
        full = {"alg": alg or key.get("alg") or "ES256", "typ": typ, "kid": key.kid, **header}
        return jwt.encode({k: v for k, v in full.items() if v}, claims, key, algorithms=ALGORITHMS)

    def id_claims(self, client_id: str, /, **others: Any) -> Claims:
        """Return the claims of a good ID token."""
        claims: Claims = {
            "iss": self.issuer,
            "sub": self.account["sub"],
            "aud": client_id,
            "exp": self.now() + 300,
            "iat": self.now(),
            "auth_time": self.signed_in_at,
            "acr": self.acr,
            "amr": self.amr,
            "sid": self.sid,
            "session_expiry": self.now() + 8 * 3600,
            "access": self.access,
        }
        return {**claims, **others}

    def logout_claims(self, client_id: str, /, **others: Any) -> Claims:
        """Return the claims of a good logout token."""
        claims: Claims = {
            "iss": self.issuer,
            "aud": client_id,
            "iat": self.now(),
            "exp": self.now() + 120,
            "jti": f"logout-{next(self._numbers)}",
            "sub": self.account["sub"],
            "sid": self.sid,
            "events": {LOGOUT_EVENT: {}},
        }
        return {**claims, **others}

    def logout_token(self, client_id: str, /, **others: Any) -> str:
        """Return a logout token; claims given as None are left out."""
        claims = self.logout_claims(client_id, **others)
        return self.sign({k: v for k, v in claims.items() if v is not None}, typ="logout+jwt")

    def access_token(self, client_id: str, audience: str, scope: str, /, **others: Any) -> str:
        """Return an access token for a web service (RFC 9068)."""
        claims = {
            "iss": self.issuer,
            "sub": client_id,
            "client_id": client_id,
            "aud": audience,
            "scope": scope,
            "jti": f"token-{next(self._numbers)}",
            "iat": self.now(),
            "exp": self.now() + 300,
            **others,
        }
        return self.sign({k: v for k, v in claims.items() if v is not None}, typ="at+jwt")

    # What the endpoints do.

    def discovery(self) -> Answer:
        """Tell the addresses."""
        names = ("authorization", "token", "userinfo", "end_session")
        document = {
            "issuer": self.issuer,
            **{f"{name}_endpoint": f"{self.issuer}/{name}" for name in names},
            "jwks_uri": f"{self.issuer}/jwks",
            "authorization_response_iss_parameter_supported": True,
        }
        return _json(200, document)

    def jwks(self) -> Answer:
        """Tell the keys."""
        return _json(200, {"keys": [key.as_dict(private=False) for key in self.published]})

    def authorization(self, query: dict[str, str]) -> Answer:
        """Sign in whoever is set, and send the browser back."""
        self.asked.append(query)
        client = self.clients[query["client_id"]]
        assert query["redirect_uri"] == client.redirect_uri
        assert query["code_challenge_method"] == "S256"
        answer = {"state": query["state"], "iss": self.issuer}
        if self.authorize_error:
            answer["error"] = self.authorize_error
        else:
            answer["code"] = f"code-{next(self._numbers)}"
            self._codes[answer["code"]] = query
        return Answer(
            303, headers={"Location": f"{client.redirect_uri}?{urlencode(self.change_response(answer))}"}
        )

    def token(self, form: dict[str, str], authorization: str) -> Answer:
        """Trade a code for tokens, once."""
        client_id = self._authenticated(form, authorization)
        if client_id is None:
            return _json(401, {"error": "invalid_client"})
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or asked["client_id"] != client_id or form["redirect_uri"] != asked["redirect_uri"]:
            return _json(400, {"error": "invalid_grant"})
        if self.checks_pkce and challenge_of(form["code_verifier"]) != asked["code_challenge"]:
            return _json(400, {"error": "invalid_grant"})
        access_token = f"access-{next(self._numbers)}"
        self._tokens[access_token] = self.account["sub"]
        claims = self.id_claims(client_id, nonce=asked["nonce"], at_hash=half_hash("ES256", access_token))
        return _json(
            200,
            {
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": 300,
                "id_token": self.sign(self.change_id_token(claims)),
            },
        )

    def userinfo(self, authorization: str) -> Answer:
        """Tell about the account."""
        if authorization.removeprefix("Bearer ") not in self._tokens:
            return _json(401, {"error": "invalid_token"})
        return _json(200, self.change_userinfo(dict(self.account)))

    def end_session(self, query: dict[str, str]) -> Answer:
        """End the session and send the browser back."""
        self.sid = f"op-session-{next(self._numbers)}"
        back = f"{query['post_logout_redirect_uri']}?{urlencode({'state': query['state']})}"
        return Answer(303, headers={"Location": back})

    def _authenticated(self, form: dict[str, str], authorization: str) -> str | None:
        if authorization.startswith("Basic "):
            pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
            client_id, _, secret = (unquote_plus(part) for part in pair.partition(":"))
            known = self.clients.get(client_id)
            return client_id if known and known.secret and known.secret == secret else None
        assertion = form.get("client_assertion", "")
        if not assertion:
            return None
        payload = json.loads(base64.urlsafe_b64decode(assertion.split(".")[1] + "=="))
        known = self.clients[payload["iss"]]
        keys = jwk.KeySet.import_key_set(known.jwks)  # type: ignore[arg-type]
        claims = jwt.decode(assertion, keys, algorithms=ALGORITHMS).claims
        good = claims["aud"] == self.issuer and claims["sub"] == claims["iss"] and claims["exp"] > self.now()
        return str(claims["iss"]) if good else None


class _Handler(BaseHTTPRequestHandler):
    """Routes requests to the provider."""

    op: FakeOP

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self._answer(dict(parse_qsl(self.rfile.read(length).decode())))

    def _answer(self, form: dict[str, str]) -> None:
        parts = urlsplit(self.path)
        self.op.hits.append(parts.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        authorization = self.headers.get("Authorization", "")
        deeds: dict[str, Callable[[], Answer]] = {
            "/.well-known/openid-configuration": self.op.discovery,
            "/jwks": self.op.jwks,
            "/authorization": lambda: self.op.authorization(query),
            "/token": lambda: self.op.token(form, authorization),
            "/userinfo": lambda: self.op.userinfo(authorization),
            "/end_session": lambda: self.op.end_session(query),
        }
        broken = parts.path in self.op.broken
        answer = Answer(500) if broken else deeds.get(parts.path, lambda: Answer(404))()
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name the library gave it
        """Say nothing."""


def _json(status: int, document: Mapping[str, Any]) -> Answer:
    return Answer(status, json.dumps(document).encode(), {"Content-Type": "application/json"})
