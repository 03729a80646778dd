"""Request objects by value (RFC 9101, OIDC Core §6.1): signed by the client, or refused."""

from __future__ import annotations

import base64
import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest
from joserfc.jwk import ECKey, OctKey

from kernel.fetch import Fetcher, FetchRules
from tests.support.clock import NOON
from tests.support.https_server import Documents, serving_documents
from tests.support.oidc import CALLBACK, ISSUER, claims_of, public_keys, returned
from tests.support.sign_in_flows import finish, flow_token
from tests.support.signatures import a_signing_key, signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.oidc import Op

KEY = ECKey.generate_key("P-256", {"kid": "requests"})
STRANGER = ECKey.generate_key("P-256", {"kid": "requests"})
NOW = int(NOON.timestamp())


def an_object(op: Op, *, key: Any = KEY, header: dict[str, Any] | None = None, **changes: object) -> str:
    claims = {
        **op.ask(),
        "iss": "emi",
        "aud": ISSUER,
        "nbf": NOW,
        "exp": NOW + 300,
        **changes,
    }
    said = {name: value for name, value in claims.items() if value is not None}
    shown = {"alg": "ES256", "kid": "requests", "typ": "oauth-authz-req+jwt", **(header or {})}
    kept = {name: value for name, value in shown.items() if value}
    return signed(kept, said, key)


def unsigned(op: Op) -> str:
    parts = ({"alg": "none"}, {**op.ask(), "iss": "emi", "aud": ISSUER})
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in parts)
        + "."
    )


def send(op: Op, cookie: str, token: str, **beside: str) -> dict[str, str]:
    outer = {"client_id": "emi", "redirect_uri": CALLBACK, "state": "outer", **beside}
    return returned(op.get("/oauth2/authorize", cookie, request=token, **outer))


def prepared(op: Op, profile: str = "default", **metadata: object) -> str:
    op.client(profile=profile, jwks=public_keys(KEY), **metadata)
    return op.session(op.account())


def test_what_is_in_the_object_counts_and_nothing_beside_it(op: Op) -> None:
    """RFC 9101 §5, §6.3: the response type, the state and the scope of the signed request; claims as an object."""
    cookie = prepared(op)
    wish = {"id_token": {"email": None}}
    token = an_object(op, claims=wish, scope="openid email", max_age=10_000, typ=None)
    answer = send(op, cookie, token, scope="openid profile", response_type="code", nonce="outer")
    assert answer["state"] == "st"
    done = op.redeem(answer["code"]).json()
    assert done["scope"] == "openid email"
    claims = claims_of(done["id_token"])
    assert (claims["nonce"], claims["email"]) == ("no", "fieldn@acme.example")
    bare = send(op, cookie, an_object(op, state=None), claims='{"id_token": {"email": null}}')
    assert "state" not in bare, "what it does not say is not said"
    assert "email" not in claims_of(op.redeem(bare["code"]).json()["id_token"])


def test_an_unsigned_object_is_no_request(op: Op) -> None:
    """Trap T11, RFC 9101 §6.2: an error of its own code, never a server error, whatever is sent."""
    cookie = prepared(op)
    header, payload, signature = an_object(op).split(".")
    for token in (
        unsigned(op),
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature[:-6]}AAAAAA",
        "x",
        "...",
        "é.é.é",
        "x" * 20_000,
    ):
        answer = send(op, cookie, token)
        assert (answer["error"], answer["state"]) == ("invalid_request_object", "outer")


def test_only_a_registered_key_signs(op: Op) -> None:
    """Trap T11, CA-08: an unknown kid, a stranger's key under a known kid, a key in the header, a shared secret."""
    cookie = prepared(op)
    secret = OctKey.import_key(b"s" * 43)
    for token in (
        an_object(op, key=STRANGER),
        an_object(op, header={"kid": "another"}),
        an_object(op, key=STRANGER, header={"jwk": STRANGER.as_dict(private=False)}),
        an_object(op, key=secret, header={"alg": "HS256"}),
    ):
        assert send(op, cookie, token)["error"] == "invalid_request_object"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other"},
        {"client_id": None},
        {"iss": "other"},
        {"aud": "https://other.example"},
        {"exp": NOW - 60},
        {"nbf": NOW + 60},
        {"iat": NOW + 60},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e300},
        {"sub": "emi"},
        {"request": "x.y.z"},
        {"request_uri": "urn:x"},
        {"state": ["a"]},
        {"scope": {"a": 1}},
        {"prompt": None, "max_age": True},
    ],
)
def test_an_object_of_another_kind_place_or_time_is_refused(op: Op, changes: dict[str, object]) -> None:
    """RFC 9101 §4, §6, §10.8; a date 8 seconds ahead is a clock, one 60 seconds ahead is not."""
    cookie = prepared(op)
    assert send(op, cookie, an_object(op, **changes))["error"] == "invalid_request_object"
    assert "code" in send(op, cookie, an_object(op, nbf=NOW + 8, iat=NOW + 8))


def test_a_client_assertion_is_never_taken_for_a_request(op: Op) -> None:
    """RFC 9101 §10.8, RFC 8725 §3.11: by its type."""
    cookie = prepared(op)
    for typ in ("client-authentication+jwt", "at+jwt", "logout+jwt"):
        assert send(op, cookie, an_object(op, header={"typ": typ}))["error"] == "invalid_request_object"


def test_rules_of_the_endpoint_hold_for_signed_requests_too(op: Op) -> None:
    """AZ-01, PK-02: a signature makes no address of the client's, and no challenge."""
    cookie = prepared(op)
    page = op.get(
        "/oauth2/authorize",
        cookie,
        client_id="emi",
        request=an_object(op, redirect_uri="https://evil.example"),
    )
    assert (page.status, page.header("location")) == (400, "")
    assert send(op, cookie, an_object(op, code_challenge=None))["error"] == "invalid_request"
    both = op.get("/oauth2/authorize", cookie, client_id="emi", request="x", request_uri="y")
    assert both.status == 400


@pytest.mark.parametrize("name", ["client_id", "request", "request_uri"])
def test_what_names_a_request_stands_once(op: Op, name: str) -> None:
    """RFC 6749 §3.1: of two objects, of two pushed requests, or of two clients for one, none is chosen."""
    cookie = prepared(op)
    pushed = op.post("/oauth2/par", op.ask(), headers=op.basic()).json()["request_uri"]
    brought = {"request_uri": pushed} if name == "request_uri" else {"request": an_object(op)}
    beside = {"client_id": "emi", "redirect_uri": CALLBACK, "state": "outer", **brought}
    query = urlencode([*beside.items(), (name, beside[name])])
    answer = op.call("GET", "/oauth2/authorize", query=query, headers=op.cookies(cookie))
    if name == "client_id":
        assert (answer.status, answer.header("location")) == (400, "")
    else:
        told = returned(answer)
        assert (told["error"], told["state"]) == ("invalid_request", "outer")
    assert op.audit("gateway:authorization:granted") == []


def test_a_client_may_have_to_sign_and_by_one_algorithm(op: Op) -> None:
    """RFC 9101 §10.5, OIDC Registration §2: require_signed_request_object, request_object_signing_alg."""
    cookie = prepared(op, require_signed_request_object=True, request_object_signing_alg="RS256")
    assert returned(op.authorize(cookie))["error"] == "invalid_request"
    assert send(op, cookie, an_object(op))["error"] == "invalid_request_object"
    op.client(replace=True, secret="", jwks=public_keys(KEY), require_signed_request_object=True)
    assert "code" in send(op, cookie, an_object(op))


def test_a_signed_request_that_waited_for_its_person_stays_a_signed_one(op: Op) -> None:
    """RFC 9101 §10.5: a client that has to sign signs people in who have no session yet."""
    op.client(jwks=public_keys(KEY), require_signed_request_object=True)
    token = flow_token(op.get("/oauth2/authorize", client_id="emi", request=an_object(op)))
    account = op.account()
    cookie = op.session(account)
    finish(op, token, account, cookie)
    assert "code" in returned(op.get("/oauth2/authorize/resume", cookie, flow=token))


def test_a_request_is_brought_in_one_way(op: Op) -> None:
    """RFC 9101 §5: with an object by value and one by reference neither is taken, however good both are."""
    cookie = prepared(op)
    pushed = op.post("/oauth2/par", op.ask(), headers=op.basic()).json()["request_uri"]
    told = send(op, cookie, an_object(op), request_uri=pushed)
    assert (told["error"], told["state"]) == ("invalid_request", "outer")
    assert "code" in send(op, cookie, an_object(op))


def test_a_profile_without_rs256_takes_no_request_signed_by_it(op: Op) -> None:
    """FAPI 2.0 §5.4: the client's key proves nothing by an algorithm that its profile bars."""
    key, algorithm = a_signing_key("RS256"), {"alg": "RS256"}
    for profile, told in (("ipsie-sl1", "error"), ("default", "code")):
        op.client(profile=profile, jwks=public_keys(key), replace=profile == "default", secret="")
        cookie = op.session(op.account(profile))
        assert told in send(op, cookie, an_object(op, key=key, header={**algorithm, "kid": key.kid}))


def test_a_signed_request_may_be_pushed(op: Op) -> None:
    """RFC 9126 §3: and stays a signed one."""
    cookie = prepared(op, require_signed_request_object=True)
    token = an_object(op)
    assert op.post("/oauth2/par", op.ask(), headers=op.basic()).json()["error"] == "invalid_request"
    pushed = op.post("/oauth2/par", {"request": token}, headers=op.basic()).json()["request_uri"]
    assert "code" in returned(op.get("/oauth2/authorize", cookie, client_id="emi", request_uri=pushed))


def test_an_unsigned_request_that_was_pushed_counts_as_none_once_the_client_has_to_sign(op: Op) -> None:
    """RFC 9101 §10.5: what the client has to do is asked again when the browser comes."""
    cookie = prepared(op)
    pushed = op.post("/oauth2/par", op.ask(), headers=op.basic()).json()["request_uri"]
    op.client(replace=True, secret="", jwks=public_keys(KEY), require_signed_request_object=True)
    answer = returned(op.get("/oauth2/authorize", cookie, client_id="emi", request_uri=pushed))
    assert answer["error"] == "invalid_request"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [f"{ISSUER}/oauth2/par"]},
        {"aud": f"{ISSUER}/oauth2/par"},
        {"aud": None},
        {"iss": None},
        {"nbf": None},
        {"exp": None},
        {"nbf": NOW - 3_700},
        {"exp": NOW + 3_700},
    ],
)
def test_the_strict_profiles_name_an_audience_and_both_dates(op: Op, changes: dict[str, object]) -> None:
    """FAPI 2.0 Message Signing §5.3.1: aud is or holds our issuer, nbf and exp are an hour apart at most."""
    cookie = prepared(op, profile="ipsie-sl1")
    assert send(op, cookie, an_object(op, **changes))["error"] == "invalid_request_object"
    assert "code" in send(op, cookie, an_object(op))
    assert "code" in send(op, cookie, an_object(op, aud=[ISSUER, "https://other.example"]))


def test_every_algorithm_that_discovery_names_signs_a_request(op: Op) -> None:
    """DJ-06, RFC 9101 §10.5, trap T12."""
    rsa = a_signing_key("RS256", "rsa")
    keys = {"ES256": KEY, "RS256": rsa, "PS256": rsa, "EdDSA": a_signing_key("EdDSA", "ed")}
    listed = op.get("/.well-known/openid-configuration").json()["request_object_signing_alg_values_supported"]
    assert set(listed) == set(keys)
    op.client()
    for name in listed:
        op.client(jwks=public_keys(keys[name]), request_object_signing_alg=name, replace=True, secret="")
        token = an_object(op, key=keys[name], header={"alg": name, "kid": keys[name].kid})
        answer = op.get("/oauth2/authorize", client_id="emi", redirect_uri=CALLBACK, request=token)
        assert urlsplit(answer.header("location")).path == "/sign-in", (name, answer.header("location"))


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Documents]:
    with serving_documents(tmp_path) as served:
        yield served


def test_a_silent_server_of_a_client_holds_up_one_request_and_no_more(op: Op, published: Documents) -> None:
    """RFC 9101 §10.4.1: anybody's browser can name the address, so few of our threads ever wait for it."""
    address = published.put("/request.jwt", an_object(op).encode())
    cookie = prepared(op, request_uris=[address])
    rules = FetchRules(authority=published.authority, loopback=(published.host,), seconds=60)
    op.services = dataclasses.replace(op.services, fetcher=Fetcher(rules))
    op.__post_init__()

    def bring() -> dict[str, str]:
        outer = {"client_id": "emi", "redirect_uri": CALLBACK}
        return returned(op.get("/oauth2/authorize", cookie, request_uri=address, **outer))

    published.goes_on.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(bring)
        assert published.reached.wait(60)
        assert bring()["error"] == "temporarily_unavailable"
        published.goes_on.set()
        assert first.result()["state"] == "st"
    assert published.asked == ["/request.jwt"]
    assert "code" in bring()


def test_an_object_by_reference_is_fetched_only_from_where_its_client_said(
    op: Op, published: Documents
) -> None:
    """RFC 9101 §5.2.2, §10.4: a registered address, the guarded fetcher, and then the rules of any object."""
    address = f"{published.origin}/request.jwt"
    cookie = prepared(op, request_uris=[address])

    def bring(named: str) -> dict[str, str]:
        outer = {"client_id": "emi", "redirect_uri": CALLBACK}
        return returned(op.get("/oauth2/authorize", cookie, request_uri=named, **outer))

    published.put("/request.jwt", an_object(op).encode())
    assert bring(address)["error"] == "invalid_request_uri", "this machine is not the open internet"
    rules = FetchRules(authority=published.authority, loopback=(published.host,))
    op.services = dataclasses.replace(op.services, fetcher=Fetcher(rules))
    op.__post_init__()
    assert bring(f"{published.origin}/other.jwt")["error"] == "invalid_request_uri"
    assert published.asked == []
    assert bring(address)["state"] == "st"
    for body, error in ((unsigned(op).encode(), "object"), (b"\xff", "uri"), (b"x" * 20_000, "object")):
        published.put("/request.jwt", body)
        assert bring(address)["error"] == f"invalid_request_{error}"
    published.put("/request.jwt", b"", status=302, Location=f"{published.origin}/other.jwt")
    assert bring(address)["error"] == "invalid_request_uri"
