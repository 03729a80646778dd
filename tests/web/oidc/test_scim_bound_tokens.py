"""SCIM with access tokens that are bound to a key or a certificate (RFC 9449 §7, RFC 8705 §3, O3)."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest

from idp.usecases.authenticate_provisioner import Provisioner, provisioner_since
from idp.web.events.routes import event_routes
from idp.web.oidc.protected_resources import ProtectedResource, resource_metadata
from kernel.crypto import digest
from kernel.web.dispatch import Dispatch
from scim.domain.models import USER_SCHEMA
from scim.web.routes import scim_routes
from tests.support.certificates import a_holder
from tests.support.clock import NOON
from tests.support.dpop import Holder
from tests.support.oidc import ISSUER, an_op

if TYPE_CHECKING:
    from kernel.database import Database
    from kernel.web.http import Response
    from tests.support.oidc import Op

RESOURCE = f"{ISSUER}/scim/v2"
USERS = f"{RESOURCE}/Users"
MACHINE = {"grant_type": "client_credentials"}
ERIN = json.dumps({"schemas": [USER_SCHEMA], "userName": "erin"}).encode()


def serving_scim(op: Op) -> Op:
    """Return the provider with SCIM beside its own endpoints."""
    op.dispatch = Dispatch((*op.routes, *scim_routes(op.services)))
    return op


@pytest.fixture
def op(op_on_both: Op) -> Op:
    return serving_scim(op_on_both)


def bound(op: Op, **metadata: object) -> tuple[str, Holder]:
    """Return a machine's token for SCIM that is bound to a key, and who holds it."""
    op.machine(**metadata)
    holder = Holder(op).learn("m2m")
    answer = op.post("/oauth2/token", MACHINE, headers={**op.basic("m2m"), **holder.proof()})
    assert answer.json()["token_type"] == "DPoP"
    return answer.json()["access_token"], holder


def users(op: Op, token: str, proof: dict[str, str], *, scheme: str = "DPoP", body: bytes = b"") -> Response:
    headers = {"authorization": f"{scheme} {token}", "content-type": "application/scim+json", **proof}
    return op.call("POST" if body else "GET", "/scim/v2/Users", headers=headers, body=body)


def test_a_token_that_is_bound_to_a_key_is_good_with_its_proof_alone(op: Op) -> None:
    """RFC 9449 §7.1: bound to method, address, token, nonce and moment; and worth nothing to who found it."""
    token, holder = bound(op)
    spent = holder.proof(USERS, "GET", token)
    assert users(op, token, spent).status == 200
    thief = Holder(op)
    thief.nonce = holder.nonce
    wrong = [
        users(op, token, {}),
        users(op, token, {}, scheme="Bearer"),
        users(op, token, holder.proof(USERS, "GET", token), scheme="Bearer"),
        users(op, token, spent),
        users(op, token, thief.proof(USERS, "GET", token)),
        users(op, token, holder.proof(USERS, "POST", token)),
        users(op, token, holder.proof(RESOURCE, "GET", token)),
        users(op, token, holder.proof(USERS, "GET")),
        users(op, token, holder.proof(USERS, "GET", "another")),
        users(op, token, holder.proof(USERS, "GET", token), body=ERIN),
    ]
    assert {answer.status for answer in wrong} == {401}
    assert {answer.json()["status"] for answer in wrong} == {"401"}
    assert all('error="invalid_' in answer.header("www-authenticate") for answer in wrong)
    assert all('algs="ES256 ' in wrong[index].header("www-authenticate") for index in (0, 3, 4))
    made = users(op, token, holder.proof(USERS, "POST", token), body=ERIN)
    assert made.status == 201, made.body
    assert isinstance(provisioner_since(op.services, digest(token), op.clock.now()), Provisioner)


@pytest.mark.parametrize(
    "address", [USER_SCHEMA, USER_SCHEMA.replace(":", "%3A"), USER_SCHEMA.replace(":", "%3a")]
)
def test_the_address_of_a_proof_may_be_percent_encoded(op: Op, address: str) -> None:
    """RFC 9449 §4.3, RFC 3986 §6.2.2.2: a client says what it asked, and servers are told the path without escapes."""
    token, holder = bound(op)
    proof = holder.proof(f"{RESOURCE}/Schemas/{address}", "GET", token)
    headers = {"authorization": f"DPoP {token}", **proof}
    assert op.call("GET", f"/scim/v2/Schemas/{USER_SCHEMA}", headers=headers).status == 200


def test_a_bound_token_is_refused_in_the_scheme_it_came_in(op: Op) -> None:
    """RFC 9449 §7.1: what else is wrong with it is told to a client that proves a key in its own scheme, too."""
    token, holder = bound(op, scope="scim.groups.read")
    lacking = users(op, token, holder.proof(USERS, "GET", token))
    unknown = users(op, "nonsense", holder.proof(USERS, "GET", "nonsense"))
    for answer, status, error in ((lacking, 403, "insufficient_scope"), (unknown, 401, "invalid_token")):
        assert answer.status == status, answer.body
        said = answer.header("www-authenticate")
        assert said.startswith('DPoP realm="scim", ')
        assert f'error="{error}"' in said
        assert 'algs="ES256 ' in said
    assert 'scope="scim.users.read"' in lacking.header("www-authenticate")
    assert users(op, "nonsense", {}, scheme="Bearer").header("www-authenticate").startswith("Bearer ")
    op.dispatch = Dispatch((*op.routes, *event_routes(op.services)))
    place = f"{ISSUER}/events/poll"
    for shown in (token, "nonsense"):
        proof = holder.proof(place, "POST", shown)
        headers = {"authorization": f"DPoP {shown}", "content-type": "application/json", **proof}
        refused = op.call("POST", "/events/poll", headers=headers, body=b"{}")
        assert refused.header("www-authenticate").startswith('DPoP realm="events", error="in')


def test_who_brings_no_token_is_told_both_schemes(op: Op) -> None:
    """RFC 9449 §7.2: a token that is borne would do, and one that is bound."""
    asked = [("scim", op.get("/scim/v2/Users"))]
    op.dispatch = Dispatch((*op.routes, *event_routes(op.services)))
    asked.append(("events", op.call("POST", "/events/poll")))
    for realm, answer in asked:
        assert answer.status == 401
        said = f'Bearer realm="{realm}", DPoP realm="{realm}", algs="ES256 PS256 EdDSA"'
        assert answer.header("www-authenticate") == said


def test_scim_tells_the_nonce_that_a_proof_needs(op: Op) -> None:
    """RFC 9449 §9: the answer names the nonce, and with it the next proof is good; a bearer is told none."""
    token, holder = bound(op)
    holder.nonce = ""
    told = users(op, token, holder.proof(USERS, "GET", token))
    assert told.status == 401
    assert 'DPoP realm="scim", error="use_dpop_nonce"' in told.header("www-authenticate")
    holder.nonce = told.header("dpop-nonce")
    again = users(op, token, holder.proof(USERS, "GET", token))
    assert (again.status, bool(again.header("dpop-nonce"))) == (200, True)
    op.machine("plain")
    plain = op.post("/oauth2/token", MACHINE, headers=op.basic("plain")).json()["access_token"]
    found = users(op, plain, {}, scheme="Bearer")
    assert (found.status, found.header("dpop-nonce")) == (200, "")
    assert users(op, plain, holder.proof(USERS, "GET", plain)).status == 401, "bound to nothing"


def test_people_reach_their_own_resource_with_a_bound_token(op: Op) -> None:
    """RFC 7644 §3.11, RFC 9449 §7.1: /Me, too; a machine's bound token is nobody's there."""
    op.client(scope="openid scim.users.read", resources=[RESOURCE])
    account_id = op.account()
    cookie = op.session(account_id)
    holder = Holder(op).learn()
    code = op.code(cookie, scope="openid scim.users.read", resource=RESOURCE)
    answer = op.redeem(code, headers={**op.basic(), **holder.proof()}, resource=RESOURCE)
    token = answer.json()["access_token"]

    def me(token: str, holder: Holder | None) -> Response:
        proof = holder.proof(f"{RESOURCE}/Me", "GET", token) if holder else {}
        return op.call("GET", "/scim/v2/Me", headers={"authorization": f"DPoP {token}", **proof})

    own = me(token, holder)
    assert (own.status, own.header("location")) == (200, f"{USERS}/{account_id}")
    assert (me(token, None).status, me(token, Holder(op)).status) == (401, 401)
    assert me(*bound(op)).status == 404


def test_a_token_that_is_bound_to_a_certificate_is_good_on_its_connection_alone(
    gateway_database: Database,
) -> None:
    """RFC 8705 §3: another certificate, or none, or a proof in its place is refused."""
    op = an_op(gateway_database, certificate_header="client-cert", certificate_proxies=("127.0.0.1",))
    serving_scim(op)
    op.machine(tls_client_certificate_bound_access_tokens=True)
    own, other = a_holder(now=NOON), a_holder(now=NOON)
    headers = {**op.basic("m2m"), **own.header}
    token = op.post("/oauth2/token", MACHINE, headers=headers).json()["access_token"]
    assert users(op, token, own.header, scheme="Bearer").status == 200
    assert users(op, token, own.header, scheme="bearer", body=ERIN).status == 201
    wrong = [
        users(op, token, {}, scheme="Bearer"),
        users(op, token, other.header, scheme="Bearer"),
        users(op, token, own.header, scheme="DPoP"),
        users(op, token, Holder(op).proof(USERS, "GET", token)),
    ]
    assert {answer.status for answer in wrong} == {401}


def test_events_are_polled_with_a_bound_token_and_its_proof(op: Op) -> None:
    """RFC 8936 §2.4, RFC 9449 §7.1: as SCIM; who only found the token is told no event."""
    op.dispatch = Dispatch((*op.routes, *event_routes(op.services)))
    token, holder = bound(op)
    place = f"{ISSUER}/events/poll"

    def poll(proof: dict[str, str], scheme: str = "DPoP") -> Response:
        headers = {"authorization": f"{scheme} {token}", "content-type": "application/json", **proof}
        return op.call("POST", "/events/poll", headers=headers, body=b'{"returnImmediately": true}')

    good = holder.proof(place, "POST", token)
    assert poll(good).json()["description"] == "There is no stream for this client."
    wrong = [poll({}), poll(good), poll(holder.proof(USERS, "POST", token)), poll({}, "Bearer")]
    assert {answer.status for answer in wrong} == {401}
    assert 'algs="ES256 ' in wrong[0].header("www-authenticate")
    holder.nonce = ""
    assert poll(holder.proof(place, "POST", token)).header("dpop-nonce")


def test_the_metadata_of_scim_tell_what_it_takes(op: Op) -> None:
    """RFC 9728 §2: the algorithms of proofs, and certificates where they are handed on."""
    scim = ProtectedResource("/scim/v2", "SCIM", ("scim.read",))
    told = resource_metadata(op.services, scim)
    assert told["dpop_signing_alg_values_supported"] == ["ES256", "PS256", "EdDSA"]
    assert told["tls_client_certificate_bound_access_tokens"] is False
    settings = op.services.settings.model_copy(update={"certificate_header": "client-cert"})
    with_certificates = dataclasses.replace(op.services, settings=settings)
    assert resource_metadata(with_certificates, scim)["tls_client_certificate_bound_access_tokens"] is True
