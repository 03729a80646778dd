"""The outbox's rows: enqueued inside a deed, claimed by lease, settled by whoever holds the lease."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, RowMapping, and_, case, func, literal, or_, select, update

from kernel.database import UtcDateTime, insert
from kernel.randomness import Randomness
from registration.domain.outbox import (
    DUE_STATES,
    LANE_RANK,
    LEASE,
    Aggregate,
    Health,
    Lane,
    Row,
    Settled,
    State,
    Verdict,
)
from registration.domain.provisioning import Answer
from registration.domain.request import Delivery
from registration.storage.tables import OUTBOX_OPEN, delivery_attempt, gateway_link, outbox, target_health

TARGET: Final = "gateway"
_SENT_AGAIN: Final = [
    state.value for state in (State.DEAD, State.CASE, State.ABANDONED, State.RETRY, State.CONFLICT)
]


def _row(row: RowMapping) -> Row:
    return Row(
        id=row["id"],
        lane=Lane(row["lane"]),
        kind=Aggregate(row["aggregate_kind"]),
        aggregate_id=row["aggregate_id"],
        desired_version=row["desired_version"],
        acked_version=row["acked_version"],
        state=State(row["state"]),
        attempts=row["attempts"],
        next_at=row["next_at"],
        created_at=row["created_at"],
        failing_since=row["first_failed_at"],
        lease_no=row["lease_no"],
        depends_on=row["depends_on"],
        request_id=row["request_id"],
    )


def enqueue(
    connection: Connection,
    randomness: Randomness,
    *,
    kind: Aggregate,
    aggregate_id: str,
    lane: Lane,
    now: dt.datetime,
    request_id: str | None,
) -> int:
    """Say that an aggregate has a new desired state, and return the version that names it.

    In the transaction of the change itself: what is rolled back is never delivered, what is committed always
    is (I-12). A row that is out for delivery right now stays leased; whoever settles it sees that the desired
    version has grown and puts it back.
    """
    leased = outbox.c.state == State.LEASED.value
    fresh = insert(connection, outbox).values(
        id=randomness.ulid(now),
        target=TARGET,
        lane=lane.value,
        lane_rank=LANE_RANK[lane],
        aggregate_kind=kind.value,
        aggregate_id=aggregate_id,
        desired_version=1,
        acked_version=0,
        state=State.PENDING.value,
        attempts=0,
        next_at=now,
        lease_no=0,
        request_id=request_id,
        created_at=now,
        updated_at=now,
    )
    statement = fresh.on_conflict_do_update(
        index_elements=[outbox.c.target, outbox.c.aggregate_kind, outbox.c.aggregate_id],
        set_={
            "desired_version": outbox.c.desired_version + 1,
            "lane": lane.value,
            "lane_rank": LANE_RANK[lane],
            "state": case((leased, State.LEASED.value), else_=State.PENDING.value),
            "attempts": 0,
            "next_at": now,
            "depends_on": None,
            "first_failed_at": None,
            "request_id": request_id,
            "updated_at": now,
        },
    ).returning(outbox.c.desired_version)
    return int(connection.execute(statement).scalar_one())


def claim(
    connection: Connection, *, owner: str, now: dt.datetime, lanes: Iterable[Lane] = Lane
) -> Row | None:
    """Lease the most urgent due row to ``owner``, or return None.

    One statement decides, so two workers never hold one row. A lease that ran out counts as due. On
    PostgreSQL rows that somebody else is taking are skipped instead of waited for.
    """
    due = or_(
        and_(outbox.c.state.in_([state.value for state in DUE_STATES]), outbox.c.next_at <= now),
        and_(outbox.c.state == State.LEASED.value, outbox.c.lease_until <= now),
    )
    wanted = (
        select(outbox.c.id)
        .where(OUTBOX_OPEN, outbox.c.target == TARGET, outbox.c.lane_rank.in_(_ranks(lanes)), due)
        .order_by(outbox.c.lane_rank, outbox.c.next_at, outbox.c.id)
        .limit(1)
    )
    if connection.dialect.name == "postgresql":
        wanted = wanted.with_for_update(skip_locked=True)
    claimed = (
        update(outbox)
        .where(outbox.c.id == wanted.scalar_subquery(), due)
        .values(
            state=State.LEASED.value,
            lease_owner=owner,
            lease_until=now + LEASE,
            lease_no=outbox.c.lease_no + 1,
        )
        .returning(*outbox.c)
    )
    row = connection.execute(claimed).mappings().first()
    return _row(row) if row else None


def _ranks(lanes: Iterable[Lane]) -> list[int]:
    return [LANE_RANK[lane] for lane in lanes]


def has_due(connection: Connection, *, now: dt.datetime, lanes: Iterable[Lane] = Lane) -> bool:
    """Tell whether anything is due: a look that costs no write."""
    due = or_(
        and_(outbox.c.state.in_([state.value for state in DUE_STATES]), outbox.c.next_at <= now),
        and_(outbox.c.state == State.LEASED.value, outbox.c.lease_until <= now),
    )
    statement = (
        select(outbox.c.id)
        .where(OUTBOX_OPEN, outbox.c.target == TARGET, outbox.c.lane_rank.in_(_ranks(lanes)), due)
        .limit(1)
    )
    return connection.execute(statement).first() is not None


def settle(
    connection: Connection, row: Row, settled: Settled, *, now: dt.datetime, status: int | None
) -> bool:
    """Take ``row`` out of its lease; False if the lease is no longer the caller's, and then nothing changes.

    If the desired version grew while the row was out, it is due again at once, whatever came of this try:
    that is how changes made meanwhile are never lost.
    """
    grew = outbox.c.desired_version > row.desired_version
    result = connection.execute(
        update(outbox)
        .where(
            outbox.c.id == row.id,
            outbox.c.lease_no == row.lease_no,
            outbox.c.state == State.LEASED.value,
        )
        .values(
            state=case((grew, State.PENDING.value), else_=settled.state.value),
            next_at=case((grew, literal(now, UtcDateTime())), else_=literal(settled.next_at, UtcDateTime())),
            attempts=case((grew, 0), else_=settled.attempts),
            acked_version=settled.acked_version,
            first_failed_at=settled.failing_since,
            depends_on=settled.depends_on,
            last_error_class=settled.error_class,
            last_status=status,
            lease_owner=None,
            lease_until=None,
            updated_at=now,
        )
    )
    return result.rowcount == 1


def wake(connection: Connection, dependency: str, *, now: dt.datetime) -> int:
    """Make due what waits for ``dependency``, and return how many rows that were.

    Rows somebody else holds are skipped: they look again by themselves soon, and waiting for them here could
    make two transactions wait for each other.
    """
    waiting = select(outbox.c.id).where(
        outbox.c.state == State.BLOCKED.value, outbox.c.depends_on == dependency
    )
    if connection.dialect.name == "postgresql":
        waiting = waiting.with_for_update(skip_locked=True)
    result = connection.execute(
        update(outbox)
        .where(outbox.c.id.in_(waiting), outbox.c.state == State.BLOCKED.value)
        .values(state=State.PENDING.value, depends_on=None, next_at=now, updated_at=now)
    )
    return int(result.rowcount)


def record_attempt(
    connection: Connection,
    randomness: Randomness,
    row: Row,
    answer: Answer,
    verdict: Verdict,
    *,
    worker: str,
    now: dt.datetime,
) -> None:
    """Keep one line about a request that was sent; nothing personal is in it (I-25)."""
    connection.execute(
        delivery_attempt.insert(),
        {
            "id": randomness.ulid(now),
            "outbox_id": row.id,
            "version": row.desired_version,
            "method": answer.method,
            "path": answer.path,
            "status": answer.status,
            "scim_type": answer.scim_type[:32],
            "verdict": verdict.value,
            "milliseconds": answer.milliseconds,
            "worker": worker,
            "at": now,
        },
    )


def deliveries(
    connection: Connection, aggregates: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Delivery]:
    """Return how the rows of some aggregates stand."""
    wanted = list(aggregates)
    if not wanted:
        return {}
    statement = select(outbox).where(
        outbox.c.target == TARGET, outbox.c.aggregate_id.in_([identifier for _, identifier in wanted])
    )
    return {
        (row.aggregate_kind, row.aggregate_id): Delivery(
            State(row.state), row.attempts, row.updated_at, row.next_at, row.depends_on
        )
        for row in connection.execute(statement)
    }


def dependencies(found: Iterable[Delivery]) -> list[tuple[str, str]]:
    """Return which aggregates some rows wait for."""
    named = (delivery.depends_on for delivery in found if delivery.state is State.BLOCKED)
    return [(kind, identifier) for kind, _, identifier in (name.partition("/") for name in named if name)]


def send_again(connection: Connection, aggregates: Iterable[tuple[str, str]], *, now: dt.datetime) -> int:
    """Make due at once what was refused, was given up or waits for its next try; return how many rows."""
    wanted = [
        and_(outbox.c.aggregate_kind == kind, outbox.c.aggregate_id == identifier)
        for kind, identifier in aggregates
    ]
    if not wanted:
        return 0
    result = connection.execute(
        update(outbox)
        .where(outbox.c.target == TARGET, outbox.c.state.in_(_SENT_AGAIN), or_(*wanted))
        .values(state=State.PENDING.value, attempts=0, first_failed_at=None, next_at=now, updated_at=now)
    )
    return int(result.rowcount)


def all_again(connection: Connection, *, now: dt.datetime) -> int:
    """Give every row a new desired version and return how many there are.

    Accounts and groups go before what needs them, but for denials, which stay first.
    """
    leased = outbox.c.state == State.LEASED.value
    shell = and_(
        outbox.c.aggregate_kind != Aggregate.MEMBERSHIP.value, outbox.c.lane_rank != LANE_RANK[Lane.DENY]
    )
    result = connection.execute(
        update(outbox)
        .where(outbox.c.target == TARGET)
        .values(
            desired_version=outbox.c.desired_version + 1,
            state=case((leased, State.LEASED.value), else_=State.PENDING.value),
            lane=case((shell, Lane.CREATE.value), else_=outbox.c.lane),
            lane_rank=case((shell, LANE_RANK[Lane.CREATE]), else_=outbox.c.lane_rank),
            attempts=0,
            next_at=now,
            depends_on=None,
            first_failed_at=None,
            updated_at=now,
        )
    )
    return int(result.rowcount)


def backlog(connection: Connection) -> dict[str, int]:
    """Return how many rows stand in each state."""
    statement = (
        select(outbox.c.state, func.count().label("n"))
        .where(outbox.c.target == TARGET)
        .group_by(outbox.c.state)
    )
    return {row.state: row.n for row in connection.execute(statement)}


# --- links ---------------------------------------------------------------------------------------------


def remote_id(connection: Connection, kind: Aggregate, local_id: str) -> str | None:
    """Return the Gateway's id of one of our aggregates, or None while it is not linked."""
    statement = select(gateway_link.c.remote_id).where(
        gateway_link.c.target == TARGET,
        gateway_link.c.local_kind == kind.value,
        gateway_link.c.local_id == local_id,
    )
    found = connection.execute(statement).scalar()
    return None if found is None else str(found)


def local_id(connection: Connection, kind: Aggregate, remote: str) -> str | None:
    """Return which of our aggregates a resource of the Gateway is, or None."""
    statement = select(gateway_link.c.local_id).where(
        gateway_link.c.target == TARGET,
        gateway_link.c.local_kind == kind.value,
        gateway_link.c.remote_id == remote,
    )
    found = connection.execute(statement).scalar()
    return None if found is None else str(found)


def link(
    connection: Connection, kind: Aggregate, local: str, remote: str, *, version: int, now: dt.datetime
) -> None:
    """Remember the Gateway's id of an aggregate and the highest version sent to it."""
    fresh = insert(connection, gateway_link).values(
        target=TARGET,
        local_kind=kind.value,
        local_id=local,
        remote_id=remote,
        version_sent=version,
        linked_at=now,
    )
    connection.execute(
        fresh.on_conflict_do_update(
            index_elements=[gateway_link.c.target, gateway_link.c.local_kind, gateway_link.c.local_id],
            set_={
                "remote_id": remote,
                "version_sent": case(
                    (gateway_link.c.version_sent > version, gateway_link.c.version_sent), else_=version
                ),
            },
        )
    )


def unlink(connection: Connection, kind: Aggregate, local: str, *, remote: str) -> bool:
    """Forget a link because the Gateway no longer has the resource; False if it was another one meanwhile."""
    result = connection.execute(
        gateway_link.delete().where(
            gateway_link.c.target == TARGET,
            gateway_link.c.local_kind == kind.value,
            gateway_link.c.local_id == local,
            gateway_link.c.remote_id == remote,
        )
    )
    return result.rowcount == 1


# --- the circuit breaker -------------------------------------------------------------------------------


def health(connection: Connection) -> Health:
    """Return what is known of the Gateway's health."""
    row = connection.execute(select(target_health).where(target_health.c.target == TARGET)).first()
    return Health(row.failures, row.first_failed_at, row.probe_at, row.cause) if row else Health()


def put_health(connection: Connection, value: Health) -> None:
    """Keep what is known of the Gateway's health."""
    values = {
        "failures": value.failures,
        "first_failed_at": value.failing_since,
        "probe_at": value.probe_at,
        "cause": value.cause,
    }
    fresh = insert(connection, target_health).values(target=TARGET, **values)
    connection.execute(fresh.on_conflict_do_update(index_elements=[target_health.c.target], set_=values))


def take_probe(connection: Connection, *, now: dt.datetime, until: dt.datetime) -> bool:
    """Take the one probe an open breaker lets out; False if somebody else has it."""
    result = connection.execute(
        update(target_health)
        .where(target_health.c.target == TARGET, target_health.c.probe_at <= now)
        .values(probe_at=until)
    )
    return result.rowcount == 1
