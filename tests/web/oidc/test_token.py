"""The token endpoint: codes, refresh tokens, client credentials."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from sqlalchemy import delete, select, update

from idp.domain.lockout import Counted, LockRule
from idp.storage import tables
from idp.storage.lockouts import Try, account_key, count_try
from idp.usecases.disable_client import disable_client
from idp.usecases.endings import end_access, end_session, end_sessions
from idp.usecases.sessions import find_session
from idp.usecases.sweep_tokens import sweep_tokens
from kernel.audit import SYSTEM
from kernel.crypto import digest
from kernel.web.http import FORM
from tests.support.oidc import BROWSER, CALLBACK, CHALLENGE, ISSUER, VERIFIER, an_op, claims_of, header_of

if TYPE_CHECKING:
    from kernel.database import Database
    from kernel.web.http import Response
    from tests.support.oidc import Op


def error_of(answer: Response) -> str:
    assert answer.header("cache-control") == "no-store"
    assert answer.header("content-type") == "application/json"
    assert answer.header("set-cookie") == ""
    return str(answer.json()["error"])


def description_of(answer: Response) -> str:
    return str(answer.json()["error_description"])


def ready(op: Op, **metadata: object) -> str:
    op.client(**metadata)
    return op.session(op.account())


# --- codes ---------------------------------------------------------------------------------------------


def test_a_code_works_once_and_its_second_use_takes_everything_back(op_on_both: Op) -> None:
    """TK-01: invalid_grant, and the access and refresh token of the first use are dead, even much later."""
    op = op_on_both
    code = op.code(ready(op))
    first = op.redeem(code).json()
    op.clock.advance(dt.timedelta(seconds=31))
    assert error_of(op.redeem(code)) == "invalid_grant"
    assert op.introspect(first["access_token"]) == {"active": False}
    assert op.userinfo(first["access_token"]).status == 401
    assert error_of(op.refresh(first["refresh_token"])) == "invalid_grant"
    assert [row.reason for row in op.audit("gateway:grant:revoked")] == ["code replayed"]


def test_a_code_lives_a_minute(op: Op) -> None:
    """TK-02."""
    cookie = ready(op)
    code = op.code(cookie)
    op.clock.advance(dt.timedelta(seconds=60))
    assert error_of(op.redeem(code)) == "invalid_grant"
    code = op.code(cookie)
    op.clock.advance(dt.timedelta(seconds=59))
    assert op.redeem(code).status == 200


def test_a_code_that_a_stranger_presents_is_burned(op_on_both: Op) -> None:
    """TK-03: refused to rp2, and rp1 cannot use it either."""
    op = op_on_both
    code = op.code(ready(op))
    op.client("rp2")
    answer = op.redeem(code, headers=op.basic("rp2"), redirect_uri="https://rp2.example/")
    assert error_of(answer) == "invalid_grant"
    assert "redirect_uri" not in description_of(answer), (
        "what a good code of another's lacks is told to nobody"
    )
    assert error_of(op.redeem(code)) == "invalid_grant"


@pytest.mark.parametrize("redirect_uri", ["https://emi.example/other", None, ""])
def test_the_redirect_uri_is_the_one_of_the_request(op: Op, redirect_uri: str | None) -> None:
    """TK-05: another registered one, none, and an empty one are all wrong."""
    code = op.code(ready(op, redirect_uris=[CALLBACK, "https://emi.example/other"]))
    answer = op.redeem(code, redirect_uri=redirect_uri)
    assert error_of(answer) == "invalid_grant"
    assert "redirect_uri is not" in description_of(answer)


@pytest.mark.parametrize(
    "verifier",
    ["w" * 64, VERIFIER.upper(), CHALLENGE, f"{VERIFIER}=", None, "", "v" * 42, "v" * 129, "é" * 50],
)
def test_a_wrong_verifier_burns_the_code(op: Op, verifier: str | None) -> None:
    """PK-05, PK-06."""
    code = op.code(ready(op))
    answer = op.redeem(code, code_verifier=verifier)
    assert error_of(answer) == "invalid_grant"
    assert "code_verifier does not fit" in description_of(answer)
    assert error_of(op.redeem(code)) == "invalid_grant"


def test_two_codes_answer_to_their_own_verifiers_only(op: Op) -> None:
    """PK-07: two tabs, swapped verifiers."""
    cookie = ready(op)
    other = "A" * 43
    code = op.code(cookie, code_challenge=other)
    assert error_of(op.redeem(code)) == "invalid_grant"


@pytest.mark.parametrize("change", [{"active": False}, {"activated_at": None}])
def test_a_code_of_a_closed_account_gives_nothing(op: Op, change: dict[str, object]) -> None:
    """TK-12: what happened between authorize and token counts."""
    op.client()
    account = op.account()
    code = op.code(op.session(account))
    op.set_account(account, **change)
    assert error_of(op.redeem(code)) == "invalid_grant"


@pytest.mark.parametrize("kind", list(Counted))
@pytest.mark.parametrize("device", [None, digest(BROWSER)], ids=["strangers", "its own browser"])
def test_a_lock_between_authorize_and_token_takes_the_code_with_it(
    op: Op, kind: Counted, device: bytes | None
) -> None:
    """TK-12: whoever guessed, nothing that was under way when the account was locked is finished."""
    op.client()
    account = op.account()
    code = op.code(op.session(account))
    lock(op, kind, account_key(account, device))
    assert error_of(op.redeem(code)) == "invalid_grant"


def test_who_signs_in_beside_a_lock_of_strangers_gets_tokens(op: Op) -> None:
    """LK-05: the lock stood when the person proved who she is, so it says nothing of her code."""
    op.client()
    account = op.account()
    lock(op, Counted.PASSWORD, account_key(account, None))
    op.clock.advance(dt.timedelta(seconds=1))
    assert op.redeem(op.code(op.session(account))).status == 200


@pytest.mark.parametrize("kind", list(Counted))
def test_strangers_who_lock_an_account_take_nothing_from_its_holder(op: Op, kind: Counted) -> None:
    """RT-07, LK-05: ten guesses from anywhere would end whatever somebody uses; sessions and tokens go on."""
    op.client()
    account = op.account()
    cookie = op.session(account)
    tokens = op.tokens(cookie, scope="openid offline_access")
    lock(op, kind, account_key(account, None))
    assert op.refresh(tokens["refresh_token"]).status == 200
    assert op.userinfo(tokens["access_token"]).status == 200
    assert find_session(op.services, cookie) is not None


def lock(op: Op, kind: Counted, key: bytes) -> None:
    rule = LockRule()
    with op.services.store.write() as unit:
        tries = [count_try(unit.connection, kind, key, rule=rule, now=unit.now) for _ in range(rule.after)]
    assert isinstance(tries[-1], Try)
    assert tries[-1].locked_until


def test_a_code_of_an_ended_session_gives_nothing(op: Op) -> None:
    """TK-12, RT-08: signed out between authorize and token."""
    op.client()
    account = op.account()
    code = op.code(op.session(account))
    with op.services.store.write() as unit:
        assert end_sessions(unit, op.services, account_id=account, reason="test", actor=SYSTEM) == 1
    assert error_of(op.redeem(code)) == "invalid_grant"


def test_tokens_say_what_the_standards_ask(op: Op) -> None:
    """RFC 9068, IPSIE SL1, UI-03, trap T7: types, one audience as a text, no profile in the ID token, one subject."""
    op.client(application_key="emi")
    account = op.account()
    op.member(account)
    answer = op.tokens(op.session(account))
    access, identity = claims_of(answer["access_token"]), claims_of(answer["id_token"])
    assert header_of(answer["access_token"])["typ"] == "at+jwt"
    assert header_of(answer["id_token"])["alg"] == "ES256"
    assert access["sub"] == identity["sub"] == account == op.userinfo(answer["access_token"]).json()["sub"]
    assert (access["aud"], identity["aud"], identity["nonce"]) == (ISSUER, "emi", "no")
    assert identity["access"] == [
        {"org": "10001", "org_name": "ACME", "role": "meter-reader", "role_name": "Meter Reader"}
    ]
    assert "email" not in identity
    assert answer["expires_in"] == 600


def test_a_client_may_have_rs256(op: Op) -> None:
    """OpenID Connect Core §15.1: RS256 is always offered, per client."""
    cookie = ready(op, id_token_signed_response_alg="RS256")
    answer = op.tokens(cookie)
    assert header_of(answer["id_token"])["alg"] == "RS256"
    assert op.services.signing.verify(answer["id_token"], typ="JWT") is not None


def test_a_code_brings_a_token_for_the_resource_that_was_allowed_and_no_other(op_on_both: Op) -> None:
    """RFC 8707 §2, §2.2: invalid_target where more is asked than the person was; the code is burned, as by any fault."""
    op = op_on_both
    allowed, other = "https://ws.example/a", "https://ws.example/b"
    cookie = ready(op, resources=[allowed, other])
    for asked, named in ((allowed, other), ("", allowed), ("", ISSUER)):
        code = op.code(cookie, **({"resource": asked} if asked else {}))
        assert error_of(op.redeem(code, resource=named)) == "invalid_target"
        assert error_of(op.redeem(code)) == "invalid_grant"
    answer = op.redeem(op.code(cookie, resource=allowed), resource=allowed).json()
    assert claims_of(answer["access_token"])["aud"] == allowed


def test_without_the_refresh_grant_there_is_no_refresh_token(op: Op) -> None:
    """RFC 6749 §5.1; offline_access is then not granted either."""
    answer = op.tokens(ready(op, grant_types=["authorization_code"]), scope="openid offline_access")
    assert "refresh_token" not in answer
    assert answer["scope"] == "openid"


# --- the endpoint --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
def test_the_token_endpoint_is_post_only(op: Op, method: str) -> None:
    """TK-08, TK-10: 405, and not cached."""
    answer = op.call(method, "/oauth2/token", query="grant_type=client_credentials")
    assert answer.status == 405
    assert answer.header("cache-control") == "no-store"


@pytest.mark.parametrize("media", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
def test_the_token_endpoint_reads_forms_only(op: Op, media: str) -> None:
    """TK-08."""
    answer = op.call("POST", "/oauth2/token", body=b'{"grant_type":"x"}', headers={"content-type": media})
    assert answer.status == 400
    assert answer.json()["error"] == "invalid_request"


def test_parameters_of_the_query_are_not_looked_at(op: Op) -> None:
    """TK-08."""
    op.machine()
    answer = op.call(
        "POST",
        "/oauth2/token",
        query="grant_type=client_credentials",
        headers={"content-type": FORM, **op.basic("m2m")},
    )
    assert error_of(answer) == "invalid_request"


def test_a_parameter_stands_once(op: Op) -> None:
    """RFC 6749 §3.2."""
    op.machine()
    answer = op.post("/oauth2/token", {"grant_type": ["client_credentials"] * 2}, headers=op.basic("m2m"))
    assert error_of(answer) == "invalid_request"


@pytest.mark.parametrize(
    "kind",
    [
        "password",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
        "implicit",
        "x" * 1000,
    ],
)
def test_there_is_no_other_grant(op: Op, kind: str) -> None:
    """TK-06: the password grant never exists."""
    op.machine()
    fields = {"grant_type": kind, "username": "u", "password": "p"}
    assert error_of(op.post("/oauth2/token", fields, headers=op.basic("m2m"))) == "unsupported_grant_type"


def test_a_client_uses_the_grants_it_is_registered_for(op: Op) -> None:
    """TK-06: rp1 gets no client credentials, the machine no code and no refresh."""
    op.client()
    op.machine()
    rp1 = op.post("/oauth2/token", {"grant_type": "client_credentials"}, headers=op.basic())
    assert error_of(rp1) == "unauthorized_client"
    assert error_of(op.redeem("x", headers=op.basic("m2m"))) == "unauthorized_client"
    assert error_of(op.refresh("x", headers=op.basic("m2m"))) == "unauthorized_client"


@pytest.mark.parametrize("missing", ["grant_type", "code", "refresh_token"])
def test_what_is_missing_is_named(op: Op, missing: str) -> None:
    """RFC 6749 §5.2."""
    op.client()
    kind = {"code": "authorization_code", "refresh_token": "refresh_token"}.get(missing, "")
    assert error_of(op.post("/oauth2/token", {"grant_type": kind}, headers=op.basic())) == "invalid_request"


def test_wrong_codes_wait_and_others_go_on(op: Op) -> None:
    """TK-19: 429 with Retry-After for this client and address; other clients and addresses are served."""
    op.client()
    op.machine()
    statuses = [op.redeem(f"wrong-{number}").status for number in range(70)]
    assert statuses[:60] == [400] * 60
    assert set(statuses[60:]) == {429}
    late = op.redeem("wrong")
    assert int(late.header("retry-after")) > 0
    assert (
        op.post("/oauth2/token", {"grant_type": "client_credentials"}, headers=op.basic("m2m")).status == 200
    )
    elsewhere = op.post(
        "/oauth2/token",
        {"grant_type": "refresh_token", "refresh_token": "x"},
        headers=op.basic(),
        address="198.51.100.7",
    )
    assert elsewhere.status == 400
    op.clock.advance(dt.timedelta(minutes=1))
    assert op.redeem("wrong").status == 400


# --- client credentials --------------------------------------------------------------------------------


def machine_token(op: Op, **fields: str) -> Response:
    return op.post("/oauth2/token", {"grant_type": "client_credentials", **fields}, headers=op.basic("m2m"))


def test_a_machine_gets_its_own_scopes_for_its_own_resource(op_on_both: Op) -> None:
    """TK-07, RFC 8707: subject is the client, the audience is one string, no refresh and no ID token."""
    op = op_on_both
    op.machine()
    answer = machine_token(op, scope="scim.read").json()
    claims = claims_of(answer["access_token"])
    assert (claims["sub"], claims["aud"], claims["scope"]) == ("m2m", f"{ISSUER}/scim/v2", "scim.read")
    assert set(answer) == {"access_token", "token_type", "expires_in", "scope"}
    assert "auth_time" not in claims


@pytest.mark.parametrize("scope", ["admin", "scim.write admin", "openid", "offline_access", 'a"b', "a  b"])
def test_a_machine_gets_no_more_than_it_has(op: Op, scope: str) -> None:
    """TK-07."""
    op.machine()
    assert error_of(machine_token(op, scope=scope)) == "invalid_scope"


def test_a_machine_names_one_resource_of_its_own(op: Op) -> None:
    """RFC 8707 §2, TK-18: never an audience of two, never another's."""
    op.machine(resources=[f"{ISSUER}/scim/v2", "https://ws.example"])
    assert error_of(machine_token(op)) == "invalid_target"
    assert error_of(machine_token(op, resource="https://other.example")) == "invalid_target"
    both = [f"{ISSUER}/scim/v2", "https://ws.example"]
    answer = op.post(
        "/oauth2/token", {"grant_type": "client_credentials", "resource": both}, headers=op.basic("m2m")
    )
    assert error_of(answer) == "invalid_target"
    assert machine_token(op, resource="https://ws.example").status == 200


def test_a_machine_is_nobody_at_userinfo(op: Op) -> None:
    """TK-15: 401 for another audience, and 403 for a token that is no person's."""
    op.machine(resources=[ISSUER])
    assert op.userinfo(machine_token(op).json()["access_token"]).status == 403


def test_a_disabled_client_gets_nothing_and_has_nothing(op_on_both: Op) -> None:
    """A change of the client's row counts at once, whatever a process remembers."""
    op = op_on_both
    op.machine()
    token = machine_token(op).json()["access_token"]
    with op.services.store.write() as unit:  # behind the back of this process's memory
        unit.connection.execute(
            update(tables.client)
            .where(tables.client.c.id == "m2m")
            .values(disabled_at=unit.now, version=tables.client.c.version + 1)
        )
    assert error_of(machine_token(op)) == "invalid_client"
    op.client()
    assert op.introspect(token) == {"active": False}
    assert not disable_client(op.services, "m2m", actor=SYSTEM)


def test_every_issued_token_has_one_audit_row(op: Op) -> None:
    """One row per deed, with the client as actor and no secret in it."""
    op.machine()
    answer = machine_token(op).json()
    (row,) = op.audit("gateway:token:issued")
    assert (row.actor_kind, row.actor_id, row.details["grant_type"]) == (
        "client",
        "m2m",
        "client_credentials",
    )
    assert answer["access_token"] not in repr(row)


# --- refresh -------------------------------------------------------------------------------------------


def test_a_refresh_rotates_and_keeps_the_facts_of_the_sign_in(op_on_both: Op) -> None:
    """RFC 6749 §6, trap T9: new tokens, the old auth_time, no nonce, fresh access rows."""
    op = op_on_both
    first = op.tokens(ready(op))
    before = claims_of(first["id_token"])
    op.clock.advance(dt.timedelta(minutes=5))
    second = op.refresh(first["refresh_token"]).json()
    after = claims_of(second["id_token"])
    assert second["refresh_token"] != first["refresh_token"]
    assert (after["auth_time"], after["sid"], after["sub"]) == (
        before["auth_time"],
        before["sid"],
        before["sub"],
    )
    assert "nonce" not in after
    assert op.userinfo(second["access_token"]).status == 200


def test_a_reused_refresh_token_takes_its_whole_family_away(op_on_both: Op) -> None:
    """RT-02, RT-04: R1, R2, R3; R1 again; then R3 is refused too, and the access tokens are dead."""
    op = op_on_both
    first = op.tokens(ready(op))
    second = op.refresh(first["refresh_token"]).json()
    third = op.refresh(second["refresh_token"]).json()
    assert error_of(op.refresh(first["refresh_token"])) == "invalid_grant"
    assert error_of(op.refresh(third["refresh_token"])) == "invalid_grant"
    assert op.introspect(third["access_token"]) == {"active": False}
    assert [row.reason for row in op.audit("gateway:grant:revoked")] == ["refresh reused"]


def test_a_lost_answer_is_given_again_within_the_grace(op_on_both: Op) -> None:
    """RT-11: the very same answer for ten seconds; after them it is a theft."""
    op = op_on_both
    first = op.tokens(ready(op))
    answer = op.refresh(first["refresh_token"])
    op.clock.advance(dt.timedelta(seconds=9))
    assert op.refresh(first["refresh_token"]).body == answer.body
    op.clock.advance(dt.timedelta(seconds=1))
    assert error_of(op.refresh(first["refresh_token"])) == "invalid_grant"
    assert error_of(op.refresh(answer.json()["refresh_token"])) == "invalid_grant"


def test_within_the_grace_each_gets_the_scope_it_asks_for_beside_one_heir(op_on_both: Op) -> None:
    """RT-11, RFC 6749 §6: parts of one application that refresh at once, each for what it needs; none gets more."""
    op = op_on_both
    first = op.tokens(ready(op))["refresh_token"]
    whole = op.refresh(first)
    narrow, wrong = (op.refresh(first, scope=each) for each in ("openid email", "openid admin"))
    assert (whole.json()["scope"], narrow.json()["scope"]) == (op.ask()["scope"], "openid email")
    assert error_of(wrong) == "invalid_scope"
    assert error_of(op.refresh(first, resource="https://other.example")) == "invalid_target"
    assert claims_of(narrow.json()["access_token"])["scope"] == "openid email"
    assert narrow.json()["refresh_token"] == whole.json()["refresh_token"]
    assert op.refresh(first).body == whole.body
    told = [row.details["scope"] for row in op.audit("gateway:token:issued")]
    assert told[-2:] == [op.ask()["scope"], "openid email"], "each new token once; what is repeated is none"
    assert op.refresh(whole.json()["refresh_token"]).json()["scope"] == op.ask()["scope"]


def test_within_the_grace_nobody_gets_a_token_that_was_given_back(op_on_both: Op) -> None:
    """RT-11, RFC 7009 §2.1: one part of an application revokes it, another refreshes a moment later and can go on."""
    op = op_on_both
    first = op.tokens(ready(op))["refresh_token"]
    given = op.refresh(first).json()
    assert op.post("/oauth2/revoke", {"token": given["access_token"]}, headers=op.basic()).status == 200
    again = op.refresh(first).json()
    assert again["refresh_token"] == given["refresh_token"]
    assert [op.introspect(each["access_token"])["active"] for each in (given, again)] == [False, True]


def test_with_no_grace_there_is_no_second_answer(sqlite_gateway_database: Database) -> None:
    """RT-03: grace 0, at most one success."""
    op = an_op(sqlite_gateway_database, refresh_grace=dt.timedelta(0))
    first = op.tokens(ready(op))
    assert op.refresh(first["refresh_token"]).status == 200
    assert error_of(op.refresh(first["refresh_token"])) == "invalid_grant"


def test_an_answer_kept_for_the_grace_is_sealed_and_swept(op: Op) -> None:
    """KM-02: bound to its row, unreadable at rest, and gone after the grace."""
    first = op.tokens(ready(op))
    answer = op.refresh(first["refresh_token"]).json()
    stored = select(tables.refresh_token.c.answer).where(tables.refresh_token.c.answer.is_not(None))
    with op.services.store.read() as connection:
        (sealed,) = connection.execute(stored).scalars()
    assert answer["access_token"].encode() not in sealed
    op.clock.advance(dt.timedelta(seconds=11))
    sweep_tokens(op.services)
    with op.services.store.read() as connection:
        assert connection.execute(stored).scalars().all() == []


def test_a_refresh_token_is_bound_to_its_client(op: Op) -> None:
    """RT-05: refused to rp2, and still good for rp1."""
    first = op.tokens(ready(op))
    op.client("rp2")
    assert error_of(op.refresh(first["refresh_token"], headers=op.basic("rp2"))) == "invalid_grant"
    assert op.refresh(first["refresh_token"]).status == 200


@pytest.mark.parametrize("seconds", [0, 11])
def test_a_spent_refresh_token_says_nothing_to_another_client(op_on_both: Op, seconds: int) -> None:
    """RT-05, RT-11: neither the answer of its grace nor, after that, the end of a family that is not its own."""
    op = op_on_both
    first = op.tokens(ready(op))["refresh_token"]
    heir = op.refresh(first).json()["refresh_token"]
    op.client("rp2")
    op.clock.advance(dt.timedelta(seconds=seconds))
    assert error_of(op.refresh(first, headers=op.basic("rp2"))) == "invalid_grant"
    assert op.refresh(heir).status == 200


def test_a_refused_wish_does_not_cost_the_token(op: Op) -> None:
    """RFC 6749 §6: more scope or another resource is refused, and the token is unspent."""
    first = op.tokens(ready(op), scope="openid email")
    token = first["refresh_token"]
    assert error_of(op.refresh(token, scope="openid email phone")) == "invalid_scope"
    assert error_of(op.refresh(token, resource="https://x.example")) == "invalid_target"
    answer = op.refresh(token, scope="openid").json()
    assert answer["scope"] == "openid"
    assert op.refresh(answer["refresh_token"]).json()["scope"] == "openid email"


@pytest.mark.parametrize("change", [{"active": False}, {"activated_at": None}])
def test_a_refresh_asks_for_the_account_again(op: Op, change: dict[str, object]) -> None:
    """RT-07: disabled or never activated."""
    op.client()
    account = op.account()
    first = op.tokens(op.session(account))
    op.set_account(account, **change)
    assert error_of(op.refresh(first["refresh_token"])) == "invalid_grant"


@pytest.mark.parametrize("offline", [False, True])
def test_a_password_change_or_deactivation_ends_refresh_tokens_offline_ones_too(
    op: Op,
    offline: bool,  # noqa: FBT001
) -> None:
    """RT-07: end_sessions takes offline access along."""
    op.client()
    account = op.account()
    first = op.tokens(op.session(account), scope="openid" + (" offline_access" if offline else ""))
    with op.services.store.write() as unit:
        end_sessions(unit, op.services, account_id=account, reason="password-changed", actor=SYSTEM)
    assert error_of(op.refresh(first["refresh_token"])) == "invalid_grant"


def test_signing_out_ends_refresh_tokens_but_not_offline_access(op: Op) -> None:
    """RT-08: offline access outlives the session, as documented."""
    op.client()
    cookie = op.session(op.account())
    bound = op.tokens(cookie)
    offline = op.tokens(cookie, scope="openid offline_access")
    sid = claims_of(bound["id_token"])["sid"]
    with op.services.store.write() as unit:
        assert end_session(unit, op.services, session_id=sid, reason="signed-out", actor=SYSTEM)
    assert error_of(op.refresh(bound["refresh_token"])) == "invalid_grant"
    assert op.refresh(offline["refresh_token"]).status == 200


def test_losing_access_ends_the_tokens_of_that_application_only(op: Op) -> None:
    """RT-07: the grants of the application go, others stay."""
    op.client(application_key="emi")
    op.client("other")
    account = op.account()
    op.member(account)
    cookie = op.session(account)
    emi = op.tokens(cookie)
    other = op.redeem(op.code(cookie, client_id="other"), headers=op.basic("other")).json()
    with op.services.store.write() as unit:
        end_access(unit, op.services, account_id=account, application_key="emi", actor=SYSTEM)
    assert error_of(op.refresh(emi["refresh_token"])) == "invalid_grant"
    assert op.userinfo(emi["access_token"]).status == 401
    assert op.refresh(other["refresh_token"], headers=op.basic("other")).status == 200


def test_a_membership_that_went_unheard_gives_nothing_either(op: Op) -> None:
    """RT-07: code and refresh token ask the memberships themselves, for a loss may cross an authorization."""
    op.client(application_key="emi")
    account = op.account()
    group = op.member(account)
    cookie = op.session(account)
    tokens, code = op.tokens(cookie), op.code(cookie)
    with op.services.store.write() as unit:  # as if the removal had looked for grants a moment too early
        unit.connection.execute(delete(tables.membership).where(tables.membership.c.group_id == group))
    assert error_of(op.redeem(code)) == "invalid_grant"
    assert error_of(op.refresh(tokens["refresh_token"])) == "invalid_grant"


def test_what_a_session_gave_ends_when_it_would(op_on_both: Op) -> None:
    """RT-09, IPSIE SL1: neither token is good beyond the end of the session; offline access alone goes on."""
    op = op_on_both
    op.client()
    cookie = op.session(op.account(), life=dt.timedelta(minutes=2))
    tokens, kept = op.tokens(cookie), op.tokens(cookie, scope="openid offline_access")
    assert tokens["expires_in"] == 120
    op.clock.advance(dt.timedelta(minutes=2))
    assert op.userinfo(tokens["access_token"]).status == 401
    assert error_of(op.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert op.refresh(kept["refresh_token"]).status == 200


def test_a_family_has_an_absolute_and_an_idle_end(sqlite_gateway_database: Database) -> None:
    """RT-09: rotation never moves the absolute end; an idle token dies before it."""
    op = an_op(
        sqlite_gateway_database,
        refresh_token_idle=dt.timedelta(days=2),
        refresh_token_life=dt.timedelta(days=5),
    )
    token = op.tokens(ready(op), scope="openid offline_access")["refresh_token"]
    for _ in range(4):
        op.clock.advance(dt.timedelta(days=1))
        token = op.refresh(token).json()["refresh_token"]
    op.clock.advance(dt.timedelta(days=1))
    assert error_of(op.refresh(token)) == "invalid_grant"
    idle = op.tokens(op.session(op.account("idle")), scope="openid offline_access")["refresh_token"]
    op.clock.advance(dt.timedelta(days=2))
    assert error_of(op.refresh(idle)) == "invalid_grant"


def test_the_tables_stay_bounded_and_reuse_is_still_noticed(op: Op) -> None:
    """RT-04: sweeping takes what is dead for a day, never the memory of a live family."""
    first = op.tokens(ready(op), scope="openid offline_access")
    second = op.refresh(first["refresh_token"]).json()
    op.clock.advance(dt.timedelta(days=3))
    while sweep_tokens(op.services):
        pass
    with op.services.store.read() as connection:
        assert connection.execute(select(tables.access_token)).all() == []
        assert connection.execute(select(tables.authorization_code)).all() == []
    assert error_of(op.refresh(first["refresh_token"])) == "invalid_grant"
    assert error_of(op.refresh(second["refresh_token"])) == "invalid_grant"


def test_a_request_of_a_megabyte_is_refused(op: Op) -> None:
    """IR-03, EX-*: 413, never 500."""
    answer = op.call(
        "POST",
        "/oauth2/token",
        body=urlencode({"code": "x" * 1_100_000}).encode(),
        headers={"content-type": FORM},
    )
    assert answer.status == 413
