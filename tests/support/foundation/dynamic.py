"""The plan Dynamic: clients that register themselves, their addresses and their keys."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.jwk import KeySet

from switchyard.visitor import Page
from tests.support.foundation import core, provider
from tests.support.foundation.registered import an_rsa_key, register
from tests.support.foundation.registry import Walk
from tests.support.person import CONSENT, SIGN_IN
from tests.support.processes import wait_until
from tests.support.tls_world import CALLBACK, QUERY, RP, Keys

if TYPE_CHECKING:
    from tests.support.foundation.party import Party

module = Walk()
_JSON = {"Content-Type": "application/json"}


@module("oidcc-server", "oidcc-idtoken-rs256", "oidcc-ensure-client-assertion-with-iss-aud-succeeds")
def sign_in(party: Party, name: str) -> None:
    """A client registers itself and signs somebody in; its ID token is RS256, asked for or not."""
    asked = {
        "oidcc-server": {"a_name_that_nobody_knows": "and that nobody minds"},
        "oidcc-idtoken-rs256": {"id_token_signed_response_alg": "RS256"},
    }
    client, told = register(party, **asked.get(name, {}))
    assert told["client_id"]
    if "iss-aud" in name:
        client.audience = party.lab.issuer
    tokens = client.tokens()
    assert client.userinfo(tokens["access_token"])["sub"] == tokens["claims"]["sub"]


@module("oidcc-discovery-endpoint-verification")
def discovery(party: Party, name: str) -> None:
    """As in the plan Config, and clients register themselves."""
    core.discovery(party, name)
    assert party.op["registration_endpoint"]


@module("oidcc-userinfo-rs256")
def signed_userinfo(party: Party, name: str) -> None:
    """Userinfo as a signed token: of us, for the client, about the same person."""
    client, _ = register(party, userinfo_signed_response_alg="RS256")
    tokens = client.tokens()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    answer = client.http.get(client.op["userinfo_endpoint"], headers=bearer)
    assert answer.headers["content-type"].startswith("application/jwt")
    published = KeySet.import_key_set(client.http.get(client.op["jwks_uri"]).json())
    claims = jwt.decode(answer.text, published, algorithms=["RS256"]).claims
    assert "nonce" not in claims
    assert (claims["iss"], claims["sub"]) == (party.lab.issuer, tokens["claims"]["sub"])
    assert client.client_id in ([claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"])


@module("oidcc-ensure-redirect-uri-in-authorization-request")
def redirect_uri_missing(party: Party, name: str) -> None:
    """Without a redirect_uri nobody is sent anywhere."""
    client, _ = register(party)
    client.stopped(redirect_uri=None)


@module("oidcc-redirect-uri-query-OK", "oidcc-redirect-uri-query-mismatch", "oidcc-redirect-uri-query-added")
def redirect_uri_query(party: Party, name: str) -> None:
    """The query of a registered address is part of it: kept as it is, and nothing else is the same address."""
    added = name.endswith("added")
    client, _ = register(party, redirect_uris=[CALLBACK if added else CALLBACK + QUERY])
    if name.endswith("OK"):
        asked = client.request()
        arrived = client.person.arrive(client.address(asked))
        assert arrived.url.startswith(CALLBACK + QUERY + "&")
        answer = arrived.answer
        assert (answer.pop("dummy1"), answer.pop("dummy2")) == ("lorem", "ipsum")
        tokens = client.token_answer(client.redeem(answer["code"]))
        client.claims(tokens["id_token"], asked["nonce"])
    else:
        client.stopped(redirect_uri=CALLBACK + (QUERY if added else "?dummy1=lorem&dummy2=dolor"))


@module("oidcc-redirect-uri-regfrag")
def redirect_uri_fragment(party: Party, name: str) -> None:
    """An address with a fragment is refused at registration."""
    _, told = register(party, expect=400, redirect_uris=[f"{CALLBACK}#foobar"])
    assert told["error"] == "invalid_redirect_uri"


@module("oidcc-registration-logo-uri", "oidcc-registration-policy-uri", "oidcc-registration-tos-uri")
def shown(party: Party, name: str) -> None:
    """What the client says of itself stands on the page that asks who somebody is, and on the one that asks whether."""
    member = name.removeprefix("oidcc-registration-").replace("-", "_")
    address = f"{RP}/{member}.png" if member == "logo_uri" else "https://openid.net"
    client, told = register(party, **{member: address})
    assert told[member] == address
    for party.person.stops_at in (SIGN_IN, CONSENT):
        page = client.go()
        assert isinstance(page, Page)
        if member == "logo_uri":
            assert f'src="{address}"' in page.html
        else:
            assert page.link(address)


@module("oidcc-registration-jwks-uri", "oidcc-refresh-token-rp-key-rotation")
def keys_by_address(party: Party, name: str) -> None:
    """Keys are read from the client's address, and again when it signs with a new one."""
    path = f"/{name}.json"
    old, new = an_rsa_key("old"), an_rsa_key("new")
    address = party.lab.documents.put(path, json.dumps(Keys.public(old)).encode(), **_JSON)
    grants = ["authorization_code", "refresh_token"]
    if name.endswith("jwks-uri"):
        client, _ = register(party, jwks=None, jwks_uri=address)
        client.key = old
        assert client.userinfo(client.tokens()["access_token"])["sub"]
        return
    client, _ = register(party, jwks=None, jwks_uri=address, grant_types=grants)
    client.key = old
    tokens = client.tokens(scope="openid offline_access", prompt="consent")
    party.lab.documents.put(path, json.dumps(Keys.public(new)).encode(), **_JSON)
    client.key = new
    fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    again = client.token_answer(client.post("token_endpoint", fields | {"scope": "openid offline_access"}))
    assert client.userinfo(again["access_token"])["sub"] == tokens["claims"]["sub"]


@module("oidcc-registration-sector-uri", "oidcc-registration-sector-bad")
def sector(party: Party, name: str) -> None:
    """The sector's document has to list every redirection URI."""
    listed = [CALLBACK] if name.endswith("uri") else [f"{CALLBACK}/another"]
    address = party.lab.documents.put(f"/{name}.json", json.dumps(listed).encode(), **_JSON)
    good = name.endswith("uri")
    client, told = register(
        party, expect=201 if good else 400, sector_identifier_uri=address, subject_type="pairwise"
    )
    if good:
        assert client.tokens()["claims"]["sub"]
    else:
        assert told["error"] == "invalid_client_metadata"


@module("oidcc-request-uri-signed-rs256", "oidcc-ensure-request-object-with-redirect-uri")
def request_by_address(party: Party, name: str) -> None:
    """A signed request is read from an address that the client registered, and what it says counts."""
    path = f"/{name}/{'r' * 96}"
    address = f"{party.lab.documents.origin}{path}"
    client, _ = register(
        party,
        request_uris=[address],
        request_object_signing_alg="RS256",
        redirect_uris=[CALLBACK, f"{CALLBACK}/second"],
    )
    client.redirect_uri = f"{CALLBACK}/second" if "redirect-uri" in name else CALLBACK
    asked = client.request()
    held: dict[str, Any] = {**asked, "iss": client.client_id, "aud": party.lab.issuer}
    object_ = jwt.encode({"alg": "RS256"}, held, client.key, algorithms=["RS256"])
    party.lab.documents.put(path, object_.encode(), **{"Content-Type": "application/jose"})
    beside = client.request(redirect_uri=CALLBACK, state=None, nonce=None)
    sent = {**beside, "request_uri": address}
    code = client.check(party.person.arrive(client.address(sent)), asked)["code"]
    assert SIGN_IN in party.person.pressed
    tokens = client.token_answer(client.redeem(code))
    client.claims(tokens["id_token"], asked["nonce"])


@module("oidcc-refresh-token")
def refresh(party: Party, name: str) -> None:
    """As in the plan Basic, for clients that registered themselves."""
    grants = ["authorization_code", "refresh_token"]
    client, other = (register(party, grant_types=grants)[0] for _ in range(2))
    core.refreshed(client, other)


@module("oidcc-server-rotate-keys")
def rotated_keys(party: Party, name: str) -> None:
    """After a rotation a new key stands in the set, of a kind that the suite knows, and each old one as it was."""
    before = provider.keys(party)
    party.lab.lab.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: len(provider.keys(party)) > len(before), "the new key")
    after = provider.keys(party)
    assert [each for each in before if each in after] == before
    new = [each for each in after if each not in before and each.get("use", "sig") == "sig"]
    assert {each["kty"] for each in new} <= {"RSA", "EC"}
    parts = {each.get("n", each.get("x")) for each in before}
    assert not [each for each in new if each.get("n", each.get("x")) in parts]
    core.discovery(party, name)
