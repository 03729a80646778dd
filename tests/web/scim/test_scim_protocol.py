"""Media types, headers, errors and tokens: lines B1..B10, N1..N6, O1..O14 and attacks SA-*, SL-*."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

from idp.storage.tables import access_token
from tests.support.scim import BASE, ERROR_SCHEMA, PATCH_SCHEMA, a_group, a_user

if TYPE_CHECKING:
    from tests.support.scim import Answer, ScimWorld

ONE = "01KT1GW6G0R5GAV2QNXRSS0P82"
EVERYTHING = [
    ("GET", "/Users"),
    ("POST", "/Users"),
    ("POST", "/Users/.search"),
    ("GET", f"/Users/{ONE}"),
    ("PUT", f"/Users/{ONE}"),
    ("PATCH", f"/Users/{ONE}"),
    ("DELETE", f"/Users/{ONE}"),
    ("GET", "/Groups"),
    ("POST", "/Groups"),
    ("POST", "/Groups/.search"),
    ("GET", f"/Groups/{ONE}"),
    ("PUT", f"/Groups/{ONE}"),
    ("PATCH", f"/Groups/{ONE}"),
    ("DELETE", f"/Groups/{ONE}"),
    ("GET", ""),
    ("POST", "/.search"),
]
WRITES = [(method, path) for method, path in EVERYTHING if method != "GET" and "search" not in path]


def is_scim_error(answer: Answer, status: int) -> bool:
    """Tell whether the answer is an error as SCIM words it (N1)."""
    body = answer.json()
    return (
        answer.status == status
        and body["schemas"] == [ERROR_SCHEMA]
        and body["status"] == str(status)
        and answer.headers["content-type"].startswith("application/scim+json")
    )


# --- tokens --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_nobody_passes_without_a_token_that_is_for_this_service(
    sqlite_world: ScimWorld, method: str, path: str
) -> None:
    """B10, SA-01: no, wrong, expired, revoked, foreign and a person's token: 401 with a challenge."""
    world = sqlite_world
    revoked = world.token(scope="scim.read scim.write ")
    with world.services.store.write() as unit:
        unit.connection.execute(
            access_token.update()
            .where(access_token.c.scope == "scim.read scim.write ")
            .values(revoked_at=unit.now)
        )
    bad = {
        "none": "",
        "wrong": "not-a-token",
        "expired": world.token(life=dt.timedelta(seconds=-1)),
        "revoked": revoked,
        "other audience": world.token(audience="http://127.0.0.1:8000/other"),
    }
    for name, token in bad.items():
        answer = world.request(method, path, {} if method != "GET" else None, token=token)
        assert is_scim_error(answer, 401), name
        assert answer.headers["www-authenticate"].startswith('Bearer realm="scim"'), name
        assert ("invalid_token" in answer.headers["www-authenticate"]) == (name != "none"), name


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_token_that_may_read_cannot_write(sqlite_world: ScimWorld, method: str, path: str) -> None:
    """O4, SA-02: writing needs a scope for it: 403 insufficient_scope."""
    reader = sqlite_world.token(scope="scim.read")
    answer = sqlite_world.request(method, path, {}, token=reader)
    assert is_scim_error(answer, 403)
    kind = path.split("/")[1].lower()
    needed = "scim.write" if kind == "bulk" else f"scim.{kind}.write"
    assert f'error="insufficient_scope", scope="{needed}"' in answer.headers["www-authenticate"]


def test_a_token_that_may_read_reads_and_searches(sqlite_world: ScimWorld) -> None:
    """SA-02: .search is reading."""
    reader = sqlite_world.token(scope="scim.read")
    assert sqlite_world.get("/Users", token=reader).status == 200
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}
    assert sqlite_world.post("/Users/.search", body, token=reader).status == 200


def test_a_token_with_other_scopes_opens_nothing(sqlite_world: ScimWorld) -> None:
    """O4: openid is no SCIM scope."""
    assert is_scim_error(sqlite_world.get("/Users", token=sqlite_world.token(scope="openid profile")), 403)


def test_a_token_in_the_address_or_by_basic_is_not_looked_at(sqlite_world: ScimWorld) -> None:
    """O1, O5: tokens travel in the header only."""
    token = sqlite_world.token()
    assert sqlite_world.get("/Users", token="", query={"access_token": token}).status == 401
    basic = sqlite_world.get("/Users", token="", headers={"Authorization": "Basic cmVnOnNlY3JldA=="})
    assert is_scim_error(basic, 401)


def test_another_clients_resources_are_not_there(world: ScimWorld) -> None:
    """D1, O7, O9: each client sees what it made; another's ids answer 404 on every method."""
    made = world.post("/Users", a_user())["id"]
    group = world.post("/Groups", a_group())["id"]
    for path in (f"/Users/{made}", f"/Groups/{group}"):
        assert is_scim_error(world.get(path, client_id="okta"), 404)
        assert is_scim_error(world.delete(path, client_id="okta"), 404)
        operation = {"op": "replace", "path": "displayName", "value": "Mine"}
        assert is_scim_error(world.patch(path, operation, client_id="okta"), 404)
        body = a_user() if "Users" in path else a_group()
        assert is_scim_error(world.put(path, body, client_id="okta"), 404)
        assert world.get(path).status == 200
    assert world.get("/Users", client_id="okta")["totalResults"] == 0
    assert world.get("/", client_id="okta")["totalResults"] == 0


def test_another_clients_account_is_never_adopted(world: ScimWorld) -> None:
    """SA-05, O9: the user name of another source is taken, and nothing of that account changes."""
    made = world.post("/Users", a_user(active=False))
    answer = world.post("/Users", a_user("FIELDN", externalId="mine"), client_id="okta")
    assert (answer.status, answer.scim_type) == (409, "uniqueness")
    assert world.get(f"/Users/{made['id']}").json() == made.json()


def test_a_request_for_another_host_is_refused_in_scim(sqlite_world: ScimWorld) -> None:
    """N5, B6, OR-03: a foreign host, a strange one, none; whatever the address, the method and the body."""
    for host in ("evil.example", "127.0.0.1:8001", "a b", ""):
        for method, path in (*EVERYTHING, ("BREW", "/Users"), ("GET", "/Nothing"), ("POST", "/Bulk")):
            answer = sqlite_world.request(method, path, {"a": "x" * 1_100_000}, headers={"Host": host})
            assert is_scim_error(answer, 400), (host, method, path)
            assert "location" not in answer.headers
    answer = sqlite_world.request("HEAD", "/Users", headers={"Host": "evil.example"})
    assert (answer.status, answer.body) == (400, b"")
    assert answer.headers["content-type"].startswith("application/scim+json")


# --- words, media types, methods -----------------------------------------------------------------


@pytest.mark.parametrize("path", ["/Nothing", "/Users/x/y", "/v1/Users", "//Users", "/Users/../Groups"])
def test_an_unknown_address_answers_in_scim(sqlite_world: ScimWorld, path: str) -> None:
    """N5: 404 of an unknown route is a SCIM error too."""
    assert is_scim_error(sqlite_world.get(path), 404)


@pytest.mark.parametrize("through", ["lane", "flask"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_version_of_the_protocol_is_not_served(
    sqlite_world: ScimWorld, method: str, through: str
) -> None:
    """N2, B4, RFC 7644 §3.13: 400 invalidVers, whoever asks; what names no version is unknown like the rest."""
    for path in ("/v1/Users", "/v3", "/v3/", "/v22/Users/x", "/v1/v2/Users", "/v02/Users"):
        for token in ("", None):
            answer = sqlite_world.request(method, path, token=token, through=through, below="/scim")
            assert is_scim_error(answer, 400), path
            assert answer.scim_type == "invalidVers", path
    for path in ("", "/", "/Users", "/version1/Users", "/v2x", "/v/Users", "/v2.1", "/v-1"):
        assert is_scim_error(sqlite_world.request(method, path, through=through, below="/scim"), 404), path


@pytest.mark.parametrize("through", ["lane", "flask"])
def test_a_token_has_no_place_in_an_address(sqlite_world: ScimWorld, through: str) -> None:
    """N2, O1, RFC 6750 §2.3, RFC 7644 §7.5.2: it opens nothing there, and beside a good one is 403 sensitive."""
    world = sqlite_world
    made = world.post("/Users", a_user())["id"]
    token = world.token()
    for method, path in (
        *EVERYTHING,
        ("GET", f"/Users/{made}"),
        ("DELETE", f"/Users/{made}"),
        ("GET", "/Schemas"),
    ):
        for query in ({"access_token": token}, {"access_token": ""}, {"count": "1", "access_token": "x"}):
            answer = world.request(method, path, query=query, through=through)
            assert is_scim_error(answer, 403), (method, path)
            assert answer.scim_type == "sensitive"
            assert token not in answer.body.decode()
            if path != "/Schemas":
                assert world.request(method, path, token="", query=query, through=through).status == 401
    assert world.get(f"/Users/{made}").status == 200, "nothing was done"
    assert world.search("Users", f'userName eq "access_token={token}"').status == 200, (
        "a value is no parameter"
    )


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/Users", "PUT", "GET, POST, HEAD, OPTIONS"),
        (f"/Users/{ONE}", "POST", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        ("/Groups", "DELETE", "GET, POST, HEAD, OPTIONS"),
        ("/Users/.search", "GET", "POST, OPTIONS"),
    ],
)
def test_a_method_that_is_not_there_says_what_is(
    sqlite_world: ScimWorld, path: str, method: str, allowed: str
) -> None:
    """N3, B9: 405 with Allow; OPTIONS tells the same."""
    answer = sqlite_world.request(method, path)
    assert is_scim_error(answer, 405)
    assert answer.headers["allow"] == allowed
    asked = sqlite_world.request("OPTIONS", path, token="")
    assert (asked.status, asked.headers["allow"]) == (204, allowed)


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "get", "X"])
def test_a_method_that_nobody_knows_is_refused_in_scim(sqlite_world: ScimWorld, method: str) -> None:
    """N5: 405 is a SCIM error whatever the method is called."""
    assert is_scim_error(sqlite_world.request(method, "/Users"), 405)


def test_a_method_cannot_be_smuggled(sqlite_world: ScimWorld) -> None:
    """SL-04: no override header or field changes the method; HEAD carries no body."""
    world = sqlite_world
    made = world.post("/Users", a_user())["id"]
    for headers in ({"X-HTTP-Method-Override": "DELETE"}, {"X-Method-Override": "DELETE"}):
        assert world.get(f"/Users/{made}", headers=headers).status == 200
    assert world.get(f"/Users/{made}?_method=DELETE").status == 200
    head = world.request("HEAD", f"/Users/{made}")
    get = world.get(f"/Users/{made}")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert head.headers["etag"] == get.headers["etag"]


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_kind_is_refused(sqlite_world: ScimWorld, media: str) -> None:
    """B2: 415."""
    answer = sqlite_world.post("/Users", a_user(), headers={"Content-Type": media})
    assert is_scim_error(answer, 415)


def test_a_body_that_is_compressed_is_refused_in_words(sqlite_world: ScimWorld) -> None:
    """B2, RFC 9110 §12.5.3: 415, and which coding would have done; one that says it is none is read."""
    for coding in ("gzip", "br", "identity, gzip"):
        answer = sqlite_world.post("/Users", a_user(), headers={"Content-Encoding": coding})
        assert is_scim_error(answer, 415)
        assert answer.headers["accept-encoding"] == "identity"
    assert sqlite_world.post("/Users", a_user(), headers={"Content-Encoding": "Identity"}).status == 201


@pytest.mark.parametrize(
    "media", ["application/scim+json", "application/json", "Application/SCIM+JSON; charset=utf-8"]
)
def test_both_kinds_of_json_are_read(sqlite_world: ScimWorld, media: str) -> None:
    """B2: with parameters and in any case."""
    assert sqlite_world.post("/Users", a_user(), headers={"Content-Type": media}).status == 201


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "image/*",
        "application/scim+json;q=0",
        "*/*; q=0.000",
        "text/html, application/json;q=0.0, application/scim+json; Q=0",
        "application/scim+json;q=0, */*",
        "*/*, application/*, application/json, application/scim+json;q=0.0",
        "*/*, application/*;q=0",
        "application/json;q=0",
    ],
)
def test_who_accepts_no_json_gets_none(sqlite_world: ScimWorld, accept: str) -> None:
    """N5, RFC 9110 §12.5.1: 406 is a SCIM error too; what is said of the kind itself decides."""
    assert is_scim_error(sqlite_world.get("/Users", headers={"Accept": accept}), 406)


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        "application/scim+json",
        "text/html, */*;q=0.1",
        "APPLICATION/*;q=0.001",
        "",
        " , ",
        "*/*;q=0, application/scim+json",
        "application/*;q=0, application/json; charset=utf-8",
        "*/*;q=0, application/*;q=0.5",
        "application/json;q=0, */*",
        "application/json;q=0, application/scim+json;q=0.1",
        "application/scim+json;q=0, application/scim+json",
    ],
)
def test_answers_are_scim_whatever_json_is_accepted(sqlite_world: ScimWorld, accept: str) -> None:
    """B1, B3: application/scim+json in UTF-8."""
    answer = sqlite_world.get("/Users", headers={"Accept": accept})
    assert answer.headers["content-type"] == "application/scim+json; charset=utf-8"


def test_a_slash_at_the_end_changes_nothing(sqlite_world: ScimWorld) -> None:
    """B4."""
    world = sqlite_world
    made = world.post("/Users/", a_user())
    assert made.status == 201
    assert world.get(f"/Users/{made['id']}/").body == world.get(f"/Users/{made['id']}").body


BROKEN = {
    "empty": b"",
    "no json": b"{",
    "list": b"[]",
    "text": b'"x"',
    "doubled": b'{"schemas":[],"userName":"a","userName":"b"}',
    "doubled in another case": b'{"schemas":[],"userName":"a","USERNAME":"b"}',
    "doubled within": b'{"schemas":[],"name":{"givenName":"a","givenname":"b"}}',
    "not a number": b'{"userName":NaN}',
    "infinity": b'{"userName":Infinity}',
    "deep": b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}",
    "rather deep": b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
    "long number": b'{"a":' + b"9" * 5000 + b"}",
    "byte order mark": b'\xef\xbb\xbf{"schemas":[]}',
    "latin": b'{"userName":"\xe9"}',
    "surrogate": b'{"userName":"\\ud800"}',
    "zero": b'{"userName":"a\\u0000b"}',
    "zero in a name": b'{"a\\u0000":1}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_json_from_strangers_is_never_an_error_of_ours(sqlite_world: ScimWorld, name: str) -> None:
    """B7, SL-05: 400 invalidSyntax, always, on every address that reads a body."""
    world = sqlite_world
    for method, path in (
        ("POST", "/Users"),
        ("PATCH", f"/Users/{ONE}"),
        ("POST", "/Groups"),
        ("POST", "/.search"),
    ):
        answer = world.request(method, path, raw=BROKEN[name], headers={"Content-Type": "application/json"})
        assert is_scim_error(answer, 400), (method, path, answer.body)
        assert answer.scim_type == "invalidSyntax"


def test_a_body_that_is_too_large_is_refused_in_scim(sqlite_world: ScimWorld) -> None:
    """B8, O12: 413."""
    answer = sqlite_world.post("/Users", a_user(title="x" * 1_100_000))
    assert is_scim_error(answer, 413)


def test_errors_name_the_attribute_and_nothing_of_the_inside(world: ScimWorld) -> None:
    """N6, SL-07: no library, no SQL, no value of anybody."""
    world.post("/Users", a_user())
    wrong: list[tuple[str, Any]] = [
        ("active", a_user("b", active="perhaps")),
        ("emails", a_user("b", emails="x@acme.example")),
        ("name.givenName", a_user("b", name={"givenName": 5})),
        ("userName", {"schemas": a_user()["schemas"]}),
        ("userName", a_user("fieldn", externalId="other")),
    ]
    for attribute, body in wrong:
        answer = world.post("/Users", body)
        assert (answer.status, answer.scim_type) in {(400, "invalidValue"), (409, "uniqueness")}
        assert attribute in answer.detail, answer.detail
        for word in ("pydantic", "http", "sql", "Traceback", "Input should", "fieldn@", "validation error"):
            assert word.lower() not in answer.detail.lower(), answer.detail


def test_an_error_of_ours_is_scim_and_says_nothing(
    sqlite_world: ScimWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N5: 500 is a SCIM error without internal text."""

    def break_down(*_args: object, **_named: object) -> None:
        raise RuntimeError("SELECT secret FROM somewhere")

    monkeypatch.setattr("scim.web.users.search_accounts", break_down)
    answer = sqlite_world.get("/Users")
    assert is_scim_error(answer, 500)
    assert b"SELECT" not in answer.body


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/Users", None),
        ("GET", "/Users?filter=userName%20eq%20%22fieldn%22", None),
        ("GET", "/Users/{user}", None),
        ("GET", "/Groups/{group}", None),
        ("GET", "/Groups?excludedAttributes=members", None),
        ("GET", "/Schemas", None),
        ("GET", "/ServiceProviderConfig", None),
        ("GET", "/Nothing/at/all", None),
        ("HEAD", "/Users/{user}", None),
        ("OPTIONS", "/Users", None),
        ("PUT", "/Users", None),
        ("POST", "/Users", {"schemas": []}),
        ("PATCH", "/Groups/{group}", {"schemas": [PATCH_SCHEMA], "Operations": []}),
        ("POST", "/Users/.search", {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}),
    ],
)
def test_both_mounts_answer_the_same_bytes(
    sqlite_world: ScimWorld, method: str, path: str, body: Any
) -> None:
    """The lane and Flask serve one table of routes."""
    world = sqlite_world
    user = world.post("/Users", a_user())["id"]
    group = world.post("/Groups", a_group(members=[{"value": user}]))["id"]
    written = path.replace("{user}", user).replace("{group}", group)
    lane = world.request(method, written, body)
    behind = world.request(method, written, body, through="flask")
    assert (lane.status, lane.body) == (behind.status, behind.body)
    assert lane.headers == behind.headers


def test_locations_are_absolute_and_of_the_issuer(sqlite_world: ScimWorld) -> None:
    """B5, B6: whatever Host or proxy header a request carries."""
    world = sqlite_world
    made = world.post("/Users", a_user(), headers={"X-Forwarded-Host": "evil.example"})
    location = f"{BASE}/Users/{made['id']}"
    assert made.headers["location"] == made.headers["content-location"] == location
    assert made["meta"]["location"] == location
    assert world.get(f"/Users/{made['id']}").headers["content-location"] == location
    assert "evil" not in json.dumps(made.json())


def test_a_cookie_opens_nothing_and_none_is_set(world: ScimWorld) -> None:
    """O5, O14: whoever has a cookie or a password is nobody here, and leaves with none."""
    for headers in (
        {"cookie": f"gateway_session={world.token()}"},
        {"authorization": "Basic YWxpY2U6c2VjcmV0"},
    ):
        refused = world.get("/Users", token="", headers=headers)
        assert is_scim_error(refused, 401)
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert "set-cookie" not in refused.headers
    for method, path in EVERYTHING:
        assert "set-cookie" not in world.request(method, path, {}).headers


def test_what_a_search_leaves_null_it_leaves_out(sqlite_world: ScimWorld) -> None:
    """C8, D4, RFC 7643 §2.5: null is the same as nothing, for the parts of a question too."""
    sqlite_world.post("/Users", a_user())
    bare = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}
    names = ("filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes")
    found = sqlite_world.post("/Users/.search", bare | dict.fromkeys(names))
    assert found.status == 200
    assert found.json() == sqlite_world.post("/Users/.search", bare).json()
