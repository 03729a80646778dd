"""Both mounts of the protocol face answer the same bytes: the lane in front of Flask, and Flask itself."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import flask
import pytest

from kernel.randomness import SeededRandomness
from kernel.web.flask_mount import mount
from kernel.web.lane import Lane, call
from tests.support.oidc import BROWSER, CALLBACK, VERIFIER, Op, an_assertion, an_op, public_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel.database import Database
    from tests.support.databases import Databases

    Application = Callable[..., Any]

Answer = tuple[str, list[tuple[str, str]], bytes]
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"})


def peer(_environ: Mapping[str, Any]) -> str:
    return "192.0.2.1"


def flask_app(op: Op) -> Application:
    app = flask.Flask("mounted")
    mount(app, op.routes, randomness=SeededRandomness(1), peer=peer)
    application: Application = app.wsgi_app
    return application


def lane_app(op: Op) -> Application:
    def nobody(_environ: object, _start: object) -> list[bytes]:
        raise AssertionError("every route of this face is hot")

    return Lane(nobody, op.routes, randomness=SeededRandomness(1), peer=peer, host_is_ours=lambda _host: True)


class Visit:
    """One seeded provider behind one mount, and the same journey through every endpoint."""

    def __init__(self, database: Database, make: Callable[[Op], Application]) -> None:
        self.op = an_op(database, seed=7)
        self.application = make(self.op)
        self.answers: list[Answer] = []

    def send(
        self,
        method: str,
        path: str,
        query: str = "",
        fields: Mapping[str, str] | None = None,
        **headers: str,
    ) -> Answer:
        """Send one request and keep the answer."""
        body = urlencode(fields or {}).encode()
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "HTTP_HOST": "gateway.example",
            "SERVER_NAME": "gateway.example",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "192.0.2.1",
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }
        if fields is not None:
            environ["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
        status, sent, content = call(self.application, environ)
        # Flask's own words for a status are another spelling of the same number.
        answer = (status[:3], sorted((name.lower(), value) for name, value in sent), content)
        self.answers.append(answer)
        return answer

    def everywhere(self) -> list[Answer]:
        """Visit every endpoint: what succeeds, and how each refuses."""
        op = self.op
        op.client(post_logout_redirect_uris=["https://emi.example/out"])
        op.machine("pk", token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
        cookie = op.session(op.account())
        jar = f"__Host-gateway_browser={BROWSER}; __Host-gateway_session={cookie}"
        basic = op.basic()["authorization"]
        for path in ("/.well-known/openid-configuration", "/oauth2/jwks"):
            document = self.send("GET", path)
            self.send("HEAD", path)
            self.send("GET", path, if_none_match=dict(document[1])["etag"])
            self.send("DELETE", path)
        self.send("GET", "/oauth2/authorize", urlencode(op.ask(redirect_uri="https://evil.example")))
        self.send("GET", "/oauth2/authorize", urlencode(op.ask(prompt="none")))
        self.send("GET", "/oauth2/authorize", urlencode(op.ask()))
        self.send("POST", "/oauth2/authorize", fields=op.ask())
        self.send("GET", "/oauth2/authorize", urlencode(op.ask(response_mode="form_post")), cookie=jar)
        self.send("GET", "/oauth2/authorize/resume", "flow=x", cookie=jar)
        redirect = self.send("GET", "/oauth2/authorize", urlencode(op.ask()), cookie=jar)
        code = parse_qs(urlsplit(dict(redirect[1])["location"]).query)["code"][0]
        self.send("GET", "/oauth2/token")
        self.send("POST", "/oauth2/token", fields={"grant_type": "authorization_code"})
        redeem = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
        self.send("POST", "/oauth2/token", fields={**redeem, "redirect_uri": CALLBACK}, authorization=basic)
        tokens = flask.json.loads(self.answers[-1][2])
        self.send(
            "POST",
            "/oauth2/token",
            fields={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
            authorization=basic,
        )
        self.send("GET", "/oauth2/userinfo", authorization=f"Bearer {tokens['access_token']}")
        self.send("GET", "/oauth2/userinfo")
        self.send("POST", "/oauth2/introspect", fields={"token": tokens["access_token"]}, authorization=basic)
        self.send("POST", "/oauth2/introspect", fields={"token": "x"})
        self.send("POST", "/oauth2/revoke", fields={"token": tokens["access_token"]}, authorization=basic)
        self.send("GET", "/oauth2/logout", cookie=jar)
        self.send("GET", "/oauth2/logout", urlencode({"id_token_hint": tokens["id_token"]}), cookie=jar)
        return self.answers


def test_every_endpoint_answers_the_same_bytes_through_both_mounts(databases: Databases) -> None:
    """ADR 4: status, headers and body; only time and chance are held still."""
    through_lane = Visit(databases.gateway(), lane_app).everywhere()
    through_flask = Visit(databases.gateway(), flask_app).everywhere()
    assert len(through_lane) > 25
    for number, (lane, mounted) in enumerate(zip(through_lane, through_flask, strict=True)):
        assert lane == mounted, number
    assert {answer[0] for answer in through_lane} >= {"200", "303", "304", "400", "401", "405"}


@pytest.mark.parametrize("make", [lane_app, flask_app])
def test_a_wrong_method_is_told_the_right_ones(
    sqlite_gateway_database: Database, make: Callable[[Op], Application]
) -> None:
    """RFC 9110 §10.2.1, §15.5.6: what Allow names is served, and what is served is named, at every address."""
    visit = Visit(sqlite_gateway_database, make)
    refused = set()
    for path in sorted({route.path.replace("{client_id}", "nobody") for route in visit.op.routes}):
        answers = {method: visit.send(method, path, fields={}) for method in METHODS}
        wrong = {method for method, (status, _, _) in answers.items() if status == "405"}
        refused |= wrong
        for method in wrong:
            allowed = dict(answers[method][1])["allow"].split(", ")
            assert sorted(allowed) == sorted(METHODS - wrong), path
        if wrong and "OPTIONS" not in wrong:
            asked = dict(answers["OPTIONS"][1])["allow"].split(", ")
            assert sorted(asked) == sorted(METHODS - wrong), path
    assert refused == METHODS


def test_an_assertion_is_accepted_through_both_mounts(databases: Databases) -> None:
    """private_key_jwt: the same client, the same proof, the same token."""
    answers = []
    for make in (lane_app, flask_app):
        visit = Visit(databases.gateway(), make)
        visit.op.machine("pk", token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
        fields = {"grant_type": "client_credentials", **_PROOF}
        answers.append(visit.send("POST", "/oauth2/token", fields=fields))
    assert answers[0] == answers[1]
    assert answers[0][0] == "200"


_PROOF = an_assertion("pk")
