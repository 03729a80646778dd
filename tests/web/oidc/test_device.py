"""The device authorization grant (RFC 8628): what a device may ask for, its codes, its pace, its tokens."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, update

from idp.domain.device_code import ALPHABET, read_user_code
from idp.storage import tables
from idp.usecases.decide_device import DeviceDecided, NoSuchCode
from idp.usecases.limits import DEVICES, DEVICES_OF_PLACE
from idp.usecases.log_out import log_out
from idp.usecases.register_client import ClientOrder, RegistrationRefused, register_client
from idp.usecases.sweep_tokens import sweep_tokens
from kernel.audit import SYSTEM
from kernel.randomness import SeededRandomness
from kernel.ratelimit import take
from tests.support.devices import DEVICE, GRANT, ask, decided, error_of, look, poll, request, television
from tests.support.dpop import TOKEN, Holder
from tests.support.oidc import ISSUER, claims_of

if TYPE_CHECKING:
    from tests.support.oidc import Op

PACE = dt.timedelta(seconds=5)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "admin scim.read"}, "invalid_scope"),
        ({"scope": "openid  profile"}, "invalid_scope"),
        ({"resource": "https://x.example"}, "invalid_target"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_refused(op: Op, fields: dict[str, str], expected: str) -> None:
    """RFC 8628 §3.1, RFC 6749 §5.2, RFC 8707 §2, AZ-19: what the client may not have is not asked about."""
    television(op)
    assert error_of(request(op, **fields)) == expected


def test_who_may_not_use_the_grant_is_refused_at_both_endpoints(op: Op) -> None:
    """RFC 6749 §5.2, TK-06: registered grants decide; strangers are refused before that."""
    op.client()
    television(op)
    told = ask(op)
    for answer in (
        op.post(DEVICE, {"scope": "openid"}, headers=op.basic()),
        op.post("/oauth2/token", {"grant_type": GRANT, "device_code": "x"}, headers=op.basic()),
    ):
        assert error_of(answer) == "unauthorized_client"
    assert request(op, client_id="nobody").status == 401
    assert poll(op, told, client_id="nobody").status == 401
    assert op.post(DEVICE, {"scope": "openid"}).status == 401
    assert op.call("GET", DEVICE).status == 405


@pytest.mark.parametrize("profile", ["fapi2", "ipsie-sl1"])
def test_profiles_without_the_grant_refuse_it(op: Op, profile: str) -> None:
    """RFC 8628 §5.4: as such a client registers, and of one that was stored as such."""
    order = ClientOrder(
        id="x", name="X", profile=profile, metadata={"grant_types": [GRANT], "scope": "openid"}
    )
    refused = register_client(op.services, order, actor=SYSTEM)
    assert isinstance(refused, RegistrationRefused)
    assert any("grant_types" in str(fault) for fault in refused.faults)
    television(op)
    told = ask(op)
    with op.services.store.write() as unit:
        unit.connection.execute(update(tables.client).values(profile=profile))
    op.services.clients.forget("tv")
    assert error_of(request(op)) == "unauthorized_client"
    answer = poll(op, told)
    assert answer.status == 400
    assert error_of(answer) in {"unauthorized_client", "invalid_request"}


def test_a_client_with_a_secret_proves_itself_at_both_endpoints(op: Op) -> None:
    """RFC 8628 §3.1, §3.4, CA-01: its name alone opens nothing."""
    television(op, token_endpoint_auth_method="client_secret_basic")
    assert request(op).status == 401
    told = ask(op, op.basic("tv"))
    assert poll(op, told).status == 401
    assert error_of(poll(op, told, op.basic("tv"))) == "authorization_pending"


def test_codes_are_kept_as_digests_and_read_as_people_type_them(op: Op) -> None:
    """RFC 8628 §3.2, §6.1: eight consonants, in any case, with any separator."""
    television(op)
    told = ask(op)
    code = told["user_code"]
    assert len(code) == 9
    assert code[4] == "-"
    assert set(code) - {"-"} <= set(ALPHABET)
    assert len(ALPHABET) == 20
    assert read_user_code(f" {code.lower().replace('-', ' . ')} ") == code.replace("-", "")
    assert read_user_code("AEIO-UAEI") == read_user_code(code + "B") == read_user_code("-" * 99) == ""
    assert (told["expires_in"], told["interval"]) == (600, 5)
    assert told["verification_uri"] == f"{ISSUER}/device"
    assert told["verification_uri_complete"] == f"{ISSUER}/device?user_code={code}"
    with op.services.store.read() as connection:
        kept = repr(connection.execute(tables.device_authorization.select()).all())
    assert told["device_code"] not in kept
    assert code.replace("-", "") not in kept


class Repeating(SeededRandomness):
    """Chance that draws the same user code ``times`` times, and only then another."""

    def __init__(self, times: int) -> None:
        super().__init__(1)
        self.left = 8 * times

    def below(self, limit: int) -> int:
        """Return the first letter for as long as it lasts."""
        self.left -= 1
        return 0 if self.left >= 0 else super().below(limit)


def test_a_user_code_that_is_taken_is_drawn_anew(op_on_both: Op) -> None:
    """RFC 8628 §6.1: the database's unique column decides; who finds none in time is asked to try again."""
    op = op_on_both
    television(op)
    op.services.store.randomness = Repeating(2)
    assert ask(op)["user_code"] == "BBBB-BBBB"
    assert ask(op)["user_code"] != "BBBB-BBBB"
    op.services.store.randomness = Repeating(99)
    answer = request(op)
    assert (answer.status, error_of(answer)) == (503, "temporarily_unavailable")
    assert answer.header("retry-after") == "1"


def test_a_device_is_slowed_down_for_good(op_on_both: Op) -> None:
    """RFC 8628 §3.5: each poll too soon adds five seconds, of this device code alone; the server counts.

    A second is for the way: a device that keeps the interval asks a little early by our clock as often as late.
    """
    op = op_on_both
    television(op)
    told, other = ask(op), ask(op)

    def after(seconds: float) -> str:
        op.clock.advance(dt.timedelta(seconds=seconds))
        return error_of(poll(op, told))

    assert after(0) == "authorization_pending"
    assert after(3.9) == "slow_down", "ten seconds from now on"
    assert after(8.9) == "slow_down", "fifteen"
    assert after(15) == "authorization_pending"
    assert after(14) == "authorization_pending", "its way here was shorter than the last"
    assert after(13.9) == "slow_down", "twenty"
    assert "25 seconds" in poll(op, told).json()["error_description"]
    assert after(25) == "authorization_pending"
    assert error_of(poll(op, other)) == "authorization_pending"


def test_a_device_gets_tokens_once_and_a_second_use_takes_them_back(op_on_both: Op) -> None:
    """RFC 8628 §3.5, TK-01: what a code gives, this gives: ID token, refresh token, and the same facts."""
    op = op_on_both
    television(op)
    told, cookie = ask(op, scope="openid profile email"), op.session(op.account())
    assert error_of(poll(op, told)) == "authorization_pending"
    assert isinstance(decided(op, cookie, told), DeviceDecided)
    assert decided(op, cookie, told, allowed=False) == NoSuchCode()
    op.clock.advance(PACE)
    answer = poll(op, told)
    assert answer.status == 200, answer.body
    tokens = answer.json()
    assert tokens["scope"] == "openid profile email"
    claims = claims_of(tokens["id_token"])
    assert claims["aud"] == "tv"
    assert claims["acr"] == "urn:switchyard:acr:2fa"
    assert {"sid", "amr", "auth_time", "session_expiry", "at_hash"} <= set(claims)
    assert op.userinfo(tokens["access_token"]).status == 200
    renewed = op.refresh(tokens["refresh_token"], headers={}, client_id="tv", scope="openid").json()
    assert (renewed["scope"], "id_token" in renewed) == ("openid", True)
    assert op.audit("gateway:token:issued")[0].details["grant_type"] == GRANT
    assert len(op.audit("gateway:device:asked")) == len(op.audit("gateway:device:allowed")) == 1
    op.clock.advance(PACE)
    assert error_of(poll(op, told)) == "invalid_grant"
    for token in (tokens["access_token"], renewed["access_token"]):
        assert op.userinfo(token).status == 401
    (row,) = op.audit("gateway:grant:revoked")
    assert row.reason == "device code replayed"


def test_what_is_answered_is_told_at_once_however_soon_a_device_asks(op_on_both: Op) -> None:
    """RFC 8628 §3.5: slow_down says that the request still waits, which one that is decided or spent does not."""
    op = op_on_both
    television(op)
    denied, allowed, late = ask(op), ask(op), ask(op)
    cookie = op.session(op.account())
    for told in (denied, allowed, late):
        assert error_of(poll(op, told)) == "authorization_pending"
    decided(op, cookie, denied, allowed=False)
    assert error_of(poll(op, denied)) == "access_denied"
    decided(op, cookie, allowed)
    answer = poll(op, allowed)
    assert answer.status == 200, answer.body
    assert error_of(poll(op, allowed)) == "invalid_grant"
    assert op.userinfo(answer.json()["access_token"]).status == 401
    assert error_of(poll(op, late)) == "slow_down"
    op.clock.advance(dt.timedelta(minutes=10))
    assert [error_of(poll(op, late)) for _ in range(2)] == ["expired_token"] * 2


def test_a_denied_an_expired_and_another_clients_code_give_nothing(op: Op) -> None:
    """RFC 8628 §3.5: access_denied, expired_token; TK-03 invalid_grant, and it is nobody's pace but its own."""
    television(op)
    television(op, "radio")
    told, cookie = ask(op), op.session(op.account())
    assert isinstance(decided(op, cookie, told, allowed=False), DeviceDecided)
    assert error_of(poll(op, told, client_id="radio")) == "invalid_grant"
    assert error_of(poll(op, told)) == "access_denied"
    assert len(op.audit("gateway:device:denied")) == 1
    late = ask(op)
    op.clock.advance(dt.timedelta(minutes=10))
    assert look(op, cookie, late) == decided(op, cookie, late) == NoSuchCode()
    assert error_of(poll(op, late)) == "expired_token"
    for odd in ("", "x", "é" * 50, "\x00"):
        assert error_of(poll(op, {"device_code": odd})) in {"invalid_request", "invalid_grant"}


def test_a_device_outlives_the_session_that_let_it_in_where_it_asked_for_that(op_on_both: Op) -> None:
    """OIDC Core §11, RT-08: with offline_access alone; who signs out takes everything else back."""
    op = op_on_both
    television(op)
    cookie = op.session(op.account())
    held = []
    for scope in ("openid", "openid offline_access"):
        told = ask(op, scope=scope)
        decided(op, cookie, told)
        op.clock.advance(PACE)
        held.append(poll(op, told).json()["refresh_token"])
    assert log_out(op.services, session_token=cookie)
    answers = [op.refresh(each, headers={}, client_id="tv") for each in held]
    assert [each.status for each in answers] == [400, 200]


def test_a_device_gets_no_more_than_its_client_is_registered_for(op: Op) -> None:
    """CVE-2024-52287, RFC 6749 §3.3: neither scopes, nor refresh, nor another resource at the poll."""
    api = "https://api.example/"
    television(op, grant_types=[GRANT], scope="openid email", resources=[api])
    told = ask(op, scope="openid profile email phone offline_access", resource=api)
    cookie = op.session(op.account())
    decided(op, cookie, told)
    assert error_of(poll(op, told, resource=ISSUER)) == "invalid_target"
    op.clock.advance(PACE)
    tokens = poll(op, told, resource=api, scope="openid profile phone").json()
    assert tokens["scope"] == "openid email"
    assert "refresh_token" not in tokens
    assert claims_of(tokens["access_token"])["aud"] == api


def test_a_device_that_signs_nobody_in_need_not_name_the_only_resource(op: Op) -> None:
    """RFC 9068 §3: its token is for the one API that its client is registered for, which the poll may name."""
    api = "https://api.example/"
    television(op, scope="email", resources=[api])
    told = ask(op, scope="email")
    decided(op, op.session(op.account()), told)
    assert claims_of(poll(op, told, resource=api).json()["access_token"])["aud"] == api


def test_a_key_that_a_device_proved_is_the_only_one_that_redeems(op_on_both: Op) -> None:
    """RFC 9449 §5, §10: a thief of the device code hears nothing, and the device goes on."""
    op = op_on_both
    television(op, dpop_bound_access_tokens=True)
    mine, thief = Holder(op), Holder(op)
    nonce = request(op, mine.proof(ISSUER + DEVICE)).header("dpop-nonce")
    mine.nonce = thief.nonce = nonce
    told = ask(op, mine.proof(ISSUER + DEVICE))
    decided(op, op.session(op.account()), told)
    assert error_of(poll(op, told)) == "invalid_request"
    assert error_of(poll(op, told, thief.proof(TOKEN))) == "invalid_grant"
    answer = poll(op, told, mine.proof(TOKEN))
    assert answer.status == 200, answer.body
    tokens = answer.json()
    assert tokens["token_type"] == "DPoP"
    assert claims_of(tokens["access_token"])["cnf"] == {"jkt": mine.jkt}
    refused = op.refresh(tokens["refresh_token"], headers=thief.proof(TOKEN), client_id="tv")
    assert error_of(refused) == "invalid_grant"


def test_a_key_may_be_proved_at_the_poll_alone(op: Op) -> None:
    """RFC 9449 §5: the tokens are bound to what the poll proves."""
    television(op)
    told, mine = ask(op), Holder(op)
    decided(op, op.session(op.account()), told)
    mine.nonce = poll(op, told, mine.proof(TOKEN)).header("dpop-nonce")
    assert poll(op, told, mine.proof(TOKEN)).json()["token_type"] == "DPoP"


@pytest.mark.parametrize("method", ["none", "client_secret_basic"])
def test_nobody_fills_the_table(op: Op, method: str) -> None:
    """RFC 8628 §5.1: who needs no secret is counted by place, everybody else by client; others go on."""
    television(op, token_endpoint_auth_method=method)
    headers = {} if method == "none" else op.basic("tv")
    limit, key = (DEVICES_OF_PLACE, "192.0.2.1") if method == "none" else (DEVICES, "tv")
    with op.services.store.write() as unit:
        take(unit.connection, limit, key, now=unit.now, cost=limit.count)
    answer = request(op, headers)
    assert (answer.status, error_of(answer)) == (429, "temporarily_unavailable")
    assert int(answer.header("retry-after")) > 0
    elsewhere = request(op, headers, address="198.51.100.7")
    assert elsewhere.status == (200 if method == "none" else 429)
    television(op, "radio", token_endpoint_auth_method="client_secret_basic")
    assert request(op, op.basic("radio"), client_id="radio").status == 200


def test_guesses_of_device_codes_are_counted(op: Op) -> None:
    """TK-19: who brings codes that are none waits."""
    television(op)
    answers = [poll(op, {"device_code": f"guess-{number}"}) for number in range(61)]
    assert [answers[0].status, answers[-1].status] == [400, 429]


def test_what_is_over_is_swept(op_on_both: Op) -> None:
    """Rows are bounded: a day after its end a request is gone, and what waits stays."""
    op = op_on_both
    television(op)
    told = ask(op)
    decided(op, op.session(op.account()), told)
    ask(op)
    op.clock.advance(dt.timedelta(days=1, minutes=11))
    ask(op)
    sweep_tokens(op.services)
    assert _count(op) == 1


def _count(op: Op) -> Any:
    with op.services.store.read() as connection:
        return connection.scalar(select(func.count()).select_from(tables.device_authorization))


def test_discovery_tells_the_endpoint_and_the_grant(op: Op) -> None:
    """RFC 8628 §4, DJ-06."""
    document = op.get("/.well-known/openid-configuration").json()
    assert document["device_authorization_endpoint"] == ISSUER + DEVICE
    assert GRANT in document["grant_types_supported"]
