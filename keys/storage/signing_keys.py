"""Rows of our keys: read the ring, and one conditional statement per change of state."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, null, select, update

from kernel.database import insert
from keys.domain.encryption import OPENED_BY
from keys.domain.key import KEPT, KeyState, OwnKey
from keys.storage.material import Pair
from keys.storage.tables import signing_key

_PUBLIC = (
    signing_key.c.kid,
    signing_key.c.algorithm,
    signing_key.c.state,
    signing_key.c.public_jwk,
    signing_key.c.published_at,
    signing_key.c.activate_at,
    signing_key.c.activated_at,
    signing_key.c.retire_at,
)
_RING = select(*_PUBLIC, signing_key.c.sealed_private).where(
    signing_key.c.state.in_([state.value for state in KEPT])
)
_ROTATED = "rotated"
_EVERY = select(*_PUBLIC).order_by(signing_key.c.published_at, signing_key.c.kid)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key in use with its sealed private part, if it still has one."""

    key: OwnKey
    sealed_private: bytes | None = field(repr=False)


def _key(row: Row[*tuple[Any, ...]]) -> OwnKey:
    return OwnKey(
        row.kid,
        row.algorithm,
        KeyState(row.state),
        row.public_jwk,
        row.published_at,
        row.activate_at,
        row.activated_at,
        row.retire_at,
    )


_IS_REPLACED = (
    signing_key.c.kid == bindparam("replaced"),
    signing_key.c.state == KeyState.RETIRED.value,
    signing_key.c.reason == _ROTATED,
)


def find_replaced(connection: Connection, kid: str) -> OwnKey | None:
    """Return the key, if another took its place and it left the key set; None if it was revoked."""
    row = connection.execute(select(*_PUBLIC).where(*_IS_REPLACED), {"replaced": kid}).first()
    return None if row is None else _key(row)


def revoke_replaced(connection: Connection, kid: str) -> bool:
    """Have what a replaced key signed name nobody any more; False if it is no replaced one."""
    statement = update(signing_key).where(*_IS_REPLACED).values(reason="revoked")
    return connection.execute(statement, {"replaced": kid}).rowcount == 1


def read_ring(connection: Connection) -> list[StoredKey]:
    """Return every key in use."""
    return [StoredKey(_key(row), row.sealed_private) for row in connection.execute(_RING)]


def all_keys(connection: Connection) -> list[OwnKey]:
    """Return every key there ever was, oldest first."""
    return [_key(row) for row in connection.execute(_EVERY)]


def publish(
    connection: Connection,
    pair: Pair,
    algorithm: str,
    *,
    state: KeyState,
    now: dt.datetime,
    activate_at: dt.datetime,
) -> bool:
    """Store a new key as next or active; False if another rotation published one first."""
    done = connection.execute(
        insert(connection, signing_key)
        .values(
            kid=pair.kid,
            algorithm=algorithm,
            state=state.value,
            public_jwk=pair.public_jwk,
            sealed_private=pair.sealed_private,
            published_at=now,
            activate_at=activate_at,
            activated_at=now if state is KeyState.ACTIVE else None,
            reason="",
        )
        .on_conflict_do_nothing()
    )
    return done.rowcount == 1


def stop_signing(connection: Connection, kid: str, *, retire_at: dt.datetime) -> bool:
    """Turn the active key into a retained one; False if it was not active.

    The private part of a key that signed is destroyed; one for encryption keeps it until it is retired.
    """
    still_opens = signing_key.c.algorithm.in_(tuple(OPENED_BY))
    done = connection.execute(
        update(signing_key)
        .where(signing_key.c.kid == kid, signing_key.c.state == KeyState.ACTIVE.value)
        .values(
            state=KeyState.RETAINED.value,
            sealed_private=case((still_opens, signing_key.c.sealed_private), else_=null()),
            retire_at=retire_at,
            reason=_ROTATED,
        )
    )
    return done.rowcount == 1


def start_signing(connection: Connection, kid: str, *, now: dt.datetime) -> bool:
    """Turn a next key whose hour has come into the active one; False if it was not next."""
    done = connection.execute(
        update(signing_key)
        .where(
            signing_key.c.kid == kid,
            signing_key.c.state == KeyState.NEXT.value,
            signing_key.c.activate_at <= now,
        )
        .values(state=KeyState.ACTIVE.value, activated_at=now)
    )
    return done.rowcount == 1


def hasten(connection: Connection, kid: str, *, activate_at: dt.datetime) -> bool:
    """Move the activation of a next key to ``activate_at``; False if it is not next or not later."""
    done = connection.execute(
        update(signing_key)
        .where(
            signing_key.c.kid == kid,
            signing_key.c.state == KeyState.NEXT.value,
            signing_key.c.activate_at > activate_at,
        )
        .values(activate_at=activate_at)
    )
    return done.rowcount == 1


def retire(connection: Connection, kid: str, *, now: dt.datetime, reason: str) -> KeyState | None:
    """Take a key out of use and destroy its private part.

    Returns the state it had, or None if it was not in use.
    """
    before = connection.execute(select(signing_key.c.state).where(signing_key.c.kid == kid)).scalar()
    done = connection.execute(
        update(signing_key)
        .where(signing_key.c.kid == kid, signing_key.c.state == before, signing_key.c.retired_at.is_(None))
        .values(state=KeyState.RETIRED.value, sealed_private=None, retired_at=now, reason=reason)
    )
    return KeyState(before) if before is not None and done.rowcount == 1 else None
