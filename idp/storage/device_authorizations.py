"""Device authorizations: both codes as digests; decided once and spent once, by one statement each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from idp.domain.device_code import DeviceRequest, Pace
from idp.storage.tables import device_authorization, grant
from kernel.database import insert
from kernel.sweeping import remove_some

_table = device_authorization


@dataclass(frozen=True, slots=True)
class DeviceAuthorization:
    """What a device asks for. ``bound_to`` is the key that it proved, if it proved one."""

    client_id: str
    scope: str
    request: DeviceRequest
    bound_to: str
    asked_at: dt.datetime
    expires_at: dt.datetime
    pace: Pace


@dataclass(frozen=True, slots=True)
class Codes:
    """The digests of a device code and of its user code."""

    device: bytes = field(repr=False)
    user: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeviceAnswer:
    """What became of it so far. A request that was decided without ``authentication`` was denied."""

    decided_at: dt.datetime | None
    grant_id: str | None
    authentication: Mapping[str, Any] | None
    used_at: dt.datetime | None


_ASKED = (
    _table.c.client_id,
    _table.c.scope,
    _table.c.request,
    _table.c.bound_to,
    _table.c.asked_at,
    _table.c.expires_at,
    _table.c.next_poll_at,
    _table.c.poll_interval,
)
_ANSWER = (_table.c.decided_at, _table.c.grant_id, _table.c.authentication, _table.c.used_at)


def add_device_authorization(connection: Connection, codes: Codes, new: DeviceAuthorization) -> bool:
    """Store a device's request; False if another one has the user code: the unique column decides."""
    values = {
        "digest": codes.device,
        "user_digest": codes.user,
        "client_id": new.client_id,
        "scope": new.scope,
        "request": new.request.to_json(),
        "bound_to": new.bound_to,
        "asked_at": new.asked_at,
        "expires_at": new.expires_at,
        "next_poll_at": new.pace.next_at,
        "poll_interval": new.pace.interval,
    }
    done = connection.execute(insert(connection, _table).values(**values).on_conflict_do_nothing())
    return done.rowcount == 1


def find_waiting(
    connection: Connection, user_digest: bytes, *, now: dt.datetime
) -> DeviceAuthorization | None:
    """Return the request behind a user code that waits for its answer, or None."""
    row = connection.execute(
        select(*_ASKED).where(
            _table.c.user_digest == user_digest, _table.c.decided_at.is_(None), _table.c.expires_at > now
        )
    ).first()
    return None if row is None else _asked(row)


def decide(connection: Connection, user_digest: bytes, *, now: dt.datetime) -> bool:
    """Answer a request once: it is denied unless a grant follows; False if it is answered or over."""
    done = connection.execute(
        update(_table)
        .where(_table.c.user_digest == user_digest, _table.c.decided_at.is_(None), _table.c.expires_at > now)
        .values(decided_at=now)
    )
    return done.rowcount == 1


def allow(
    connection: Connection, user_digest: bytes, *, grant_id: str, authentication: Mapping[str, Any]
) -> None:
    """Give the grant to a request that was decided in this very unit."""
    connection.execute(
        update(_table)
        .where(_table.c.user_digest == user_digest)
        .values(grant_id=grant_id, authentication=dict(authentication))
    )


def client_allowed_in(
    connection: Connection, user_digest: bytes, *, session_id: str, now: dt.datetime
) -> str | None:
    """Return the client of a request that was allowed in this session and not taken back, or None."""
    row = connection.execute(
        select(_table.c.client_id, _table.c.authentication)
        .join(grant, grant.c.id == _table.c.grant_id)
        .where(_table.c.user_digest == user_digest, grant.c.revoked_at.is_(None), _table.c.expires_at > now)
    ).first()
    return row.client_id if row is not None and row.authentication["sid"] == session_id else None


def find_for_poll(
    connection: Connection, digest: bytes, client_id: str
) -> tuple[DeviceAuthorization, DeviceAnswer] | None:
    """Return this client's request or None; it is held until the unit ends, so that polls come one by one."""
    held: Select[Any] = (
        select(*_ASKED, *_ANSWER)
        .where(_table.c.digest == digest, _table.c.client_id == client_id)
        .with_for_update()
    )
    row = connection.execute(held).first()
    return None if row is None else (_asked(row), DeviceAnswer(*row[len(_ASKED) :]))


def set_pace(connection: Connection, digest: bytes, pace: Pace) -> None:
    """Keep how often the device may ask from now on."""
    connection.execute(
        update(_table)
        .where(_table.c.digest == digest)
        .values(next_poll_at=pace.next_at, poll_interval=pace.interval)
    )


def spend(connection: Connection, digest: bytes, *, now: dt.datetime) -> bool:
    """Spend an allowed device code; False if another did: one conditional UPDATE decides."""
    done = connection.execute(
        update(_table)
        .where(_table.c.digest == digest, _table.c.grant_id.is_not(None), _table.c.used_at.is_(None))
        .values(used_at=now)
    )
    return done.rowcount == 1


def sweep(connection: Connection, *, before: dt.datetime) -> int:
    """Remove some requests whose life ended before ``before``; return how many."""
    ended = _table.c.expires_at
    return remove_some(connection, _table, ended < before, oldest_first=ended)


def _asked(row: Row[*tuple[Any, ...]]) -> DeviceAuthorization:
    return DeviceAuthorization(
        row.client_id,
        row.scope,
        DeviceRequest.from_json(row.request),
        row.bound_to,
        row.asked_at,
        row.expires_at,
        Pace(row.next_poll_at, row.poll_interval),
    )
