"""The workloads W1 to W8 and S1 to S7: what each lane asks next, and what a right answer is."""

from __future__ import annotations

import base64
import hashlib
import http.client
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from bench.load import Answer, Lane, Next, Seen, get, origin, send
from bench.world import CALLBACK, PASSWORD, PATCH_OP, SESSIONS, World, add_users, user_document
from kernel.clock import SystemClock

FORM = "application/x-www-form-urlencoded"
SCIM = "application/scim+json"
VERIFIER = "bench-verifier-of-at-least-forty-three-characters-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BESIDE_THE_HASH = "W8/own"
"""The workload that is measured without its hash, and with its time taken off: :mod:`bench.login_rest`."""
_numbers = itertools.count(1)
_FASTEST_DELETION = 2_500
"""Per second, twice what was seen so far."""


@dataclass(frozen=True, slots=True)
class Bound:
    """At most so many milliseconds for a unit (of the clock or of a processor), or so many MB.

    Of ``turns`` clients who want the same at once each waits for the others: what was found is divided by
    their number.
    """

    figure: Literal["p50", "p99", "cpu", "memory"]
    most: float
    turns: int = 1


@dataclass(frozen=True, slots=True)
class Workload:
    """One line of the table. ``target`` is per second, on the machine that the peers were measured on."""

    name: str
    what: str
    target: float
    next: Next
    seen: Seen
    connections: int = 16
    prepare: Callable[[], None] | None = None
    """Done once, before anything is measured."""
    stock: Callable[[float], None] | None = None
    """Done before every round, with its seconds: lays in what the round uses up."""
    bounds: tuple[Bound, ...] = ()
    offered: float = 0.0
    """The share of what the workload before the slash reached that is offered; 0 asks as fast as it can."""


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _expect(answer: Answer, status: int) -> bool:
    assert answer.status == status, f"expected {status}"
    return True


def static(path: str) -> tuple[Next, Seen]:
    """Return a workload that reads one prepared document."""
    request = get(path)
    return (lambda _lane: request), (lambda _lane, answer: _expect(answer, 200) and answer.body[:1] == b"{")


def machine_token(world: World) -> tuple[Next, Seen]:
    """W3: client credentials with a secret."""
    body = urlencode({"grant_type": "client_credentials", "scope": "scim.read"}).encode()
    request = send("POST", "/oauth2/token", body, FORM, world.basic)
    return (lambda _lane: request), (
        lambda _lane, answer: _expect(answer, 200) and b"access_token" in answer.body
    )


def assertion(world: World) -> str:
    """Return a fresh client assertion (RFC 7523)."""
    now = int(SystemClock().now().timestamp())
    head = _b64(json.dumps({"alg": "ES256", "kid": "b", "typ": "JWT"}).encode())
    claims = {
        "iss": "machine",
        "sub": "machine",
        "aud": world.issuer,
        "iat": now,
        "exp": now + 60,
        "jti": f"bench-{next(_numbers)}-{now}",
    }
    signed = f"{head}.{_b64(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(world.key.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def machine_token_by_key(world: World) -> tuple[Next, Seen]:
    """W3k: client credentials with private_key_jwt."""

    def ask(_lane: Lane) -> bytes:
        fields = {
            "grant_type": "client_credentials",
            "scope": "scim.read",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion(world),
        }
        return send("POST", "/oauth2/token", urlencode(fields).encode(), FORM)

    return ask, (lambda _lane, answer: _expect(answer, 200) and b"access_token" in answer.body)


def authorize_path(scope: str) -> str:
    """Return the path of an authorization request."""
    values = {
        "response_type": "code",
        "client_id": "web",
        "redirect_uri": CALLBACK,
        "scope": scope,
        "state": f"state-{next(_numbers)}",
        "nonce": f"nonce-{next(_numbers)}",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return "/oauth2/authorize?" + urlencode(values)


def _session(world: World, lane: Lane) -> str:
    return f"Cookie: gateway_session={world.sessions[lane.number % len(world.sessions)]}\r\n"


def _code_of(answer: Answer) -> str:
    _expect(answer, 303)
    location = answer.header("location")
    assert location.startswith(CALLBACK), location
    return parse_qs(urlsplit(location).query)["code"][0]


def _redeem(world: World, code: str) -> bytes:
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return send("POST", "/oauth2/token", urlencode(fields).encode(), FORM, world.basic)


def whole_flow(world: World) -> tuple[Next, Seen]:
    """W5: authorize with a live session, token, userinfo: three requests are one flow."""

    def ask(lane: Lane) -> bytes:
        if "token" in lane.memory:
            return get("/oauth2/userinfo", f"Authorization: Bearer {lane.memory['token']}\r\n")
        if "code" in lane.memory:
            return _redeem(world, str(lane.memory["code"]))
        return get(authorize_path("openid profile email access"), _session(world, lane))

    def seen(lane: Lane, answer: Answer) -> bool:
        if "token" in lane.memory:
            _expect(answer, 200)
            assert b'"sub"' in answer.body
            lane.memory.clear()
            return True
        if "code" in lane.memory:
            _expect(answer, 200)
            lane.memory["token"] = json.loads(answer.body)["access_token"]
        else:
            lane.memory["code"] = _code_of(answer)
        return False

    return ask, seen


def _with_tokens(world: World, scope: str, use: Next, used: Seen) -> tuple[Next, Seen]:
    """Get tokens once on each lane, then do ``use`` with them for ever."""

    def ask(lane: Lane) -> bytes:
        if "access_token" in lane.memory:
            return use(lane)
        if "code" in lane.memory:
            return _redeem(world, str(lane.memory["code"]))
        return get(authorize_path(scope), _session(world, lane))

    def seen(lane: Lane, answer: Answer) -> bool | None:
        if "access_token" in lane.memory:
            return used(lane, answer)
        if "code" in lane.memory:
            _expect(answer, 200)
            lane.memory.update(json.loads(answer.body))
        else:
            lane.memory["code"] = _code_of(answer)
        return False

    return ask, seen


def refresh(world: World) -> tuple[Next, Seen]:
    """W4: refresh with rotation; each answer brings the next refresh token."""

    def use(lane: Lane) -> bytes:
        fields = {"grant_type": "refresh_token", "refresh_token": str(lane.memory["refresh_token"])}
        return send("POST", "/oauth2/token", urlencode(fields).encode(), FORM, world.basic)

    def used(lane: Lane, answer: Answer) -> bool:
        _expect(answer, 200)
        found = json.loads(answer.body)
        assert found["refresh_token"] != lane.memory["refresh_token"]
        lane.memory.update(found)
        return True

    return _with_tokens(world, "openid profile offline_access", use, used)


def userinfo(world: World) -> tuple[Next, Seen]:
    """W6: the claims of one live access token per lane."""

    def use(lane: Lane) -> bytes:
        return get("/oauth2/userinfo", f"Authorization: Bearer {lane.memory['access_token']}\r\n")

    return _with_tokens(
        world,
        "openid profile email",
        use,
        lambda _lane, answer: _expect(answer, 200) and b'"sub"' in answer.body,
    )


def introspection(world: World) -> tuple[Next, Seen]:
    """W7: the state of one live access token per lane."""

    def use(lane: Lane) -> bytes:
        body = urlencode({"token": str(lane.memory["access_token"])}).encode()
        return send("POST", "/oauth2/introspect", body, FORM, world.basic)

    return _with_tokens(
        world,
        "openid profile email",
        use,
        lambda _lane, answer: _expect(answer, 200) and b'"active":true' in answer.body,
    )


_NEXT = re.compile(rb'"nextCursor":"([^"]+)"')
_ACTION = re.compile(rb'<form[^>]*action="([^"]+)"')


def password_login(_world: World) -> tuple[Next, Seen]:
    """W8: a person without a session; authorize, sign-in page, password, resume and code are one login."""

    def ask(lane: Lane) -> bytes:
        memory = lane.memory
        jar: dict[str, str] = memory.get("jar", {})  # type: ignore[assignment]
        cookies = "; ".join(f"{name}={value}" for name, value in jar.items())
        header = f"Cookie: {cookies}\r\n" if cookies else ""
        if "form" in memory:
            form: tuple[str, bytes] = memory.pop("form")  # type: ignore[assignment]
            return send("POST", *form, FORM, header + f"Origin: {origin()}\r\n")
        return get(str(memory.pop("go", "") or authorize_path("openid profile")), header)

    def seen(lane: Lane, answer: Answer) -> bool:
        memory = lane.memory
        jar: dict[str, str] = memory.setdefault("jar", {})  # type: ignore[assignment]
        for line in answer.head.split(b"\r\n")[1:]:
            if line.lower().startswith(b"set-cookie:"):
                name, _, value = line[11:].split(b";")[0].strip().partition(b"=")
                jar[name.decode()] = value.decode()
        if answer.status == 303:
            location = answer.header("location")
            if location.startswith(CALLBACK):
                assert "code=" in location, location
                memory.clear()
                return True
            parts = urlsplit(location)
            memory["go"] = parts.path + (f"?{parts.query}" if parts.query else "")
            return False
        _expect(answer, 200)
        memory["form"] = _login_form(lane, answer)
        return False

    return ask, seen


def _login_form(lane: Lane, answer: Answer) -> tuple[str, bytes]:
    page = answer.body
    at = page.find(b'id="username"')
    assert at > 0, "no sign-in form"
    form = page[page.rfind(b"<form", 0, at) :]
    action = _ACTION.search(form)
    assert action is not None
    fields = {
        name.decode(): value.decode().replace("&amp;", "&")
        for name, value in re.findall(rb'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    }
    fields |= {"username": f"user{lane.number % SESSIONS}", "password": PASSWORD}
    return action[1].decode().replace("&amp;", "&"), urlencode(fields).encode()


def _bearer(world: World) -> str:
    return f"Authorization: Bearer {world.scim_token}\r\n"


def create_user(world: World) -> tuple[Next, Seen]:
    """S1: POST /Users."""

    def ask(_lane: Lane) -> bytes:
        body = json.dumps(user_document(f"x{next(_numbers)}")).encode()
        return send("POST", "/scim/v2/Users", body, SCIM, _bearer(world))

    return ask, lambda _lane, answer: _expect(answer, 201)


def read_user(world: World) -> tuple[Next, Seen]:
    """S2: GET /Users/{id}, another one each time."""
    ids = itertools.cycle(world.user_ids)
    return (lambda _lane: get(f"/scim/v2/Users/{next(ids)}", _bearer(world))), (
        lambda _lane, answer: _expect(answer, 200) and b'"userName"' in answer.body
    )


def find_user(world: World) -> tuple[Next, Seen]:
    """S3: filter by userName, another one each time."""
    numbers = itertools.cycle(range(len(world.user_ids)))

    def ask(_lane: Lane) -> bytes:
        wanted = quote(f'userName eq "user{next(numbers)}"')
        return get(f"/scim/v2/Users?filter={wanted}", _bearer(world))

    return ask, lambda _lane, answer: _expect(answer, 200) and b'"totalResults":1' in answer.body


def last_page(world: World) -> tuple[Next, Seen]:
    """S4: the last page of a hundred by cursor; the lanes find their way there once, together."""
    cursors = [""]

    def ask(lane: Lane) -> bytes:
        lane.memory["page"] = len(cursors)
        return get(f"/scim/v2/Users?count=100&cursor={cursors[-1]}", _bearer(world))

    def seen(lane: Lane, answer: Answer) -> bool:
        _expect(answer, 200)
        following = _NEXT.search(answer.body[:2_000])
        if following is None:
            assert b'"userName"' in answer.body
            return True
        if lane.memory["page"] == len(cursors):  # no other lane was faster
            cursors.append(following[1].decode())
        return False

    return ask, seen


def walk(world: World, one_of: tuple[Next, Seen]) -> Callable[[], None]:
    """Return what goes through all pages once, so that none of it is measured."""

    def prepare() -> None:
        ask, seen = one_of
        lane, host = Lane(0), _host()
        connection = http.client.HTTPConnection(host, timeout=60)
        while True:
            target = ask(lane).split(b" ", 2)[1].decode()
            connection.request("GET", target, headers={"Authorization": f"Bearer {world.scim_token}"})
            answered = connection.getresponse()
            if seen(lane, Answer(answered.status, b"", answered.read())):
                break
        connection.close()

    return prepare


def switch_user(world: World) -> tuple[Next, Seen]:
    """S5: PATCH active, off and on again, every lane its own accounts."""

    def ask(lane: Lane) -> bytes:
        own = world.user_ids[-(lane.number + 1)]
        lane.memory["active"] = not lane.memory.get("active", True)
        operation = {"op": "replace", "path": "active", "value": lane.memory["active"]}
        body = json.dumps({"schemas": [PATCH_OP], "Operations": [operation]}).encode()
        return send("PATCH", f"/scim/v2/Users/{own}", body, SCIM, _bearer(world))

    return ask, lambda _lane, answer: answer.status in (200, 204) or _expect(answer, 200)


def add_member(world: World, size: int) -> tuple[Next, Seen]:
    """S6: PATCH one more member into a group of ``size``, and out again: the size stays what it is."""
    spare = world.user_ids[size : size + 64] or world.user_ids[-64:]

    def ask(lane: Lane) -> bytes:
        own = spare[lane.number]
        lane.memory["in"] = not lane.memory.get("in", False)
        operation: dict[str, Any] = {"op": "add", "path": "members", "value": [{"value": own}]}
        if not lane.memory["in"]:
            operation = {"op": "remove", "path": f'members[value eq "{own}"]'}
        body = json.dumps({"schemas": [PATCH_OP], "Operations": [operation]}).encode()
        return send("PATCH", f"/scim/v2/Groups/{world.group_ids[size]}", body, SCIM, _bearer(world))

    return ask, lambda _lane, answer: answer.status == 204 or _expect(answer, 200)


def _members(world: World, lane: Lane, size: int, count: int) -> list[str]:
    """Return accounts that are in no group of this size, of this lane alone."""
    start = size + lane.number * count
    return world.user_ids[start : start + count]


def _put_in(ids: list[str]) -> dict[str, Any]:
    return {"op": "add", "path": "members", "value": [{"value": each} for each in ids]}


def _take_out(ids: list[str]) -> dict[str, Any]:
    return {"op": "remove", "path": "members", "value": [{"value": each} for each in ids]}


def change_members(world: World, size: int, count: int, *, leaving: bool) -> tuple[Next, Seen]:
    """S6 by kind: ``count`` members come, or leave; what undoes it between two units is not counted."""

    def ask(lane: Lane) -> bytes:
        own = _members(world, lane, size, count)
        if len(own) == 1 and lane.memory.get("in"):
            operation: dict[str, Any] = {"op": "remove", "path": f'members[value eq "{own[0]}"]'}
        else:
            operation = _take_out(own) if lane.memory.get("in") else _put_in(own)
        body = json.dumps({"schemas": [PATCH_OP], "Operations": [operation]}).encode()
        return send("PATCH", f"/scim/v2/Groups/{world.group_ids[size]}", body, SCIM, _bearer(world))

    def seen(lane: Lane, answer: Answer) -> bool | None:
        if answer.status != 204:  # a small group is answered with the group
            _expect(answer, 200)
        left = bool(lane.memory.get("in"))
        lane.memory["in"] = not left
        return True if left is leaving else None

    return ask, seen


def delete_user(world: World, victims: list[str]) -> tuple[Next, Seen]:
    """S7: DELETE /Users/{id}, each of them once."""

    def ask(_lane: Lane) -> bytes:
        path = f"/scim/v2/Users/{victims.pop()}"
        return f"DELETE {path} HTTP/1.1\r\nHost: {_host()}\r\n{_bearer(world)}\r\n".encode()

    return ask, lambda _lane, answer: _expect(answer, 204)


def _host() -> str:
    return origin().partition("://")[2]


def deletion(world: World) -> Workload:
    """S7, with as many accounts before every round as can go in it: more would make a world larger."""
    victims: list[str] = []

    def stock(seconds: float) -> None:
        missing = int(seconds * _FASTEST_DELETION) - len(victims)
        victims.extend(add_users(world, [f"v{next(_numbers)}" for _ in range(missing)]))

    return Workload("S7", "DELETE /Users/{id}", 800, *delete_user(world, victims), stock=stock)


def one_member(world: World) -> list[Workload]:
    """S6: one member comes and leaves, by the size of the group."""
    return [
        Workload(f"S6/{size}", f"PATCH one member of {size:,}", 900, *add_member(world, size))
        for size in sorted(world.group_ids)
    ]


def membership_workloads(world: World, *, p50: float) -> list[list[Workload]]:
    """S6 in full: one comes, fifty come, one leaves; alone and with twenty clients at once.

    Each kind with the groups of every size; a change is to take ``p50`` milliseconds at most. Twenty who
    change one group take turns, so a change takes a twentieth of what each of them waits: to answer all of
    them within ``p50`` would be more changes a second than the target of S6.
    """
    kinds = (("add one", 1, False), ("add fifty", 50, False), ("remove one", 1, True))
    return [
        [
            Workload(
                f"S6/{size}",
                f"{what}, {size:,} members, {clients} client{'s' if clients > 1 else ''}",
                0,
                *change_members(world, size, count, leaving=leaving),
                connections=clients,
                bounds=(Bound("p50", p50, turns=clients),),
            )
            for size in sorted(world.group_ids)
        ]
        for what, count, leaving in kinds
        for clients in (1, 20)
    ]


def workloads(world: World) -> list[Workload]:
    """Return every workload that ``world`` can carry, in the order of the table."""
    pages = last_page(world)
    found = [
        Workload("W1", "GET discovery", 12_000, *static("/.well-known/openid-configuration")),
        Workload("W2", "GET key set", 12_000, *static("/oauth2/jwks")),
        Workload("W3", "token: client credentials, secret", 2_500, *machine_token(world)),
        Workload("W3k", "token: client credentials, private_key_jwt", 1_200, *machine_token_by_key(world)),
        Workload("W4", "token: refresh with rotation", 900, *refresh(world)),
        Workload(
            "W4/70",
            "refresh, 70 % of that, evenly offered",
            0,
            *refresh(world),
            bounds=(Bound("p99", 50),),
            offered=0.7,
        ),
        Workload("W5", "authorize, token, userinfo (flows)", 400, *whole_flow(world)),
        Workload("W6", "GET userinfo", 2_600, *userinfo(world)),
        Workload("W7", "POST introspection", 2_600, *introspection(world)),
        Workload("W8", "password login to code (argon2id)", 33, *password_login(world)),
        Workload(
            BESIDE_THE_HASH,
            "password login, its hash left out, one lane",
            0,
            *password_login(world),
            connections=1,
            bounds=(Bound("cpu", 3), Bound("p50", 3)),
        ),
        # Before S1, which makes the last page another one.
        Workload(
            "S4",
            f"last page by cursor, {len(world.user_ids):,} users",
            200,
            *pages,
            prepare=walk(world, pages),
        ),
        Workload("S1", "POST /Users", 500, *create_user(world)),
        Workload("S2", "GET /Users/{id}", 2_000, *read_user(world)),
        Workload("S3", f"GET /Users?filter, {len(world.user_ids):,} users", 1_300, *find_user(world)),
        Workload("S5", "PATCH active", 700, *switch_user(world)),
    ]
    return [*found, *one_member(world), deletion(world)]
