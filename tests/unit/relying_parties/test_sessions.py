"""The store of sessions and sign-ins in progress: what may happen once happens once, whoever is first."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from relying_parties.id_token import Access, Identity
from relying_parties.logout_token import LogoutOrder
from relying_parties.sessions import Login, Profile, Session, Sessions
from relying_parties.store import Store

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
IDLE = timedelta(hours=1)
LOGIN = Login(nonce="n", code_verifier="v", target="/apps/emi/", max_age_seconds=60, acr=("phr",))
IDENTITY = Identity(
    issuer="https://op.example",
    subject="alice",
    provider_session="sid",
    acr="phr",
    amr=("hwk", "user"),
    signed_in_at=NOON,
    issued_at=NOON,
    session_ends_at=None,
    access=(Access("1", "ACME", "role", "Role"),),
)
SESSION = Session(
    identity=IDENTITY,
    profile=Profile(name="Alice", user_name="smithal", email="a@example.com"),
    id_token="a.b.c",
    form_token="f",
    started_at=NOON,
    expires_at=NOON + timedelta(hours=8),
)
ORDER = LogoutOrder(
    token_id="one",
    provider_session="sid",
    subject="alice",
    issued_at=NOON,
    expires_at=NOON + timedelta(minutes=2),
)


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    """An empty store."""
    return Sessions(Store(str(tmp_path / "sessions.db")))


def test_a_session_comes_back_as_it_was_stored(sessions: Sessions) -> None:
    """Every field, through the file."""
    assert sessions.start("emi", "cookie", SESSION, idle=IDLE, now=NOON)
    assert sessions.find("emi", "cookie", idle=IDLE, now=NOON) == SESSION
    assert sessions.find("emi", "other", idle=IDLE, now=NOON) is None
    assert sessions.find("reports", "cookie", idle=IDLE, now=NOON) is None


def test_a_sign_in_is_finished_once_by_its_own_browser(sessions: Sessions) -> None:
    """RP-06: another browser's try does not spend it; time does."""
    sessions.open_login("emi", "state", "binding", LOGIN, now=NOON)
    assert sessions.take_login("emi", "state", "guess", now=NOON) is None
    assert sessions.take_login("reports", "state", "binding", now=NOON) is None
    assert sessions.take_login("emi", "state", "binding", now=NOON + timedelta(minutes=15)) is None
    assert sessions.take_login("emi", "state", "binding", now=NOON) == LOGIN
    assert sessions.take_login("emi", "state", "binding", now=NOON) is None


def test_of_many_callbacks_at_once_exactly_one_finishes(sessions: Sessions) -> None:
    """RP-06: the database decides."""
    sessions.open_login("emi", "state", "binding", LOGIN, now=NOON)
    barrier = threading.Barrier(16)

    def take(_number: int) -> Login | None:
        barrier.wait()
        return sessions.take_login("emi", "state", "binding", now=NOON)

    with ThreadPoolExecutor(16) as pool:
        taken = list(pool.map(take, range(16)))
    assert sum(login is not None for login in taken) == 1


def test_of_many_deliveries_of_one_logout_token_exactly_one_counts(sessions: Sessions) -> None:
    """LO-06: the token's id is spent in the statement that ends the sessions."""
    sessions.start("emi", "cookie", SESSION, idle=IDLE, now=NOON)
    barrier = threading.Barrier(16)

    def deliver(_number: int) -> int | None:
        barrier.wait()
        return sessions.end_by("emi", ORDER, now=NOON)

    with ThreadPoolExecutor(16) as pool:
        ended = list(pool.map(deliver, range(16)))
    assert sorted(count for count in ended if count is not None) == [1]


@pytest.mark.parametrize(
    ("session", "subject", "ended"),
    [
        ("sid", "alice", 1),
        ("sid", "", 1),
        ("sid", "bob", 0),
        ("other", "alice", 0),
        ("", "alice", 2),
        ("", "bob", 0),
    ],
)
def test_a_logout_order_ends_what_it_names(
    sessions: Sessions, session: str, subject: str, ended: int
) -> None:
    """Back-Channel Logout §2.7: with sid that session, if the subject fits; without sid all of the subject."""
    second = replace(SESSION, identity=replace(IDENTITY, provider_session="second"))
    sessions.start("emi", "a", SESSION, idle=IDLE, now=NOON)
    sessions.start("emi", "b", second, idle=IDLE, now=NOON)
    order = replace(ORDER, provider_session=session, subject=subject)
    assert sessions.end_by("emi", order, now=NOON) == ended


@pytest.mark.parametrize(
    ("order", "begins"),
    [
        (ORDER, False),
        (replace(ORDER, subject=""), False),
        (replace(ORDER, provider_session=""), False),
        (replace(ORDER, provider_session="", subject="bob"), True),
        (replace(ORDER, provider_session="other"), True),
        (replace(ORDER, issued_at=NOON - timedelta(seconds=1)), True),
    ],
)
def test_a_session_that_was_ended_before_it_began_does_not_begin(
    sessions: Sessions, order: LogoutOrder, *, begins: bool
) -> None:
    """A logout token that is as young as the ID token stops it; an older one was for the session before."""
    sessions.end_by("emi", order, now=NOON)
    assert sessions.start("emi", "cookie", SESSION, idle=IDLE, now=NOON) is begins
    assert sessions.start("reports", "other", SESSION, idle=IDLE, now=NOON)


def test_a_session_ends_with_its_time_and_with_idleness(sessions: Sessions) -> None:
    """Use prolongs the one, never the other."""
    sessions.start("emi", "cookie", SESSION, idle=IDLE, now=NOON)
    at = NOON
    while at < NOON + timedelta(hours=7, minutes=59):
        assert sessions.find("emi", "cookie", idle=IDLE, now=at) is not None
        at += timedelta(minutes=59)
    assert sessions.find("emi", "cookie", idle=IDLE, now=NOON + timedelta(hours=8)) is None


def test_signing_out_ends_one_session(sessions: Sessions) -> None:
    """The other browser stays signed in."""
    sessions.start("emi", "a", SESSION, idle=IDLE, now=NOON)
    sessions.start("emi", "b", SESSION, idle=IDLE, now=NOON)
    sessions.end("emi", "a")
    assert sessions.find("emi", "a", idle=IDLE, now=NOON) is None
    assert sessions.find("emi", "b", idle=IDLE, now=NOON) is not None


def test_what_is_over_is_dropped_bit_by_bit(sessions: Sessions, tmp_path: Path) -> None:
    """The file does not grow with the years."""
    for number in range(120):
        sessions.open_login("emi", f"old-{number}", "b", LOGIN, now=NOON)
    for number in range(5):
        sessions.open_login("emi", f"new-{number}", "b", LOGIN, now=NOON + timedelta(days=1))
    with Store(str(tmp_path / "sessions.db")).reading() as connection:
        assert connection.execute("SELECT count(*) FROM login").fetchone() == (5,)


def test_workers_share_the_file(tmp_path: Path) -> None:
    """What one process begins another finishes and a third ends; the file is nobody else's to read."""
    place = tmp_path / "deep" / "sessions.db"
    first, second, third = (Sessions(Store(str(place))) for _ in range(3))
    first.open_login("emi", "state", "binding", LOGIN, now=NOON)
    assert second.take_login("emi", "state", "binding", now=NOON) == LOGIN
    second.start("emi", "cookie", SESSION, idle=IDLE, now=NOON)
    third.end_by("emi", ORDER, now=NOON)
    assert first.find("emi", "cookie", idle=IDLE, now=NOON) is None
    assert place.stat().st_mode & 0o077 == 0
