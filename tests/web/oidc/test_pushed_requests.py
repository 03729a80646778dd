"""Pushed authorization requests (RFC 9126): judged when they come, bound to their client, and answered once."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from idp.storage import tables
from idp.usecases.limits import PUSHES
from idp.usecases.sweep_tokens import sweep_tokens
from kernel.ratelimit import take
from tests.support.oidc import CALLBACK, an_assertion, claims_of, public_keys, returned
from tests.support.sign_in_flows import finish, flow_token

if TYPE_CHECKING:
    from kernel.web.http import Response
    from tests.support.oidc import Op

PAR = "/oauth2/par"


def push(op: Op, **changes: str | None) -> str:
    answer = op.post(PAR, op.ask(**changes), headers=op.basic())
    assert answer.status == 201, answer.body
    name: str = answer.json()["request_uri"]
    return name


def bring(op: Op, cookie: str, name: str, client_id: str = "emi", **more: str) -> Response:
    return op.get("/oauth2/authorize", cookie, client_id=client_id, request_uri=name, **more)


def rows(op: Op) -> int:
    with op.services.store.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(tables.pushed_request)) or 0)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": "https://evil.example/cb"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
        ({"client_id": "other"}, "invalid_request"),
        ({"request": "no.jwt.here"}, "invalid_request_object"),
        ({"dpop_jkt": "short"}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_refused_as_it_is_pushed(
    op: Op, changes: dict[str, str | None], error: str
) -> None:
    """RFC 9126 §2.1, §2.3: by the rules of the authorization endpoint; nothing is kept (AZ-01, AZ-12, PK-02)."""
    op.client()
    op.client("other")
    answer = op.post(PAR, op.ask(**changes), headers=op.basic())
    assert (answer.status, answer.json()["error"]) == (400, error)
    assert answer.header("cache-control") == "no-store"
    assert rows(op) == 0


def test_only_an_authenticated_client_pushes_by_post_and_within_bounds(op: Op) -> None:
    """RFC 9126 §2, §2.3: 401, 405, 413."""
    op.client()
    assert op.post(PAR, op.ask(), headers=op.basic(secret="x" * 43)).status == 401
    assert op.get(PAR, **op.ask()).status == 405
    assert op.post(PAR, op.ask(ui_locales="x" * 33_000), headers=op.basic()).status == 413
    op.client("rp", token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
    fields = {**op.ask(client_id="rp"), **an_assertion("rp")}
    assert op.post(PAR, fields).status == 201
    assert op.post(PAR, fields).status == 401, "an assertion works once"
    assert rows(op) == 1


def test_a_pushed_request_is_answered_once(op_on_both: Op) -> None:
    """RFC 9126 §2.2, §4, §7.3: with a name that nobody guesses, for 60 to 90 seconds, and then never again."""
    op = op_on_both
    op.client()
    cookie = op.session(op.account())
    answer = op.post(PAR, op.ask(), headers=op.basic())
    body = answer.json()
    assert 60 <= body["expires_in"] <= 90
    assert len(body["request_uri"].removeprefix("urn:ietf:params:oauth:request_uri:")) >= 43
    code = returned(bring(op, cookie, body["request_uri"]))["code"]
    assert op.redeem(code).status == 200
    again = bring(op, cookie, body["request_uri"])
    assert (again.status, again.header("location")) == (400, "")
    assert len(op.audit("gateway:authorization:pushed")) == 1


def test_the_name_opens_the_request_for_its_own_client_while_it_lives(op: Op) -> None:
    """RFC 9126 §2.2, §7.2: another client, a later hour, an unknown name and an address are refused alike."""
    op.client()
    op.client("other")
    cookie = op.session(op.account())
    name = push(op)
    for client_id, wrong in (
        ("other", name),
        ("emi", name + "x"),
        ("emi", "https://emi.example/request.jwt"),
    ):
        assert bring(op, cookie, wrong, client_id).status == 400
        told = returned(bring(op, cookie, wrong, client_id, redirect_uri=CALLBACK))["error"]
        assert told == "invalid_request_uri"
    op.clock.advance(dt.timedelta(seconds=91))
    assert bring(op, cookie, name).status == 400
    op.clock.advance(dt.timedelta(days=2))
    sweep_tokens(op.services)
    assert rows(op) == 0


def test_nothing_beside_the_name_changes_a_pushed_request(op: Op) -> None:
    """RFC 9126 §4, RFC 9101 §6.3: what the browser brings beside it is not looked at."""
    op.client()
    cookie = op.session(op.account())
    answer = bring(op, cookie, push(op), redirect_uri="https://evil.example", scope="email", state="other")
    assert returned(answer)["state"] == "st"
    assert op.redeem(returned(answer)["code"]).json()["scope"] == op.ask()["scope"]
    bare = bring(op, cookie, push(op, state=None), state="other", claims='{"id_token": {"email": null}}')
    assert "state" not in returned(bare), "nor adds to it"
    assert "email" not in claims_of(op.redeem(returned(bare)["code"]).json()["id_token"])


def test_it_can_be_brought_again_until_a_sign_in_completes_it(op_on_both: Op) -> None:
    """FAPI 2.0 §5.3.2.2, OIDCC ensure-reused-request-uri-prior-to-auth-completion-succeeds: reload, two tabs."""
    op = op_on_both
    op.client()
    account = op.account()
    name = push(op)
    first, second = (flow_token(bring(op, "", name)) for _ in range(2))
    op.clock.advance(dt.timedelta(minutes=5))  # a person may take longer than the name lives
    cookie = op.session(account)
    for flow in (first, second):
        finish(op, flow, account, cookie)
    assert "code" in returned(op.get("/oauth2/authorize/resume", cookie, flow=first))
    late = returned(op.get("/oauth2/authorize/resume", cookie, flow=second))
    assert late["error"] == "invalid_request_uri"


def test_of_many_who_bring_one_request_at_once_one_gets_a_code(op_on_both: Op) -> None:
    """RFC 9126 §7.3: one conditional statement decides."""
    op = op_on_both
    op.client()
    cookie = op.session(op.account())
    name = push(op)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: bring(op, cookie, name), range(8)))
    won = [each for each in answers if "code=" in each.header("location")]
    assert len(won) == 1
    assert len(op.audit("gateway:authorization:granted")) == 1


@pytest.mark.parametrize("metadata", [{"require_pushed_authorization_requests": True}])
def test_a_client_that_has_to_push_cannot_go_without(op: Op, metadata: dict[str, Any]) -> None:
    """RFC 9126 §5: the browser's own request is refused, and the pushed one is taken."""
    op.client(**metadata)
    cookie = op.session(op.account())
    assert returned(op.authorize(cookie))["error"] == "invalid_request"
    assert "code" in returned(bring(op, cookie, push(op)))


def test_no_client_fills_the_table_alone(op_on_both: Op) -> None:
    """RFC 9126 §7.1: a client that proves itself is counted by its name, from wherever it pushes."""
    op = op_on_both
    op.client()
    op.client("other")
    with op.services.store.write() as unit:
        take(unit.connection, PUSHES, "emi", now=unit.now, cost=PUSHES.count - 1)
    push(op)
    refused = op.post(PAR, op.ask(), headers=op.basic(), address="198.51.100.7")
    assert (refused.status, refused.header("retry-after")) == (429, "300")
    assert rows(op) == 1
    assert op.post(PAR, op.ask(client_id="other"), headers=op.basic("other")).status == 201
    op.clock.advance(PUSHES.per)
    push(op)
