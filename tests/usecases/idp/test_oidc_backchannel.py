"""Logout notices on their way: signed at delivery, repeated when the relying party is in trouble."""

from __future__ import annotations

import datetime as dt
import socket
import threading
from contextlib import contextmanager, suppress
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest
from joserfc import jwe
from joserfc.jwk import RSAKey
from sqlalchemy import select, update

from idp.outbound.backchannel import BackchannelCarrier
from idp.storage import tables
from idp.storage.clients import look_up_client
from idp.usecases.disable_client import disable_client
from idp.usecases.endings import CHANNEL, STRANGERS, end_access, end_sessions
from kernel.audit import SYSTEM
from kernel.courier.carriers import PermanentFailure, TransientFailure
from kernel.courier.outbox import Envelope
from kernel.fetch import Fetcher, FetchRules
from kernel.tables import courier_message
from tests.support.clock import NOON
from tests.support.https_server import serving_documents
from tests.support.oidc import ISSUER, Op, an_op, claims_of, header_of, public_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.database import Database


class Listener(HTTPServer):
    """A relying party's back-channel endpoint that answers as told and keeps what it got."""

    def __init__(self, status: int, retry_after: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.retry_after = retry_after
        self.tokens: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/bc"


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.tokens += parse_qs(body)["logout_token"]
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Retry-After", self.server.retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Say nothing."""


@contextmanager
def a_listener(status: int = 200, *, retry_after: str = "7") -> Iterator[Listener]:
    server = Listener(status, retry_after)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def carrier(op: Op, fetcher: Fetcher | None = None, *, seconds: float = 2) -> BackchannelCarrier:
    database = op.services.store.database
    return BackchannelCarrier(
        op.services.store,
        op.services.signing,
        ISSUER,
        lambda client_id: look_up_client(database, client_id),
        fetcher=fetcher,
        timeout=seconds,
    )


def notice(client_id: str = "emi") -> Envelope:
    payload = {"client_id": client_id, "sid": "S", "sub": "A"}
    return Envelope("01", "backchannel-logout", "backchannel-logout", payload, NOON, 1)


@pytest.fixture
def op(sqlite_gateway_database: Database) -> Op:
    return an_op(sqlite_gateway_database, loopback_http_clients=True)


@pytest.mark.parametrize("status", [200, 204])
def test_a_notice_arrives_as_a_logout_token(op: Op, status: int) -> None:
    """Back-Channel Logout §2.4, §2.5: its own type, the event, sid and sub, short life, no nonce."""
    with a_listener(status) as rp:
        op.client(backchannel_logout_uri=rp.address)
        carrier(op).deliver(notice())
        carrier(op).deliver(notice())
    first, second = (claims_of(token) for token in rp.tokens)
    assert header_of(rp.tokens[0])["typ"] == "logout+jwt"
    assert op.services.signing.verify(rp.tokens[0], typ="logout+jwt") == first
    assert (first["iss"], first["aud"], first["sid"], first["sub"]) == (ISSUER, "emi", "S", "A")
    assert "nonce" not in first
    assert first["exp"] - first["iat"] == 120
    assert first["jti"] != second["jti"], "a repeated delivery is no replay (LO-06)"


def test_a_notice_is_signed_and_encrypted_as_id_tokens_are(op: Op) -> None:
    """Back-Channel Logout §2.4: the algorithm of the profile counts, and who has ID tokens encrypted gets it so."""
    key = RSAKey.generate_key(2048, {"kid": "e", "use": "enc"})
    with a_listener() as rp:
        op.client(backchannel_logout_uri=rp.address, profile="compat")
        carrier(op).deliver(notice())
        op.client(
            replace=True,
            backchannel_logout_uri=rp.address,
            jwks=public_keys(key),
            id_token_encrypted_response_alg="RSA-OAEP-256",
        )
        carrier(op).deliver(notice())
        op.client(
            replace=True,
            backchannel_logout_uri=rp.address,
            jwks_uri="https://127.0.0.1/keys",
            id_token_encrypted_response_alg="RSA-OAEP-256",
        )
        with pytest.raises(TransientFailure, match="no key"):
            carrier(op).deliver(notice())
    plain, sealed = rp.tokens
    assert header_of(plain)["alg"] == "RS256"
    inner = jwe.decrypt_compact(sealed, key, algorithms=["RSA-OAEP-256", "A128CBC-HS256"]).plaintext
    assert op.services.signing.verify((inner or b"").decode(), typ="logout+jwt")


@pytest.mark.parametrize("registered_by", ["", "open"])
def test_an_authority_of_the_settings_is_trusted(op: Op, tmp_path: Path, registered_by: str) -> None:
    """A listener in a laboratory, whose certificate is its own, hears of the end; whoever registered it."""
    with serving_documents(tmp_path) as documents:
        op.client(backchannel_logout_uri=documents.put("/bc", b""))
        _registered_by(op, registered_by)
        rules = FetchRules(authority=documents.authority, loopback=[documents.host])
        carrier(op, Fetcher(rules)).deliver(notice())
        with pytest.raises(TransientFailure):
            carrier(op).deliver(notice())
    ((path, headers, body),) = documents.sent
    assert (path, headers["content-type"]) == ("/bc", "application/x-www-form-urlencoded")
    assert body.startswith(b"logout_token=ey")


def test_a_client_that_registered_itself_makes_no_tool_of_us(op: Op, tmp_path: Path) -> None:
    """SSRF: its notice goes to the open internet alone; an address inside is not even connected to."""
    with serving_documents(tmp_path) as documents:
        op.client(backchannel_logout_uri=documents.put("/bc", b""))
        _registered_by(op, "open")
        with pytest.raises(TransientFailure, match="not a public address"):
            carrier(op, Fetcher(FetchRules(authority=documents.authority))).deliver(notice())
    assert documents.sent == []


def _registered_by(op: Op, token: str) -> None:
    with op.services.store.write() as unit:
        unit.connection.execute(update(tables.client).values(registered_by=token))


def test_notices_to_clients_that_registered_themselves_wait_apart(op: Op) -> None:
    """LO-07: if many of them never answer, no notice to an operator's client waits behind theirs."""
    op.client(backchannel_logout_uri="https://emi.example/out")
    account = op.account()
    for registered_by in ("", "open"):
        _registered_by(op, registered_by)
        op.clock.advance(dt.timedelta(seconds=1))  # by which they are told apart
        op.tokens(op.session(account))
        with op.services.store.write() as unit:
            end_sessions(unit, op.services, account_id=account, reason="password-changed", actor=SYSTEM)
    with op.services.store.read() as connection:
        posted = connection.scalars(select(courier_message.c.channel).order_by(courier_message.c.id)).all()
    assert list(posted) == [CHANNEL, STRANGERS]


@pytest.mark.parametrize("status", [301, 404, 429, 500, 503])
def test_a_relying_party_in_trouble_is_tried_again(op: Op, status: int) -> None:
    """LO-07: the notice waits in the outbox; redirects are not followed."""
    with a_listener(status) as rp:
        op.client(backchannel_logout_uri=rp.address)
        with pytest.raises(TransientFailure) as failure:
            carrier(op).deliver(notice())
    assert failure.value.retry_after == dt.timedelta(seconds=7)


def test_a_relying_party_may_name_the_moment_it_is_back(op: Op) -> None:
    """LO-07, RFC 9110 §10.2.3: as a date."""
    with a_listener(503, retry_after=format_datetime(op.clock.now() + dt.timedelta(minutes=2))) as rp:
        op.client(backchannel_logout_uri=rp.address)
        with pytest.raises(TransientFailure) as failure:
            carrier(op).deliver(notice())
    assert failure.value.retry_after == dt.timedelta(minutes=2)


def test_a_relying_party_that_is_down_is_tried_again(op: Op) -> None:
    """LO-07."""
    op.client(backchannel_logout_uri="http://127.0.0.1:1/bc")
    with pytest.raises(TransientFailure):
        carrier(op).deliver(notice())


def test_who_answers_drop_by_drop_is_left_in_time(op: Op) -> None:
    """LO-07, RX-13: each drop comes in time, and the answer never; who hands it over is free for others."""
    with a_dripping_listener() as address:
        op.client(backchannel_logout_uri=address)
        with pytest.raises(TransientFailure, match="time"):
            carrier(op, seconds=0.5).deliver(notice())


@contextmanager
def a_dripping_listener() -> Iterator[str]:
    """Send a header of an answer 200 letter by letter, for longer than anybody should wait; then its end."""
    gone = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        with suppress(OSError):
            connection = server.accept()[0]
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
                for _ in range(100):
                    if gone.wait(0.05):
                        return
                    connection.sendall(b"a")
                connection.sendall(b"\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/bc"
    finally:
        gone.set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        server.close()


def test_an_answer_of_any_length_is_an_answer(op: Op, tmp_path: Path) -> None:
    """Back-Channel Logout §2.8: its status counts; what stands in it is not read."""
    with serving_documents(tmp_path) as documents:
        op.client(backchannel_logout_uri=documents.put("/bc", b"a" * 1_000_000))
        rules = FetchRules(authority=documents.authority, loopback=[documents.host])
        for registered_by in ("", "open"):
            _registered_by(op, registered_by)
            carrier(op, Fetcher(rules)).deliver(notice())
    assert len(documents.sent) == 2


def test_a_refusal_is_final_and_so_is_a_client_without_address(op: Op) -> None:
    """Back-Channel Logout §2.8: 400 means that this token is not wanted."""
    with a_listener(400) as rp:
        op.client(backchannel_logout_uri=rp.address)
        with pytest.raises(PermanentFailure):
            carrier(op).deliver(notice())
    op.client("mute")
    for client_id in ("mute", "gone"):
        with pytest.raises(PermanentFailure):
            carrier(op).deliver(notice(client_id))


def test_deactivation_tells_every_application_of_every_session(op: Op) -> None:
    """UI-05: each session, each application it signed in to."""
    op.client(backchannel_logout_uri="http://127.0.0.1:1/a")
    op.client("reports", backchannel_logout_uri="http://127.0.0.1:1/b")
    account = op.account()
    one, two = op.session(account), op.session(account)
    for cookie, client_id in ((one, "emi"), (two, "emi"), (two, "reports")):
        op.code(cookie, client_id=client_id)
    with op.services.store.write() as unit:
        assert end_sessions(unit, op.services, account_id=account, reason="deactivated", actor=SYSTEM) == 2
        assert end_sessions(unit, op.services, account_id=account, reason="deactivated", actor=SYSTEM) == 0
    assert sorted(each["client_id"] for each in op.notices()) == ["emi", "emi", "reports"]


def test_a_kept_session_keeps_its_tokens_and_tells_nobody(op: Op) -> None:
    """RT-07: a password change ends the others, not the one it was made in."""
    op.client(backchannel_logout_uri="http://127.0.0.1:1/a")
    account = op.account()
    kept, other = op.session(account), op.session(account)
    mine, theirs = op.tokens(kept), op.tokens(other)
    sid = claims_of(mine["id_token"])["sid"]
    with op.services.store.write() as unit:
        end_sessions(unit, op.services, account_id=account, reason="password", actor=SYSTEM, keep=sid)
    assert op.refresh(mine["refresh_token"]).status == 200
    assert op.refresh(theirs["refresh_token"]).status == 400
    assert [each["sid"] for each in op.notices()] == [claims_of(theirs["id_token"])["sid"]]


def test_lost_access_tells_that_application_once_and_the_session_lives(op: Op) -> None:
    """Step 9 of the story: the application hears of it; a new sign-in there would be told again."""
    op.client(application_key="emi", backchannel_logout_uri="http://127.0.0.1:1/a")
    op.client("reports", backchannel_logout_uri="http://127.0.0.1:1/b")
    account = op.account()
    op.member(account)
    cookie = op.session(account)
    op.code(cookie)
    op.code(cookie, client_id="reports")
    for _ in range(2):
        with op.services.store.write() as unit:
            end_access(unit, op.services, account_id=account, application_key="emi", actor=SYSTEM)
    assert [each["client_id"] for each in op.notices()] == ["emi"]
    assert "code=" in op.authorize(cookie, client_id="reports").header("location")


def test_a_disabled_client_is_written_down(op: Op) -> None:
    """Every deed has its audit row."""
    op.client()
    assert disable_client(op.services, "emi", actor=SYSTEM, reason="test")
    assert [row.target for row in op.audit("gateway:client:disabled")] == ["emi"]
    assert op.authorize(op.session(op.account())).status == 400
