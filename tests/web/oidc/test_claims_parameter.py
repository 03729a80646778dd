"""The ``claims`` parameter: single claims, in the place where they were asked for (OIDC Core §5.5)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.oidc import claims_of, returned
from tests.support.sign_in_flows import finish, flow_of, flow_token

if TYPE_CHECKING:
    from tests.support.oidc import Op

TWO_FACTORS = "urn:switchyard:acr:2fa"
ONE_FACTOR = "urn:switchyard:acr:1fa"


@pytest.mark.parametrize(
    "claims",
    [
        "x",
        "[]",
        "7",
        "NaN",
        '{"userinfo": {"name": 1}}',
        '{"userinfo": []}',
        '{"id_token": {"acr": {"values": "x"}}}',
        '{"id_token": {"acr": {"essential": "yes"}}}',
        '{"id_token": {"acr": {"essential": true, "values": [2]}}}',
        '{"id_token": {"acr": {"essential": true, "value": null}}}',
        '{"userinfo": {"sub": {"value": 7}}}',
        "[" * 4_000,
        '{"userinfo": {"name": {"values": [' + "1," * 4_500 + "1]}}}",
        '{"id_token": {"sub": {"value": "a"}}, "userinfo": {"sub": {"value": "b"}}}',
    ],
)
def test_malformed_claims_are_told_to_the_client(op: Op, claims: str) -> None:
    """OIDC Core §5.5, AZ-15: an error without a word of the request in it, never a server error."""
    op.client()
    assert returned(op.authorize(op.session(op.account()), claims=claims))["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("registered", "wish", "roles"),
    [
        ("openid offline_access", None, []),
        ("openid offline_access access", {"value": []}, []),
        ("openid offline_access access", {"essential": True}, ["meter-reader"]),
    ],
)
@pytest.mark.parametrize("place", ["userinfo", "id_token"])
def test_access_may_be_asked_for_as_any_claim(
    op_on_both: Op, place: str, registered: str, wish: object, roles: list[str]
) -> None:
    """OIDC Core §5.5: discovery lists it; without its scope it comes where it was asked for, to who may have it."""
    op = op_on_both
    op.client(application_key="emi", scope=registered)
    account = op.account()
    op.member(account)
    asked = json.dumps({place: {"access": wish}})
    tokens = op.tokens(op.session(account), scope="openid offline_access", claims=asked)
    renewed = op.refresh(tokens["refresh_token"]).json()
    for each in (tokens, renewed):
        claims = {
            "userinfo": op.userinfo(each["access_token"]).json(),
            "id_token": claims_of(each["id_token"]),
        }
        rows = claims.pop(place).get("access", [])
        assert [row["role"] for row in rows] == roles
        assert all("access" not in other for other in claims.values())


def test_a_claim_comes_where_it_was_asked_for_and_nowhere_else(op_on_both: Op) -> None:
    """OIDC Core §5.5, trap T8: by its name, without its scope; again with the refreshed ID token (T9)."""
    op = op_on_both
    op.client()
    cookie = op.session(op.account())
    asked = {
        "userinfo": {"given_name": None, "phone_number": {"essential": True}},
        "id_token": {"email": None},
    }
    tokens = op.tokens(cookie, scope="openid offline_access", claims=json.dumps(asked))
    told = op.userinfo(tokens["access_token"]).json()
    assert told.keys() == {"sub", "given_name", "phone_number"}
    renewed = op.refresh(tokens["refresh_token"]).json()
    for id_token in (tokens["id_token"], renewed["id_token"]):
        assert claims_of(id_token)["email"] == "fieldn@acme.example"
        assert "given_name" not in claims_of(id_token)
    assert op.userinfo(renewed["access_token"]).json() == told


def test_a_claim_beyond_what_the_client_is_registered_for_is_not_given(op: Op) -> None:
    """UI-02: the parameter opens nothing that no scope of the client would open; unknown claims are ignored."""
    op.client(scope="openid email")
    asked = {
        name: {"given_name": {"essential": True}, "email": None, "shoe": None}
        for name in ("userinfo", "id_token")
    }
    tokens = op.tokens(op.session(op.account()), scope="openid", claims=json.dumps(asked))
    assert op.userinfo(tokens["access_token"]).json().keys() == {"sub", "email"}
    claims = claims_of(tokens["id_token"])
    assert claims["email"]
    assert not claims.keys() & {"given_name", "shoe"}


def test_a_claim_of_another_value_than_asked_for_is_left_out(op: Op) -> None:
    """OIDC Core §5.5.1: a value is asked for; another one answers nothing, and what is ours stays ours."""
    op.client()
    asked = {
        "userinfo": {
            "email": {"value": "somebody@else.example"},
            "family_name": {"values": ["Field", "Wood"]},
        },
        "id_token": {"given_name": {"value": "x"}, "iss": {"value": "https://evil.example"}},
    }
    tokens = op.tokens(op.session(op.account()), scope="openid", claims=json.dumps(asked))
    assert op.userinfo(tokens["access_token"]).json().keys() == {"sub", "family_name"}
    assert claims_of(tokens["id_token"])["iss"] == op.services.issuer
    assert "given_name" not in claims_of(tokens["id_token"])


def test_an_essential_class_is_reached_or_refused(op: Op) -> None:
    """OIDC Core §5.5.1.1: the person is asked for it; the client hears if it was not reached."""
    op.client()
    account = op.account()
    weak = op.session(account, acr=ONE_FACTOR, amr=("pwd",))
    asked = json.dumps({"id_token": {"acr": {"essential": True, "values": [TWO_FACTORS]}}})
    token = flow_token(op.authorize(weak, claims=asked))
    assert flow_of(op, token).demands.acr == (TWO_FACTORS,)
    finish(op, token, account, weak)
    answer = returned(op.get("/oauth2/authorize/resume", weak, flow=token))
    assert answer["error"] == "unmet_authentication_requirements"
    assert returned(op.authorize(weak, claims=asked, prompt="none"))["error"] == "login_required"
    strong = op.session(account)
    assert claims_of(op.tokens(strong, claims=asked)["id_token"])["acr"] == TWO_FACTORS


@pytest.mark.parametrize(
    "asked",
    [
        {"acr_values": TWO_FACTORS},
        {"claims": json.dumps({"id_token": {"acr": {"values": [TWO_FACTORS]}}})},
        {"claims": json.dumps({"id_token": {"acr": {"value": TWO_FACTORS, "essential": False}}})},
    ],
)
def test_a_voluntary_class_does_not_fail_where_nobody_may_be_asked(op: Op, asked: dict[str, str]) -> None:
    """OIDC Core §5.5.1.1: the ID token tells the session's own class; a person who may be asked is asked."""
    op.client()
    weak = op.session(op.account(), acr=ONE_FACTOR, amr=("pwd",))
    assert claims_of(op.tokens(weak, **asked, prompt="none")["id_token"])["acr"] == ONE_FACTOR
    assert flow_of(op, flow_token(op.authorize(weak, **asked))).demands.acr == (TWO_FACTORS,)
    assert returned(op.authorize(weak, **asked, prompt="none", max_age="0"))["error"] == "login_required"


def test_the_class_registered_for_a_client_is_no_wish_of_it(op: Op) -> None:
    """Registration §2: where the request names none, and nobody may be asked, a weaker session is no answer."""
    op.client(default_acr_values=[TWO_FACTORS])
    weak = op.session(op.account(), acr=ONE_FACTOR, amr=("pwd",))
    assert returned(op.authorize(weak, prompt="none"))["error"] == "login_required"


def test_an_essential_class_that_nobody_can_reach_is_refused_at_once(op: Op) -> None:
    """OIDC Core §5.5.1.1; a voluntary one is no reason to refuse, and the ID token tells the true class."""
    op.client()
    cookie = op.session(op.account())
    wish = {"essential": True, "value": "urn:unknown"}
    answer = returned(op.authorize(cookie, claims=json.dumps({"id_token": {"acr": wish}})))
    assert answer["error"] == "unmet_authentication_requirements"
    voluntary = json.dumps({"id_token": {"acr": {**wish, "essential": False}}})
    assert claims_of(op.tokens(cookie, claims=voluntary)["id_token"])["acr"] == TWO_FACTORS


def test_the_class_told_is_one_of_those_asked_for(op: Op) -> None:
    """OIDC Core §5.5.1.1: a stronger session answers an essential weaker class, by that class's name."""
    op.client()
    asked = json.dumps({"id_token": {"acr": {"essential": True, "values": [ONE_FACTOR]}}})
    assert claims_of(op.tokens(op.session(op.account()), claims=asked)["id_token"])["acr"] == ONE_FACTOR


def test_a_subject_that_is_asked_for_is_the_only_one_that_answers(op: Op) -> None:
    """OIDC Core §3.1.2.2, §5.5.1: another person is asked to sign in, and never answers instead."""
    op.client()
    nora, omar = op.account("nora"), op.account("omar")
    asked = json.dumps({"id_token": {"sub": {"value": nora}}})
    assert "code" in returned(op.authorize(op.session(nora), claims=asked))
    other = op.session(omar)
    assert returned(op.authorize(other, claims=asked, prompt="none"))["error"] == "login_required"
    token = flow_token(op.authorize(other, claims=asked))
    finish(op, token, omar, other)
    assert returned(op.get("/oauth2/authorize/resume", other, flow=token))["error"] == "login_required"
    hint = op.tokens(op.session(omar))["id_token"]
    assert returned(op.authorize(other, claims=asked, id_token_hint=hint))["error"] == "invalid_request"
