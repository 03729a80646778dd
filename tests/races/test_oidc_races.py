"""What may happen once happens once, whoever comes at the same moment."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from idp.domain.tokens import Authentication
from idp.storage import tables
from idp.usecases.decide_device import DeviceDecided
from tests.support.devices import ask, decided, error_of, poll, television
from tests.support.oidc import an_assertion, an_op, claims_of, public_keys
from tests.support.together import together

if TYPE_CHECKING:
    from kernel.database import Database
    from tests.support.oidc import Op

pytestmark = pytest.mark.race
THREADS = 16


def ready(database: Database, **settings: object) -> tuple[Op, str]:
    op = an_op(database, limits=False, **settings)
    op.client()
    return op, op.session(op.account())


def count(op: Op, table: str) -> int:
    with op.services.store.read() as connection:
        found = connection.execute(select(func.count()).select_from(tables.METADATA.tables[table]))
        return int(found.scalar_one())


def test_one_code_gives_tokens_once(gateway_database: Database) -> None:
    """TK-01, trap T4: sixteen redeem one code; one wins, and the others take its tokens back."""
    op, cookie = ready(gateway_database)
    code = op.code(cookie)
    answers = together(16, lambda _number: op.redeem(code))
    assert sorted(answer.status for answer in answers) == [200] + [400] * (THREADS - 1)
    (winner,) = [answer.json() for answer in answers if answer.status == 200]
    assert count(op, "access_token") == count(op, "refresh_token") == 1
    assert op.introspect(winner["access_token"]) == {"active": False}


def test_one_refresh_token_has_one_heir_and_all_who_race_get_it(gateway_database: Database) -> None:
    """RT-03, RT-11: within the grace sixteen equal answers; one heir, one family, all of it alive."""
    op, cookie = ready(gateway_database)
    first = op.tokens(cookie)["refresh_token"]
    answers = together(16, lambda _number: op.refresh(first))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert count(op, "refresh_token") == 2
    assert op.refresh(answers[0].json()["refresh_token"]).status == 200


def test_without_a_grace_one_refresh_wins_and_the_family_falls(gateway_database: Database) -> None:
    """RT-03 with grace 0: at most one success, and the theft is noticed."""
    op, cookie = ready(gateway_database, refresh_grace=dt.timedelta(0))
    first = op.tokens(cookie)["refresh_token"]
    answers = together(16, lambda _number: op.refresh(first))
    assert sorted(answer.status for answer in answers) == [200] + [400] * (THREADS - 1)
    (winner,) = [answer.json() for answer in answers if answer.status == 200]
    assert op.refresh(winner["refresh_token"]).status == 400
    assert count(op, "refresh_token") == 2


def test_one_assertion_proves_its_client_once(gateway_database: Database) -> None:
    """RFC 7523 §3: the jti is spent by one of sixteen."""
    op, _cookie = ready(gateway_database)
    op.machine(token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
    fields = {"grant_type": "client_credentials", **an_assertion("m2m")}
    answers = together(16, lambda _number: op.post("/oauth2/token", fields))
    assert sorted(answer.status for answer in answers) == [200] + [401] * (THREADS - 1)
    assert count(op, "access_token") == 1


def test_one_logout_tells_each_client_once(gateway_database: Database) -> None:
    """Back-Channel Logout §2.5: sixteen ends of one session are one end."""
    op, cookie = ready(gateway_database)
    op.client(replace=True, secret="", backchannel_logout_uri="https://emi.example/bc")
    hint = op.tokens(cookie)["id_token"]
    together(16, lambda _number: op.get("/oauth2/logout", cookie, id_token_hint=hint))
    assert [notice["sid"] for notice in op.notices()] == [claims_of(hint)["sid"]]
    assert len(op.audit("gateway:session:ended")) == 1


def test_a_logout_that_meets_a_redemption_leaves_nothing_alive(gateway_database: Database) -> None:
    """TK-12, RT-08: whichever comes first, no token outlives the session it came from."""
    op, cookie = ready(gateway_database)
    hint = op.tokens(cookie)["id_token"]
    codes = [op.code(cookie) for _ in range(THREADS - 1)]

    def deed(number: int) -> dict[str, str]:
        if number == THREADS - 1:
            op.get("/oauth2/logout", cookie, id_token_hint=hint)
            return {}
        answer = op.redeem(codes[number])
        return dict(answer.json()) if answer.status == 200 else {}

    for answer in together(16, deed):
        if answer:
            assert op.introspect(answer["access_token"]) == {"active": False}
            assert op.refresh(answer["refresh_token"]).status == 400


def test_a_revocation_that_meets_exchanges_leaves_nothing_alive(gateway_database: Database) -> None:
    """IR-04, RFC 8693: whichever comes first, no exchanged token outlives the one it came from."""
    op, _cookie = ready(gateway_database)
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    resource = "https://back.example"
    grants = ["client_credentials", exchange]
    op.machine(grant_types=grants, resources=[resource], serves=[resource], scope="meters.read")
    fields = {"grant_type": "client_credentials"}
    for _ in range(4):
        first = op.post("/oauth2/token", fields, headers=op.basic("m2m")).json()["access_token"]
        asked = {
            "grant_type": exchange,
            "subject_token": first,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        }

        def deed(number: int, first: str = first, asked: dict[str, str] = asked) -> str:
            if number == THREADS // 2:
                assert op.post("/oauth2/revoke", {"token": first}, headers=op.basic("m2m")).status == 200
                return ""
            answer = op.post("/oauth2/token", asked, headers=op.basic("m2m"))
            assert answer.status in {200, 400}, answer.body
            return str(answer.json().get("access_token", ""))

        for token in filter(None, together(16, deed)):
            assert op.introspect(token, op.basic("m2m")) == {"active": False}


def test_facts_of_a_sign_in_survive_their_storage() -> None:
    """What is stored with a token comes back as it was."""
    how = Authentication("sid", 1, "phr", ("hwk", "user"), 2)
    assert Authentication.from_json(how.to_json()) == how


def test_one_device_code_gives_tokens_once(gateway_database: Database) -> None:
    """RFC 8628 §3.5, TK-01: sixteen redeem one device code; one wins, and the others take its tokens back."""
    op, cookie = ready(gateway_database, device_poll_interval=dt.timedelta(0))
    television(op)
    told = ask(op)
    decided(op, cookie, told)
    answers = together(16, lambda _number: poll(op, told))
    assert sorted(answer.status for answer in answers) == [200] + [400] * (THREADS - 1)
    (winner,) = [answer.json() for answer in answers if answer.status == 200]
    assert count(op, "access_token") == count(op, "refresh_token") == 1
    assert op.userinfo(winner["access_token"]).status == 401


def test_a_device_is_paced_and_answered_once(gateway_database: Database) -> None:
    """RFC 8628 §3.5: of sixteen polls at one moment fifteen are too fast, and all of them count."""
    op, cookie = ready(gateway_database)
    television(op)
    told = ask(op)
    errors = sorted(error_of(each) for each in together(16, lambda _number: poll(op, told)))
    assert errors == ["authorization_pending"] + ["slow_down"] * (THREADS - 1)
    assert f"{5 * (THREADS + 1)} seconds" in poll(op, told).json()["error_description"]
    answers = together(16, lambda number: decided(op, cookie, told, allowed=number % 2 == 0))
    kept = [each.allowed for each in answers if isinstance(each, DeviceDecided)]
    decisions = [len(op.audit(f"gateway:device:{which}")) for which in ("allowed", "denied")]
    assert sum(decisions) == 1
    assert set(kept) == {decisions[0] == 1}, "a yes is told again to the session that gave it, a no to nobody"
    assert len(kept) <= (THREADS // 2 if kept[0] else 1)
    assert count(op, "oauth_grant") == decisions[0]
