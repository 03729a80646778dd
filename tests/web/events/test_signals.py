"""Relying parties that ask for it hear of sessions, credentials and accounts (SSF 1.0, CAEP 1.0, RISC 1.0)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import flask
import pytest
from sqlalchemy import select

from idp.domain.factors import OwnFactor
from idp.domain.help_desk import Desk
from idp.domain.security_events import StreamStatus
from idp.domain.signals import POLL, PUSH, SIGNALS, STREAM_UPDATED, VERIFICATION, Signal
from idp.storage.consents import keep_consent
from idp.storage.tables import event_stream, session
from idp.usecases.consents import revoke_consent
from idp.usecases.endings import end_clients, end_sessions
from idp.usecases.flow_outcomes import Done
from idp.usecases.log_out import log_out
from idp.usecases.manage_event_streams import set_stream_status
from idp.usecases.name_factor import name_factor
from idp.usecases.push_events import EventPusher
from idp.usecases.remove_factor import remove_factor
from idp.usecases.remove_lost_factors import FactorsRemoved, remove_lost_factors
from idp.usecases.sessions import find_session
from idp.usecases.set_new_password import set_new_password
from idp.usecases.sweep_security_events import OVERFULL, disable_overfull_streams
from idp.web.events.routes import event_routes
from kernel.audit import SYSTEM, Actor
from kernel.crypto import digest
from kernel.fetch import Fetcher, FetchRules
from kernel.web.dispatch import Dispatch
from kernel.web.http import Request, Response
from kernel.web.lane import Lane, serve
from scim.web.routes import scim_routes
from tests.support.accounts import switched
from tests.support.events import Event, verified
from tests.support.factors import an_app
from tests.support.gatehouse import ANOTHER
from tests.support.gateway import SOURCE
from tests.support.help_desk import SURE
from tests.support.https_server import serving_documents
from tests.support.oidc import ISSUER, Op, an_op, claims_of
from tests.support.scim import ScimWorld, a_user
from tests.support.staff import STAFF_ROLE
from tests.support.staff_deeds import lock, reset, unlock

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.database import Database
    from tests.support.gatehouse import Gatehouse

SCOPE = "openid profile email access offline_access ssf.read ssf.manage"
HEADER = "Bearer the-receiver-knows-it"


class Party:
    """A relying party that manages its stream and polls it."""

    def __init__(self, op: Op, client_id: str = "emi", **metadata: object) -> None:
        self.op = op
        self.client_id = client_id
        self.resource = f"{op.services.issuer}/ssf"
        op.client(
            client_id,
            grant_types=["authorization_code", "refresh_token", "client_credentials"],
            scope=SCOPE,
            resources=[self.resource],
            **metadata,
        )
        self.dispatch = Dispatch(event_routes(op.services))

    def token(self, scope: str = "ssf.manage") -> str:
        """Return an access token of the party itself."""
        fields = {"grant_type": "client_credentials", "scope": scope, "resource": self.resource}
        answer = self.op.post("/oauth2/token", fields, headers=self.op.basic(self.client_id))
        assert answer.status == 200, answer.body
        found: str = answer.json()["access_token"]
        return found

    def ask(
        self, method: str, path: str, body: Any = None, *, query: str = "", token: str | None = None
    ) -> Response:
        """Send one request."""
        bearer = self.token() if token is None else token
        headers = {"content-type": "application/json"}
        if bearer:
            headers["authorization"] = f"Bearer {bearer}"
        found = self.dispatch.find(path)
        assert found is not None, path
        endpoints, values = found
        sent = b"" if body is None else json.dumps(body).encode()
        request = Request(method, path, query, headers, sent, "192.0.2.1", values)
        return serve(endpoints, request, request_id="test")

    def asks_for(self, *signals: Signal) -> str:
        """Make a stream of these signals; return its id."""
        answer = self.ask("POST", "/ssf/stream", {"events_requested": [*signals]})
        assert answer.status == 201, answer.body
        found: str = answer.json()["stream_id"]
        return found

    def take(self) -> list[Event]:
        """Return the events that wait, and acknowledge them."""
        answer = self.ask("POST", "/events/poll", {"returnImmediately": True})
        assert answer.status == 200, answer.body
        sets = answer.json()["sets"]
        self.ask("POST", "/events/poll", {"returnImmediately": True, "maxEvents": 0, "ack": list(sets)})
        return [verified(self.op.services, each, audience=self.client_id) for each in sets.values()]


@pytest.fixture
def op(gateway_database: Database) -> Op:
    return an_op(gateway_database)


@pytest.fixture
def sqlite_op(sqlite_gateway_database: Database) -> Op:
    return an_op(sqlite_gateway_database)


def only(events: list[Event]) -> Event:
    (event,) = events
    return event


# --- the stream -----------------------------------------------------------------------------------


def test_the_transmitter_names_what_it_has_and_each_address_answers(sqlite_op: Op) -> None:
    """SSF §7.1: public, of the issuer, and true."""
    party, issuer = Party(sqlite_op), sqlite_op.services.issuer
    answer = party.ask("GET", "/.well-known/ssf-configuration", token="")
    document = answer.json()
    assert (answer.status, document["issuer"], document["spec_version"]) == (200, issuer, "1_0")
    assert document["delivery_methods_supported"] == [PUSH, POLL]
    assert document["default_subjects"] == "ALL"
    assert document["authorization_schemes"] == [{"spec_urn": "urn:ietf:rfc:6749"}]
    assert sqlite_op.get(document["jwks_uri"].removeprefix(issuer)).status == 200
    for name in ("configuration_endpoint", "status_endpoint", "verification_endpoint"):
        assert party.ask("POST", document[name].removeprefix(issuer), {}, token="").status == 401


@pytest.mark.parametrize("odd", ["\ud800", "a\x00b"], ids=["surrogate", "zero"])
def test_texts_that_no_database_can_hold_are_refused(op: Op, odd: str) -> None:
    """RFC 7493 §2.1, RFC 8936 §2.4: wherever a receiver may write one."""
    party = Party(op)
    made = party.asks_for(Signal.SESSION_REVOKED)
    stream = {"stream_id": made}
    for method, path, body in (
        ("PATCH", "/ssf/stream", {**stream, "description": odd}),
        ("PATCH", "/ssf/stream", {**stream, "events_requested": [odd]}),
        ("POST", "/ssf/status", {**stream, "status": "paused", "reason": odd}),
        ("POST", "/ssf/verify", {**stream, "state": odd}),
        ("POST", "/events/poll", {"returnImmediately": True, "ack": [odd]}),
        ("POST", "/events/poll", {"returnImmediately": True, "setErrs": {odd: {"err": "x"}}}),
    ):
        answer = party.ask(method, path, body)
        assert (answer.status, answer.json()["err"]) == (400, "invalid_request"), body
    assert party.take() == []


def test_only_a_token_for_signals_manages_a_stream(sqlite_op: Op) -> None:
    """SSF §7.1.1, CAEP interoperability profile: scopes ssf.read and ssf.manage for this resource."""
    party = Party(sqlite_op)
    reads = party.token("ssf.read")
    answer = party.ask("POST", "/ssf/stream", {}, token=reads)
    assert (answer.status, answer.json()["err"]) == (403, "access_denied")
    assert party.ask("GET", "/ssf/stream", token=reads).json() == []
    sqlite_op.machine("m2m")
    fields = {"grant_type": "client_credentials"}
    provisions = sqlite_op.post("/oauth2/token", fields, headers=sqlite_op.basic("m2m")).json()
    assert party.ask("GET", "/ssf/stream", token=provisions["access_token"]).status == 401
    account = sqlite_op.account()
    persons = sqlite_op.tokens(sqlite_op.session(account))["access_token"]
    assert party.ask("GET", "/ssf/stream", token=persons).status == 401


@pytest.mark.parametrize(
    "body",
    [
        {"events_requested": "all"},
        {"events_requested": [1]},
        {"events_requested": ["x"] * 101},
        {"description": 7},
        {"description": "\ud800"},
        {"events_requested": ["urn:\x00"]},
        {"delivery": "push"},
        {"delivery": {"method": "urn:example:other"}},
        {"delivery": {"method": PUSH}},
        {"delivery": {"method": PUSH, "endpoint_url": "http://receiver.example/"}},
        {"delivery": {"method": PUSH, "endpoint_url": "https://r.example/", "authorization_header": "a\nb"}},
    ],
)
def test_a_stream_that_cannot_be_is_refused(sqlite_op: Op, body: dict[str, Any]) -> None:
    """SSF §8.1.1.1, OB-13: 400, and nothing is made."""
    party = Party(sqlite_op)
    answer = party.ask("POST", "/ssf/stream", body)
    assert (answer.status, answer.json()["err"]) == (400, "invalid_request")
    assert party.ask("GET", "/ssf/stream").json() == []


def test_a_receiver_has_one_stream_which_it_reads_changes_replaces_and_ends(op: Op) -> None:
    """SSF §8.1.1: what is asked for and not known is not delivered; a second stream is a conflict."""
    party = Party(op)
    wanted = {"events_requested": [Signal.SESSION_REVOKED, "urn:unknown"], "description": "The market"}
    made = party.ask("POST", "/ssf/stream", wanted)
    stream = made.json()
    assert made.status == 201
    assert (stream["iss"], stream["aud"]) == (op.services.issuer, "emi")
    assert stream["events_supported"] == list(SIGNALS)
    assert stream["events_requested"] == [Signal.SESSION_REVOKED, "urn:unknown"]
    assert stream["events_delivered"] == [Signal.SESSION_REVOKED]
    assert stream["delivery"] == {"method": POLL, "endpoint_url": f"{op.services.issuer}/events/poll"}
    assert party.ask("POST", "/ssf/stream", {}).status == 409
    name = stream["stream_id"]
    assert party.ask("GET", "/ssf/stream").json() == [stream]
    assert party.ask("GET", "/ssf/stream", query=f"stream_id={name}").json() == stream

    push = {"method": PUSH, "endpoint_url": "https://receiver.example/", "authorization_header": HEADER}
    changed = party.ask("PATCH", "/ssf/stream", {"stream_id": name, "delivery": push})
    assert changed.json()["delivery"] == {"method": PUSH, "endpoint_url": "https://receiver.example/"}
    assert changed.json()["events_requested"] == stream["events_requested"]
    party.ask("PATCH", "/ssf/stream", {"stream_id": name, "description": "New"})
    with op.services.store.read() as connection:
        sealed = connection.scalar(select(event_stream.c.sealed_authorization))
    assert sealed is not None
    assert HEADER.encode() not in sealed
    shown = party.ask("GET", "/ssf/stream", query=f"stream_id={name}").json()
    assert party.ask("PATCH", "/ssf/stream", shown).status == 200
    for member, other in (("aud", "somebody-else"), ("events_delivered", ["urn:unknown"])):
        for method in ("PATCH", "PUT"):
            answer = party.ask(method, "/ssf/stream", shown | {member: other})
            assert (answer.status, member in answer.json()["description"]) == (400, True)

    replaced = party.ask("PUT", "/ssf/stream", {"stream_id": name, "events_requested": []}).json()
    assert (replaced["events_requested"], replaced["delivery"]["method"]) == ([], POLL)
    assert "description" not in replaced
    assert party.ask("DELETE", "/ssf/stream", query=f"stream_id={name}").status == 204
    assert party.ask("GET", "/ssf/stream", query=f"stream_id={name}").status == 404


def test_what_one_address_was_to_be_shown_no_other_is(op: Op) -> None:
    """RFC 8935 §2: the header of a push is a secret of the receiver's address, and goes with it."""
    party = Party(op)
    first = {"method": PUSH, "endpoint_url": "https://receiver.example/", "authorization_header": HEADER}
    name = party.ask("POST", "/ssf/stream", {"delivery": first}).json()["stream_id"]
    moved = {"method": PUSH, "endpoint_url": "https://elsewhere.example/"}
    assert party.ask("PATCH", "/ssf/stream", {"stream_id": name, "delivery": moved}).status == 200
    with op.services.store.read() as connection:
        assert connection.scalar(select(event_stream.c.sealed_authorization)) is None


@pytest.mark.parametrize("own", [(), (Signal.CREDENTIAL_CHANGE,)])
def test_another_receivers_stream_is_unknown(op: Op, own: tuple[Signal, ...]) -> None:
    """SSF §8.1: whatever is tried with its id, and it is never taken for the receiver's own."""
    mine, other = Party(op), Party(op, "other")
    name = mine.asks_for(Signal.SESSION_REVOKED)
    if own:
        other.asks_for(*own)
    before = [each.ask("GET", "/ssf/stream").json() for each in (mine, other)]
    for answer in (
        other.ask("GET", "/ssf/stream", query=f"stream_id={name}"),
        other.ask("PATCH", "/ssf/stream", {"stream_id": name}),
        other.ask("PUT", "/ssf/stream", {"stream_id": name}),
        other.ask("DELETE", "/ssf/stream", query=f"stream_id={name}"),
        other.ask("GET", "/ssf/status", query=f"stream_id={name}"),
        other.ask("POST", "/ssf/status", {"stream_id": name, "status": "disabled"}),
        other.ask("POST", "/ssf/verify", {"stream_id": name}),
    ):
        assert answer.status == 404
    assert [each.ask("GET", "/ssf/stream").json() for each in (mine, other)] == before
    assert [len(streams) for streams in before] == [1, len(own)]
    assert mine.ask("PUT", "/ssf/verify", {}).status == 405


def test_a_receiver_verifies_its_stream_and_not_all_the_time(op: Op) -> None:
    """SSF §8.1.4: the state comes back as it was given; 429 before the interval is over."""
    party = Party(op)
    name = party.asks_for()
    assert party.ask("POST", "/ssf/verify", {"stream_id": name, "state": "VGhpcyBpcw=="}).status == 204
    event = only(party.take())
    assert (event.uri, event.payload) == (VERIFICATION, {"state": "VGhpcyBpcw=="})
    assert event.claims["sub_id"] == {"format": "opaque", "id": name}
    again = party.ask("POST", "/ssf/verify", {"stream_id": name})
    assert (again.status, again.header("retry-after")) == (429, "30")
    op.clock.advance(dt.timedelta(seconds=30))
    assert party.ask("POST", "/ssf/verify", {"stream_id": name}).status == 204
    assert only(party.take()).payload == {}


def test_a_receiver_pauses_its_stream_and_lets_it_go_on(op: Op) -> None:
    """SSF §8.1.2: a paused stream keeps its events; a disabled one verifies nothing."""
    party = Party(op)
    name = party.asks_for()
    assert party.ask("POST", "/ssf/status", {"stream_id": name, "status": "asleep"}).status == 400
    told = party.ask("POST", "/ssf/status", {"stream_id": name, "status": "paused", "reason": "release"})
    assert told.json() == {"stream_id": name, "status": "paused", "reason": "release"}
    assert party.ask("GET", "/ssf/status", query=f"stream_id={name}").json() == told.json()
    party.ask("POST", "/ssf/verify", {"stream_id": name, "state": "kept"})
    assert party.take() == []
    party.ask("POST", "/ssf/status", {"stream_id": name, "status": "enabled"})
    assert only(party.take()).payload == {"state": "kept"}
    party.ask("POST", "/ssf/status", {"stream_id": name, "status": "disabled"})
    assert party.ask("POST", "/ssf/verify", {"stream_id": name}).status == 400


def statuses(events: list[Event]) -> list[dict[str, Any]]:
    """Return what was told of the stream; nothing else came, and each is about a stream."""
    assert {event.uri for event in events} <= {STREAM_UPDATED}
    assert all(event.claims["sub_id"]["format"] == "opaque" for event in events)
    return [event.payload for event in events]


def test_a_receiver_hears_that_its_stream_is_stopped_by_others_and_goes_on(op: Op) -> None:
    """SSF §8.1.5: before it stops, which here is though it is stopped; what else waits is kept for later."""
    party = Party(op)
    name = party.asks_for(Signal.SESSION_REVOKED)
    _session_id, cookie = signed_in(op, op.account(), party)

    def switch(status: StreamStatus, reason: str = "") -> None:
        assert set_stream_status(op.services, "emi", status, reason=reason, actor=SYSTEM)

    switch(StreamStatus.ENABLED)
    assert party.take() == [], "nothing changed"
    switch(StreamStatus.PAUSED, "maintenance")
    assert log_out(op.services, session_token=cookie)
    event = only(party.take())
    assert (event.uri, event.payload) == (STREAM_UPDATED, {"status": "paused", "reason": "maintenance"})
    assert event.claims["sub_id"] == {"format": "opaque", "id": name}
    assert party.take() == []
    op.clock.advance(dt.timedelta(seconds=1))
    switch(StreamStatus.ENABLED)
    kept, told = party.take()
    assert (kept.uri, statuses([told])) == (Signal.SESSION_REVOKED, [{"status": "enabled"}])
    switch(StreamStatus.PAUSED)
    switch(StreamStatus.DISABLED, "gone")
    assert statuses(party.take()) == [{"status": "disabled", "reason": "gone"}], "the last status alone"


@pytest.mark.parametrize("status", [StreamStatus.PAUSED, StreamStatus.DISABLED])
def test_what_nobody_heard_yet_is_told_though_the_stream_is_stopped_again(
    op: Op, status: StreamStatus
) -> None:
    """SSF §8.1.5: whoever states the status a second time takes nothing back; what was heard comes no more."""
    party = Party(op)
    party.asks_for()
    for reason in ("maintenance", "it takes longer"):
        assert set_stream_status(op.services, "emi", status, reason=reason, actor=SYSTEM)
    assert statuses(party.take()) == [{"status": status, "reason": "it takes longer"}]
    assert set_stream_status(op.services, "emi", status, reason="and longer", actor=SYSTEM)
    assert party.take() == []


def test_what_a_receiver_sets_itself_is_not_told_to_it(op: Op) -> None:
    """SSF §8.1.5: it asked for that; and it takes back what was told of the status before."""
    party = Party(op)
    name = party.asks_for()
    for status in ("paused", "enabled", "disabled", "enabled"):
        assert party.ask("POST", "/ssf/status", {"stream_id": name, "status": status}).status == 200
        assert party.take() == []
    assert set_stream_status(op.services, "emi", StreamStatus.PAUSED, reason="", actor=SYSTEM)
    assert party.ask("POST", "/ssf/status", {"stream_id": name, "status": "enabled"}).status == 200
    assert party.take() == []


def test_a_receiver_hears_that_too_much_waited(op: Op) -> None:
    """SSF §8.1.5: the stream is disabled with what waits in it, and its receiver knows to read anew."""
    party = Party(op)
    name = party.asks_for()
    assert party.ask("POST", "/ssf/verify", {"stream_id": name}).status == 204
    few = op.services.settings.model_copy(update={"most_waiting_events": 0})
    object.__setattr__(op.services, "settings", few)
    assert disable_overfull_streams(op.services) == 1
    assert statuses(party.take()) == [{"status": "disabled", "reason": OVERFULL}]
    (row,) = op.audit("gateway:event-stream:disabled")
    assert row.target == "emi"


def test_a_stream_that_is_pushed_tells_its_end_by_a_push(op: Op, tmp_path: Path) -> None:
    """SSF §8.1.5, RFC 8935: the last word goes out, and nothing behind it until the stream goes on."""
    party = Party(op)
    with serving_documents(tmp_path) as server:
        push = {"method": PUSH, "endpoint_url": server.put("/events", b"", status=202)}
        name = party.ask("POST", "/ssf/stream", {"delivery": push}).json()["stream_id"]
        rules = FetchRules(authority=server.authority, loopback=(server.host,))
        services = dataclasses.replace(op.services, fetcher=Fetcher(rules))
        pusher = EventPusher(services, node="test")
        assert set_stream_status(services, "emi", StreamStatus.PAUSED, reason="", actor=SYSTEM)
        assert party.ask("POST", "/ssf/verify", {"stream_id": name}).status == 204
        assert [pusher.run_once(), pusher.run_once()] == [1, 0]
        op.clock.advance(dt.timedelta(seconds=1))
        assert set_stream_status(services, "emi", StreamStatus.ENABLED, reason="", actor=SYSTEM)
        assert pusher.run_once() == 2
        sent = [verified(services, body.decode(), audience="emi") for _, _, body in server.sent]
    assert [event.uri for event in sent] == [STREAM_UPDATED, VERIFICATION, STREAM_UPDATED]
    assert [event.payload.get("status") for event in sent] == ["paused", None, "enabled"]


# --- the signals ----------------------------------------------------------------------------------


def signed_in(op: Op, account: str, *parties: Party) -> tuple[str, str]:
    """Sign the account in to these parties by one session; return the session's id and its cookie."""
    cookie = op.session(account)
    for party in parties:
        code = op.code(cookie, client_id=party.client_id)
        answer = op.redeem(code, headers=op.basic(party.client_id))
        assert answer.status == 200, answer.body
    with op.services.store.read() as connection:
        statement = select(session.c.id).where(session.c.digest == digest(cookie))
        (found,) = connection.execute(statement).scalars()
    return found, cookie


def test_who_did_not_ask_or_does_not_know_the_person_hears_nothing(op: Op) -> None:
    """SSF §8.1.1, privacy: neither other signals, nor other people, nor what was undone."""
    asked, others, stranger = Party(op), Party(op, "others"), Party(op, "stranger")
    asked.asks_for(Signal.SESSION_REVOKED)
    others.asks_for(Signal.ACCOUNT_DISABLED)
    stranger.asks_for(*Signal)
    account = op.account()
    signed_in(op, account, asked, others)
    with pytest.raises(RuntimeError), op.services.store.write() as unit:
        end_sessions(unit, op.services, account_id=account, reason="deactivated", actor=SYSTEM)
        raise RuntimeError
    assert asked.take() == others.take() == stranger.take() == []
    with op.services.store.write() as unit:
        end_sessions(unit, op.services, account_id=account, reason="deactivated", actor=SYSTEM)
    assert only(asked.take()).uri == Signal.SESSION_REVOKED
    assert others.take() == stranger.take() == []


def test_the_end_of_a_session_is_told_with_the_session_and_its_person(op: Op) -> None:
    """CAEP §3.1: sid and sub are those of the ID token, and each sector knows its own (OIDC Core §8)."""
    plain = Party(op)
    pairwise = Party(op, "pairwise", subject_type="pairwise")
    for party in (plain, pairwise):
        party.asks_for(Signal.SESSION_REVOKED)
    account = op.account()
    name, cookie = signed_in(op, account, plain)
    code = op.code(cookie, client_id="pairwise")
    known = claims_of(op.redeem(code, headers=op.basic("pairwise")).json()["id_token"])
    assert log_out(op.services, session_token=cookie)
    events = [only(party.take()) for party in (plain, pairwise)]
    for event in events:
        subject = event.claims["sub_id"]
        assert subject["format"] == "complex"
        assert subject["session"]["format"] == "opaque"
        assert subject["user"]["iss"] == op.services.issuer
        assert event.payload["event_timestamp"] == event.claims["iat"]
        assert event.payload["initiating_entity"] == "user"
        assert event.payload["reason_admin"] == {"en": "signed-out"}
    told = [event.claims["sub_id"] for event in events]
    assert (told[0]["session"]["id"], told[0]["user"]["sub"]) == (name, account)
    assert (told[1]["session"]["id"], told[1]["user"]["sub"]) == (known["sid"], known["sub"])
    assert known["sid"] != name
    assert known["sub"] != account
    assert not log_out(op.services, session_token=cookie)
    assert plain.take() == []


def test_the_end_of_access_is_told_to_that_application_alone(op: Op) -> None:
    """CAEP §3.1: the person's sessions there are over, though her session here goes on; nobody else hears."""
    party = Party(op, first_party=False)
    other, unheard = Party(op, "other"), Party(op, "unheard")
    party.asks_for(*Signal)
    other.asks_for(*Signal)
    unheard.asks_for(Signal.ACCOUNT_DISABLED)
    account = op.account()
    with op.services.store.write() as unit:
        keep_consent(unit.connection, account, "emi", ("openid", "profile", "email", "access"), now=unit.now)
    _session_id, cookie = signed_in(op, account, party, other, unheard)
    live = find_session(op.services, cookie)
    assert live is not None
    assert revoke_consent(op.services, live, client_id="emi")
    assert not revoke_consent(op.services, live, client_id="emi")
    event = only(party.take())
    assert event.uri == Signal.SESSION_REVOKED
    assert event.claims["sub_id"] == {"format": "iss_sub", "iss": ISSUER, "sub": account}
    assert event.payload["initiating_entity"] == "user"
    assert event.payload["reason_admin"] == {"en": "consent-revoked"}
    assert other.take() == []
    with op.services.store.write() as unit:
        for client_id in ("emi", "other", "unheard"):
            end_clients(
                unit,
                op.services,
                account_id=account,
                clients=[client_id],
                reason="access-ended",
                actor=SYSTEM,
            )
    assert only(other.take()).payload["initiating_entity"] == "system"
    assert party.take() == unheard.take() == [], "nothing was left to end, or it was not asked for"


def provisioned(op: Op) -> tuple[ScimWorld, str, str]:
    """Make an account over SCIM, and activate it; return the service, a token for it and the account."""
    lane = Lane(
        flask.Flask("none").wsgi_app,
        scim_routes(op.services),
        randomness=op.services.store.randomness,
        peer=lambda _environ: "127.0.0.1",
        host_is_ours=lambda _host: True,
    )
    world = ScimWorld(op.services, lane, flask.Flask("none"))
    token = world.token(audience=f"{op.services.issuer}/scim/v2")
    made: str = world.post("/Users", a_user(), token=token)["id"]
    op.set_account(made, activated_at=op.clock.now())
    return world, token, made


def test_an_account_that_is_switched_off_and_on_is_told_to_those_who_know_it(op: Op) -> None:
    """RISC §2.3, §2.4, I4: beside the end of its sessions; again when it comes back; to each by its own name for it."""
    party, stranger = Party(op), Party(op, "stranger")
    pairwise = Party(op, "pairwise", subject_type="pairwise")
    for each in (party, stranger):
        each.asks_for(*Signal)
    pairwise.asks_for(Signal.ACCOUNT_DISABLED, Signal.ACCOUNT_ENABLED)
    world, token, account = provisioned(op)
    _session_id, cookie = signed_in(op, account, party)
    code = op.code(cookie, client_id="pairwise")
    known = claims_of(op.redeem(code, headers=op.basic("pairwise")).json()["id_token"])["sub"]
    expected = {
        False: {Signal.ACCOUNT_DISABLED, Signal.SESSION_REVOKED},
        True: {Signal.ACCOUNT_ENABLED},
    }
    for active, signals in expected.items():
        switch = {"op": "replace", "path": "active", "value": active}
        assert world.patch(f"/Users/{account}", switch, token=token).status == 200
        events = party.take()
        assert {event.uri for event in events} == signals
        (about,) = [event for event in events if event.uri != Signal.SESSION_REVOKED]
        assert about.payload == {}
        assert about.claims["sub_id"] == {"format": "iss_sub", "iss": op.services.issuer, "sub": account}
        by = [event.payload["initiating_entity"] for event in events if event is not about]
        assert by == ([] if active else ["admin"]), "it was its client that did it"
        assert only(pairwise.take()).claims["sub_id"]["sub"] == known
    assert stranger.take() == []


def test_a_lock_by_staff_is_told_as_a_deactivation_is(op: Op) -> None:
    """RISC §2.3, §2.4, CAEP §3.1: once each, by an administrator; nothing while its source keeps it off."""
    party = Party(op)
    party.asks_for(*Signal)
    account = op.account()
    signed_in(op, account, party)
    for _again in range(2):
        lock(op.services)
    events = {event.uri: event for event in party.take()}
    assert set(events) == {Signal.ACCOUNT_DISABLED, Signal.SESSION_REVOKED}
    assert events[Signal.SESSION_REVOKED].payload["initiating_entity"] == "admin"
    assert events[Signal.SESSION_REVOKED].payload["reason_admin"] == {"en": "locked"}
    subject = {"format": "iss_sub", "iss": op.services.issuer, "sub": account}
    assert events[Signal.ACCOUNT_DISABLED].claims["sub_id"] == subject
    assert switched(op.services, account, active=False)
    unlock(op.services)
    assert party.take() == []
    lock(op.services)
    assert switched(op.services, account, active=True)
    assert party.take() == []
    for _again in range(2):
        unlock(op.services)
    assert only(party.take()).uri == Signal.ACCOUNT_ENABLED


def test_a_password_that_staff_reset_is_told(op: Op) -> None:
    """CAEP §3.1, §3.3: the former one is over, and what it opened; an administrator did it."""
    party, stranger = Party(op), Party(op, "stranger")
    for each in (party, stranger):
        each.asks_for(*Signal)
    account = op.account()
    signed_in(op, account, party)
    reset(op.services)
    events = {event.uri: event for event in party.take()}
    assert set(events) == {Signal.CREDENTIAL_CHANGE, Signal.SESSION_REVOKED}
    told = events[Signal.CREDENTIAL_CHANGE].payload
    assert (told["credential_type"], told["change_type"]) == ("password", "update")
    assert {event.payload["initiating_entity"] for event in events.values()} == {"admin"}
    assert events[Signal.SESSION_REVOKED].payload["reason_admin"] == {"en": "password-reset"}
    assert stranger.take() == []


def test_staff_of_the_help_desk_act_as_administrators(op: Op) -> None:
    """CAEP §2, §3.1, §3.3: they have accounts, too, but not the one that they look after."""
    party = Party(op)
    party.asks_for(*Signal)
    account, robin = op.account(), op.account("clarkr")
    signed_in(op, account, party)
    factor = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    an_app(op.services, account, factor)
    desk = Desk(robin, account, STAFF_ROLE, SOURCE, SURE)
    done = remove_lost_factors(op.services, "fieldn", [factor], actor=Actor("account", robin), desk=desk)
    assert isinstance(done, FactorsRemoved)
    events = {event.uri: event.payload for event in party.take()}
    assert set(events) == {Signal.CREDENTIAL_CHANGE, Signal.SESSION_REVOKED}
    told = events[Signal.CREDENTIAL_CHANGE]
    assert (told["credential_type"], told["change_type"]) == ("app", "delete")
    assert {payload["initiating_entity"] for payload in events.values()} == {"admin"}
    assert events[Signal.SESSION_REVOKED]["reason_admin"] == {"en": "factor-removed"}


class PlainOp(Op):
    """A provider that is reached by http, so that its cookies bear their plain names."""

    @staticmethod
    def cookies(session: str) -> dict[str, str]:
        """Return the cookie header of a browser."""
        return {name: value.replace("__Host-", "") for name, value in Op.cookies(session).items()}


def credential_listener(gatehouse: Gatehouse) -> Party:
    gatehouse.services.signing.ensure()
    party = Party(PlainOp(gatehouse.services, gatehouse.clock))
    party.asks_for(Signal.CREDENTIAL_CHANGE)
    return party


def test_a_new_factor_is_told(gatehouse: Gatehouse) -> None:
    """CAEP §3.3: an authenticator app that was confirmed, and not one that was only begun."""
    party = credential_listener(gatehouse)
    account = gatehouse.provision()
    party.op.set_account(account.id, activated_at=gatehouse.clock.now())
    signed_in(party.op, account.id, party)
    party.op.set_account(account.id, activated_at=None)
    flow = gatehouse.start_activation(account, browser="browser-new")
    gatehouse.answer_question(flow, "browser-new")
    assert party.take() == []
    gatehouse.enrol_app(flow, "browser-new")
    payload = only(party.take()).payload
    assert (payload["credential_type"], payload["change_type"]) == ("app", "create")
    assert payload["reason_admin"] == {"en": "app created"}


def test_a_factor_that_is_removed_is_told(op: Op) -> None:
    """CAEP §3.3: a name that it is given is nothing to others; its end is."""
    party = Party(op)
    party.asks_for(Signal.CREDENTIAL_CHANGE)
    account = op.account()
    signed_in(op, account, party)
    names = ("01HAPP0000000000000000000A", "01HAPP0000000000000000000B")
    for name in names:
        an_app(op.services, account, name)
    live = find_session(op.services, op.session(account))
    assert live is not None
    assert name_factor(op.services, live, names[0], label="Phone")
    assert party.take() == []
    assert isinstance(remove_factor(op.services, live, names[0]), OwnFactor)
    payload = only(party.take()).payload
    assert (payload["credential_type"], payload["change_type"]) == ("app", "delete")
    assert payload["reason_admin"] == {"en": "app deleted"}


def test_a_new_password_is_told(gatehouse: Gatehouse) -> None:
    """CAEP §3.3, CAEP Interoperability Profile §3.2: what kind of credential, and what became of it, in words too."""
    party = credential_listener(gatehouse)
    op = party.op
    holder = gatehouse.a_holder()
    signed_in(op, holder.account.id, party)
    gatehouse.clock.advance(dt.timedelta(days=90))
    flow = gatehouse.start(holder.browser)
    gatehouse.give_password(flow, holder.browser, holder.account.user_name)
    gatehouse.give_code(flow, holder.browser, gatehouse.code(holder.seed))
    assert party.take() == []
    done = set_new_password(
        gatehouse.services, flow=flow, browser=holder.browser, password=ANOTHER, repeat=ANOTHER
    )
    assert isinstance(done, Done)
    event = only(party.take())
    assert event.payload == {
        "event_timestamp": event.claims["iat"],
        "initiating_entity": "user",
        "credential_type": "password",
        "change_type": "update",
        "reason_admin": {"en": "password updated"},
    }
    assert event.claims["sub_id"]["sub"] == holder.account.id


@pytest.mark.parametrize("text", ["two\nlines", "turned \u202eround"])
def test_what_a_receiver_says_of_its_stream_is_one_line(sqlite_op: Op, text: str) -> None:
    """CVE-2021-42574: operators read it beside what we say of the stream."""
    party = Party(sqlite_op)
    assert party.ask("POST", "/ssf/stream", {"description": text}).status == 400
    name = party.asks_for(Signal.SESSION_REVOKED)
    for method in ("PUT", "PATCH"):
        assert party.ask(method, "/ssf/stream", {"stream_id": name, "description": text}).status == 400
    status = {"stream_id": name, "status": "paused", "reason": text}
    assert party.ask("POST", "/ssf/status", status).status == 400
    assert set_stream_status(sqlite_op.services, "emi", StreamStatus.PAUSED, reason=text, actor=SYSTEM)
    told = party.ask("GET", "/ssf/status", query=f"stream_id={name}").json()["reason"]
    assert told in ("two lines", "turned round")
