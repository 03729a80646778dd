"""How a provisioning client gets its access token, and what the token opens (O3, O4; RFC 7523, RFC 8707)."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

from kernel.web.dispatch import Dispatch
from scim.domain.models import GROUP_SCHEMA, USER_SCHEMA
from scim.web.routes import scim_routes
from tests.support.oidc import ISSUER, an_assertion, public_keys

if TYPE_CHECKING:
    from kernel.web.http import Response
    from tests.support.oidc import Op

RESOURCE = f"{ISSUER}/scim/v2"
OTHER = "https://other.example"
SCOPES = {
    f"scim.{which}" for which in ("read", "write", "users.read", "users.write", "groups.read", "groups.write")
}


@pytest.fixture
def op(op_on_both: Op) -> Op:
    """Give a provider that serves SCIM, too, and knows one machine by its keys."""
    op_on_both.dispatch = Dispatch((*op_on_both.routes, *scim_routes(op_on_both.services)))
    op_on_both.machine(
        token_endpoint_auth_method="private_key_jwt",
        jwks=public_keys(),
        scope=" ".join(sorted(SCOPES)),
        resources=[RESOURCE, OTHER],
    )
    return op_on_both


def ask(op: Op, scope: str, resource: str = RESOURCE, **claims: object) -> Response:
    """Ask the token endpoint with an assertion of its own."""
    grant = {"grant_type": "client_credentials", "scope": scope, "resource": resource}
    proof = an_assertion("m2m", now=op.clock.now(), **{"jti": f"{scope} {resource}"} | claims)
    return op.post("/oauth2/token", grant | proof)


def send(op: Op, method: str, path: str, token: str, body: Any = None) -> Response:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}
    return op.call(
        method, f"/scim/v2{path}", headers=headers, body=b"" if body is None else json.dumps(body).encode()
    )


def test_a_persons_token_provisions_nothing(op: Op) -> None:
    """O3: whatever its client may do for itself, nobody who signs in to it is the client."""
    op.client("both", scope="openid scim.read", resources=[RESOURCE])
    cookie = op.session(op.account())
    code = op.code(cookie, client_id="both", scope="openid scim.read", resource=RESOURCE)
    token = op.redeem(code, headers=op.basic("both")).json()["access_token"]
    assert op.introspect(token, op.basic("both"))["active"] is True
    assert send(op, "GET", "/Users", token).status == 401


def test_a_key_gets_a_token_that_provisions(op: Op) -> None:
    """O3, O4: client_credentials by private_key_jwt; RFC 8414 says so; scope and audience bound the token."""
    metadata = op.get("/.well-known/oauth-authorization-server").json()
    assert "client_credentials" in metadata["grant_types_supported"]
    assert "private_key_jwt" in metadata["token_endpoint_auth_methods_supported"]
    assert set(metadata["scopes_supported"]) >= SCOPES
    got = ask(op, "scim.users.write").json()
    assert (got["token_type"], got["scope"]) == ("Bearer", "scim.users.write")
    assert "refresh_token" not in got
    token = got["access_token"]
    made = send(op, "POST", "/Users", token, {"schemas": [USER_SCHEMA], "userName": "erin"})
    assert made.status == 201
    path = made.header("location").removeprefix(RESOURCE)
    assert send(op, "GET", path, token).json()["userName"] == "erin"
    refused = send(op, "POST", "/Groups", token, {"schemas": [GROUP_SCHEMA], "displayName": "g"})
    assert refused.status == 403
    assert 'scope="scim.groups.write"' in refused.header("www-authenticate")
    reading = ask(op, "scim.read").json()["access_token"]
    assert [send(op, method, path, reading).status for method in ("GET", "DELETE")] == [200, 403]
    op.clock.advance(dt.timedelta(seconds=got["expires_in"]))
    assert send(op, "GET", path, token).status == 401


def test_a_token_for_another_resource_or_that_was_revoked_opens_nothing(op: Op) -> None:
    """O3, SA-01: the audience is looked at, and revocation counts at once."""
    elsewhere = ask(op, "scim.write", OTHER).json()["access_token"]
    assert send(op, "GET", "/Users", elsewhere).status == 401
    token = ask(op, "scim.write").json()["access_token"]
    assert send(op, "GET", "/Users", token).status == 200
    op.post("/oauth2/revoke", {"token": token, **an_assertion("m2m", jti="revocation")})
    answer = send(op, "GET", "/Users", token)
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.header("www-authenticate")


@pytest.mark.parametrize(
    "claims",
    [{"aud": OTHER}, {"iss": "another"}, {"sub": "another"}, {"exp": 1}, {"jti": None}],
    ids=["audience", "issuer", "subject", "expired", "no jti"],
)
def test_who_cannot_prove_to_be_the_client_gets_no_token(op: Op, claims: dict[str, object]) -> None:
    """O3, RFC 7523 §3: an assertion that is another's, or for somebody else, is none."""
    refused = ask(op, "scim.write", **claims)
    assert (refused.status, refused.json()["error"]) == (401, "invalid_client")
    assert "access_token" not in refused.json()
