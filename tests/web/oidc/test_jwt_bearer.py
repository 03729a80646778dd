"""The JWT bearer grant (RFC 7523 section 2.1): a client's assertion about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from joserfc.jwk import ECKey

from idp.usecases.register_client import ClientOrder, RegistrationRefused, register_client
from kernel.audit import SYSTEM
from tests.support.oidc import ISSUER, an_assertion, claims_of, public_keys

if TYPE_CHECKING:
    from kernel.web.http import Response
    from tests.support.oidc import Op

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def machine(op: Op, client_id: str = "m2m", **metadata: object) -> None:
    values = {
        "grant_types": [GRANT],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": public_keys(),
        **metadata,
    }
    op.machine(client_id, **values)


def grant(op: Op, assertion: str, headers: dict[str, str] | None = None, **fields: str) -> Response:
    said = {"grant_type": GRANT, "assertion": assertion, **fields}
    return op.post("/oauth2/token", said, headers=headers)


def signed(**changes: object) -> str:
    return an_assertion("m2m", **changes)["client_assertion"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "other"},
        {"sub": "other"},
        {"sub": None},
        {"aud": "https://other.example"},
        {"aud": None},
        {"exp": 0},
        {"exp": 10**12},
        {"nbf": 10**12},
        {"jti": None},
        {"key": ECKey.generate_key("P-256", {"kid": "ec"})},
    ],
)
def test_a_wrong_assertion_is_an_invalid_grant(op: Op, changes: dict[str, object]) -> None:
    """RFC 7523 §3, §3.1: rule by rule, one answer to all, and it never says which."""
    machine(op)
    answer = grant(op, signed(**changes))
    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")
    assert op.audit("gateway:token:issued") == []


def test_an_assertion_brings_one_token_once(op_on_both: Op) -> None:
    """RFC 7523 §3: the client's own scopes and resource, its id as subject (TK-07, TK-15), and no second time."""
    op = op_on_both
    machine(op)
    assertion = signed(typ="authorization-grant+jwt")
    answer = grant(op, assertion, scope="scim.read")
    assert answer.status == 200, answer.body
    claims = claims_of(answer.json()["access_token"])
    assert (claims["sub"], claims["scope"], claims["aud"]) == ("m2m", "scim.read", f"{ISSUER}/scim/v2")
    again = grant(op, assertion)
    assert (again.status, again.json()["error"]) == (400, "invalid_grant")
    assert grant(op, signed(jti="wide"), scope="openid").json()["error"] == "invalid_scope"


def test_the_grant_is_each_clients_own(op: Op) -> None:
    """TK-06, CA-04: registered for it, by its keys, and by one proof at a time."""
    machine(op)
    op.client()
    op.machine("plain", token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
    foreign = an_assertion("plain")["client_assertion"]
    assert grant(op, foreign).json()["error"] == "unauthorized_client"
    assert grant(op, signed(), client_id="plain").json()["error"] == "invalid_grant"
    assert grant(op, signed(), **an_assertion("m2m", jti="beside")).json()["error"] == "invalid_request"
    for secret in (
        grant(op, signed(), client_id="m2m", client_secret="s" * 43),
        grant(op, signed(), op.basic("m2m")),
    ):
        assert (secret.status, secret.json()["error"]) == (401, "invalid_client")
    both = grant(op, signed(), op.basic(), **an_assertion("m2m", jti="both"))
    assert both.json()["error"] == "invalid_request"
    without = op.post("/oauth2/token", {"grant_type": GRANT, **an_assertion("m2m", jti="none")})
    assert without.json()["error"] == "invalid_request"
    for headers, fields in ((op.basic(), {}), (None, an_assertion("plain", jti="beside"))):
        other = grant(op, signed(), headers, **fields)
        assert (other.status, other.json()["error"]) == (400, "unauthorized_client"), other.body
    order = ClientOrder("new", "New", {"grant_types": [GRANT], "scope": "scim.read"})
    assert isinstance(register_client(op.services, order, actor=SYSTEM), RegistrationRefused)
