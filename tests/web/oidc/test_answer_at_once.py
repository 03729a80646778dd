"""A client that waits for a sign-in is answered in the unit of work that ends it, where nothing else is asked."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from idp.domain.oauth import ResponseMode
from idp.domain.session import LiveSession
from idp.storage.clients import disable_client
from idp.storage.consents import keep_consent
from idp.storage.credentials import set_password
from idp.storage.tables import failure_count, login_flow
from idp.usecases.answer_at_once import answer_at_once, answerable
from idp.usecases.answer_authorization import ToClient
from idp.usecases.flow_outcomes import AlreadyDone, Done
from idp.usecases.minting import StaleClientError
from idp.usecases.present_password import present_password
from idp.usecases.secret_hashing import hash_password
from idp.usecases.sessions import find_session
from kernel.audit import verify_chains
from kernel.tables import rate_limit
from tests.support.oidc import BROWSER, CALLBACK, Op, an_op, claims_of, returned
from tests.support.sign_in_flows import flow_of, flow_token
from tests.support.together import done_or_waiting

if TYPE_CHECKING:
    from kernel.database import Database
    from kernel.web.http import Response

PASSWORD = "Quiet-Harbour-71"
RESUME = "/oauth2/authorize/resume"


@pytest.fixture
def op(sqlite_gateway_database: Database) -> Op:
    """Give a provider whose policy is content with a password."""
    return an_op(sqlite_gateway_database, policy="nist-63b-4", second_factor="optional")


@pytest.fixture
def op_on_both(gateway_database: Database) -> Op:
    """Give the same on both dialects."""
    return an_op(gateway_database, policy="nist-63b-4", second_factor="optional")


def a_holder(op: Op, user_name: str = "fieldn") -> str:
    """Store an account with a password and return its id."""
    account = op.account(user_name)
    hashed = hash_password(op.services, account, PASSWORD)
    with op.services.store.write() as unit:
        set_password(unit.connection, account, hashed, now=unit.now, history=4)
    return account


def sign_in(op: Op, flow: str, user_name: str = "fieldn") -> object:
    """Post the password."""
    return present_password(op.services, flow=flow, browser=BROWSER, identifier=user_name, password=PASSWORD)


def done_of(op: Op, asked: Response, user_name: str = "fieldn") -> tuple[Done, str]:
    """Sign in for the request that was answered by ``asked``; return how it ended, and its flow."""
    flow = flow_token(asked)
    done = sign_in(op, flow, user_name)
    assert isinstance(done, Done)
    return done, flow


def told(done: Done) -> dict[str, str]:
    """Return what the client is told at once."""
    assert done.answer is not None
    return dict(done.answer.parameters)


def test_the_client_is_answered_with_the_sign_in_and_never_again(op_on_both: Op) -> None:
    """AZ-21: one unit of work ends the flow, opens the session and gives the code; nothing is left to take up."""
    op = op_on_both
    op.client()
    account = a_holder(op)
    done, flow = done_of(op, op.authorize())
    answer = done.answer
    assert answer is not None
    assert (answer.redirect_uri, answer.mode) == (CALLBACK, ResponseMode.QUERY)
    assert set(told(done)) == {"code", "state", "iss"}
    claims = claims_of(op.redeem(told(done)["code"]).json()["id_token"])
    session = find_session(op.services, done.session_token)
    assert session is not None
    assert (claims["sub"], claims["sid"], claims["nonce"]) == (account, session.id, "no")
    assert claims["auth_time"] == int(session.authenticated_at.timestamp())
    assert op.get(RESUME, done.session_token, flow=flow).status == 400, "a second visit"
    again = sign_in(op, flow)
    assert isinstance(again, AlreadyDone), "the form sent again"
    assert again.led_back
    assert len(op.audit("gateway:authorization:granted")) == 1
    order = [op.audit(f"gateway:{tag}")[0].seq for tag in ("session:started", "authorization:granted")]
    assert order == sorted(order)
    assert not verify_chains(op.services.store.database).faults


def test_of_many_posts_of_one_form_one_is_given_a_code(op_on_both: Op) -> None:
    """I2, a double click: one session and one code; the others are told that it is done."""
    op = op_on_both
    op.client()
    a_holder(op)
    flow = flow_token(op.authorize())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: sign_in(op, flow), range(8)))
    (done,) = [each for each in answers if isinstance(each, Done)]
    assert "code" in told(done)
    assert sum(isinstance(each, AlreadyDone) and each.led_back for each in answers) == 7
    assert len(op.audit("gateway:authorization:granted")) == 1
    assert len(op.audit("gateway:session:started")) == 1


def test_two_tabs_are_answered_each_with_its_own_request(op_on_both: Op) -> None:
    """Two flows of one browser: the second one goes on in the same session, and each state comes back once."""
    op = op_on_both
    op.client()
    a_holder(op)
    flows = [op.authorize(state=state) for state in ("one", "two")]
    (first, _), (second, _) = [done_of(op, flow) for flow in flows]
    assert (told(first)["state"], told(second)["state"]) == ("one", "two")
    assert first.session_id == second.session_id
    assert find_session(op.services, first.session_token) is None, (
        "a new token, the old one is dead (ASVS 7.2.4)"
    )
    for done in (first, second):
        assert claims_of(op.redeem(told(done)["code"]).json()["id_token"])["sid"] == first.session_id


def test_a_page_is_not_skipped(op_on_both: Op) -> None:
    """UI-02, AZ-21: who has no access, or was not asked for consent, meets the page; nothing was taken up."""
    op = op_on_both
    a_holder(op)
    op.client(application_key="emi")
    op.client("crow", first_party=False)
    for changes, status in (({}, 403), ({"client_id": "crow"}, 303)):
        done, flow = done_of(op, op.authorize(**changes))
        assert done.answer is None
        assert flow_of(op, flow).resumed_at is None
        page = op.get(RESUME, done.session_token, flow=flow)
        assert page.status == status
        assert urlsplit(page.header("location")).path == ("/consent" if status == 303 else "")
    assert op.audit("gateway:authorization:granted") == []


def test_what_the_person_allowed_before_is_not_asked_again_unless_the_client_wants_it(op: Op) -> None:
    """OIDC Core §3.1.2.1: a remembered yes is enough for the same scope, and for prompt=consent it is not."""
    op.client("crow", first_party=False)
    account = a_holder(op)
    with op.services.store.write() as unit:
        keep_consent(unit.connection, account, "crow", ("openid", "profile"), now=unit.now)
    for changes, at_once in (
        ({"scope": "openid profile"}, True),
        ({"scope": "openid profile email"}, False),
        ({"scope": "openid profile", "prompt": "consent"}, False),
    ):
        done, _ = done_of(op, op.authorize(client_id="crow", **changes))
        assert (done.answer is not None) is at_once, changes


def test_a_refusal_for_the_client_waits_for_the_endpoint_that_words_it(op: Op) -> None:
    """OIDC Core §3.1.2.1: somebody signs in who is not the one that the request names."""
    op.client()
    nora = a_holder(op)
    a_holder(op, "omar")
    hint = op.tokens(op.session(nora))["id_token"]
    done, flow = done_of(op, op.authorize(id_token_hint=hint), "omar")
    assert done.answer is None
    assert returned(op.get(RESUME, done.session_token, flow=flow))["error"] == "login_required"
    assert told(done_of(op, op.authorize(id_token_hint=hint))[0])["code"]


def test_a_client_that_is_switched_off_meanwhile_gets_nothing(op: Op) -> None:
    """CA-*: neither if it was disabled while the person typed, nor in the unit that was to answer it."""
    op.client()
    account = a_holder(op)
    asked = op.authorize()
    flow = flow_of(op, flow_token(asked))
    session = find_session(op.services, op.session(account))
    assert isinstance(session, LiveSession)
    with pytest.raises(StaleClientError), op.services.store.write() as unit:
        waiting = answerable(op.services, unit, flow.request, session=session)
        assert waiting is not None
        assert disable_client(unit.connection, "emi", now=unit.now)
        answer_at_once(op.services, unit, waiting, session)
    with op.services.store.write() as unit:
        assert disable_client(unit.connection, "emi", now=unit.now)
    done, token = done_of(op, asked)
    assert done.answer is None
    assert op.get(RESUME, done.session_token, flow=token).status == 400
    assert op.audit("gateway:authorization:granted") == []


@pytest.mark.race
def test_a_client_that_is_switched_off_meanwhile_costs_the_person_no_try(
    postgresql_gateway_database: Database,
) -> None:
    """LK-06: the password was right; that nothing came of it counts neither for the account nor for the address."""
    op = an_op(postgresql_gateway_database, policy="nist-63b-4", second_factor="optional")
    op.client()
    a_holder(op)
    flow = flow_token(op.authorize())
    counted = failures(op)
    with ThreadPoolExecutor(1) as pool:
        with op.services.store.write() as unit:
            unit.connection.execute(select(login_flow.c.id).with_for_update())
            signing_in = pool.submit(sign_in, op, flow)
            done_or_waiting(postgresql_gateway_database, signing_in)  # it saw the client, and ends its flow
            assert disable_client(unit.connection, "emi", now=unit.now)
        with pytest.raises(StaleClientError):
            signing_in.result(60)
    assert failures(op) == counted
    assert isinstance(sign_in(op, flow), Done)


def failures(op: Op) -> tuple[int, int]:
    """Return how many tries count for accounts, and for addresses and everybody."""
    with op.services.store.read() as connection:
        tries = connection.scalar(select(func.sum(failure_count.c.failures)))
        uses = connection.scalar(select(func.sum(rate_limit.c.used)))
    return tries or 0, uses or 0


def test_a_pushed_request_is_answered_once_by_whichever_tab_comes_first(op_on_both: Op) -> None:
    """RFC 9126 §7.3, FAPI 2.0 §5.3.2.2: the other tab signs in as well, and its answer says why it gets nothing."""
    op = op_on_both
    op.client()
    a_holder(op)
    pushed = op.post("/oauth2/par", op.ask(), headers=op.basic()).json()["request_uri"]
    brought = [op.get("/oauth2/authorize", client_id="emi", request_uri=pushed) for _ in range(2)]
    (first, _), (second, _) = [done_of(op, each) for each in brought]
    assert "code" in told(first)
    assert told(second)["error"] == "invalid_request_uri"


@pytest.mark.parametrize(
    ("changes", "mode", "names"),
    [
        ({"response_mode": "form_post"}, ResponseMode.FORM_POST, {"code", "state", "iss"}),
        ({"response_mode": "jwt"}, ResponseMode.QUERY, {"response"}),
        ({"response_mode": "form_post.jwt"}, ResponseMode.FORM_POST, {"response"}),
        ({"response_type": "code id_token"}, ResponseMode.FRAGMENT, {"code", "id_token", "state", "iss"}),
    ],
)
def test_the_answer_travels_as_the_request_wants(
    op: Op, changes: dict[str, str], mode: ResponseMode, names: set[str]
) -> None:
    """Response Types §2.1, Form Post §2, JARM §2.3: all of them at once."""
    op.client(
        profile="compat",
        response_types=["code", "code id_token"],
        grant_types=["authorization_code", "implicit"],
    )
    a_holder(op)
    done, _ = done_of(op, op.authorize(**changes))
    assert isinstance(done.answer, ToClient)
    assert (done.answer.mode, set(done.answer.parameters)) == (mode, names)
    if "response" in names:
        said = claims_of(done.answer.parameters["response"])
        assert (said["aud"], said["state"]) == ("emi", "st")
        assert op.redeem(said["code"]).status == 200


def test_an_answer_that_is_encrypted_waits_for_the_clients_key(op: Op) -> None:
    """JARM §2.2: the key may stand at the client's server, which no unit of work waits for."""
    op.client(
        authorization_signed_response_alg="ES256",
        authorization_encrypted_response_alg="ECDH-ES",
        jwks_uri="https://emi.example/keys",
    )
    a_holder(op)
    done, flow = done_of(op, op.authorize(response_mode="jwt"))
    assert done.answer is None
    assert flow_of(op, flow).resumed_at is None


def test_a_session_that_is_proved_again_answers_in_its_own_name(op_on_both: Op) -> None:
    """AZ-18: prompt=login asks anew; the relying party knows the session by its sid, and auth_time moves."""
    op = op_on_both
    op.client()
    a_holder(op)
    first, _ = done_of(op, op.authorize())
    op.clock.advance(dt.timedelta(minutes=5))
    again, _ = done_of(op, op.authorize(first.session_token, prompt="login"))
    claims = claims_of(op.redeem(told(again)["code"]).json()["id_token"])
    assert claims["sid"] == first.session_id == again.session_id
    assert claims["auth_time"] == int(op.clock.now().timestamp())
    assert find_session(op.services, first.session_token) is None


def test_a_wrong_browser_or_a_wrong_password_answers_nobody(op: Op) -> None:
    """CVE-2026-7507: a flow is worth nothing elsewhere, and its client hears nothing."""
    op.client()
    a_holder(op)
    flow = flow_token(op.authorize())
    for browser, password in (("x" * 43, PASSWORD), (BROWSER, "Wrong+guess77")):
        present_password(op.services, flow=flow, browser=browser, identifier="fieldn", password=password)
    assert op.audit("gateway:authorization:granted") == []
    assert flow_of(op, flow).finished_at is None
