"""The outbox's rules: what an answer means, how long to wait, when to stop (I-01, OB-03..OB-08)."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registration.domain.outbox import (
    BACKOFF,
    DUE_STATES,
    GIVE_UP_AFTER,
    LANE_RANK,
    PROBE_EVERY,
    TRIP_AFTER,
    Action,
    Aggregate,
    Health,
    Lane,
    Row,
    State,
    Verdict,
    after_failure,
    backoff,
    blocked,
    judge,
    lane_of,
    may_send,
    membership_id,
    settle,
    split_membership,
)
from tests.support.clock import NOON


def a_row(**more: object) -> Row:
    values: dict[str, object] = {
        "id": "01ROW",
        "lane": Lane.GRANT,
        "kind": Aggregate.MEMBERSHIP,
        "aggregate_id": "01A@100001:emi",
        "desired_version": 3,
        "acked_version": 2,
        "state": State.LEASED,
        "attempts": 0,
        "next_at": NOON,
        "created_at": NOON,
        "failing_since": None,
        "lease_no": 1,
        "depends_on": None,
        "request_id": None,
    }
    return Row(**{**values, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("action", "status", "scim_type", "detail", "active", "verdict"),
    [
        (Action.CREATE, 201, "", "", True, Verdict.ACK),
        (Action.ADD_MEMBER, 204, "", "", True, Verdict.ACK),
        (Action.CHANGE, 404, "", "", True, Verdict.RECREATE),
        (Action.CHANGE, 404, "", "", False, Verdict.ACK),
        (Action.REMOVE_MEMBER, 404, "", "", True, Verdict.ACK),
        (Action.ADD_MEMBER, 404, "", "", True, Verdict.RECREATE),
        (Action.CREATE, 404, "", "", True, Verdict.REFUSED),
        (Action.CREATE, 409, "uniqueness", "", True, Verdict.TAKEN),
        (Action.CHANGE, 409, "", "staleVersion: 4 is stored", True, Verdict.STALE),
        (Action.CHANGE, 412, "", "", True, Verdict.CHANGED),
        (Action.CHANGE, 401, "", "", True, Verdict.UNAUTHORIZED),
        (Action.CHANGE, 403, "", "", True, Verdict.UNAUTHORIZED),
        (Action.CHANGE, 401, "", "protectedAccount: no", True, Verdict.UNAUTHORIZED),
        (Action.CHANGE, 403, "", "protectedAccount: it is not ours to change", True, Verdict.REFUSED),
        (Action.REMOVE_MEMBER, 400, "noTarget", "", True, Verdict.ACK),
        (Action.ADD_MEMBER, 400, "noTarget", "", True, Verdict.REFUSED),
        (Action.CREATE, 400, "invalidValue", "", True, Verdict.REFUSED),
        (Action.CREATE, 413, "", "", True, Verdict.REFUSED),
        (Action.CREATE, 429, "", "", True, Verdict.TRANSIENT),
        (Action.CREATE, 503, "", "", True, Verdict.TRANSIENT),
        (Action.CREATE, 599, "", "", True, Verdict.TRANSIENT),
        (Action.CREATE, 307, "", "", True, Verdict.TRANSIENT),
        (Action.CREATE, 0, "", "", True, Verdict.UNREACHABLE),
    ],
)
def test_every_class_of_answer_has_one_meaning(
    action: Action, status: int, scim_type: str, detail: str, *, active: bool, verdict: Verdict
) -> None:
    assert judge(action, status=status, scim_type=scim_type, detail=detail, active=active) is verdict


@given(st.sampled_from(Action), st.integers(0, 999), st.text(max_size=20), st.booleans())
def test_every_status_has_a_meaning(action: Action, status: int, detail: str, active: bool) -> None:  # noqa: FBT001
    assert judge(action, status=status, detail=detail, active=active) in Verdict


def test_waits_grow_from_a_second_to_an_hour() -> None:
    waits = [backoff(attempt, spread=0) for attempt in range(1, 10)]
    assert waits[:6] == list(BACKOFF)
    assert waits[6:] == [dt.timedelta(hours=1)] * 3


@given(st.integers(1, 50), st.floats(-1, 1))
def test_chance_moves_a_wait_by_a_fifth_at_most(attempts: int, spread: float) -> None:
    """OB-05: no thundering herd."""
    wait, middle = backoff(attempts, spread=spread), backoff(attempts, spread=0)
    assert middle * 0.8 <= wait <= middle * 1.2


@given(st.integers(1, 10), st.floats(-1, 1), st.integers(0, 3600))
def test_a_retry_after_is_never_undercut(attempts: int, spread: float, seconds: int) -> None:
    asked = dt.timedelta(seconds=seconds)
    assert backoff(attempts, spread=spread, retry_after=asked) >= asked


def test_a_retry_after_of_a_year_is_not_obeyed() -> None:
    assert backoff(1, spread=1, retry_after=dt.timedelta(days=365)) <= dt.timedelta(minutes=72)


def test_an_ack_ends_the_row_at_the_version_that_was_sent() -> None:
    done = settle(a_row(attempts=4, failing_since=NOON), Verdict.ACK, now=NOON, spread=0)
    assert (done.state, done.acked_version, done.attempts, done.failing_since) == (State.DONE, 3, 0, None)


@pytest.mark.parametrize("verdict", [Verdict.UNREACHABLE, Verdict.UNAUTHORIZED])
def test_what_is_the_targets_fault_does_not_count_against_the_row(verdict: Verdict) -> None:
    """However long the Gateway is away, nothing dies of it (OB-05)."""
    old = a_row(attempts=2, failing_since=NOON - dt.timedelta(days=30))
    left = settle(old, verdict, now=NOON, spread=0)
    assert (left.state, left.attempts) == (State.PENDING, 2)


def test_a_transient_answer_is_retried_and_after_three_days_the_row_is_dead() -> None:
    first = settle(a_row(), Verdict.TRANSIENT, now=NOON, spread=0)
    assert (first.state, first.attempts, first.failing_since) == (State.RETRY, 1, NOON)
    assert first.next_at == NOON + dt.timedelta(seconds=1)
    old = a_row(attempts=80, failing_since=NOON - GIVE_UP_AFTER)
    assert settle(old, Verdict.TRANSIENT, now=NOON, spread=0).state is State.DEAD


@pytest.mark.parametrize("verdict", [Verdict.TRANSIENT, Verdict.STALE, Verdict.CHANGED])
def test_a_denial_is_tried_every_minute_until_it_is_done(verdict: Verdict) -> None:
    """I-10, I-17: a Gateway that was ill for a week leaves nobody access for another hour, or for good."""
    old = a_row(lane=Lane.DENY, attempts=80, failing_since=NOON - 3 * GIVE_UP_AFTER)
    left = settle(old, verdict, now=NOON, spread=1)
    assert left.state in DUE_STATES
    assert left.next_at - NOON <= dt.timedelta(seconds=72)
    asked = settle(old, verdict, now=NOON, spread=0, retry_after=dt.timedelta(minutes=5))
    assert asked.next_at - NOON >= dt.timedelta(minutes=5)


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (Verdict.REFUSED, State.DEAD),
        (Verdict.TAKEN, State.CASE),
        (Verdict.STALE, State.CONFLICT),
        (Verdict.CHANGED, State.CONFLICT),
    ],
)
def test_what_waiting_does_not_cure_is_not_retried_for_ever(verdict: Verdict, state: State) -> None:
    assert settle(a_row(), verdict, now=NOON, spread=0).state is state


def test_a_blocked_row_looks_again_even_if_nobody_wakes_it() -> None:
    waiting = blocked(a_row(), "user/01A", now=NOON)
    assert (waiting.state, waiting.depends_on) == (State.BLOCKED, "user/01A")
    assert NOON < waiting.next_at <= NOON + dt.timedelta(seconds=10)


@given(st.sampled_from(Verdict), st.integers(0, 60), st.floats(-1, 1), st.integers(0, 100))
def test_acked_versions_only_grow(verdict: Verdict, attempts: int, spread: float, hours: int) -> None:
    row = a_row(attempts=attempts, failing_since=NOON - dt.timedelta(hours=hours) if hours else None)
    settled = settle(row, verdict, now=NOON, spread=spread)
    assert row.acked_version <= settled.acked_version <= row.desired_version
    assert settled.next_at >= NOON


@pytest.mark.parametrize(
    ("kind", "desired", "known", "lane"),
    [
        (Aggregate.MEMBERSHIP, False, True, Lane.DENY),
        (Aggregate.USER, False, True, Lane.DENY),
        (Aggregate.USER, True, False, Lane.CREATE),
        (Aggregate.USER, True, True, Lane.UPDATE),
        (Aggregate.GROUP, True, False, Lane.CREATE),
        (Aggregate.MEMBERSHIP, True, False, Lane.GRANT),
    ],
)
def test_what_takes_access_away_goes_first(
    kind: Aggregate, *, desired: bool, known: bool, lane: Lane
) -> None:
    """OB-08, I-10."""
    assert lane_of(kind, desired=desired, known=known) is lane
    assert LANE_RANK[Lane.DENY] == 0


def test_the_breaker_opens_after_five_failures_and_probes_every_fifteen_seconds() -> None:
    health = Health()
    for _ in range(TRIP_AFTER - 1):
        health = after_failure(health, now=NOON, cause="unreachable")
        assert may_send(health, now=NOON)
    health = after_failure(health, now=NOON + dt.timedelta(seconds=9), cause="unreachable")
    assert health.is_open
    assert health.failing_since == NOON
    later = NOON + dt.timedelta(seconds=9)
    assert not may_send(health, now=later + PROBE_EVERY - dt.timedelta(seconds=1))
    assert may_send(health, now=later + PROBE_EVERY)


def test_a_refused_credential_opens_the_breaker_at_once() -> None:
    assert after_failure(Health(), now=NOON, cause="unauthorized", at_once=True).is_open


def test_a_membership_is_named_by_its_account_and_group() -> None:
    assert split_membership(membership_id("01A", "100001:emi")) == ("01A", "100001:emi")
