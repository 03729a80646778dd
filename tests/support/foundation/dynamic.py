"""The plan Dynamic: clients that register themselves, their addresses and their keys."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from switchyard.visitor import Page
from tests.support.foundation import core
from tests.support.foundation.registered import register
from tests.support.foundation.registry import Walk
from tests.support.person import CONSENT, SIGN_IN
from tests.support.processes import wait_until
from tests.support.tls_world import CALLBACK, RP, Keys, a_key

if TYPE_CHECKING:
    from tests.support.foundation.party import Party

module = Walk()
_QUERY = "?dummy1=lorem&dummy2=ipsum"


@module("oidcc-server", "oidcc-idtoken-rs256", "oidcc-ensure-client-assertion-with-iss-aud-succeeds")
def sign_in(party: Party, name: str) -> None:
    """A client registers itself, with fields that nobody knows, and signs somebody in; its ID token is RS256."""
    client, told = register(party)
    assert told["client_id"]
    assert told["registration_access_token"]
    tokens = client.tokens()
    assert client.userinfo(tokens["access_token"])["sub"] == tokens["claims"]["sub"]


@module("oidcc-discovery-endpoint-verification")
def discovery(party: Party, name: str) -> None:
    """As in the plan Config, and the implicit types are there."""
    core.discovery(party, name)
    assert {"code", "id_token", "id_token token"} <= set(party.op["response_types_supported"])
    assert party.op["registration_endpoint"].startswith("https://")


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
    client, _ = register(party, redirect_uris=[CALLBACK if added else CALLBACK + _QUERY])
    if name.endswith("OK"):
        asked = client.request()
        arrived = client.person.arrive(client.address(asked))
        assert arrived.url.startswith(CALLBACK + _QUERY + "&")
        answer = arrived.answer
        assert (answer.pop("dummy1"), answer.pop("dummy2")) == ("lorem", "ipsum")
        tokens = client.token_answer(client.redeem(answer["code"]))
        client.claims(tokens["id_token"], asked["nonce"])
    else:
        client.stopped(redirect_uri=CALLBACK + (_QUERY if added else "?dummy1=lorem&dummy2=dolor"))


@module("oidcc-redirect-uri-regfrag")
def redirect_uri_fragment(party: Party, name: str) -> None:
    """An address with a fragment is refused at registration."""
    _, told = register(party, expect=400, redirect_uris=[f"{CALLBACK}#foobar"])
    assert told["error"] == "invalid_redirect_uri"


@module("oidcc-registration-logo-uri", "oidcc-registration-policy-uri", "oidcc-registration-tos-uri")
def shown(party: Party, name: str) -> None:
    """What the client says of itself stands on the page that asks the person."""
    member = name.removeprefix("oidcc-registration-").replace("-", "_")
    address = f"{RP}/{member}.png"
    client, told = register(party, **{member: address})
    assert told[member] == address
    party.person.stops_at = CONSENT
    page = client.go()
    assert isinstance(page, Page)
    assert address in page.html


@module("oidcc-registration-jwks-uri", "oidcc-refresh-token-rp-key-rotation")
def keys_by_address(party: Party, name: str) -> None:
    """Keys are read from the client's address, and again when it signs with a new one."""
    old, new = a_key("old"), a_key("new")
    path = f"/{name}.json"
    address = party.lab.documents.put(path, json.dumps(Keys.public(old)).encode())
    client, _ = register(party, jwks=None, jwks_uri=address)
    client.key = old
    tokens = client.tokens(scope="openid offline_access", prompt="consent")
    if name.endswith("jwks-uri"):
        return
    party.lab.documents.put(path, json.dumps(Keys.public(new)).encode())
    client.key = new
    fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    seen = time.monotonic()
    wait_until(lambda: time.monotonic() > seen + 1, "the moment in which keys are not asked for twice")
    client.token_answer(client.post("token_endpoint", fields))


@module("oidcc-registration-sector-uri", "oidcc-registration-sector-bad")
def sector(party: Party, name: str) -> None:
    """The sector's document has to list every redirection URI."""
    listed = [CALLBACK] if name.endswith("uri") else [f"{CALLBACK}/another"]
    address = party.lab.documents.put(f"/{name}.json", json.dumps(listed).encode())
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
    key = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig", "alg": "RS256"}, private=True)
    address = f"{party.lab.documents.origin}/{name}.jwt"
    client, _ = register(
        party,
        jwks={"keys": [key.as_dict(private=False)]},
        request_uris=[address],
        request_object_signing_alg="RS256",
        redirect_uris=[CALLBACK, f"{CALLBACK}/second"],
    )
    client.key = key
    client.redirect_uri = f"{CALLBACK}/second" if "redirect-uri" in name else CALLBACK
    asked = client.request()
    held: dict[str, Any] = {**asked, "iss": client.client_id, "aud": party.lab.issuer}
    object_ = jwt.encode({"alg": "RS256", "kid": "rsa"}, held, key, algorithms=["RS256"])
    party.lab.documents.put(f"/{name}.jwt", object_.encode())
    sent = {**client.request(redirect_uri=CALLBACK), "request_uri": address}
    client.check(party.person.arrive(client.address(sent)), asked)
    assert SIGN_IN in party.person.pressed


@module("oidcc-refresh-token")
def refresh(party: Party, name: str) -> None:
    """As in the plan Basic, for clients that registered themselves."""
    client, _ = register(party)
    other, _ = register(party)
    tokens = client.tokens(scope="openid offline_access", prompt="consent")
    fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refused = other.post("token_endpoint", fields)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    client.token_answer(client.post("token_endpoint", fields))


@module("oidcc-server-rotate-keys")
def rotated_keys(party: Party, name: str) -> None:
    """After a rotation a new key stands in the set, and each old one still."""
    before = party.http.get(party.op["jwks_uri"]).json()["keys"]
    party.lab.lab.process.send_signal(signal.SIGUSR1)

    def more() -> bool:
        return len(party.http.get(party.op["jwks_uri"]).json()["keys"]) > len(before)

    wait_until(more, "the new key")
    after = party.http.get(party.op["jwks_uri"]).json()["keys"]
    assert {each["kid"] for each in before} < {each["kid"] for each in after}
    core.discovery(party, name)
