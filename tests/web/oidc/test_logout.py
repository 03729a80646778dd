"""RP-initiated logout, and who hears of an end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest

from kernel.audit import SYSTEM
from keys.settings import KeySettings
from keys.usecases.rotate import rotate, rotate_by_command
from tests.support.oidc import ISSUER, claims_of, header_of, returned

if TYPE_CHECKING:
    from kernel.web.http import Response
    from tests.support.oidc import Op

BACK = "https://emi.example/signed-out"


def signed_in(op: Op, **metadata: object) -> tuple[str, str]:
    op.client(post_logout_redirect_uris=[BACK], **metadata)
    cookie = op.session(op.account())
    return cookie, str(op.tokens(cookie)["id_token"])


def leave(op: Op, cookie: str, **query: str) -> Response:
    return op.get("/oauth2/logout", cookie, **query)


def lives(op: Op, cookie: str) -> bool:
    return "code=" in op.authorize(cookie).header("location")


def test_a_hint_of_ones_own_ends_the_session_and_leads_back(op_on_both: Op) -> None:
    """RP-Initiated Logout §2, §3, LO-04: session, cookie and tokens are gone, state comes back."""
    op = op_on_both
    cookie, hint = signed_in(op)
    answer = leave(op, cookie, id_token_hint=hint, post_logout_redirect_uri=BACK, state="a&b")
    assert answer.status == 303
    assert answer.header("location") == f"{BACK}?state=a%26b"
    assert "__Host-gateway_session=;" in answer.header("set-cookie")
    assert not lives(op, cookie)
    assert [row.reason for row in op.audit("gateway:session:ended")] == ["signed-out"]


def test_a_form_of_another_site_ends_the_session_too(op: Op) -> None:
    """RP-Initiated Logout §2: by POST as by GET. SameSite=Lax keeps the cookie from a POST of another site."""
    cookie, hint = signed_in(op)
    fields = {"id_token_hint": hint, "post_logout_redirect_uri": BACK, "state": "a&b\r\nx: y"}
    again = op.post("/oauth2/logout", fields)
    assert (again.status, again.header("set-cookie"), again.body) == (303, "", b"")
    place = urlsplit(again.header("location"))
    assert f"{place.scheme}://{place.netloc}{place.path}" == f"{ISSUER}/oauth2/logout"
    assert dict(parse_qsl(place.query)) == fields
    answer = leave(op, cookie, **fields)
    assert answer.header("location") == f"{BACK}?state=a%26b%0D%0Ax%3A%20y"
    assert not lives(op, cookie)


def test_a_form_of_another_site_that_is_too_long_is_refused(op: Op) -> None:
    """Nobody is told to be signed out who may not be."""
    cookie, hint = signed_in(op)
    fields = {"id_token_hint": hint, "post_logout_redirect_uri": BACK, "state": "&" * 8_000}
    answer = op.post("/oauth2/logout", fields)
    assert (answer.status, answer.header("location")) == (400, "")
    assert b"error logout_request" in answer.body
    assert lives(op, cookie)


def test_without_a_hint_the_person_is_asked(op: Op) -> None:
    """LO-01: an image on a strange page signs nobody out; only the answer of our own form does."""
    cookie, _hint = signed_in(op)
    question = leave(op, cookie)
    assert b"sign out?" in question.body
    assert lives(op, cookie)
    fields = json.loads(question.header("x-fields"))
    for forged in ({}, {**fields, "confirmation": "x"}, {**fields, "confirmation": ""}):
        assert b"sign out?" in op.post("/oauth2/logout", forged, headers=op.cookies(cookie)).body
    assert lives(op, cookie)
    done = op.post("/oauth2/logout", fields, headers=op.cookies(cookie))
    assert b"signed out" in done.body
    assert not lives(op, cookie)


def test_a_confirmation_is_bound_to_its_session_and_request(op: Op) -> None:
    """LO-01: another person's confirmation, or one for another request, is none."""
    cookie, _hint = signed_in(op)
    fields = json.loads(leave(op, cookie, client_id="emi").header("x-fields"))
    other = op.session(op.account("omar"))
    assert b"sign out?" in op.post("/oauth2/logout", fields, headers=op.cookies(other)).body
    changed = {**fields, "post_logout_redirect_uri": BACK}
    assert b"sign out?" in op.post("/oauth2/logout", changed, headers=op.cookies(cookie)).body
    assert lives(op, cookie)
    assert lives(op, other)


@pytest.mark.parametrize("spoil", ["tampered", "other issuer", "none", "access token", "garbage"])
def test_a_hint_that_is_not_ours_is_refused(op: Op, spoil: str) -> None:
    """LO-03: nothing ends, nothing is followed, and the page says what is wrong."""
    cookie, hint = signed_in(op)
    signing = op.services.signing
    bad = {
        "tampered": hint[:-3] + "AAA",
        "other issuer": signing.sign({**claims_of(hint), "iss": "https://evil.example"}, typ="JWT"),
        "none": "eyJhbGciOiJub25lIn0." + hint.split(".")[1] + ".",
        "access token": op.tokens(cookie)["access_token"],
        "garbage": "x",
    }[spoil]
    answer = leave(op, cookie, id_token_hint=bad, post_logout_redirect_uri=BACK)
    assert answer.status == 400
    assert answer.header("location") == ""
    assert b"error id_token_hint" in answer.body
    assert lives(op, cookie)


def test_an_expired_hint_of_ours_still_names_the_person(op: Op) -> None:
    """LO-03: accepted for identification."""
    import datetime as dt

    cookie, hint = signed_in(op)
    op.clock.advance(dt.timedelta(minutes=20))
    assert leave(op, cookie, id_token_hint=hint, post_logout_redirect_uri=BACK).status == 303
    assert not lives(op, cookie)


def test_a_hint_by_a_key_that_was_replaced_since_still_names_the_person(op: Op) -> None:
    """LO-03: the application kept its ID token while the keys rotated; nobody is left signed in for that."""
    cookie, hint = signed_in(op)
    services, settings = op.services, KeySettings()
    rotate_by_command(services.store, settings, actor=SYSTEM)
    for span in (settings.publish_ahead, settings.retain):
        op.clock.advance(span)
        rotate(services.store, settings)
    services.signing.refresh()
    assert services.signing.verify(hint, typ="JWT") is None
    asked = op.authorize(cookie, id_token_hint=hint, prompt="none")
    assert returned(asked)["error"] == "login_required"
    assert leave(op, cookie, id_token_hint=hint, post_logout_redirect_uri=BACK).header("location") == BACK


def test_anothers_hint_signs_nobody_out_silently(op: Op) -> None:
    """LO-03."""
    _cookie, hint = signed_in(op)
    other = op.session(op.account("omar"))
    assert b"sign out?" in leave(op, other, id_token_hint=hint, post_logout_redirect_uri=BACK).body
    assert lives(op, other)


@pytest.mark.parametrize(
    "target", ["https://evil.example", f"{BACK}/", f"{BACK}?x=1", BACK.upper(), "javascript:alert(1)"]
)
def test_only_a_registered_address_is_followed(op: Op, target: str) -> None:
    """OIDCC BadLogoutRedirectUri, QueryAddedToLogoutRedirectUri: a page that says so, and nothing ends."""
    cookie, hint = signed_in(op)
    answer = leave(op, cookie, id_token_hint=hint, post_logout_redirect_uri=target)
    assert answer.status == 400
    assert answer.header("location") == ""
    assert b"error post_logout_redirect_uri" in answer.body
    assert lives(op, cookie)


def test_an_address_nobody_vouches_for_is_not_followed(op: Op) -> None:
    """OIDCC NoIdTokenHint: without hint and client the question comes, and no redirect after it."""
    cookie, _hint = signed_in(op)
    question = leave(op, cookie, post_logout_redirect_uri=BACK, state="s")
    fields = json.loads(question.header("x-fields"))
    done = op.post("/oauth2/logout", fields, headers=op.cookies(cookie))
    assert done.status == 200
    assert done.header("location") == ""


def test_without_a_session_there_is_nothing_to_ask(op: Op) -> None:
    """RP-Initiated Logout §4: who is signed out already is sent on, or sees so."""
    _cookie, hint = signed_in(op)
    assert b"signed out" in leave(op, "").body
    assert leave(op, "", id_token_hint=hint, post_logout_redirect_uri=BACK).header("location") == BACK


def test_a_hint_and_a_client_that_disagree_are_refused(op: Op) -> None:
    """RP-Initiated Logout §2; nor is a request that names one thing twice."""
    cookie, hint = signed_in(op)
    assert leave(op, cookie, id_token_hint=hint, client_id="other").status == 400
    twice = op.call("GET", "/oauth2/logout", query="state=a&state=b", headers=op.cookies(cookie))
    assert (twice.status, b"error logout_request" in twice.body) == (400, True)


def test_every_application_of_the_session_hears_of_its_end_once(op_on_both: Op) -> None:
    """Back-Channel Logout §2.1: those it signed in to, and no others; a second logout tells nobody."""
    op = op_on_both
    cookie, hint = signed_in(op, backchannel_logout_uri="https://emi.example/bc")
    op.client("reports", backchannel_logout_uri="https://reports.example/bc")
    op.client("never", backchannel_logout_uri="https://never.example/bc")
    op.client("silent")
    for client_id in ("reports", "silent"):
        op.code(cookie, client_id=client_id)
    leave(op, cookie, id_token_hint=hint)
    leave(op, cookie, id_token_hint=hint)
    said = claims_of(hint)
    assert sorted((each["client_id"], each["sid"], each["sub"]) for each in op.notices()) == [
        ("emi", said["sid"], said["sub"]),
        ("reports", said["sid"], said["sub"]),
    ]


@pytest.mark.parametrize("hinted", [True, False])
def test_who_signs_out_after_the_session_idled_is_signed_out_of_all_of_it(
    op_on_both: Op,
    hinted: bool,  # noqa: FBT001
) -> None:
    """RT-08, Back-Channel Logout 2.5: it opened nothing any more (SE-04), but what applications have of it went on."""
    op = op_on_both
    cookie, hint = signed_in(op, backchannel_logout_uri="https://emi.example/out")
    op.client("other")
    others = op.redeem(op.code(cookie, client_id="other"), headers=op.basic("other")).json()
    op.clock.advance(op.services.settings.session_idle)
    assert not lives(op, cookie)
    others = op.refresh(others["refresh_token"], headers=op.basic("other")).json()
    answer = leave(op, cookie, **({"id_token_hint": hint} if hinted else {}))
    if not hinted:
        assert b"sign out?" in answer.body
        fields = json.loads(answer.header("x-fields"))
        answer = op.post("/oauth2/logout", fields, headers=op.cookies(cookie))
    assert b"signed out" in answer.body
    assert [each["client_id"] for each in op.notices()] == ["emi"]
    assert not op.introspect(others["access_token"], op.basic("other"))["active"]
    refused = op.refresh(others["refresh_token"], headers=op.basic("other"))
    assert refused.json()["error"] == "invalid_grant"


def test_the_hint_is_an_id_token_of_this_issuer(op: Op) -> None:
    """KM-09: the type of a token is part of its proof."""
    _cookie, hint = signed_in(op)
    assert header_of(hint)["typ"] == "JWT"
    assert claims_of(hint)["iss"] == ISSUER
