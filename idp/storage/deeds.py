"""What was done to a client or an account, and by whom, as the audit tells it. Writes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from idp.domain.recorded_deed import RecordedDeed
from idp.storage.tables import account
from kernel.audit import Actor, JsonValue
from kernel.tables import audit_event


def deeds_on(
    connection: Connection, target: str, tags: Sequence[str], *, limit: int
) -> tuple[RecordedDeed, ...]:
    """Return what was done to a client or account, newest first; ``tags`` are the deeds that are meant."""
    rows = connection.execute(
        select(
            audit_event.c.at,
            audit_event.c.tag,
            audit_event.c.actor_kind,
            audit_event.c.actor_id,
            audit_event.c.reason,
            audit_event.c.details,
            account.c.display_name,
        )
        .outerjoin(account, account.c.id == audit_event.c.actor_id)
        .where(audit_event.c.target == target, audit_event.c.tag.in_(tags))
        .order_by(audit_event.c.at.desc(), audit_event.c.seq.desc())
        .limit(limit)
    )
    return tuple(
        RecordedDeed(
            row.at, row.tag, row.display_name or row.actor_id, row.actor_kind, row.reason, row.details
        )
        for row in rows
    )


def last_deed_on(connection: Connection, target: str, tag: str) -> RecordedDeed | None:
    """Return who did this to a client or account last; None if nobody has, or the audit is gone."""
    return next(iter(deeds_on(connection, target, [tag], limit=1)), None)


def was_done_since(
    connection: Connection,
    target: str,
    tag: str,
    *,
    actor: Actor,
    reason: str,
    details: Mapping[str, JsonValue],
    since: dt.datetime,
) -> bool:
    """Tell whether the actor has done just the same to a client or account since then.

    Only of what is committed: of two who do it at once each has to hold the account or client first.
    """
    same = select(audit_event.c.seq).where(
        audit_event.c.target == target,
        audit_event.c.at >= since,
        audit_event.c.tag == tag,
        audit_event.c.actor_kind == actor.kind,
        audit_event.c.actor_id == actor.id,
        audit_event.c.reason == reason,
        audit_event.c.details == details,
    )
    return connection.execute(same.limit(1)).first() is not None
