"""Consent for applications that are not the operator's: asked once, of the right session, and taken back."""

from __future__ import annotations

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import func, select

from idp.storage import tables
from idp.usecases.consents import list_consents, revoke_consent
from idp.usecases.decide_consent import decide_consent, look_at_consent
from idp.usecases.log_out import log_out
from idp.usecases.sessions import find_session
from idp.usecases.sweep_tokens import sweep_tokens
from tests.support.oidc import claims_of, returned
from tests.support.sign_in_flows import finish, flow_token

if TYPE_CHECKING:
    from idp.domain.session import LiveSession
    from kernel.web.http import Response
    from tests.support.oidc import Op


def question_of(answer: Response) -> str:
    assert answer.status == 303, answer.body
    parts = urlsplit(answer.header("location"))
    assert parts.path == "/consent", answer.header("location")
    return parse_qs(parts.query)["request"][0]


def live(op: Op, cookie: str) -> LiveSession:
    found = find_session(op.services, cookie)
    assert found is not None
    return found


def decide(op: Op, cookie: str, question: str, *, allowed: bool = True) -> Response:
    assert decide_consent(op.services, token=question, session=live(op, cookie), allowed=allowed)
    return op.get("/oauth2/authorize/resume", cookie, consent=question)


def test_a_person_is_asked_once_and_remembered(op_on_both: Op) -> None:
    """OIDC Core §3.1.2.4: then not again for the same or for less, at any later session; for more she is."""
    op = op_on_both
    op.client(first_party=False)
    account = op.account()
    cookie = op.session(account)
    asked = look_at_consent(
        op.services,
        token=(question := question_of(op.authorize(cookie, scope="openid email"))),
        session=live(op, cookie),
    )
    assert asked is not None
    assert (asked.client.id, asked.scope) == ("emi", ("openid", "email"))
    assert op.audit("gateway:authorization:granted") == []
    done = op.redeem(returned(decide(op, cookie, question))["code"])
    assert done.json()["scope"] == "openid email"
    later = op.session(account)
    assert "code" in returned(op.authorize(later, scope="openid", prompt="none"))
    more = question_of(op.authorize(later, scope="openid profile"))
    assert "code" in returned(decide(op, later, more))
    assert "code" in returned(op.authorize(later, scope="openid profile email", prompt="none"))
    assert [row.outcome for row in op.audit("gateway:consent:given")] == ["done", "done"]


def test_a_no_is_told_to_the_client_and_remembered_by_nobody(op: Op) -> None:
    """RFC 6749 §4.1.2.1: access_denied; the next time she is asked again."""
    op.client(first_party=False)
    cookie = op.session(op.account())
    answer = returned(decide(op, cookie, question_of(op.authorize(cookie)), allowed=False))
    assert (answer["error"], answer["state"]) == ("access_denied", "st")
    assert question_of(op.authorize(cookie))
    assert len(op.audit("gateway:consent:refused")) == 1


def test_prompts_of_consent(op: Op) -> None:
    """OIDC Core §3.1.2.1: consent asks again and only once; none asks nobody and says so."""
    op.client(first_party=False)
    cookie = op.session(op.account())
    assert returned(op.authorize(cookie, prompt="none"))["error"] == "consent_required"
    assert "code" in returned(decide(op, cookie, question_of(op.authorize(cookie))))
    assert "code" in returned(decide(op, cookie, question_of(op.authorize(cookie, prompt="consent"))))
    op.client("own")
    assert "code" in returned(op.authorize(cookie, client_id="own", prompt="consent"))


def test_a_single_claim_is_asked_for_like_the_scope_that_opens_it(op: Op) -> None:
    """OIDC Core §5.5, UI-02: the claims parameter gets around no question."""
    op.client(first_party=False)
    cookie = op.session(op.account())
    decide(op, cookie, question_of(op.authorize(cookie, scope="openid")))
    claims = json.dumps({"userinfo": {"phone_number": None, "access": None}, "id_token": {"email": None}})
    question = question_of(op.authorize(cookie, scope="openid", claims=claims))
    asked = look_at_consent(op.services, token=question, session=live(op, cookie))
    assert asked is not None
    assert asked.scope == ("openid", "email", "phone", "access")
    code = returned(decide(op, cookie, question))["code"]
    assert claims_of(op.redeem(code).json()["id_token"])["email"]


def test_the_question_is_one_sessions_and_is_answered_once(op_on_both: Op) -> None:
    """AZ-21: no other session looks at it, answers it or goes on with it; nobody goes on before the answer."""
    op = op_on_both
    op.client(first_party=False)
    account = op.account()
    cookie, other = op.session(account), op.session(op.account("omar"))
    question = question_of(op.authorize(cookie))
    resume = "/oauth2/authorize/resume"
    assert op.get(resume, cookie, consent=question).status == 400, "not answered yet"
    for token in (question, "x", "x" * 43):
        assert look_at_consent(op.services, token=token, session=live(op, other)) is None
        assert not decide_consent(op.services, token=token, session=live(op, other), allowed=True)
    with ThreadPoolExecutor(4) as pool:
        session = live(op, cookie)
        done = list(
            pool.map(
                lambda _: decide_consent(op.services, token=question, session=session, allowed=True), range(4)
            )
        )
    assert done.count(True) == 1
    for strange in (other, ""):
        assert op.get(resume, strange, consent=question).status == 400
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: op.get(resume, cookie, consent=question), range(4)))
    assert sorted(each.status for each in answers) == [303, 400, 400, 400]


def test_an_answer_goes_nowhere_that_the_client_no_longer_names(op: Op) -> None:
    """AZ-01, AZ-18: the request is judged once more when its person has answered, whatever she answered."""
    op.client(first_party=False)
    cookie = op.session(op.account())
    questions = [question_of(op.authorize(cookie)) for _ in range(2)]
    op.client(first_party=False, replace=True, secret="", redirect_uris=["https://emi.example/new"])
    for question, allowed in zip(questions, (True, False), strict=True):
        page = decide(op, cookie, question, allowed=allowed)
        assert (page.status, page.header("location")) == (400, "")
    assert op.audit("gateway:authorization:granted") == []


def test_of_the_questions_to_one_account_the_newest_wait(op_on_both: Op) -> None:
    """AZ-21: an application that asks for ever fills nothing, and takes nothing from anybody else."""
    op = op_on_both
    op.client(first_party=False)
    cookie, other = op.session(op.account()), op.session(op.account("second"))
    anothers = question_of(op.authorize(other))
    asked = []
    for _ in range(52):
        op.clock.advance(dt.timedelta(seconds=1))
        asked.append(question_of(op.authorize(cookie)))
    session = live(op, cookie)
    waiting = [look_at_consent(op.services, token=each, session=session) is not None for each in asked]
    assert waiting == [False, False, *[True] * 50]
    assert look_at_consent(op.services, token=anothers, session=live(op, other)) is not None


def test_a_question_that_is_too_old_is_over_and_swept(op: Op) -> None:
    """AZ-21: after an hour nobody can answer it; a day later it is gone."""
    op.client(first_party=False)
    cookie = op.session(op.account())
    question, answered = (question_of(op.authorize(cookie)) for _ in range(2))
    session = live(op, cookie)
    assert decide_consent(op.services, token=answered, session=session, allowed=True)
    for _ in range(4):
        op.clock.advance(dt.timedelta(minutes=15))
        assert live(op, cookie).id == session.id, "she is there all the time"
    assert op.get("/oauth2/authorize/resume", cookie, consent=answered).status == 400, "nor goes on with it"
    assert not decide_consent(op.services, token=question, session=session, allowed=True)
    op.clock.advance(dt.timedelta(days=1, minutes=1))
    sweep_tokens(op.services)
    with op.services.store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.consent_request)) == 0


def test_a_consent_taken_back_takes_what_was_given_along(op_on_both: Op) -> None:
    """RT-14, RFC 9700 §4.14, GDPR art. 7(3): tokens, offline access too, are dead at once; others' stay."""
    op = op_on_both
    op.client(first_party=False)
    op.client("other", first_party=False)
    account = op.account()
    cookie = op.session(account)
    tokens = {}
    for client_id in ("emi", "other"):
        asked = {"client_id": client_id, "scope": "openid profile offline_access"}
        code = returned(decide(op, cookie, question_of(op.authorize(cookie, **asked))))["code"]
        tokens[client_id] = op.redeem(code, headers=op.basic(client_id)).json()
    session = live(op, cookie)
    assert [(each.client_id, each.scope) for each in list_consents(op.services, session)] == [
        ("emi", ("offline_access", "openid", "profile")),
        ("other", ("offline_access", "openid", "profile")),
    ]
    assert revoke_consent(op.services, session, client_id="emi")
    assert not revoke_consent(op.services, session, client_id="emi")
    assert not revoke_consent(op.services, live(op, op.session(op.account("omar"))), client_id="other")
    assert op.userinfo(tokens["emi"]["access_token"]).status == 401
    assert op.refresh(tokens["emi"]["refresh_token"]).status == 400
    assert op.userinfo(tokens["other"]["access_token"]).status == 200
    assert question_of(op.authorize(cookie))
    assert "code" in returned(op.authorize(cookie, client_id="other", scope="openid profile"))
    assert len(op.audit("gateway:consent:revoked")) == 1


def test_the_application_hears_that_a_consent_was_taken_back(op_on_both: Op) -> None:
    """Back-Channel Logout §2: as at a sign-out, for every live session; later ends tell it nothing more."""
    op = op_on_both
    for client_id in ("emi", "other"):
        op.client(
            client_id,
            first_party=False,
            subject_type="pairwise",
            backchannel_logout_uri=f"https://emi.example/{client_id}",
        )
    account = op.account()
    cookies = [op.session(account), op.session(account)]
    for client_id in ("emi", "other"):
        asked = {"client_id": client_id, "scope": "openid"}
        decide(op, cookies[0], question_of(op.authorize(cookies[0], **asked)))
        assert "code" in returned(op.authorize(cookies[1], **asked))
    known = {claims_of(op.tokens(cookie, scope="openid")["id_token"])["sid"] for cookie in cookies}
    assert revoke_consent(op.services, live(op, cookies[0]), client_id="emi")
    notices = op.notices()
    assert {(notice["client_id"], notice["sid"]) for notice in notices} == {("emi", sid) for sid in known}
    assert account not in {notice["sub"] for notice in notices}
    log_out(op.services, session_token=cookies[0])
    assert sorted(notice["client_id"] for notice in op.notices()) == ["emi", "emi", "other"]


def test_a_pushed_request_waits_for_the_consent_and_is_spent_with_it(op: Op) -> None:
    """RFC 9126 §4: also by a no."""
    op.client(first_party=False)
    cookie = op.session(op.account())
    for allowed, word in ((False, "error"), (True, "code")):
        name = op.post("/oauth2/par", op.ask(), headers=op.basic()).json()["request_uri"]
        question = question_of(op.get("/oauth2/authorize", cookie, client_id="emi", request_uri=name))
        assert word in returned(decide(op, cookie, question, allowed=allowed))
        assert op.get("/oauth2/authorize", cookie, client_id="emi", request_uri=name).status == 400


def test_after_a_sign_in_comes_the_question(op: Op) -> None:
    """OIDC Core §3.1.2.3, §3.1.2.4: in this order, in the language that was asked for."""
    op.client(first_party=False)
    account = op.account()
    first = op.authorize("", ui_locales="de fr")
    assert "ui_locales=fr" in first.header("location")
    token = flow_token(first)
    cookie = op.session(account)
    finish(op, token, account, cookie)
    answer = op.get("/oauth2/authorize/resume", cookie, flow=token)
    assert "ui_locales=fr" in answer.header("location")
    assert "code" in returned(decide(op, cookie, question_of(answer)))
