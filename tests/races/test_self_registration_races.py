"""Clients that register, change and end themselves at the same moment as somebody else does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from idp.storage import tables
from tests.support.oidc import an_op, claims_of, public_keys
from tests.support.self_registration import initial_token, manage, post, registered, registering
from tests.support.together import together

if TYPE_CHECKING:
    from kernel.database import Database
    from tests.support.oidc import Op

pytestmark = pytest.mark.race
THREADS = 12


def ready(database: Database, mode: str) -> Op:
    return registering(an_op(database, limits=False), mode)


def count(op: Op, table: str) -> int:
    with op.services.store.read() as connection:
        found = connection.execute(select(func.count()).select_from(tables.METADATA.tables[table]))
        return int(found.scalar_one())


def proves(op: Op, client_id: str, secret: str) -> bool:
    """Tell whether the client is known by this secret at the token endpoint."""
    op.services.clients.forget(client_id)
    fields = {"grant_type": "authorization_code", "code": "none"}
    answer = op.post("/oauth2/token", fields, headers=op.basic(client_id, secret))
    return bool(answer.json()["error"] == "invalid_grant")


def test_a_token_registers_as_many_clients_as_it_is_for(gateway_database: Database) -> None:
    """RFC 7591 §3: twelve come with a token for three; three are registered, nine told nothing."""
    op = ready(gateway_database, "token")
    token = initial_token(op, uses=3)
    answers = together(THREADS, lambda _number: post(op, token))
    assert sorted(answer.status for answer in answers) == [201] * 3 + [401] * 9
    assert count(op, "client") == count(op, "client_secret") == 3


def test_of_replacements_at_once_one_stands_whole(gateway_database: Database) -> None:
    """RFC 7592 §2.2: half of them with a secret, half with keys; what stands at the end is one, and works."""
    op = ready(gateway_database, "open")
    mine = registered(op)
    ways: list[dict[str, Any]] = [
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": public_keys(), "client_name": "keys"},
        {"token_endpoint_auth_method": "client_secret_basic", "client_name": "secret"},
    ]
    answers = together(THREADS, lambda number: manage(op, mine, "PUT", **ways[number % 2]))
    assert {answer.status for answer in answers} == {200}
    told = manage(op, mine).json()
    assert ("jwks" in told) == (told["client_name"] == "keys")
    assert (told["token_endpoint_auth_method"] == "private_key_jwt") == ("jwks" in told)
    assert count(op, "client_secret") == (0 if "jwks" in told else 1)
    shown = [mine["client_secret"], *(each.json().get("client_secret", "") for each in answers)]
    works = [secret for secret in shown if secret and proves(op, mine["client_id"], secret)]
    assert len(works) == (0 if "jwks" in told else 1)


def test_nothing_that_is_issued_outlives_its_client(gateway_database: Database) -> None:
    """RFC 7592 §2.3: one ends the registration while others redeem and refresh; no token works afterwards."""
    op = ready(gateway_database, "open")
    mine = registered(op, grant_types=["authorization_code", "refresh_token"])
    account = op.account()
    with op.services.store.write() as unit:
        common = {"account_id": account, "client_id": mine["client_id"], "given_at": unit.now}
        scopes = ("openid", "offline_access")
        unit.connection.execute(tables.consent.insert(), [{**common, "scope": each} for each in scopes])
    cookie, headers = op.session(account), op.basic(mine["client_id"], mine["client_secret"])
    named = {"client_id": mine["client_id"], "scope": "openid offline_access"}
    first = op.redeem(op.code(cookie, **named), headers=headers).json()
    codes = [op.code(cookie, **named) for _ in range(THREADS)]

    def act(number: int) -> Any:
        if number == 0:
            return manage(op, mine, "DELETE")
        if number % 2:
            return op.redeem(codes[number], headers=headers)
        return op.refresh(first["refresh_token"], headers=headers)

    answers = together(THREADS, act)
    assert answers[0].status == 204
    assert {answer.status for answer in answers[1:]} <= {200, 400, 401}
    given = [answer.json()["access_token"] for answer in answers[1:] if answer.status == 200]
    assert {op.userinfo(token).status for token in (first["access_token"], *given)} == {401}
    assert all(claims_of(token)["client_id"] == mine["client_id"] for token in given)
    refreshed = [answer.json()["refresh_token"] for answer in answers[1:] if answer.status == 200]
    for token in refreshed:
        assert op.refresh(token, headers=headers).status == 401
    assert count(op, "client") == count(op, "client_secret") == 0


def test_a_registration_ends_once(gateway_database: Database) -> None:
    """RFC 7592 §2.3: the others meet nobody any more, and one row of the audit tells of it."""
    op = ready(gateway_database, "open")
    mine = registered(op)
    answers = together(THREADS, lambda number: manage(op, mine, "DELETE" if number % 3 else "PUT"))
    ended = [answer.status for number, answer in enumerate(answers) if number % 3]
    assert sorted(ended) == [204] + [401] * (len(ended) - 1)
    assert {answer.status for answer in answers} <= {200, 204, 401}
    assert len(op.audit("gateway:client:deleted")) == 1
    assert manage(op, mine).status == 401
