"""Token exchange (RFC 8693)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from idp.usecases.disable_client import disable_client
from idp.usecases.register_client import ClientOrder, RegistrationRefused, register_client
from kernel.audit import SYSTEM
from tests.support.dpop import Holder
from tests.support.oidc import ISSUER, claims_of

if TYPE_CHECKING:
    from kernel.web.http import Response
    from tests.support.oidc import Op

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
FRONT, BACK, THIRD = "https://front.example", "https://back.example", "https://third.example"


def service(op: Op, client_id: str = "front", **metadata: object) -> None:
    """Register a service that is reached as FRONT and calls BACK."""
    values = {
        "grant_types": ["client_credentials", EXCHANGE],
        "scope": "openid email meters.read meters.write",
        "serves": [FRONT],
        "resources": [BACK],
        **metadata,
    }
    op.machine(client_id, **values)


def reached(op: Op, may_act: str = "", **changes: str) -> str:
    """Return an access token of a person that was made for FRONT."""
    op.client(resources=[FRONT, THIRD], **({"may_act": may_act} if may_act else {}))
    cookie = op.session(op.account())
    values = {"resource": FRONT, "scope": "openid email profile", **changes}
    token: str = op.tokens(cookie, **values)["access_token"]
    return token


def exchange(
    op: Op,
    token: str,
    client_id: str = "front",
    proof: dict[str, str] | None = None,
    **fields: str | list[str],
) -> Response:
    said: dict[str, str | list[str]] = {
        "grant_type": EXCHANGE,
        "subject_token": token,
        "subject_token_type": ACCESS_TOKEN,
        **fields,
    }
    return op.post("/oauth2/token", said, headers={**op.basic(client_id), **(proof or {})})


def error_of(answer: Response) -> str:
    assert answer.status == 400, answer.body
    return str(answer.json()["error"])


def test_a_service_acts_for_the_person_that_called_it(op_on_both: Op) -> None:
    """RFC 8693 §2.2.1, §4.1: subject, actor, one audience, a narrower scope, no longer life, and no refresh token."""
    op = op_on_both
    service(op)
    token = reached(op)
    op.clock.advance(dt.timedelta(minutes=9))
    answer = exchange(op, token)
    assert answer.status == 200, answer.body
    body, claims = answer.json(), claims_of(answer.json()["access_token"])
    assert (body["issued_token_type"], body["token_type"]) == (ACCESS_TOKEN, "Bearer")
    assert (body["scope"], body["expires_in"]) == ("email", 60)
    assert {"refresh_token", "id_token"}.isdisjoint(body)
    assert (claims["sub"], claims["aud"], claims["act"]) == (claims_of(token)["sub"], BACK, {"sub": "front"})
    assert op.introspect(body["access_token"], op.basic("front"))["sub"] == claims["sub"]
    assert op.userinfo(body["access_token"]).status == 401
    assert [row.details["grant_type"] for row in op.audit("gateway:token:issued")][-1] == EXCHANGE


def test_how_the_person_signed_in_is_handed_on(op_on_both: Op) -> None:
    """RFC 9068 §2.2.1, RFC 9470 §6: else no step-up could satisfy a service behind another; a machine never signed in."""
    op = op_on_both
    service(op)
    service(op, "back", serves=[BACK], resources=[BACK], scope="email profile")
    token = reached(op)
    told = {name: claims_of(token)[name] for name in ("acr", "auth_time", "amr")}
    for client_id in ("front", "back"):
        token = exchange(op, token, client_id).json()["access_token"]
        assert told.items() <= claims_of(token).items()
        known = op.introspect(token, op.basic(client_id))
        assert (known["acr"], known["auth_time"]) == (told["acr"], told["auth_time"])
    service(op, "caller", serves=[], resources=[FRONT])
    fields = {"grant_type": "client_credentials", "scope": "meters.read"}
    machines = op.post("/oauth2/token", fields, headers=op.basic("caller")).json()["access_token"]
    assert not told.keys() & claims_of(exchange(op, machines).json()["access_token"]).keys()


def test_who_acted_before_stands_within_who_acts_now(op: Op) -> None:
    """RFC 8693 §4.1: nested, and not without an end; what one has lost the next cannot regain."""
    service(op)
    token = exchange(op, reached(op)).json()["access_token"]
    service(op, "back", serves=[BACK], resources=[BACK], scope="email profile")
    second = exchange(op, token, "back").json()
    assert second["scope"] == "email"
    assert claims_of(second["access_token"])["act"] == {"sub": "back", "act": {"sub": "front"}}
    token = second["access_token"]
    for _ in range(3):
        token = exchange(op, token, "back").json()["access_token"]
    assert error_of(exchange(op, token, "back")) == "invalid_request"


def test_an_actor_token_names_the_actor_if_it_is_the_clients_own(op: Op) -> None:
    """RFC 8693 §2.1: another's token makes nobody an actor."""
    service(op)
    op.machine("other", scope="meters.read", resources=[BACK])
    token = reached(op)

    def machine_token(client_id: str) -> str:
        fields = {"grant_type": "client_credentials", "scope": "meters.read"}
        found: str = op.post("/oauth2/token", fields, headers=op.basic(client_id)).json()["access_token"]
        return found

    own = exchange(op, token, actor_token=machine_token("front"), actor_token_type=ACCESS_TOKEN)
    assert claims_of(own.json()["access_token"])["act"] == {"sub": "front"}
    others = exchange(op, token, actor_token=machine_token("other"), actor_token_type=ACCESS_TOKEN)
    assert error_of(others) == "invalid_request"
    assert error_of(exchange(op, token, actor_token="x")) == "invalid_request"
    assert error_of(exchange(op, token, actor_token="x", actor_token_type="y")) == "invalid_request"


def test_who_acts_for_a_service_is_not_that_service(op: Op) -> None:
    """RFC 8693 §1.1, §4.4: a token that a client got by delegation is about whom it acts for, and no actor's."""
    service(op, serves=[], resources=[FRONT])
    service(op, "other")
    token = reached(op, may_act="front")
    fields = {"grant_type": "client_credentials", "scope": "meters.read"}
    called = op.post("/oauth2/token", fields, headers=op.basic("front")).json()["access_token"]
    delegated = exchange(op, called, "other").json()["access_token"]
    assert claims_of(delegated)["sub"] == "front"
    answer = exchange(op, token, "other", actor_token=delegated, actor_token_type=ACCESS_TOKEN)
    assert error_of(answer) == "invalid_request"


def test_a_token_that_names_who_may_act_is_exchanged_by_nobody_else(op: Op) -> None:
    """RFC 8693 §4.4: what an operator registered with the client whose token it is, a machine's too."""
    service(op)
    service(op, "other")
    token = reached(op, may_act="front")
    assert claims_of(token)["may_act"] == {"sub": "front"}
    assert error_of(exchange(op, token, "other")) == "invalid_request"
    given = exchange(op, token)
    assert claims_of(given.json()["access_token"])["act"] == {"sub": "front"}
    assert "may_act" not in claims_of(given.json()["access_token"]), (
        "what may follow is its own client's to say"
    )
    op.machine("robot", scope="meters.read", resources=[FRONT], may_act="other")
    fields = {"grant_type": "client_credentials"}
    robots = op.post("/oauth2/token", fields, headers=op.basic("robot")).json()["access_token"]
    assert error_of(exchange(op, robots)) == "invalid_request"
    assert exchange(op, robots, "other").status == 200


def test_who_may_act_next_is_said_by_who_exchanged(op: Op) -> None:
    """RFC 8693 §4.4: the token of a service that has its actor named is exchanged by that actor alone."""
    service(op, may_act="back")
    for client_id in ("back", "other"):
        service(op, client_id, serves=[BACK], resources=[BACK], scope="email profile")
    token = exchange(op, reached(op)).json()["access_token"]
    assert claims_of(token)["may_act"] == {"sub": "back"}
    assert error_of(exchange(op, token, "other")) == "invalid_request"
    assert exchange(op, token, "back").status == 200


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"scope": "email profile"}, "invalid_scope"),
        ({"scope": "meters.read"}, "invalid_scope"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"scope": "email  email"}, "invalid_scope"),
        ({"resource": FRONT}, "invalid_target"),
        ({"audience": THIRD}, "invalid_target"),
        ({"audience": BACK, "resource": THIRD}, "invalid_target"),
        ({"audience": [BACK, THIRD]}, "invalid_target"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
        ({"subject_token_type": ""}, "invalid_request"),
        ({"subject_token": ""}, "invalid_request"),
        ({"subject_token": "x"}, "invalid_request"),
        ({"subject_token": "é"}, "invalid_request"),
        ({"subject_token": "x" * 9_000}, "invalid_request"),
    ],
)
def test_an_exchange_never_widens(op: Op, fields: dict[str, str], code: str) -> None:
    """RFC 8693 §2.2.2, TK-07: scopes, targets and types beyond what token and client have."""
    service(op)
    assert error_of(exchange(op, reached(op), **fields)) == code


def test_only_a_token_that_was_meant_for_the_service_is_taken(op_on_both: Op) -> None:
    """TK-18, TK-06: made for another, of a client without the grant, or of a public one."""
    op = op_on_both
    service(op)
    op.machine("plain", serves=[FRONT])
    token = reached(op)
    elsewhere = op.tokens(op.session(op.account("second")), resource=THIRD, scope="openid email")[
        "access_token"
    ]
    assert error_of(exchange(op, elsewhere)) == "invalid_request"
    assert error_of(exchange(op, token, "plain")) == "unauthorized_client"
    order = ClientOrder(
        "spa",
        "Public",
        {"grant_types": [EXCHANGE], "token_endpoint_auth_method": "none", "resources": [BACK]},
    )
    assert isinstance(register_client(op.services, order, actor=SYSTEM), RegistrationRefused)


def test_what_ends_the_first_token_ends_the_second(op_on_both: Op) -> None:
    """IR-04, RC-12: the person's account, the grant, or the client; and a dead token brings no new one."""
    op = op_on_both
    service(op)
    token = reached(op)
    second = exchange(op, token).json()["access_token"]
    account = claims_of(token)["sub"]
    op.set_account(account, active=False)
    assert op.introspect(second, op.basic("front")) == {"active": False}
    assert error_of(exchange(op, token)) == "invalid_request"
    op.set_account(account, active=True)
    assert op.introspect(second, op.basic("front"))["active"] is True
    op.clock.advance(dt.timedelta(minutes=10))
    assert error_of(exchange(op, token)) == "invalid_request"
    disable_client(op.services, "front", actor=SYSTEM, reason="test")
    assert exchange(op, token).status == 401


def machines_token(op: Op, client_id: str = "m2m") -> str:
    """Return a machine's own token that was made for FRONT."""
    op.machine(client_id, scope="meters.read", resources=[FRONT])
    fields = {"grant_type": "client_credentials"}
    token: str = op.post("/oauth2/token", fields, headers=op.basic(client_id)).json()["access_token"]
    return token


def passed_on(op: Op, token: str) -> list[str]:
    """Exchange a token, and what came of it, and return both."""
    service(op)
    service(op, "back", serves=[BACK], resources=[BACK])
    second = exchange(op, token).json()["access_token"]
    return [second, exchange(op, second, "back").json()["access_token"]]


@pytest.mark.parametrize("owner", ["emi", "m2m"])
def test_a_revoked_token_takes_along_what_was_exchanged_for_it(op_on_both: Op, owner: str) -> None:
    """IR-04, RFC 7009 §2.1: for a person and for a machine, however often it was passed on, and nothing else."""
    op = op_on_both
    token = reached(op) if owner == "emi" else machines_token(op)
    heirs = passed_on(op, token)
    other = op.tokens(op.session(op.account("second")))["access_token"] if owner == "emi" else ""
    assert op.post("/oauth2/revoke", {"token": heirs[1]}, headers=op.basic("back")).status == 200
    states = [op.introspect(each, op.basic("back"))["active"] for each in heirs]
    assert states == [True, False], "what comes after it ends with it, what came before does not"
    heirs.append(exchange(op, heirs[0], "back").json()["access_token"])
    assert op.post("/oauth2/revoke", {"token": token}, headers=op.basic(owner)).status == 200
    assert [op.introspect(each, op.basic("back")) for each in heirs] == [{"active": False}] * 3
    assert error_of(exchange(op, heirs[0], "back")) == "invalid_request"
    assert not other or op.introspect(other)["active"]


def test_a_disabled_client_takes_along_what_others_got_for_its_tokens(op_on_both: Op) -> None:
    """IR-04: the machine is out of service, and so is everybody who acts for it."""
    op = op_on_both
    heirs = passed_on(op, machines_token(op))
    kept = exchange(op, machines_token(op, "another")).json()["access_token"]
    disable_client(op.services, "m2m", actor=SYSTEM, reason="test")
    assert [op.introspect(each, op.basic("back")) for each in heirs] == [{"active": False}] * 2
    assert op.introspect(kept, op.basic("back"))["active"] is True


def test_a_machines_token_is_exchanged_too(op_on_both: Op) -> None:
    """RFC 8693 §2.1: the subject is the machine, without a grant of any person (TK-15)."""
    op = op_on_both
    service(op)
    claims = claims_of(exchange(op, machines_token(op)).json()["access_token"])
    assert (claims["sub"], claims["act"], claims["scope"]) == ("m2m", {"sub": "front"}, "meters.read")


def test_a_client_exchanges_its_own_bound_token_with_its_key_only(op: Op) -> None:
    """RFC 9449 §7: a stolen token is not laundered; the new one is bound to the key of the request."""
    service(op, serves=[])
    holder = Holder(op).learn("front")
    fields = {"grant_type": "client_credentials", "scope": "meters.read"}
    proof = {**op.basic("front"), **holder.proof()}
    token = op.post("/oauth2/token", fields, headers=proof).json()["access_token"]
    assert error_of(exchange(op, token)) == "invalid_request"
    answer = exchange(op, token, proof=holder.proof()).json()
    assert answer["token_type"] == "DPoP"
    assert claims_of(answer["access_token"])["cnf"] == {"jkt": holder.jkt}
    assert ISSUER not in claims_of(answer["access_token"])["aud"]
