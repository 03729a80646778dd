"""Registration as a client: what it sends to the Gateway, and every answer it refuses (OB-13, RP checks)."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from structlog.testing import capture_logs

from kernel.clock import FrozenClock
from kernel.errors import SettingsError
from kernel.randomness import SystemRandomness
from registration.domain.outbox import Action, Aggregate, Verdict
from registration.domain.provisioning import Answer, DesiredGroup, DesiredUser, Found
from registration.domain.sign_in import Attempt, ProviderUnreachableError, SignInRefusedError
from registration.outbound.access_token import AccessTokens
from registration.outbound.connect import connect_gateway
from registration.outbound.discovery import Discovery
from registration.outbound.http import Outbound, TargetRefusedError, trusted
from registration.outbound.keys import ClientKey, create_key_file, read_public_key
from registration.outbound.oidc_client import LOGOUT_EVENT, GatewayProvider
from registration.outbound.scim_client import ScimDirectory
from registration.settings import RegistrationSettings
from switchyard.ports import free_port
from tests.support.clock import NOON
from tests.support.https_server import serving_documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ISSUER = "https://gateway.example"
CALLBACK = "https://registration.example/callback"
SCIM_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
SCIM_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
EXTENSION = "urn:ietf:params:scim:schemas:extension:switchyard:2.0"
JSON = {"Content-Type": "application/scim+json"}

USER = DesiredUser(
    account_id="01ACCOUNT",
    user_name="smithj",
    kind="personal",
    active=True,
    version=3,
    person_no=200_001,
    given_name="Jim",
    family_name="Smith",
    middle_name="",
    display_name="Jim Smith",
    email="jim@acme.example",
    phone_uri="tel:+14165550142;ext=17",
    language="en",
    organizations=((100_001, "ACME"),),
    activation_days=90,
    tenant="ieso",
)
GROUP = DesiredGroup("100001:emi", 100_001, "ACME", "emi", "Dispatch data", "emi", ("personal",), 4, 1)


@dataclass
class Provider:
    """A Gateway of a few lines: discovery, keys, a token endpoint that answers as told."""

    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one"}))
    published: list[ECKey | RSAKey] = field(default_factory=list)
    issuer: str = ISSUER
    away: bool = False
    token_status: int = 200
    token_body: dict[str, Any] = field(default_factory=dict)
    seen: list[httpx.Request] = field(default_factory=list)
    scim: Callable[[httpx.Request], httpx.Response] | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        path = request.url.path
        if self.away:
            return httpx.Response(502)
        if path == "/.well-known/openid-configuration":
            endpoints = {
                "authorization_endpoint": f"{ISSUER}/oauth2/authorize",
                "token_endpoint": f"{ISSUER}/oauth2/token",
                "jwks_uri": f"{ISSUER}/oauth2/jwks",
                "end_session_endpoint": f"{ISSUER}/oauth2/logout",
            }
            return httpx.Response(200, json={"issuer": self.issuer, **endpoints})
        if path == "/oauth2/jwks":
            keys = KeySet(self.published or [self.key])
            return httpx.Response(200, json=keys.as_dict(private=False))
        if path == "/oauth2/token":
            return httpx.Response(self.token_status, json=self.token_body)
        assert self.scim is not None, path
        return self.scim(request)

    def sign(self, claims: dict[str, Any], *, header: dict[str, Any] | None = None, key: Any = None) -> str:
        signer = key or self.key
        head = {"alg": "ES256", "kid": signer.kid, **(header or {})}
        return jwt.encode(head, claims, signer, algorithms=[head["alg"]])


@dataclass
class Wired:
    """Our client before that Gateway."""

    remote: Provider
    provider: GatewayProvider
    directory: ScimDirectory
    clock: FrozenClock


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[Wired]:
    remote, clock = Provider(), FrozenClock(NOON)
    outbound = Outbound([ISSUER], timeout=dt.timedelta(seconds=5), transport=httpx.MockTransport(remote))
    create_key_file(tmp_path / "client.jwk")
    client = ClientKey(tmp_path / "client.jwk", "registration", SystemRandomness())
    discovery = Discovery(outbound, ISSUER, clock)
    tokens = AccessTokens(outbound, discovery, client, clock, resource=f"{ISSUER}/scim/v2")
    yield Wired(
        remote,
        GatewayProvider(outbound, discovery, client),
        ScimDirectory(outbound, tokens, clock, base_url=f"{ISSUER}/scim/v2"),
        clock,
    )
    outbound.close()


def id_claims(**more: Any) -> dict[str, Any]:
    stamp = int(NOON.timestamp())
    claims = {
        "iss": ISSUER,
        "aud": "registration",
        "sub": "01SUBJECT",
        "sid": "01SESSION",
        "iat": stamp,
        "exp": stamp + 600,
        "auth_time": stamp - 5,
        "nonce": "the-nonce",
        "acr": "urn:switchyard:acr:2fa",
        **more,
    }
    return {name: value for name, value in claims.items() if value is not None}


def redeem(wired: Wired, token: str | None = None, **parameters: Any) -> Any:
    wired.remote.token_body = {
        "access_token": "at",
        "token_type": "Bearer",
        "id_token": token if token is not None else wired.remote.sign(id_claims()),
    }
    answer = {"code": ["the-code"], "state": ["s"], "iss": [ISSUER], **parameters}
    return wired.provider.redeem(
        {name: value for name, value in answer.items() if value is not None},
        Attempt("the-nonce", "v" * 43, "/"),
        redirect_uri=CALLBACK,
        now=NOON,
    )


def check_refused(wired: Wired, check: str, token: str | None = None, **parameters: Any) -> None:
    with pytest.raises(SignInRefusedError) as caught:
        redeem(wired, token, **parameters)
    assert caught.value.check == check


def test_the_browser_is_sent_with_state_nonce_and_a_challenge(wired: Wired) -> None:
    """RFC 7636 §4.2: S256 only."""
    url = wired.provider.authorization_url(Attempt("n", "v" * 43, "/"), state="s", redirect_uri=CALLBACK)
    query = {name: value[0] for name, value in parse_qs(urlsplit(url).query).items()}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()
    assert query == {
        "response_type": "code",
        "client_id": "registration",
        "redirect_uri": CALLBACK,
        "scope": "openid",
        "state": "s",
        "nonce": "n",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }


def test_a_sign_in_whose_checks_pass_is_verified(wired: Wired) -> None:
    """OIDC Core §3.1.3.7; RFC 7523: the assertion's audience is the issuer."""
    verified = redeem(wired)
    assert (verified.subject, verified.sid, verified.acr) == (
        "01SUBJECT",
        "01SESSION",
        "urn:switchyard:acr:2fa",
    )
    assert verified.auth_at == NOON - dt.timedelta(seconds=5)
    form = parse_qs(wired.remote.seen[-2].content.decode() or wired.remote.seen[-1].content.decode())
    sent = next(request for request in wired.remote.seen if request.url.path == "/oauth2/token")
    form = {name: value[0] for name, value in parse_qs(sent.content.decode()).items()}
    assert (form["grant_type"], form["code"], form["code_verifier"]) == (
        "authorization_code",
        "the-code",
        "v" * 43,
    )
    claims = json.loads(base64.urlsafe_b64decode(form["client_assertion"].split(".")[1] + "=="))
    assert claims["iss"] == claims["sub"] == "registration"
    assert claims["aud"] == ISSUER
    assert claims["exp"] - claims["iat"] == 60
    assert len(claims["jti"]) > 16


@pytest.mark.parametrize(
    ("check", "claims"),
    [
        ("iss", {"iss": "https://evil.example"}),
        ("iss", {"iss": ISSUER + "/"}),
        ("aud", {"aud": "other"}),
        ("aud", {"aud": ["registration", "other"]}),
        ("aud", {"aud": None}),
        ("azp", {"azp": "other"}),
        ("exp", {"exp": int(NOON.timestamp()) - 61}),
        ("exp", {"exp": None}),
        ("exp", {"exp": "soon"}),
        ("iat", {"iat": int(NOON.timestamp()) + 120}),
        ("iat", {"iat": int(NOON.timestamp()) - 3600}),
        ("nonce", {"nonce": "another"}),
        ("nonce", {"nonce": None}),
        ("sub", {"sub": None}),
        ("sub", {"sub": "x" * 300}),
        ("sid", {"sid": None}),
        ("auth_time", {"auth_time": None}),
        ("auth_time", {"auth_time": True}),
        ("at_hash", {"at_hash": "wrong"}),
    ],
)
def test_each_check_of_an_id_token_refuses(wired: Wired, check: str, claims: dict[str, Any]) -> None:
    """OIDC Core §3.1.3.7."""
    check_refused(wired, check, wired.remote.sign(id_claims(**claims)))


def test_signatures_of_others_are_refused(wired: Wired) -> None:
    """None, symmetric with the public key, and a key of somebody else's."""
    stranger = ECKey.generate_key("P-256", {"kid": "one"})
    check_refused(wired, "signature", wired.remote.sign(id_claims(), key=stranger))
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    body = base64.urlsafe_b64encode(json.dumps(id_claims()).encode()).rstrip(b"=").decode()
    check_refused(wired, "signature", f"{head}.{body}.")
    secret = OctKey.import_key(json.dumps(wired.remote.key.as_dict(private=False)))
    forged = jwt.encode({"alg": "HS256", "kid": "one"}, id_claims(), secret, algorithms=["HS256"])
    check_refused(wired, "signature", forged)
    check_refused(wired, "signature", "not.a.token")
    check_refused(wired, "token_form", "x" * 20_000)
    check_refused(wired, "id_token_missing", 7)  # type: ignore[arg-type]


def test_a_rotated_key_is_fetched_once_and_not_for_every_forgery(wired: Wired) -> None:
    redeem(wired)
    fresh = RSAKey.generate_key(2048, {"kid": "two"})
    wired.remote.published = [wired.remote.key, fresh]
    token = wired.remote.sign(id_claims(), header={"alg": "RS256"}, key=fresh)
    check_refused(wired, "signature", token)  # fetched a moment ago
    wired.clock.advance(dt.timedelta(seconds=31))
    assert redeem(wired, token).subject == "01SUBJECT"
    unknown = ECKey.generate_key("P-256", {"kid": "three"})
    before = len([request for request in wired.remote.seen if request.url.path == "/oauth2/jwks"])
    for _ in range(5):
        check_refused(wired, "signature", wired.remote.sign(id_claims(), key=unknown))
    after = len([request for request in wired.remote.seen if request.url.path == "/oauth2/jwks"])
    assert after == before


def test_who_forges_while_the_provider_is_away_makes_us_ask_once_in_a_while(wired: Wired) -> None:
    """RX-13: anybody may post a token with a key of his own, and each try waits for as long as a try may."""
    redeem(wired)
    wired.clock.advance(dt.timedelta(seconds=31))
    forged = wired.remote.sign(id_claims(), key=ECKey.generate_key("P-256", {"kid": "three"}))
    wired.remote.away = True
    before = len(wired.remote.seen)
    for _ in range(5):
        with pytest.raises(ProviderUnreachableError):
            wired.provider.check_logout_token(forged, now=wired.clock.now())
    assert len(wired.remote.seen) == before + 1
    known = wired.remote.sign(logout_claims(), header={"typ": "logout+jwt"})
    assert wired.provider.check_logout_token(known, now=wired.clock.now()).jti == "once"
    wired.remote.away = False
    wired.clock.advance(dt.timedelta(seconds=2))
    check_refused(wired, "signature", forged)


def test_who_signs_out_while_the_provider_is_away_is_led_there(wired: Wired) -> None:
    """LO-04: a page of ours that says "signed out" would leave the session of the Gateway to who sits down next."""
    with pytest.raises(ProviderUnreachableError):
        wired.remote.away = True
        wired.provider.end_session_url(id_token="id", return_to=CALLBACK)
    wired.clock.advance(dt.timedelta(seconds=2))
    wired.remote.away = False
    redeem(wired)
    wired.clock.advance(dt.timedelta(hours=2))
    wired.remote.away = True
    assert wired.provider.end_session_url(id_token="id", return_to=CALLBACK).startswith(
        f"{ISSUER}/oauth2/logout?"
    )


def test_one_asks_at_a_time(wired: Wired) -> None:
    """RX-13: a provider that says nothing holds up one thread; the others are told so, and come again."""
    asked, go_on = threading.Event(), threading.Event()

    def handler(request: httpx.Request) -> httpx.Response:
        asked.set()
        assert go_on.wait(30)
        return wired.remote(request)

    outbound = Outbound([ISSUER], timeout=dt.timedelta(seconds=1), transport=httpx.MockTransport(handler))
    discovery = Discovery(outbound, ISSUER, wired.clock)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(discovery.keys)
        assert asked.wait(30)
        for ask in (discovery.keys, discovery.document):
            with pytest.raises(ProviderUnreachableError):
                ask()
        go_on.set()
        assert first.result(30)
    assert discovery.keys() is first.result()


@pytest.mark.parametrize(
    ("check", "parameters"),
    [
        ("iss_of_answer", {"iss": None}),
        ("iss_of_answer", {"iss": ["https://evil.example"]}),
        ("error_access_denied", {"error": ["access_denied"]}),
        ("error_other", {"error": ["<script>"]}),
        ("code_missing", {"code": None}),
        ("parameter_repeated", {"code": ["a", "b"]}),
    ],
)
def test_each_check_of_the_answer_refuses(wired: Wired, check: str, parameters: dict[str, Any]) -> None:
    """RFC 9207 (mix-up), RFC 6749 §4.1.2.1."""
    check_refused(wired, check, **parameters)


@pytest.mark.parametrize(("status", "error"), [(400, SignInRefusedError), (503, ProviderUnreachableError)])
def test_a_refused_code_is_told_from_a_provider_that_is_away(
    wired: Wired, status: int, error: type[Exception]
) -> None:
    wired.remote.token_status = status
    with pytest.raises(error):
        redeem(wired)


def test_discovery_of_another_issuer_is_not_believed(wired: Wired) -> None:
    """OIDC Discovery §4.3."""
    wired.remote.issuer = "https://evil.example"
    with pytest.raises(ProviderUnreachableError):
        wired.provider.authorization_url(Attempt("n", "v", "/"), state="s", redirect_uri=CALLBACK)


def logout_claims(**more: Any) -> dict[str, Any]:
    stamp = int(NOON.timestamp())
    claims = {
        "iss": ISSUER,
        "aud": "registration",
        "iat": stamp,
        "exp": stamp + 120,
        "jti": "once",
        "sub": "01SUBJECT",
        "sid": "01SESSION",
        "events": {LOGOUT_EVENT: {}},
        **more,
    }
    return {name: value for name, value in claims.items() if value is not None}


def test_a_logout_token_names_a_session_a_subject_or_both(wired: Wired) -> None:
    """OIDC Back-Channel Logout §2.4."""

    def read(**more: Any) -> Any:
        token = wired.remote.sign(logout_claims(**more), header={"typ": "logout+jwt"})
        return wired.provider.check_logout_token(token, now=NOON)

    assert (read().sid, read().subject, read().jti) == ("01SESSION", "01SUBJECT", "once")
    assert read(sid=None).sid is None
    assert read(sub=None).subject is None


@pytest.mark.parametrize(
    ("check", "claims", "typ"),
    [
        ("typ", {}, "JWT"),
        ("iss", {"iss": "https://evil.example"}, "logout+jwt"),
        ("aud", {"aud": "emi"}, "logout+jwt"),
        ("exp", {"exp": 1}, "logout+jwt"),
        ("iat", {"iat": 1}, "logout+jwt"),
        ("events", {"events": None}, "logout+jwt"),
        ("events", {"events": {LOGOUT_EVENT: "x"}}, "logout+jwt"),
        ("events", {"events": {"other": {}}}, "logout+jwt"),
        ("nonce", {"nonce": "n"}, "logout+jwt"),
        ("sid_or_sub", {"sid": None, "sub": None}, "logout+jwt"),
        ("jti", {"jti": None}, "logout+jwt"),
    ],
)
def test_each_check_of_a_logout_token_refuses(
    wired: Wired, check: str, claims: dict[str, Any], typ: str
) -> None:
    """OIDC Back-Channel Logout §2.6: an ID token can never end a session."""
    token = wired.remote.sign(logout_claims(**claims), header={"typ": typ})
    with pytest.raises(SignInRefusedError) as caught:
        wired.provider.check_logout_token(token, now=NOON)
    assert caught.value.check == check


# --- SCIM ---------------------------------------------------------------------------------------------


def scim(wired: Wired, *answers: httpx.Response) -> list[httpx.Request]:
    """Let the SCIM face answer so, and return the list its requests will stand in."""
    left, asked = list(answers), []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/ResourceTypes"):
            return httpx.Response(404)  # after a 400: whether the server has our extensions
        asked.append(request)
        return left.pop(0)

    wired.remote.token_body = {"access_token": "worker-token", "expires_in": 300, "token_type": "Bearer"}
    wired.remote.scim = answer
    return asked


def an_error(status: int, **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"schemas": [SCIM_ERROR], "status": str(status), **more}, headers=JSON)


def a_resource(schema: str, **more: Any) -> dict[str, Any]:
    return {"schemas": [schema], "id": "remote-1", "meta": {"resourceType": schema.rsplit(":", 1)[1]}, **more}


def test_a_user_is_posted_with_everything_the_gateway_keeps(wired: Wired) -> None:
    """The mapping of section 7."""
    asked = scim(wired, httpx.Response(201, json=a_resource(USER_SCHEMA, userName="smithj"), headers=JSON))
    answer = wired.directory.create_user(USER)
    assert (answer.status, answer.remote_id, answer.path) == (201, "remote-1", "/Users")
    assert asked[0].headers["authorization"] == "Bearer worker-token"
    assert asked[0].headers["content-type"] == "application/scim+json"
    assert json.loads(asked[0].content) == {
        "schemas": [USER_SCHEMA, f"{EXTENSION}:User"],
        "externalId": "acct:01ACCOUNT",
        "userName": "smithj",
        "name": {"formatted": "Jim Smith", "familyName": "Smith", "givenName": "Jim"},
        "displayName": "Jim Smith",
        "userType": "Personal",
        "preferredLanguage": "en",
        "active": True,
        "emails": [{"value": "jim@acme.example", "type": "work", "primary": True}],
        "phoneNumbers": [{"value": "tel:+14165550142;ext=17", "type": "work", "primary": True}],
        f"{EXTENSION}:User": {
            "personId": "200001",
            "accountKind": "personal",
            "organizations": [{"id": "100001", "shortName": "ACME"}],
            "activation": {"send": True, "validDays": 90},
            "sourceVersion": 3,
            "tenant": "ieso",
        },
    }


def test_a_change_of_a_user_is_fenced_and_never_touches_the_user_name(wired: Wired) -> None:
    """R-043; section 9."""
    asked = scim(wired, httpx.Response(200, json=a_resource(USER_SCHEMA, userName="smithj"), headers=JSON))
    assert wired.directory.change_user("remote-1", USER).status == 200
    paths = [operation["path"] for operation in json.loads(asked[0].content)["Operations"]]
    assert asked[0].method == "PATCH"
    assert paths[0] == f"{EXTENSION}:User:sourceVersion"
    assert "userName" not in paths


def test_a_member_moves_by_one_fenced_patch(wired: Wired) -> None:
    """One value per request, never the list; fence and move take effect together."""
    asked = scim(wired, httpx.Response(204), httpx.Response(204))
    assert wired.directory.add_member("g1", "u1", version=7).status == 204
    assert wired.directory.remove_member("g1", 'u"1', version=8).status == 204
    fence = {"op": "replace", "path": f"{EXTENSION}:Group:sourceVersion"}
    assert json.loads(asked[0].content)["Operations"] == [
        {**fence, "value": 7},
        {"op": "add", "path": "members", "value": [{"value": "u1"}]},
    ]
    assert json.loads(asked[1].content)["Operations"] == [
        {**fence, "value": 8},
        {"op": "remove", "path": 'members[value eq "u\\"1"]'},
    ]


def test_a_group_is_posted_as_a_shell(wired: Wired) -> None:
    """Section 7: what applications read stands in the extension."""
    group = httpx.Response(201, json=a_resource(GROUP_SCHEMA, displayName="x"), headers=JSON)
    changed = httpx.Response(200, json=a_resource(GROUP_SCHEMA, displayName="x"), headers=JSON)
    asked = scim(wired, group, changed)
    assert wired.directory.create_group(GROUP).remote_id == "remote-1"
    sent = json.loads(asked[0].content)
    assert (sent["externalId"], sent["displayName"]) == ("grp:100001:emi", "ACME/Dispatch data")
    assert "members" not in sent
    assert sent[f"{EXTENSION}:Group"]["applicationKey"] == "emi"
    assert wired.directory.change_group("remote-1", GROUP).status == 200


@pytest.mark.parametrize(
    ("kind", "schema", "extension"),
    [(Aggregate.USER, USER_SCHEMA, "User"), (Aggregate.GROUP, GROUP_SCHEMA, "Group")],
)
def test_the_version_that_is_held_is_read_where_there_is_one(
    wired: Wired, kind: Aggregate, schema: str, extension: str
) -> None:
    """OB-11: a server without the fence, and one that is in trouble, hold none."""
    kept = a_resource(schema, **{f"{EXTENSION}:{extension}": {"sourceVersion": 12}})
    bodies = (kept, a_resource(schema))
    asked = scim(wired, *(httpx.Response(200, json=body, headers=JSON) for body in bodies), an_error(503))
    assert wired.directory.held_version(kind, "remote-1")[1] == 12
    assert asked[0].url.path == f"/scim/v2/{extension}s/remote-1"
    assert dict(asked[0].url.params) == {"attributes": f"{EXTENSION}:{extension}:sourceVersion"}
    assert wired.directory.held_version(kind, "remote-1")[1] is None
    answer, held = wired.directory.held_version(kind, "remote-1")
    assert (answer.status, held) == (503, None)


def test_looking_for_ours_asks_by_external_id_and_needs_no_more(wired: Wired) -> None:
    found = {"schemas": [USER_SCHEMA], "id": "remote-1", "externalId": "acct:01ACCOUNT"}
    listed = {"schemas": [SCIM_LIST], "totalResults": 1, "Resources": [found]}
    nothing = {"schemas": [SCIM_LIST], "totalResults": 0, "Resources": []}
    asked = scim(
        wired,
        httpx.Response(200, json=listed, headers=JSON),
        httpx.Response(200, json=nothing, headers=JSON),
        httpx.Response(200, json=nothing, headers=JSON),
    )
    answer, hit = wired.directory.find_user(external_id="acct:01ACCOUNT")
    assert hit is not None
    assert (hit.remote_id, hit.external_id) == ("remote-1", "acct:01ACCOUNT")
    assert dict(asked[0].url.params)["filter"] == 'externalId eq "acct:01ACCOUNT"'
    assert wired.directory.find_user(external_id='a"b')[1] is None
    assert dict(asked[1].url.params)["filter"] == 'externalId eq "a\\"b"'
    assert wired.directory.find_group(external_id="grp:1:x")[1] is None
    assert "?" not in answer.path, "what is kept of a request names nobody"


@pytest.mark.parametrize("other", [{}, {"externalId": "acct:01OTHER"}, {"externalId": "ACCT:01account"}])
def test_nobody_is_adopted_because_a_server_listed_them(wired: Wired, other: dict[str, str]) -> None:
    """C6: an external id is compared with case; a server that filters otherwise, or not at all, links nobody."""
    stranger = {"schemas": [USER_SCHEMA], "id": "remote-2", **other}
    ours = {"schemas": [USER_SCHEMA], "id": "remote-1", "externalId": "acct:01ACCOUNT"}
    lists = [[stranger], [stranger, ours]]
    scim(
        wired,
        *(
            httpx.Response(
                200, json={"schemas": [SCIM_LIST], "totalResults": 2, "Resources": each}, headers=JSON
            )
            for each in lists
        ),
    )
    answer, hit = wired.directory.find_user(external_id="acct:01ACCOUNT")
    assert (answer.status, hit) == (200, None)
    assert wired.directory.find_user(external_id="acct:01ACCOUNT")[1] == Found("remote-1", "acct:01ACCOUNT")


@pytest.mark.parametrize(
    ("response", "status", "verdict"),
    [
        (an_error(409, scimType="uniqueness"), 409, Verdict.TAKEN),
        (an_error(409, detail="staleVersion: 9 is stored"), 409, Verdict.STALE),
        (an_error(400, scimType="invalidValue"), 400, Verdict.REFUSED),
        (an_error(429), 429, Verdict.TRANSIENT),
        (httpx.Response(502, text="<html>bad gateway</html>"), 502, Verdict.TRANSIENT),
        (httpx.Response(201, text="<html>", headers={"Content-Type": "text/html"}), 599, Verdict.TRANSIENT),
        (httpx.Response(201, json=[1], headers=JSON), 599, Verdict.TRANSIENT),
        (httpx.Response(307, headers={"Location": "http://169.254.169.254/"}), 307, Verdict.TRANSIENT),
        (an_error(403), 403, Verdict.UNAUTHORIZED),
    ],
)
def test_every_answer_becomes_a_value(
    wired: Wired, response: httpx.Response, status: int, verdict: Verdict
) -> None:
    """An answer is judged, never raised; a redirect is never followed (OB-13)."""
    asked = scim(wired, response)
    answer = wired.directory.create_user(USER)
    assert (answer.status, answer.verdict(Action.CREATE)) == (status, verdict)
    assert len(asked) == 1


def every_deed(directory: ScimDirectory) -> dict[Action, Answer]:
    """Do everything that can be asked of a server, and return what it answered."""
    return {
        Action.CREATE: directory.create_user(USER),
        Action.CHANGE: directory.change_user("remote-1", USER),
        Action.ADD_MEMBER: directory.add_member("g1", "u1", version=1),
        Action.REMOVE_MEMBER: directory.remove_member("g1", "u1", version=1),
        Action.FIND: directory.find_user(external_id="acct:01ACCOUNT")[0],
    }


@pytest.mark.parametrize("status", [400, 404, 405, 409, 410, 413, 421])
@pytest.mark.parametrize("body", ["", "<h1>Not here</h1>", '{"detail": "Not Found"}'])
def test_a_refusal_that_scim_did_not_write_settles_nothing(wired: Wired, status: int, body: str) -> None:
    """RFC 7644 §3.12: a proxy's 404 does not say that a member is gone, nor its 400 that a user is wrong."""
    scim(wired, *(httpx.Response(status, text=body) for _ in range(5)))
    for action, answer in every_deed(wired.directory).items():
        assert (answer.status, answer.verdict(action)) == (status, Verdict.TRANSIENT), action


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200),
        httpx.Response(202),
        httpx.Response(200, json={"schemas": [SCIM_ERROR], "status": "503"}, headers=JSON),
        httpx.Response(200, text='{"schemas": ["urn', headers=JSON),
    ],
)
def test_half_a_success_is_none(wired: Wired, response: httpx.Response) -> None:
    """RFC 7644 §3.5.2: done is 204, or 200 with the resource; a user without an id could never be taken away."""
    scim(
        wired,
        *(httpx.Response(response.status_code, content=response.content, headers=JSON) for _ in range(5)),
    )
    for action, answer in every_deed(wired.directory).items():
        assert (answer.status, answer.verdict(action)) == (599, Verdict.TRANSIENT), action


def test_a_page_of_somebody_in_between_does_not_take_our_extensions_away(wired: Wired) -> None:
    """The fence is given up for a server only that says which types it has, and that ours are not among them."""
    maintenance = httpx.Response(200, text="<h1>Back soon</h1>")
    answers = [an_error(400, scimType="invalidSyntax"), httpx.Response(204)]
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return maintenance if request.url.path.endswith("/ResourceTypes") else answers.pop(0)

    scim(wired)
    wired.remote.scim = answer
    assert wired.directory.add_member("g1", "u1", version=7).status == 400
    assert wired.directory.add_member("g1", "u1", version=7).status == 204
    operations = json.loads(asked[-1].content)["Operations"]
    assert operations[0]["path"] == f"{EXTENSION}:Group:sourceVersion"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7), ("Mon, 01 Jun 2026 12:00:30 GMT", 30), ("Mon, 01 Jun 2026 11:00:00 GMT", 0), ("soon", None)],
)
def test_a_retry_after_is_read_in_both_forms(wired: Wired, text: str, seconds: int | None) -> None:
    """RFC 9110 §10.2.3."""
    response = an_error(503)
    response.headers["Retry-After"] = text
    scim(wired, response)
    expected = None if seconds is None else dt.timedelta(seconds=seconds)
    assert wired.directory.create_user(USER).retry_after == expected


def test_no_answer_is_an_answer_too(wired: Wired) -> None:
    scim(wired)

    def away(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    wired.remote.scim = away
    assert wired.directory.create_user(USER).verdict(Action.CREATE) is Verdict.UNREACHABLE


def test_the_access_token_is_kept_until_nearly_over_and_renewed_once_when_refused(wired: Wired) -> None:
    """RFC 6749 §4.4, RFC 7523, RFC 8707."""
    scim(wired, *[httpx.Response(204) for _ in range(3)], an_error(401), httpx.Response(204))

    def fetched() -> list[httpx.Request]:
        return [request for request in wired.remote.seen if request.url.path == "/oauth2/token"]

    wired.directory.add_member("g", "u", version=1)
    wired.clock.advance(dt.timedelta(seconds=260))
    wired.directory.add_member("g", "u", version=1)
    assert len(fetched()) == 1
    form = parse_qs(fetched()[0].content.decode())
    assert form["grant_type"] == ["client_credentials"]
    assert form["scope"] == ["scim.read scim.write"]
    assert form["resource"] == [f"{ISSUER}/scim/v2"]
    assert form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    wired.clock.advance(dt.timedelta(seconds=30))
    wired.directory.add_member("g", "u", version=1)
    assert len(fetched()) == 2
    assert wired.directory.add_member("g", "u", version=1).status == 204
    assert len(fetched()) == 3


def test_a_refused_worker_is_our_fault_and_an_absent_token_endpoint_the_networks(wired: Wired) -> None:
    scim(wired)
    wired.remote.token_status = 400
    assert wired.directory.create_user(USER).verdict(Action.CREATE) is Verdict.UNAUTHORIZED
    wired.remote.token_status = 503
    assert wired.directory.create_user(USER).verdict(Action.CREATE) is Verdict.UNREACHABLE


# --- where we go at all ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://gateway.example.evil.example/",
        "https://gateway.example:444/",
        "http://gateway.example/",
        "https://user@gateway.example/",
        "https://gateway.example@evil.example/",
        "gopher://gateway.example/",
        "//gateway.example/",
        "https://[::1/",
    ],
)
def test_only_listed_origins_are_ever_called(url: str) -> None:
    """OB-13."""
    called: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        called.append(request)
        return httpx.Response(200)

    outbound = Outbound([ISSUER], timeout=dt.timedelta(seconds=1), transport=httpx.MockTransport(handler))
    with pytest.raises(TargetRefusedError):
        outbound.send("GET", url)
    assert outbound.send("GET", f"{ISSUER}:443/x").status_code == 200
    assert len(called) == 1
    outbound.close()


def test_why_no_answer_came_stands_in_the_log(tmp_path: Path) -> None:
    """Whoever looks after the worker reads there what to mend; nothing of the request stands beside it."""
    with serving_documents(tmp_path) as documents, capture_logs() as logs:
        for origin in (documents.origin, f"http://127.0.0.1:{free_port()}"):
            outbound = Outbound([origin], timeout=dt.timedelta(seconds=5))
            with pytest.raises(httpx.ConnectError):
                outbound.send("POST", f"{origin}/secret", form={"code": "secret"})
            outbound.close()
    assert [(line["event"], line["error"], line["reason"]) for line in logs] == [
        ("gateway.no_answer", "ConnectError", "self-signed certificate"),
        ("gateway.no_answer", "ConnectError", "Connection refused"),
    ]
    assert "secret" not in str(logs)


def test_an_endpoint_that_discovery_names_elsewhere_is_not_called(wired: Wired) -> None:
    """OB-13: whoever changes the document cannot make us send our assertion to them."""
    document = {
        "issuer": ISSUER,
        "token_endpoint": "https://evil.example/token",
        "jwks_uri": "https://evil.example/jwks",
        "authorization_endpoint": f"{ISSUER}/oauth2/authorize",
    }
    original = wired.remote.__call__

    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.host != "evil.example"
        if request.url.path.startswith("/.well-known"):
            return httpx.Response(200, json=document)
        return original(request)

    outbound = Outbound([ISSUER], timeout=dt.timedelta(seconds=1), transport=httpx.MockTransport(handler))
    discovery = Discovery(outbound, ISSUER, wired.clock)
    provider = GatewayProvider(outbound, discovery, wired.provider._client)
    with pytest.raises(ProviderUnreachableError):
        provider.redeem(
            {"code": ["c"], "iss": [ISSUER]}, Attempt("n", "v", "/"), redirect_uri=CALLBACK, now=NOON
        )
    outbound.close()


def test_a_client_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    path = tmp_path / "key.jwk"
    public = create_key_file(path)
    assert create_key_file(path) == public == read_public_key(path)
    assert "d" not in public
    assert public["kid"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="readable by others"):
        read_public_key(path)
    with pytest.raises(SettingsError, match="cannot read"):
        read_public_key(tmp_path / "absent.jwk")
    path.chmod(0o600)
    path.write_text("{}")
    with pytest.raises(SettingsError):
        read_public_key(path)


def test_putting_it_together_calls_nobody_and_reads_no_key(tmp_path: Path) -> None:
    """Registration starts before the Gateway, and before anybody gave it keys; it is told when one is missing."""
    settings = RegistrationSettings(client_key_file=str(tmp_path / "a"), worker_key_file=str(tmp_path / "b"))
    happened: list[str] = []
    gateway = connect_gateway(settings, FrozenClock(NOON), SystemRandomness(), event=happened.append)
    gateway.outbound.close()
    assert happened == []
    with pytest.raises(SettingsError, match="cannot read the client key"):
        ClientKey(tmp_path / "a", "registration", SystemRandomness()).assertion(audience=ISSUER, now=NOON)


@pytest.mark.parametrize("text", ["", "no certificate"])
def test_an_authority_that_cannot_be_used_is_named(tmp_path: Path, text: str) -> None:
    """Whoever set it reads which option it is, not what a library says of it."""
    file = tmp_path / "authority.pem"
    with pytest.raises(SettingsError, match="gateway_ca_file: .* cannot be used: No such file"):
        trusted(str(file))
    file.write_text(text)
    with pytest.raises(SettingsError, match="gateway_ca_file: .* cannot be used: it holds no certificate"):
        trusted(str(file))
