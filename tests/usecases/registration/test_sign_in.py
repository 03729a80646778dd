"""Signing in through the Gateway, sessions, signing out, drafts (R-012, R-013; OIDC; RG-13, RG-19)."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from kernel.errors import BusyError
from kernel.origin import Origin, origin
from kernel.ratelimit import take
from kernel.tables import audit_event
from registration.domain.authority import Caller
from registration.domain.outbox import Aggregate
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import NewPerson
from registration.domain.plan import RequestMade
from registration.domain.sign_in import (
    Attempt,
    LogoutNotice,
    ProviderUnreachableError,
    SignInRefusedError,
    VerifiedSignIn,
)
from registration.storage import outbox as rows
from registration.storage import sessions
from registration.storage.tables import account, draft, sign_in_attempt, signed_in_session
from registration.usecases.backchannel_logout import LoggedOut, backchannel_logout
from registration.usecases.end_session import end_session
from registration.usecases.finish_sign_in import SessionStarted, finish_sign_in
from registration.usecases.read_session import read_session
from registration.usecases.save_draft import save_draft
from registration.usecases.show_draft import show_draft
from registration.usecases.start_draft import start_draft
from registration.usecases.start_sign_in import ATTEMPTS, SignInStarted, start_sign_in
from registration.usecases.sweep_what_is_over import sweep_what_is_over
from tests.support.registration_world import World, a_form, a_world
from tests.support.together import done_or_waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel.database import Database


@dataclass
class ScriptedProvider:
    """The provider port, answering as told; it remembers what it was asked."""

    subject: str = ""
    refuse: str = ""
    away: bool = False
    notice: LogoutNotice | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None
    """What happens while an ID token is on its way."""

    def _check(self) -> None:
        if self.away:
            raise ProviderUnreachableError
        if self.refuse:
            raise SignInRefusedError(self.refuse)

    def authorization_url(self, attempt: Attempt, *, state: str, redirect_uri: str) -> str:
        if self.away:
            raise ProviderUnreachableError
        self.asked.append({"redirect_uri": redirect_uri, "state": state, "attempt": attempt})
        return f"https://gateway.example/authorize?state={state}"

    def redeem(
        self, parameters: Mapping[str, list[str]], attempt: Attempt, *, redirect_uri: str, now: dt.datetime
    ) -> VerifiedSignIn:
        self._check()
        sent = self.asked[-1]
        assert (redirect_uri, attempt) == (sent["redirect_uri"], sent["attempt"])
        self.meanwhile()
        return VerifiedSignIn(self.subject, "sid-1", "urn:switchyard:acr:2fa", now, "the.id.token", now)

    def end_session_url(self, *, id_token: str, return_to: str) -> str:
        if self.away:
            raise ProviderUnreachableError
        return f"https://gateway.example/logout?hint={id_token}&to={return_to}"

    def check_logout_token(self, token: str, *, now: dt.datetime) -> LogoutNotice:
        del token, now
        self._check()
        assert self.notice is not None
        return self.notice


@dataclass
class Door:
    """A world whose people can sign in."""

    world: World
    provider: ScriptedProvider

    def start(self, browser: str = "browser", return_to: str = "/") -> str:
        started = start_sign_in(self.world.services, browser_token=browser, return_to=return_to)
        assert isinstance(started, SignInStarted), started
        return str(self.provider.asked[-1]["state"])

    def finish(self, state: str, browser: str = "browser") -> SessionStarted | Refused:
        parameters = {"state": [state], "code": ["c"], "iss": ["https://gateway.example"]}
        return finish_sign_in(self.world.services, browser_token=browser, parameters=parameters)

    def sign_in(self) -> SessionStarted:
        made = self.finish(self.start())
        assert isinstance(made, SessionStarted), made
        return made


@pytest.fixture
def door(registration_database: Database) -> Door:
    return a_door(registration_database)


def a_door(database: Database) -> Door:
    world = a_world(database)
    world.drain()
    provider = ScriptedProvider()
    with world.services.store.read() as connection:
        subject = rows.remote_id(connection, Aggregate.USER, world.people["ra"].account_id)
    provider.subject = subject or ""
    world.services = replace(world.services, provider=provider)
    return Door(world, provider)


def refusal(made: object) -> Refusal:
    assert isinstance(made, Refused), made
    return made.reason


def test_who_signed_in_is_never_led_to_another_host(door: Door) -> None:
    """RFC 9700 §4.11: whatever the address of the sign-in asked for."""
    made = door.finish(door.start(return_to="//evil.example/"))
    assert isinstance(made, SessionStarted)
    assert made.return_to == "/"


def test_the_gateways_subject_becomes_the_person_with_her_organizations(door: Door) -> None:
    """R-012, R-013: from subject to account to person to contact roles."""
    made = door.finish(door.start(return_to="/requests/1"))
    assert isinstance(made, SessionStarted)
    assert made.return_to == "/requests/1"
    view = read_session(door.world.services, token=made.token)
    assert view is not None
    assert view.caller.account_id == door.world.people["ra"].account_id
    assert view.identity.display_name == "Rita Rights"
    assert [(entry.short_name, entry.may_grant) for entry in view.identity.organizations] == [
        ("ACME GENERATION", True)
    ]
    assert view.acr == "urn:switchyard:acr:2fa"
    assert not view.identity.is_staff


def test_an_answer_works_once_and_in_its_own_browser(door: Door) -> None:
    """RFC 9700 §4.7: the state is bound to the browser and spent by the first answer."""
    state = door.start()
    assert refusal(door.finish(state, browser="another")) is Refusal.SIGN_IN_EXPIRED
    assert isinstance(door.finish(state), SessionStarted)
    assert refusal(door.finish(state)) is Refusal.SIGN_IN_EXPIRED
    assert refusal(door.finish("made-up")) is Refusal.SIGN_IN_EXPIRED


def test_an_answer_without_or_with_two_states_is_refused(door: Door) -> None:
    for parameters in ({}, {"state": [""]}, {"state": ["a", "b"]}):
        answer = finish_sign_in(door.world.services, browser_token="browser", parameters=parameters)
        assert refusal(answer) is Refusal.SIGN_IN_FAILED


def test_an_attempt_grows_old(door: Door) -> None:
    state = door.start()
    door.world.clock.advance(dt.timedelta(minutes=30))
    assert refusal(door.finish(state)) is Refusal.SIGN_IN_EXPIRED


def test_a_refused_check_is_audited_by_name_and_spends_the_attempt(door: Door) -> None:
    state = door.start()
    door.provider.refuse = "nonce"
    assert refusal(door.finish(state)) is Refusal.SIGN_IN_FAILED
    with door.world.services.store.read() as connection:
        found = connection.execute(select(audit_event.c.reason).where(audit_event.c.outcome == "refused"))
        assert found.scalars().all() == ["nonce"]
    door.provider.refuse = ""
    assert refusal(door.finish(state)) is Refusal.SIGN_IN_EXPIRED


def test_a_gateway_that_is_away_is_told_apart(door: Door) -> None:
    state = door.start()
    door.provider.away = True
    assert refusal(door.finish(state)) is Refusal.PROVIDER_UNREACHABLE
    assert refusal(start_sign_in(door.world.services, browser_token="b")) is Refusal.PROVIDER_UNREACHABLE


def test_a_subject_the_registry_does_not_know_gets_no_session(door: Door) -> None:
    door.provider.subject = "somebody-else"
    assert refusal(door.finish(door.start())) is Refusal.NO_ACCOUNT


def test_a_session_ends_with_idleness_age_and_account(door: Door) -> None:
    services, clock = door.world.services, door.world.clock
    made = door.sign_in()
    clock.advance(dt.timedelta(minutes=29))
    assert read_session(services, token=made.token)
    clock.advance(dt.timedelta(minutes=29))
    assert read_session(services, token=made.token), "looking keeps it alive"
    clock.advance(dt.timedelta(minutes=30))
    assert read_session(services, token=made.token) is None
    old = door.sign_in()
    for _ in range(30):
        clock.advance(dt.timedelta(minutes=20))
        read_session(services, token=old.token)
    assert read_session(services, token=old.token) is None
    fresh = door.sign_in()
    with services.store.write() as unit:
        unit.connection.execute(
            update(account)
            .where(account.c.id == door.world.people["ra"].account_id)
            .values(status="deactivated")
        )
    assert read_session(services, token=fresh.token) is None
    assert read_session(services, token="") is None
    assert read_session(services, token="made-up") is None


def test_no_token_is_kept_readable(door: Door) -> None:
    """Digests and sealed values only."""
    made = door.sign_in()
    with door.world.services.store.read() as connection:
        stored = str(connection.execute(select(signed_in_session)).mappings().all())
        stored += str(connection.execute(select(sign_in_attempt)).mappings().all())
    for secret in (made.token, "the.id.token", door.provider.asked[-1]["attempt"].verifier):
        assert secret not in stored


def test_signing_out_ends_the_session_and_goes_on_to_the_gateway(door: Door) -> None:
    """RP-Initiated Logout: with the ID token as hint."""
    services, made = door.world.services, door.sign_in()
    ended = end_session(services, token=made.token)
    assert ended.url == "https://gateway.example/logout?hint=the.id.token&to=http://127.0.0.1:8001/signed-out"
    assert read_session(services, token=made.token) is None
    assert end_session(services, token=made.token).url == "http://127.0.0.1:8001/signed-out"
    other = door.sign_in()
    door.provider.away = True
    assert end_session(services, token=other.token).url == "http://127.0.0.1:8001/signed-out"
    assert read_session(services, token=other.token) is None


@pytest.mark.parametrize("named", ["sid", "subject", "both"])
def test_the_gateway_ends_sessions_by_notice_once(door: Door, named: str) -> None:
    """Back-Channel Logout: a repeated notice changes nothing and is answered alike."""
    services, made = door.world.services, door.sign_in()
    door.provider.notice = LogoutNotice(
        jti="one",
        sid=None if named == "subject" else "sid-1",
        subject=None if named == "sid" else door.provider.subject,
        issued_at=door.world.clock.now(),
        expires_at=door.world.clock.now() + dt.timedelta(minutes=12),
    )
    assert backchannel_logout(services, logout_token="t") == LoggedOut(1)
    assert read_session(services, token=made.token) is None
    door.world.clock.advance(dt.timedelta(seconds=1))
    again = door.sign_in()
    assert backchannel_logout(services, logout_token="t") == LoggedOut(0)
    assert read_session(services, token=again.token)


@pytest.mark.parametrize("named", ["sid", "subject", "both"])
def test_who_is_signed_out_on_the_way_gets_no_session(door: Door, named: str) -> None:
    """LO-04, Back-Channel Logout §2.7: the notice comes while the code is redeemed, before there is a session."""
    now = door.world.clock.now()
    door.provider.notice = LogoutNotice(
        jti="one",
        sid=None if named == "subject" else "sid-1",
        subject=None if named == "sid" else door.provider.subject,
        issued_at=now,
        expires_at=now + dt.timedelta(minutes=12),
    )
    door.provider.meanwhile = lambda: backchannel_logout(door.world.services, logout_token="t")
    assert refusal(door.finish(door.start())) is Refusal.SIGN_IN_FAILED
    door.provider.meanwhile = lambda: None
    door.world.clock.advance(dt.timedelta(seconds=1))
    assert door.sign_in(), "what the Gateway vouches for after that is good"


def test_who_is_signed_out_as_the_session_starts_loses_it(postgresql_registration_database: Database) -> None:
    """LO-04: the notice waits for the session whose sign-in it came too late for; on SQLite all wait in line."""
    door = a_door(postgresql_registration_database)
    now, provider = door.world.clock.now(), door.provider
    provider.notice = LogoutNotice("one", "sid-1", provider.subject, now, now + dt.timedelta(minutes=12))
    store = door.world.services.store
    with ThreadPoolExecutor(1) as pool:
        with store.write() as unit:
            signed_in = VerifiedSignIn(provider.subject, "sid-1", "", now, "", now)
            assert not sessions.has_ended(unit.connection, signed_in)
            heard = pool.submit(backchannel_logout, door.world.services, logout_token="t")
            done_or_waiting(postgresql_registration_database, heard)
            sessions.add(
                unit.connection,
                unit.sealer,
                signed_in,
                identifier=unit.randomness.ulid(unit.now),
                token="token",
                account_id=door.world.people["ra"].account_id,
                now=unit.now,
                expires_at=now + dt.timedelta(hours=1),
            )
        assert heard.result(60) == LoggedOut(1)
    assert read_session(door.world.services, token="token") is None


def test_a_notice_for_somebody_else_ends_nothing(door: Door) -> None:
    services, made = door.world.services, door.sign_in()
    now = door.world.clock.now()
    door.provider.notice = LogoutNotice(
        "two", "sid-1", "another-subject", now, now + dt.timedelta(minutes=12)
    )
    assert backchannel_logout(services, logout_token="t") == LoggedOut(0)
    door.provider.refuse = "signature"
    assert refusal(backchannel_logout(services, logout_token="t")) is Refusal.SIGN_IN_FAILED
    door.provider.refuse, door.provider.away = "", True
    assert refusal(backchannel_logout(services, logout_token="t")) is Refusal.PROVIDER_UNREACHABLE
    assert read_session(services, token=made.token)


def test_ended_sessions_and_old_attempts_are_swept(door: Door) -> None:
    door.sign_in()
    door.world.clock.advance(dt.timedelta(days=40))
    assert sweep_what_is_over(door.world.services) == 2
    assert sweep_what_is_over(door.world.services) == 0


def test_one_place_cannot_fill_the_database_with_attempts(door: Door) -> None:
    """LK-07: whoever has proved nothing has a bounded number kept; others go on, and so does it later."""
    with door.world.services.store.write() as unit:
        take(unit.connection, ATTEMPTS, "192.0.2.66", now=unit.now, cost=ATTEMPTS.count)
    with origin(Origin("192.0.2.66")), pytest.raises(BusyError):
        door.start()
    with origin(Origin("198.51.100.7")):
        assert door.start()
    door.world.clock.advance(ATTEMPTS.per)
    with origin(Origin("192.0.2.66")):
        assert door.start()


def test_of_the_drafts_of_one_person_the_newest_are_kept(door: Door) -> None:
    """RG-19: whoever begins for ever fills nothing, and touches nobody else's."""
    services = door.world.services
    ra, pc = door.world.caller("ra"), door.world.caller("pc")
    others = start_draft(services, caller=pc, kind="grant")
    made = []
    for _ in range(52):
        door.world.clock.advance(dt.timedelta(seconds=1))
        made.append(start_draft(services, caller=ra, kind="grant"))
    kept = [show_draft(services, caller=ra, draft_id=each.id) is not None for each in made]
    assert kept == [False, False, *[True] * 50]
    assert show_draft(services, caller=pc, draft_id=others.id) == others


def test_a_draft_is_its_owners_alone_and_nobody_reads_it_at_rest(door: Door) -> None:
    """RG-19: somebody else's is not there."""
    services = door.world.services
    ra, pc = door.world.caller("ra"), door.world.caller("pc")
    kept = start_draft(services, caller=ra, kind="grant", values={"last_name": "Smith"})
    assert show_draft(services, caller=pc, draft_id=kept.id) is None
    assert refusal(save_draft(services, caller=pc, draft_id=kept.id, values={"x": 1})) is Refusal.NOT_FOUND
    saved = save_draft(services, caller=ra, draft_id=kept.id, values={"roles": ["a"]}, version=1)
    assert not isinstance(saved, Refused)
    assert (saved.version, saved.values) == (2, {"last_name": "Smith", "roles": ["a"]})
    stale = save_draft(services, caller=ra, draft_id=kept.id, values={}, version=1)
    assert refusal(stale) is Refusal.STALE_PLAN
    assert show_draft(services, caller=ra, draft_id=kept.id) == saved
    with services.store.read() as connection:
        assert b"Smith" not in connection.execute(select(draft.c.body)).scalar_one()
    door.world.clock.advance(dt.timedelta(hours=24))
    assert show_draft(services, caller=ra, draft_id=kept.id) is None
    assert sweep_what_is_over(services) == 1


def test_a_suspended_administrator_can_do_nothing(door: Door) -> None:
    """RG-13: the registry decides, not the session."""
    with door.world.services.store.write() as unit:
        unit.connection.execute(
            update(account)
            .where(account.c.id == door.world.people["ra"].account_id)
            .values(status="suspended")
        )
    answer = door.world.grant("ra", NewPerson(a_form("Jim", "Smith")), "reports-settlement")
    assert refusal(answer) is Refusal.NOT_FOUND
    assert not isinstance(answer, RequestMade)
    assert Caller("nobody").kind == "account"
