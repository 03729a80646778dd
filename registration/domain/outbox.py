"""The outbox: "aggregate A must reach version V in the Gateway", as a state machine without I/O.

Level-triggered: a row is no replay of a change. Whoever delivers it builds the request from the present
desired state, so that repeats, lost answers and reordering are harmless (I-01, I-10..I-12).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LEASE: Final = dt.timedelta(seconds=30)
GIVE_UP_AFTER: Final = dt.timedelta(hours=72)
BLOCKED_RECHECK: Final = dt.timedelta(seconds=5)
LONGEST_RETRY_AFTER: Final = dt.timedelta(hours=1)
IMMEDIATE_TRIES: Final = 3
HIGHEST_VERSION: Final = 2_000_000_000
"""Beyond what anybody counts up to; what claims to be further on is not believed."""
BACKOFF: Final = tuple(dt.timedelta(seconds=seconds) for seconds in (1, 5, 30, 120, 600, 1800))
BACKOFF_AFTERWARDS: Final = dt.timedelta(hours=1)
LONGEST_DENIAL_WAIT: Final = dt.timedelta(minutes=1)
"""What takes access away is tried again this soon, however long it failed, and is never given up."""
JITTER: Final = 0.2


class Lane(StrEnum):
    """The lanes, most urgent first: what takes access away overtakes everything else."""

    DENY = "deny"
    CREATE = "create"
    GRANT = "grant"
    UPDATE = "update"


LANE_RANK: Final[Mapping[Lane, int]] = {lane: rank for rank, lane in enumerate(Lane)}


class Aggregate(StrEnum):
    """What a row is about."""

    USER = "user"
    GROUP = "group"
    MEMBERSHIP = "membership"


class State(StrEnum):
    """Where a row stands.

    PENDING is due at ``next_at``. BLOCKED waits for its user or group. LEASED is out with one worker.
    DONE has reached the desired version and leaves when that grows. RETRY met a transient error, CONFLICT
    another version. CASE needs a human, DEAD was refused or, unless it is a denial, failed for three days,
    ABANDONED was closed by the operator; each of these three leaves when the desired state changes again, or
    when Customer Relations send it again.
    """

    PENDING = "pending"
    BLOCKED = "blocked"
    LEASED = "leased"
    DONE = "done"
    RETRY = "retry"
    CONFLICT = "conflict"
    CASE = "case"
    DEAD = "dead"
    ABANDONED = "abandoned"


DUE_STATES: Final = (State.PENDING, State.RETRY, State.BLOCKED, State.CONFLICT)
"""States a worker may claim once ``next_at`` has come; a lapsed lease may be claimed too."""


@dataclass(frozen=True, slots=True)
class Row:
    """One aggregate's row. ``lease_no`` grows with every claim: only the latest claimant may settle."""

    id: str
    lane: Lane
    kind: Aggregate
    aggregate_id: str
    desired_version: int
    acked_version: int
    state: State
    attempts: int
    next_at: dt.datetime
    created_at: dt.datetime
    failing_since: dt.datetime | None
    lease_no: int
    depends_on: str | None
    request_id: str | None


class Verdict(StrEnum):
    """What an answer of the Gateway means for the row that was sent."""

    ACK = "ack"
    RECREATE = "recreate"
    STALE = "stale"
    TAKEN = "taken"
    CHANGED = "changed"
    UNAUTHORIZED = "unauthorized"
    REFUSED = "refused"
    TRANSIENT = "transient"
    UNREACHABLE = "unreachable"


class Action(StrEnum):
    """What was asked of the Gateway."""

    CREATE = "create"
    CHANGE = "change"
    ADD_MEMBER = "add-member"
    REMOVE_MEMBER = "remove-member"
    FIND = "find"


STALE_VERSION: Final = "staleVersion"
PROTECTED_ACCOUNT: Final = "protectedAccount"


def judge(  # noqa: PLR0911 - one line for each class of answer
    action: Action,
    *,
    status: int,
    scim_type: str = "",
    detail: str = "",
    active: bool = True,
    is_scim: bool = True,
) -> Verdict:
    """Classify an answer. ``status`` 0 stands for no answer at all; ``active`` is what is desired.

    401 and 403 say that our own credential is wrong, not the row, so they never make a row dead; but for the
    403 about an account that the Gateway's operator keeps from us, which is no matter of any other row.
    Any other refusal counts only if it ``is_scim`` (RFC 7644 §3.12): the 404 of a proxy in front of a Gateway
    that is being replaced does not say that a member is gone.
    """
    if status == 0:
        return Verdict.UNREACHABLE
    if 200 <= status < 300:
        return Verdict.ACK
    if status in {401, 403}:
        ours = status == 401 or not detail.startswith(PROTECTED_ACCOUNT)
        return Verdict.UNAUTHORIZED if ours else Verdict.REFUSED
    if not is_scim and 400 <= status < 500:
        return Verdict.TRANSIENT
    if status == 404:
        return _judge_missing(action, active=active)
    if status == 409:
        return Verdict.STALE if detail.startswith(STALE_VERSION) else Verdict.TAKEN
    if status == 412:
        return Verdict.CHANGED
    if status == 400 and action is Action.REMOVE_MEMBER and scim_type == "noTarget":
        return Verdict.ACK
    if status in {408, 425, 429} or status >= 500 or 300 <= status < 400:
        return Verdict.TRANSIENT
    return Verdict.REFUSED


def _judge_missing(action: Action, *, active: bool) -> Verdict:
    if action is Action.REMOVE_MEMBER:
        return Verdict.ACK
    if action in {Action.CREATE, Action.FIND}:
        return Verdict.REFUSED  # the endpoint itself is not there
    # A deactivated account that is gone is as good as deactivated; it is never created again.
    return Verdict.RECREATE if active or action is Action.ADD_MEMBER else Verdict.ACK


@dataclass(frozen=True, slots=True)
class Settled:
    """How a row leaves its lease."""

    state: State
    next_at: dt.datetime
    attempts: int
    failing_since: dt.datetime | None
    acked_version: int
    error_class: str | None = None
    depends_on: str | None = None


def backoff(
    attempts: int,
    *,
    spread: float,
    retry_after: dt.timedelta | None = None,
    longest: dt.timedelta = BACKOFF_AFTERWARDS,
) -> dt.timedelta:
    """Return how long to wait after ``attempts`` failures in a row (1 = the first).

    ``spread`` from -1 to 1 is chance: it moves the wait by up to a fifth, so that rows that failed together
    do not come back together (OB-05). A Retry-After is never undercut, only spread upwards.
    """
    step = BACKOFF[attempts - 1] if attempts <= len(BACKOFF) else BACKOFF_AFTERWARDS
    wait = min(step, longest) * (1 + JITTER * spread)
    if retry_after is None:
        return wait
    asked = min(retry_after, LONGEST_RETRY_AFTER)
    return max(wait, asked * (1 + JITTER * (spread + 1) / 2))


def settle(
    row: Row,
    verdict: Verdict,
    *,
    now: dt.datetime,
    spread: float,
    retry_after: dt.timedelta | None = None,
) -> Settled:
    """Return how ``row``, sent at its ``desired_version``, leaves its lease after ``verdict``.

    Transport failures and refused credentials are the target's, not the row's: they do not count as attempts.
    STALE means that the Gateway knows a newer version: somebody else delivered it, or the row has moved on.
    A denial is tried until it is done: nobody keeps access because a Gateway was ill for long (I-10, I-17).
    """
    if verdict is Verdict.ACK:
        return Settled(State.DONE, now, 0, None, row.desired_version)
    if verdict in {Verdict.UNREACHABLE, Verdict.UNAUTHORIZED}:
        wait = backoff(1, spread=spread)
        return Settled(
            State.PENDING, now + wait, row.attempts, row.failing_since, row.acked_version, verdict.value
        )
    if verdict is Verdict.REFUSED:
        return Settled(State.DEAD, now, row.attempts + 1, row.failing_since, row.acked_version, verdict.value)
    if verdict is Verdict.TAKEN:
        return Settled(State.CASE, now, row.attempts + 1, row.failing_since, row.acked_version, verdict.value)
    failing_since = row.failing_since or now
    attempts = row.attempts + 1
    denies = row.lane is Lane.DENY
    if now - failing_since >= GIVE_UP_AFTER and not denies:
        return Settled(State.DEAD, now, attempts, failing_since, row.acked_version, verdict.value)
    state = State.RETRY if verdict is Verdict.TRANSIENT else State.CONFLICT
    longest = LONGEST_DENIAL_WAIT if denies else BACKOFF_AFTERWARDS
    wait = backoff(attempts, spread=spread, retry_after=retry_after, longest=longest)
    return Settled(state, now + wait, attempts, failing_since, row.acked_version, verdict.value)


def blocked(row: Row, depends_on: str, *, now: dt.datetime) -> Settled:
    """Return ``row`` waiting for another aggregate; it is looked at again soon even if no one wakes it."""
    return Settled(
        State.BLOCKED,
        now + BLOCKED_RECHECK,
        row.attempts,
        row.failing_since,
        row.acked_version,
        None,
        depends_on,
    )


def lane_of(kind: Aggregate, *, desired: bool, known: bool) -> Lane:
    """Return the lane of a change, by whether access is ``desired`` and the aggregate ``known`` remotely.

    A user that shall not be active and a membership that shall not be are denials and go first (OB-08).
    """
    if not desired:
        return Lane.DENY
    if kind is Aggregate.MEMBERSHIP:
        return Lane.GRANT
    return Lane.UPDATE if known else Lane.CREATE


def group_id(organization_number: int, access_role: str) -> str:
    """Return the id of the group of one access role in one organization."""
    return f"{organization_number}:{access_role}"


def membership_id(account_id: str, group: str) -> str:
    """Return the id of one account's membership in one group."""
    return f"{account_id}@{group}"


def split_membership(aggregate_id: str) -> tuple[str, str]:
    """Return the account and the group of a membership id."""
    account, _, group = aggregate_id.partition("@")
    return account, group


def dependency(kind: Aggregate, aggregate_id: str) -> str:
    """Return the name under which a row waits for another aggregate."""
    return f"{kind.value}/{aggregate_id}"


# --- the circuit breaker of one target ---------------------------------------------------------------

TRIP_AFTER: Final = 5
PROBE_EVERY: Final = dt.timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a target: failures in a row, since when, and when the next probe may go out."""

    failures: int = 0
    failing_since: dt.datetime | None = None
    probe_at: dt.datetime | None = None
    cause: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the breaker is open: only probes go out."""
        return self.probe_at is not None


def after_failure(health: Health, *, now: dt.datetime, cause: str, at_once: bool = False) -> Health:
    """Return the health after no answer came, or (``at_once``) after our credential was refused."""
    failures = health.failures + 1
    trips = at_once or failures >= TRIP_AFTER
    return Health(
        failures=failures,
        failing_since=health.failing_since or now,
        probe_at=now + PROBE_EVERY if trips else None,
        cause=cause,
    )


def may_send(health: Health, *, now: dt.datetime) -> bool:
    """Tell whether something may be sent: the breaker is closed, or a probe is due."""
    return health.probe_at is None or health.probe_at <= now
