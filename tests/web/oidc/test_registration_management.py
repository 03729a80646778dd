"""A client looks at, replaces and ends its own registration (RFC 7592)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from idp.storage import tables
from idp.usecases.disable_client import disable_client
from idp.usecases.rotate_client_secret import SecretRotated, rotate_client_secret
from kernel.audit import SYSTEM
from tests.support.oidc import CALLBACK, ISSUER, Op, public_keys
from tests.support.self_registration import (
    PATH,
    initial_token,
    manage,
    registered,
    registering,
    send,
    signed_in,
)

if TYPE_CHECKING:
    from sqlalchemy import Table

KEYS: dict[str, object] = {"token_endpoint_auth_method": "private_key_jwt", "jwks": public_keys()}


@pytest.fixture
def at(op: Op) -> Op:
    return registering(op, "open")


def path_of(client: dict[str, Any]) -> str:
    return urlsplit(client["registration_client_uri"]).path


def count(op: Op, table: Table) -> int:
    with op.services.store.read() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


# --- whose it is


def test_a_registration_opens_to_its_own_token_alone(at: Op) -> None:
    """RFC 7592 §2: none, a wrong one, another client's and that of nobody get one answer, whatever is asked."""
    mine, others = registered(at), registered(at)
    wrong = ["", "wrong", others["registration_access_token"], initial_token(at), mine["client_secret"]]
    answers = [
        send(at, method, path_of(mine), {"client_id": mine["client_id"]}, token=token)
        for method in ("GET", "PUT", "DELETE")
        for token in wrong
    ]
    nobody = send(at, "GET", f"{PATH}/nobody", token=mine["registration_access_token"])
    assert {answer.status for answer in (*answers, nobody)} == {401}
    assert len({answer.body for answer in (*answers, nobody)}) == 1
    assert nobody.header("www-authenticate").startswith("Bearer")
    assert manage(at, mine).status == 200
    assert all(row.reason == "management" for row in at.audit("gateway:registration:refused"))
    other = send(at, "POST", path_of(mine), {}, token=mine["registration_access_token"])
    assert (other.status, other.header("allow")) == (405, "DELETE, GET, HEAD, PUT")


def test_nobody_but_the_operator_manages_a_client_that_the_operator_made(at: Op) -> None:
    at.client("emi")
    assert send(at, "GET", f"{PATH}/emi", token="x").status == 401
    assert send(at, "DELETE", f"{PATH}/emi").status == 401


def test_a_client_that_was_disabled_manages_nothing(at: Op) -> None:
    """RFC 7592 §2.1: 403, and the operator's word stands."""
    mine = registered(at)
    assert disable_client(at.services, mine["client_id"], actor=SYSTEM)
    answers = [manage(at, mine, method) for method in ("GET", "PUT", "DELETE")]
    assert {(answer.status, answer.json()["error"]) for answer in answers} == {(403, "access_denied")}
    assert count(at, tables.client) == 1


def test_an_address_that_asks_too_often_waits(at: Op) -> None:
    mine = registered(at)
    assert [send(at, "GET", path_of(mine), token="x").status for _ in range(600)][-1] == 401
    assert manage(at, mine).status == 429
    at.clock.advance(dt.timedelta(minutes=5))
    assert manage(at, mine).status == 200


# --- reading


def test_a_client_reads_what_it_registered_but_never_its_secret(at: Op) -> None:
    """RFC 7592 §2.1, CA-09: what is told again is what was told, without the secret."""
    mine = registered(at, client_name="Partner")
    answer = manage(at, mine)
    assert (answer.status, answer.header("cache-control")) == (200, "no-store")
    assert answer.json() == {name: value for name, value in mine.items() if name != "client_secret"}
    assert send(at, "HEAD", path_of(mine), token=mine["registration_access_token"]).status == 200


def test_a_secret_that_was_replaced_tells_when_the_last_one_ends(at: Op) -> None:
    """RFC 7591 §3.2.1: 0 as long as one of them has no end."""
    mine = registered(at)
    assert isinstance(rotate_client_secret(at.services, mine["client_id"], actor=SYSTEM), SecretRotated)
    assert manage(at, mine).json()["client_secret_expires_at"] == 0


# --- replacing


def test_a_replacement_is_whole(op_on_both: Op) -> None:
    """RFC 7592 §2.2: what is left out or null is gone; id, secret, token and profile stay."""
    op = registering(op_on_both, "open", registration_profile="compat")
    mine = registered(op, client_name="Partner", contacts=["a@b.example"], default_max_age=60)
    answer = manage(op, mine, "PUT", contacts=None, default_max_age=None, client_name="New", made_up=1)
    assert answer.status == 200, answer.body
    told = answer.json()
    assert told["client_name"] == "New"
    assert not {"contacts", "default_max_age", "made_up", "client_secret"} & told.keys()
    for name in ("client_id", "client_id_issued_at", "registration_access_token", "registration_client_uri"):
        assert told[name] == mine[name]
    assert manage(op, mine).json() == told
    with op.services.store.read() as connection:
        row = connection.execute(select(tables.client)).one()
    assert (row.name, row.profile, row.first_party, row.version) == ("New", "compat", False, 2)
    assert signed_in(op, mine)["id_token"]
    (deed,) = op.audit("gateway:client:changed")
    assert (deed.actor_kind, deed.actor_id, deed.target) == ("client", mine["client_id"], mine["client_id"])


def test_what_is_wrong_in_a_replacement_changes_nothing(at: Op) -> None:
    mine = registered(at)
    token = mine["registration_access_token"]
    stated = {"client_id": mine["client_id"], "redirect_uris": [CALLBACK]}
    refused = [
        ("invalid_request", {**stated, "registration_access_token": token}),
        ("invalid_request", {**stated, "client_id_issued_at": 1}),
        ("invalid_client_metadata", {"redirect_uris": [CALLBACK]}),
        ("invalid_client_metadata", {**stated, "client_id": "another"}),
        ("invalid_client_metadata", {**stated, "client_secret": "chosen by the client itself, and long"}),
        ("invalid_client_metadata", {**stated, "client_secret": None, "subject_type": "none"}),
        ("invalid_redirect_uri", {**stated, "redirect_uris": [f"{CALLBACK}#"]}),
        ("invalid_redirect_uri", {**stated, "redirect_uris": [f"{ISSUER}/callback"]}),
        ("invalid_client_metadata", {**stated, "scope": "scim.write"}),
        ("unapproved_software_statement", {**stated, "software_statement": "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"}),
    ]
    for code, document in refused:
        answer = send(at, "PUT", path_of(mine), document, token=token)
        assert (answer.status, answer.json()["error"]) == (400, code), document
    assert send(at, "PUT", path_of(mine), [], token=token).status == 400
    told = manage(at, mine).json()
    assert told == {name: value for name, value in mine.items() if name != "client_secret"}
    assert at.audit("gateway:client:changed") == []


def test_a_client_may_repeat_its_own_secret(at: Op) -> None:
    """RFC 7592 §2.2: the field has to be the secret that it has."""
    mine = registered(at)
    stated = {
        "client_id": mine["client_id"],
        "redirect_uris": [CALLBACK],
        "client_secret": mine["client_secret"],
    }
    answer = send(at, "PUT", path_of(mine), stated, token=mine["registration_access_token"])
    assert answer.status == 200
    assert "client_secret" not in answer.json()


def test_a_client_renews_its_secret_and_both_work_for_as_long_as_it_says(op_on_both: Op) -> None:
    """RFC 7592 §2.2, CA-11: the answer to a replacement brings a new secret; two work at a time, never three."""
    op = registering(op_on_both, "open")
    mine = registered(op)
    renewed = manage(op, mine, "PUT", renew_client_secret=3600).json()
    assert renewed["client_secret"] != mine["client_secret"]
    assert renewed["client_secret_expires_at"] == 0
    assert "renew_client_secret" not in manage(op, mine).json()
    assert [taken(op, each) for each in (mine, renewed)] == [True, True]
    third = manage(op, mine, "PUT", renew_client_secret=3600)
    assert (third.status, third.json()["error"]) == (400, "invalid_client_metadata")
    op.clock.advance(dt.timedelta(hours=1))
    op.services.clients.forget(mine["client_id"])
    assert [taken(op, each) for each in (mine, renewed)] == [False, True]
    stated = {
        "client_id": mine["client_id"],
        "redirect_uris": mine["redirect_uris"],
        "client_secret": mine["client_secret"],
    }
    ended = send(op, "PUT", path_of(mine), stated, token=mine["registration_access_token"])
    assert (ended.status, ended.json()["error"]) == (400, "invalid_client_metadata")
    last = manage(op, mine, "PUT", renew_client_secret=0).json()
    assert [taken(op, each) for each in (mine, renewed, last)] == [False, False, True]
    spans = [deed.details["overlap_seconds"] for deed in op.audit("gateway:client:credential-rotated")]
    assert spans == [3600, 0]


_WISHES: list[object] = [
    *(-1, True, "1", 1.5, 604_801, []),
    {"renew_client_secret": 1, **KEYS},
    {"renew_client_secret": 1, "token_endpoint_auth_method": ["client_secret_basic"]},
]


@pytest.mark.parametrize("wish", _WISHES)
def test_a_wish_for_another_secret_that_cannot_be_met_changes_nothing(at: Op, wish: object) -> None:
    """RFC 7591 §3.2.2: no span of time, a longer one than a week, or a client without a secret."""
    mine = registered(at)
    changes = wish if isinstance(wish, dict) else {"renew_client_secret": wish}
    answer = manage(at, mine, "PUT", **changes)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_client_metadata")
    assert taken(at, mine)
    assert at.audit("gateway:client:changed") == []


def taken(op: Op, client: dict[str, Any]) -> bool:
    """Tell whether a client is known by its secret: a code that is none is refused then, and not the client."""
    fields = {"grant_type": "authorization_code", "code": "none"}
    headers = op.basic(client["client_id"], client["client_secret"])
    return bool(op.post("/oauth2/token", fields, headers=headers).json()["error"] == "invalid_grant")


def test_a_secret_goes_with_the_need_for_it_and_a_new_one_is_shown_once(at: Op) -> None:
    """RFC 7592 §2.2: a change keeps the secret; one that went over to keys has none until it comes back."""
    mine = registered(at)
    kept = manage(at, mine, "PUT", client_name="Other").json()
    assert (kept["client_secret_expires_at"], "client_secret" in kept) == (0, False)
    without = manage(at, mine, "PUT", **KEYS).json()
    assert not {"client_secret", "client_secret_expires_at"} & without.keys()
    assert count(at, tables.client_secret) == 0
    again = manage(at, mine, "PUT", token_endpoint_auth_method="client_secret_post").json()
    assert again["client_secret"] != mine["client_secret"]
    assert again["client_secret_expires_at"] == 0
    assert "client_secret" not in manage(at, mine).json()
    fields = {"grant_type": "authorization_code", "code": "none", "client_id": mine["client_id"]}
    answers = [
        at.post("/oauth2/token", {**fields, "client_secret": each["client_secret"]}).json()["error"]
        for each in (mine, again)
    ]
    assert answers == ["invalid_client", "invalid_grant"]


# --- ending


def test_a_client_that_ends_its_registration_takes_everything_along(op_on_both: Op) -> None:
    """RFC 7592 §2.3: secrets, grants, codes and tokens die with it, in one transaction, and are audited."""
    op = registering(op_on_both, "open")
    grants = ["authorization_code", "refresh_token"]
    mine, bystander = registered(op, grant_types=grants), registered(op)
    tokens = signed_in(op, mine)
    assert op.userinfo(tokens["access_token"]).status == 200
    answer = manage(op, mine, "DELETE")
    assert (answer.status, answer.body, answer.header("cache-control")) == (204, b"", "no-store")
    assert op.userinfo(tokens["access_token"]).status == 401
    headers = op.basic(mine["client_id"], mine["client_secret"])
    assert op.refresh(tokens["refresh_token"], headers=headers).json()["error"] == "invalid_client"
    assert op.authorize(client_id=mine["client_id"]).status == 400
    assert [manage(op, mine, method).status for method in ("GET", "PUT", "DELETE")] == [401, 401, 401]
    assert manage(op, bystander).status == 200
    assert [count(op, table) for table in (tables.client, tables.client_secret, tables.consent)] == [1, 1, 0]
    with op.services.store.read() as connection:
        assert connection.scalar(select(tables.grant.c.revoked_reason)) == "client-deleted"
    (deed,) = op.audit("gateway:client:deleted")
    assert (deed.actor_id, deed.target, deed.details["grants"]) == (mine["client_id"], mine["client_id"], 1)
