"""Clients that are registered for networks: their proofs are worth nothing elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from idp.domain.client_metadata import kept, metadata_faults
from tests.support.oidc import an_assertion, public_keys
from tests.support.self_registration import registered, registering

if TYPE_CHECKING:
    from kernel.web.http import Response
    from tests.support.oidc import Op

PLANT, WORLD = "192.0.2.7", "198.51.100.9"
NETWORKS = ["192.0.2.0/28", "2001:db8::/64"]
GRANT = {"grant_type": "client_credentials"}


def ask(op: Op, address: str, secret: str = "", **fields: str) -> Response:
    headers = {} if fields else op.basic("plant", secret) if secret else op.basic("plant")
    return op.post("/oauth2/token", {**GRANT, **fields}, headers=headers, address=address)


def test_elsewhere_the_right_proof_is_as_wrong_as_any(op: Op) -> None:
    """G-38, RFC 6749 §5.2: one answer for a wrong place and a wrong secret; the audit tells them apart."""
    op.machine("plant", allowed_addresses=NETWORKS)
    for address in (PLANT, "::ffff:192.0.2.7", "2001:db8::5"):
        assert ask(op, address).status == 200
    there, wrong = ask(op, WORLD), ask(op, WORLD, "x" * 43)
    assert (there.status, there.json()["error"]) == (401, "invalid_client")
    assert there.body == wrong.body
    assert ask(op, "").status == ask(op, "not an address").status == 401
    assert {row.reason for row in op.audit("gateway:client:refused")} == {"address"}


def test_a_signed_assertion_does_not_travel_either(op: Op) -> None:
    """G-38: neither as the client's proof nor as its grant, and it is not spent by having been tried there."""
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    op.machine(
        "plant",
        allowed_addresses=NETWORKS,
        token_endpoint_auth_method="private_key_jwt",
        jwks=public_keys(),
        grant_types=["client_credentials", grant],
    )
    fields = an_assertion("plant")
    assert ask(op, WORLD, **fields).status == 401
    assert ask(op, PLANT, **fields).status == 200
    bearer = {"grant_type": grant, "assertion": an_assertion("plant", jti="another")["client_assertion"]}
    assert op.post("/oauth2/token", bearer, address=WORLD).status in {400, 401}
    assert op.post("/oauth2/token", bearer, address=PLANT).status == 200


def test_other_endpoints_ask_from_where_too(op: Op) -> None:
    """RFC 7662 §2.1, RFC 7009 §2.1: what authenticates the client is one thing everywhere."""
    op.machine("plant", allowed_addresses=NETWORKS)
    token = ask(op, PLANT).json()["access_token"]
    for path in ("/oauth2/introspect", "/oauth2/revoke", "/oauth2/par"):
        answer = op.post(path, {"token": token}, headers=op.basic("plant"), address=WORLD)
        assert (answer.status, answer.json()["error"]) == (401, "invalid_client")
    seen = op.post("/oauth2/introspect", {"token": token}, headers=op.basic("plant"), address=PLANT)
    assert seen.json()["active"] is True


def test_strangers_do_not_lock_it_out(op: Op) -> None:
    """MA-04: whoever fails elsewhere waits elsewhere."""
    op.machine("plant", allowed_addresses=NETWORKS)
    tries = [ask(op, WORLD, "x" * 43).status for _ in range(130)]
    assert tries[-1] == 429
    assert ask(op, PLANT).status == 200


@pytest.mark.parametrize(
    "networks",
    [
        ["0.0.0.0/0"],
        ["::/0"],
        ["0.0.0.0"],  # noqa: S104 - nothing is bound
        ["192.0.2.1/24"],
        ["010.0.0.1"],
        ["fe80::1%eth0"],
        ["1.2.3.4;x"],
        [""],
    ],
)
def test_a_network_is_one_that_somebody_can_have(networks: list[str]) -> None:
    """MA-02: everything, nobody, bits beyond the prefix, and what can be read in two ways are refused."""
    metadata = kept({"grant_types": ["client_credentials"], "allowed_addresses": networks})
    assert [fault.name for fault in metadata_faults(metadata)] == ["allowed_addresses"]


def test_a_client_that_registers_itself_states_no_networks(op: Op) -> None:
    """RFC 7591 §2: what only an operator gives is dropped, and the client works from everywhere."""
    told = registered(registering(op, "open"), allowed_addresses=[PLANT])
    assert "allowed_addresses" not in told
