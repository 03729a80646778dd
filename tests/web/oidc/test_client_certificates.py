"""Clients that prove themselves by a certificate, and tokens that are bound to one (RFC 8705)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import ipaddress
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from joserfc.jwk import ECKey

from idp.domain.certificate_chain import Authorities
from idp.usecases.authenticate_provisioner import provisioner
from idp.usecases.register_client import ClientOrder, RegistrationRefused, register_client
from kernel.audit import SYSTEM
from tests.support import devices
from tests.support.certificates import Holder, a_holder
from tests.support.clock import NOON
from tests.support.oidc import CALLBACK, Op, an_assertion, an_op, claims_of, public_keys

if TYPE_CHECKING:
    from kernel.database import Database
    from kernel.web.http import Response

MACHINE = {"grant_type": "client_credentials", "client_id": "m2m"}
DN = "tls_client_auth_subject_dn"
AUTHORITY = a_holder("CN=Authority", authority=True, now=NOON)
OTHER_AUTHORITY = a_holder("CN=Authority", authority=True, now=NOON)
CLIENT = a_holder(issuer=AUTHORITY, now=NOON)


def certified(database: Database) -> Op:
    """Return a provider whose front hands certificates on."""
    found = an_op(database, certificate_header="client-cert", certificate_proxies=("127.0.0.1",))
    found.services = dataclasses.replace(
        found.services, certificate_authorities=Authorities.of([AUTHORITY.certificate])
    )
    found.__post_init__()
    return found


@pytest.fixture
def op(sqlite_gateway_database: Database) -> Op:
    return certified(sqlite_gateway_database)


@pytest.fixture
def op_on_both(gateway_database: Database) -> Op:
    return certified(gateway_database)


def machine(op: Op, **metadata: object) -> None:
    op.machine(**{"token_endpoint_auth_method": "tls_client_auth", DN: "CN=client,O=Acme", **metadata})


def ask(op: Op, holder: Holder | None, **fields: str) -> Response:
    return op.post("/oauth2/token", {**MACHINE, **fields}, headers=holder.header if holder else {})


def jwks_of(holder: Holder) -> dict[str, object]:
    return public_keys(ECKey.import_key(holder.key))


def test_no_certificate_but_that_of_the_authority_and_the_subject_proves_a_client(op: Op) -> None:
    """RFC 8705 §2.1: issued by an authority of ours, in its time, with the registered subject (CA-01)."""
    machine(op)
    strangers = [
        None,
        a_holder(now=NOON),
        a_holder(issuer=OTHER_AUTHORITY, now=NOON),
        a_holder(issuer=CLIENT, now=NOON),
        a_holder("CN=client,O=Other", issuer=AUTHORITY, now=NOON),
        a_holder("CN=client", issuer=AUTHORITY, now=NOON),
        a_holder(issuer=AUTHORITY, now=NOON - dt.timedelta(days=2)),
        a_holder(issuer=AUTHORITY, now=NOON + dt.timedelta(days=2)),
    ]
    answers = [ask(op, each) for each in strangers]
    answers.append(op.post("/oauth2/token", MACHINE, headers={"x-client-certificate": "AAAA"}))
    answers.append(op.post("/oauth2/token", MACHINE, headers={"x-client-certificate": "no base64"}))
    answers.append(op.post("/oauth2/token", MACHINE, headers={**op.basic("m2m"), **CLIENT.header}))
    assert {(each.status, each.json()["error"]) for each in answers} == {(401, "invalid_client")}
    assert ask(op, CLIENT).status == 200


@pytest.mark.parametrize(
    ("member", "value", "name"),
    [
        ("tls_client_auth_san_dns", "M2M.acme.example", x509.DNSName("m2m.acme.example")),
        ("tls_client_auth_san_uri", "urn:acme:m2m", x509.UniformResourceIdentifier("urn:acme:m2m")),
        ("tls_client_auth_san_ip", "192.0.2.7", x509.IPAddress(ipaddress.ip_address("192.0.2.7"))),
        ("tls_client_auth_san_email", "m2m@acme.example", x509.RFC822Name("m2m@acme.example")),
    ],
)
def test_an_alternative_name_is_compared_with_its_own_kind(
    op: Op, member: str, value: str, name: x509.GeneralName
) -> None:
    """RFC 8705 §2.1.2: a name of another kind, or none, is not it."""
    machine(op, **{DN: None, member: value})
    assert ask(op, a_holder(issuer=AUTHORITY, names=(name,), now=NOON)).status == 200
    other = x509.DNSName("other.example")
    assert ask(op, a_holder(issuer=AUTHORITY, names=(other,), now=NOON)).status == 401
    assert ask(op, CLIENT).status == 401


def test_a_self_signed_certificate_is_known_by_its_key(op: Op) -> None:
    """RFC 8705 §2.2: the key is registered, and any certificate around it will do."""
    own = a_holder(now=NOON)
    machine(
        op, **{"token_endpoint_auth_method": "self_signed_tls_client_auth", DN: None, "jwks": jwks_of(own)}
    )
    assert ask(op, own).status == 200
    assert ask(op, CLIENT).status == 401
    assert ask(op, None).status == 401


def test_tokens_are_bound_to_the_certificate_where_the_client_is_registered_so(op_on_both: Op) -> None:
    """RFC 8705 §3: cnf x5t#S256 in the token and at introspection; without it the token is worth nothing."""
    op = op_on_both
    op.client(tls_client_certificate_bound_access_tokens=True)
    cookie = op.session(op.account())
    assert op.redeem(op.code(cookie)).json()["error"] == "invalid_request"
    tokens = op.redeem(op.code(cookie), headers={**op.basic(), **CLIENT.header}).json()
    token = tokens["access_token"]
    assert tokens["token_type"] == "Bearer"
    assert claims_of(token)["cnf"] == {"x5t#S256": CLIENT.thumbprint}
    assert op.introspect(token)["cnf"] == {"x5t#S256": CLIENT.thumbprint}

    def userinfo(scheme: str, headers: dict[str, str]) -> int:
        said = {"authorization": f"{scheme} {token}", **headers}
        return op.call("GET", "/oauth2/userinfo", headers=said).status

    stranger = a_holder(issuer=AUTHORITY, now=NOON)
    assert userinfo("Bearer", {}) == 401
    assert userinfo("Bearer", stranger.header) == 401
    assert userinfo("DPoP", CLIENT.header) == 401
    assert userinfo("Bearer", CLIENT.header) == 200
    assert provisioner(op.services, token) is None
    second = op.refresh(tokens["refresh_token"], headers={**op.basic(), **stranger.header}).json()
    assert claims_of(second["access_token"])["cnf"] == {"x5t#S256": stranger.thumbprint}


def test_a_public_client_keeps_its_refresh_token_to_its_certificate(op_on_both: Op) -> None:
    """RFC 8705 §4."""
    op = op_on_both
    public = {"client_id": "emi"}
    op.client(token_endpoint_auth_method="none", tls_client_certificate_bound_access_tokens=True)
    code = op.code(op.session(op.account()))
    token = op.redeem(code, headers=CLIENT.header, **public).json()["refresh_token"]
    other = a_holder(now=NOON)
    assert op.refresh(token, headers=other.header, **public).json()["error"] == "invalid_grant"
    assert op.refresh(token, headers=CLIENT.header, **public).status == 200


def test_a_device_keeps_to_its_certificate(op_on_both: Op) -> None:
    """RFC 8705 §3, RFC 8628 §3.4: a code that was asked for with a certificate is redeemed with it alone."""
    op = op_on_both
    devices.television(op, tls_client_certificate_bound_access_tokens=True)
    told = devices.ask(op, CLIENT.header)
    devices.decided(op, op.session(op.account()), told)
    assert devices.error_of(devices.poll(op, told)) == "invalid_request"
    assert devices.error_of(devices.poll(op, told, a_holder(now=NOON).header)) == "invalid_grant"
    tokens = devices.poll(op, told, CLIENT.header).json()
    assert claims_of(tokens["access_token"])["cnf"] == {"x5t#S256": CLIENT.thumbprint}


def test_certificates_are_offered_only_where_somebody_hands_them_on(
    sqlite_gateway_database: Database,
) -> None:
    """DJ-06: without a header that is believed there is no such method, no such token, and no such client."""
    op = an_op(sqlite_gateway_database)
    document = op.get("/.well-known/openid-configuration").json()
    assert "tls_client_auth" not in document["token_endpoint_auth_methods_supported"]
    assert document["tls_client_certificate_bound_access_tokens"] is False
    for metadata in (
        {"token_endpoint_auth_method": "tls_client_auth", DN: "CN=client"},
        {"tls_client_certificate_bound_access_tokens": True},
    ):
        order = ClientOrder("new", "New", {"redirect_uris": [CALLBACK], "scope": "openid", **metadata})
        assert isinstance(register_client(op.services, order, actor=SYSTEM), RegistrationRefused)


def test_discovery_tells_the_methods_once_they_are_wired(op: Op) -> None:
    """RFC 8705 §3.3."""
    document = op.get("/.well-known/openid-configuration").json()
    assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(
        document["token_endpoint_auth_methods_supported"]
    )
    assert document["tls_client_certificate_bound_access_tokens"] is True


@pytest.mark.parametrize(
    "metadata",
    [
        {"token_endpoint_auth_method": "tls_client_auth"},
        {"token_endpoint_auth_method": "tls_client_auth", DN: "client"},
        {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_ip": "client"},
        {"token_endpoint_auth_method": "tls_client_auth", DN: "CN=a", "tls_client_auth_san_dns": "a.example"},
        {"token_endpoint_auth_method": "self_signed_tls_client_auth"},
        {DN: "CN=client"},
        {"tls_client_certificate_bound_access_tokens": "yes"},
    ],
)
def test_a_certificate_is_registered_by_exactly_one_name(op: Op, metadata: dict[str, object]) -> None:
    """RFC 8705 §2.1.2, RFC 7591 §3.2.2."""
    order = ClientOrder("new", "New", {"redirect_uris": [CALLBACK], "scope": "openid", **metadata})
    assert isinstance(register_client(op.services, order, actor=SYSTEM), RegistrationRefused)


def test_the_profile_fapi2_takes_our_issuer_alone_as_audience(op: Op) -> None:
    """FAPI 2.0 §5.3.2.1: as a text; neither the token endpoint, nor a list of one, nor RS256."""
    order = ClientOrder(
        id="bank",
        name="Bank",
        profile="fapi2",
        metadata={
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": public_keys(),
            "scope": "openid",
            "tls_client_certificate_bound_access_tokens": True,
        },
    )
    register_client(op.services, order, actor=SYSTEM)
    issuer = op.services.issuer
    fields = {"grant_type": "authorization_code", "code": "c"}
    refused = [
        an_assertion("bank", aud=f"{issuer}/oauth2/token"),
        an_assertion("bank", aud=[issuer]),
        an_assertion("bank", algorithm="RS256", jti="rs"),
    ]
    for assertion in refused:
        assert op.post("/oauth2/token", {**fields, **assertion}, headers=CLIENT.header).status == 401
    answer = op.post("/oauth2/token", {**fields, **an_assertion("bank")}, headers=CLIENT.header)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")
    unbound = op.post("/oauth2/token", {**fields, **an_assertion("bank", jti="two")})
    assert (unbound.status, unbound.json()["error"]) == (400, "invalid_request")
