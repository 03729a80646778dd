"""How answers travel: query, fragment, form, and each of them as a signed JWT (JARM)."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.domain.tokens import half_hash
from tests.support.oidc import CALLBACK, CHALLENGE, ISSUER, claims_of, header_of, returned

if TYPE_CHECKING:
    from kernel.web.http import Response
    from tests.support.oidc import Op

EVERY = ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"]


def compat(op: Op, **metadata: object) -> str:
    op.client(
        profile="compat",
        response_types=EVERY,
        grant_types=["authorization_code", "implicit", "refresh_token"],
        **metadata,
    )
    return op.session(op.account())


def posted(answer: Response) -> dict[str, str]:
    assert answer.status == 200
    page = answer.body.decode()
    assert f'action="{CALLBACK}"' in page
    found = re.findall(r'name="([^"]*)" value="([^"]*)"', page)
    return {unescape(name): unescape(value) for name, value in found}


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_an_answer_with_its_issuer_stands_in_one_place(op: Op, mode: str) -> None:
    """Traps T1, T2, T3; AZ-14, AZ-16: as it was asked for, byte for byte, on success and on error."""
    op.client()
    cookie = op.session(op.account())
    state = "a b&c\"d+e=<'%41"
    for changes, name in (({}, "code"), ({"scope": "admin"}, "error")):
        answer = op.authorize(cookie, response_mode=mode, state=state, **changes)
        found = posted(answer) if mode == "form_post" else returned(answer)
        assert (found["state"], found["iss"]) == (state, ISSUER)
        assert name in found
        if mode == "fragment":
            assert "?" not in answer.header("location")


@pytest.mark.parametrize("asked", ["token id_token", "id_token token"])
def test_the_order_of_a_response_type_is_no_matter(op: Op, asked: str) -> None:
    """Multiple Response Types §3: neither where it is registered nor where it is asked for."""
    op.client(profile="compat", response_types=["token id_token"], grant_types=["implicit"])
    found = returned(op.authorize(op.session(op.account()), response_type=asked))
    assert {"access_token", "id_token"} <= found.keys()


@pytest.mark.parametrize("mode", ["jwt", "query.jwt", "fragment.jwt", "form_post.jwt"])
@pytest.mark.parametrize("error", [False, True])
def test_a_signed_answer_holds_everything(op: Op, mode: str, *, error: bool) -> None:
    """JARM §2.1, §2.3: one parameter, for this client, for ten minutes, by a key of our set."""
    op.client(authorization_signed_response_alg="RS256")
    answer = op.authorize(op.session(op.account()), response_mode=mode, scope="admin" if error else "openid")
    found = posted(answer) if mode == "form_post.jwt" else returned(answer)
    assert found.keys() == {"response"}
    keys = KeySet.import_key_set(op.get("/oauth2/jwks").json())
    claims = jwt.decode(found["response"], keys, algorithms=["RS256"]).claims
    assert (claims["iss"], claims["aud"], claims["state"]) == (ISSUER, "emi", "st")
    assert 0 < claims["exp"] - op.clock.now().timestamp() <= 600
    assert ("error" in claims, "code" in claims) == (error, not error)
    assert ("#" in answer.header("location")) == (mode == "fragment.jwt")


def test_a_signed_answer_is_no_id_token(op: Op) -> None:
    """RFC 8725 §3.11: it names no person, so as a hint it names nobody."""
    op.client()
    cookie = op.session(op.account())
    token = returned(op.authorize(cookie, response_mode="jwt"))["response"]
    assert returned(op.authorize(cookie, id_token_hint=token))["error"] == "invalid_request"


def test_a_client_of_the_default_profile_gets_codes_only(op: Op) -> None:
    """AZ-12, RFC 9700 §2.1.2: the error stands where the answer would have stood."""
    op.client()
    cookie = op.session(op.account())
    for kind in EVERY[1:]:
        answer = op.authorize(cookie, response_type=kind)
        assert returned(answer)["error"] == "unsupported_response_type"
        assert "#" in answer.header("location")
    assert op.audit("gateway:authorization:granted") == []


@pytest.mark.parametrize("kind", ["none", "password", "code saml", "CODE"])
def test_what_is_no_response_type_is_told_in_the_query(op: Op, kind: str) -> None:
    """AZ-12, RFC 6749 §3.1.1, §4.1.2.1: a client that asked for it in error reads no fragment."""
    op.client()
    answer = op.authorize(op.session(op.account()), response_type=kind)
    assert answer.header("location").startswith(f"{CALLBACK}?error=unsupported_response_type&")
    assert "#" not in answer.header("location")


@pytest.mark.parametrize("kind", EVERY[1:])
def test_implicit_and_hybrid_types_answer_in_the_fragment(op_on_both: Op, kind: str) -> None:
    """OIDC Core §3.2.2.5, §3.3.2.5: what the type names and nothing else; at_hash and c_hash bind it together."""
    op = op_on_both
    cookie = compat(op)
    order = " ".join(reversed(kind.split()))
    answer = op.authorize(cookie, response_type=order, scope="openid profile offline_access")
    assert "?" not in answer.header("location")
    found = returned(answer)
    words = set(kind.split())
    assert ("code" in found, "access_token" in found, "id_token" in found) == (
        "code" in words,
        "token" in words,
        "id_token" in words,
    )
    assert "refresh_token" not in found
    if "token" in words:
        assert (found["token_type"], found["expires_in"], found["scope"]) == (
            "Bearer",
            "600",
            "openid profile",
        )
        assert op.userinfo(found["access_token"]).json()["given_name"] == "Nora"
    if "id_token" in words:
        claims = claims_of(found["id_token"])
        assert header_of(found["id_token"])["alg"] == "RS256"
        assert (claims["nonce"], claims["aud"]) == ("no", "emi")
        assert claims.get("at_hash") == (half_hash(found["access_token"]) if "token" in words else None)
        assert claims.get("c_hash") == (half_hash(found["code"]) if "code" in words else None)
        assert ("given_name" in claims) == (kind == "id_token"), (
            "T8, OIDC Core §5.4: where there is no userinfo"
        )
    if "code" in words:
        done = op.redeem(found["code"]).json()
        assert claims_of(done["id_token"])["sub"]
        assert "c_hash" not in claims_of(done["id_token"])


def test_a_token_from_the_front_ends_with_its_session_whatever_was_asked(op_on_both: Op) -> None:
    """OIDC Core §11, RT-08: without a code there is no offline access, and nobody is asked for it."""
    op = op_on_both
    cookie = compat(op)
    asked = op.authorize(cookie, response_type="id_token token", scope="openid offline_access")
    token, hint = returned(asked)["access_token"], returned(asked)["id_token"]
    assert op.userinfo(token).status == 200
    op.get("/oauth2/logout", cookie, id_token_hint=hint)
    assert op.userinfo(token).status == 401


def test_a_replayed_code_of_a_hybrid_answer_takes_its_tokens_along(op: Op) -> None:
    """TK-01: one family."""
    cookie = compat(op)
    found = returned(op.authorize(cookie, response_type="code token"))
    assert op.redeem(found["code"]).status == 200
    assert op.redeem(found["code"]).status == 400
    assert op.userinfo(found["access_token"]).status == 401


def test_a_code_of_a_hybrid_answer_that_is_used_wrongly_takes_its_tokens_along(op_on_both: Op) -> None:
    """TK-05, PK-05: whoever has the code without its verifier may have the token that came beside it."""
    cookie = compat(op_on_both)
    found = returned(op_on_both.authorize(cookie, response_type="code token"))
    assert op_on_both.userinfo(found["access_token"]).status == 200
    assert op_on_both.redeem(found["code"], code_verifier="x" * 43).status == 400
    assert op_on_both.userinfo(found["access_token"]).status == 401


def test_implicit_types_have_to_be_registered(op: Op) -> None:
    """TK-06: the profile allows, the registration decides."""
    op.client(profile="compat")
    cookie = op.session(op.account())
    assert returned(op.authorize(cookie, response_type="id_token"))["error"] == "unauthorized_client"


def test_without_a_challenge_a_verifier_is_a_downgrade(op: Op) -> None:
    """PK-04: and with one, no verifier is no proof; only the profile compat lets a client go without."""
    cookie = compat(op)
    bare = {"code_challenge": None, "code_challenge_method": None}
    assert op.redeem(op.code(cookie, **bare)).json()["error"] == "invalid_grant"
    assert op.redeem(op.code(cookie, **bare), code_verifier=None).status == 200
    assert op.redeem(op.code(cookie), code_verifier=None).json()["error"] == "invalid_grant"
    assert returned(op.authorize(cookie, code_challenge_method="plain"))["error"] == "invalid_request"
    assert (
        returned(op.authorize(cookie, **{**bare, "code_challenge": CHALLENGE}))["error"] == "invalid_request"
    )


def test_a_client_may_leave_the_nonce_out_where_no_id_token_comes_at_once(op: Op) -> None:
    """OIDC Core §3.1.2.1, §3.3.2.1: in the profile compat; the same nonce twice is no replay (trap T5)."""
    cookie = compat(op)
    for kind in ("code", "code token"):
        code = op.code(cookie, response_type=kind, nonce=None)
        assert "nonce" not in claims_of(op.redeem(code).json()["id_token"])
    for _ in range(2):
        assert claims_of(op.tokens(cookie, nonce="same")["id_token"])["nonce"] == "same"
