"""Sessions: found by the digest of their token, with both limits in the statement that finds them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update

from idp.domain.account import Account
from idp.domain.session import LiveSession
from idp.storage.accounts import to_account
from idp.storage.tables import account, session
from kernel.database import Database, UtcDateTime
from kernel.prepared import Prepared, Row
from kernel.sweeping import remove_some

_MOMENT = UtcDateTime()
_NOW = bindparam("now", type_=_MOMENT)
_SESSION = (
    session.c.id,
    session.c.started_at,
    session.c.authenticated_at,
    session.c.last_seen_at,
    session.c.expires_at,
    session.c.acr,
    session.c.amr,
)
_STANDS = (session.c.ended_at.is_(None), session.c.expires_at > _NOW)
_FIELDS = tuple(field.name for field in dataclasses.fields(Account))
_STANDING_OF_TOKEN = (
    select(*_SESSION, *(account.c[name] for name in _FIELDS))
    .join(account, account.c.id == session.c.account_id)
    .where(session.c.digest == bindparam("digest"), *_STANDS, account.c.active)
)
_FIND_STANDING = Prepared(_STANDING_OF_TOKEN)
_FIND = Prepared(_STANDING_OF_TOKEN.where(session.c.last_seen_at > bindparam("idle_since", type_=_MOMENT)))
_BROWSER = Prepared(select(session.c.browser).where(session.c.id == bindparam("id")))


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session as it is opened, or proved anew."""

    id: str
    digest: bytes
    browser: bytes
    account_id: str
    acr: str
    amr: tuple[str, ...]
    authenticated_at: dt.datetime
    expires_at: dt.datetime
    address: str
    user_agent: str


_PROVED = (
    "digest",
    "browser",
    "authenticated_at",
    "last_seen_at",
    "expires_at",
    "acr",
    "amr",
    "address",
    "user_agent",
)
_STORED = [session.c[name] for name in ("id", "started_at", "ended_reason", *_PROVED)]
_OPEN = Prepared(
    session.insert()
    .from_select(
        ["account_id", *(column.name for column in _STORED)],
        select(account.c.id, *(bindparam(f"new_{column.name}", type_=column.type) for column in _STORED))
        .where(
            account.c.id == bindparam("of_account"),
            account.c.active,
            or_(
                account.c.sign_ins_ended_at.is_(None),
                account.c.sign_ins_ended_at <= bindparam("began_at", type_=_MOMENT),
            ),
        )
        # Held as the foreign key would hold it, and looked at then: whoever deactivates the account or ends
        # its sign-ins came before, and nothing is stored, or waits, and finds the session. A change of a
        # group that the account is in holds nobody up.
        .with_for_update(read=True, key_share=True),
        include_defaults=False,
    )
    .returning(session.c.id)
)


def find_live(
    database: Database, digest: bytes, *, now: dt.datetime, idle: dt.timedelta
) -> LiveSession | None:
    """Return the live session of a token: not ended, in both limits, its account active (SE-04, LG-11)."""
    row = _FIND.first(database, digest=digest, now=now, idle_since=now - idle)
    return None if row is None else _to_session(row)


def find_live_within(
    connection: Connection, digest: bytes, *, now: dt.datetime, idle: dt.timedelta
) -> LiveSession | None:
    """Return the live session of a token, as :func:`find_live` does, inside a unit of work."""
    rows = _FIND.within(connection, digest=digest, now=now, idle_since=now - idle)
    return _to_session(rows[0]) if rows else None


def find_standing_within(connection: Connection, digest: bytes, *, now: dt.datetime) -> LiveSession | None:
    """Return the session of a token that is not over, though it may idle: to end it, nothing else."""
    rows = _FIND_STANDING.within(connection, digest=digest, now=now)
    return _to_session(rows[0]) if rows else None


def _to_session(row: Row) -> LiveSession:
    identifier, started_at, authenticated_at, last_seen_at, expires_at, acr, amr = row[: len(_SESSION)]
    return LiveSession(
        id=identifier,
        account=to_account(row[len(_SESSION) :]),
        started_at=started_at,
        authenticated_at=authenticated_at,
        last_seen_at=last_seen_at,
        expires_at=expires_at,
        acr=acr,
        amr=tuple(amr),
    )


def touch(connection: Connection, session_id: str, *, now: dt.datetime, every: dt.timedelta) -> None:
    """Note a use of the session, unless one was noted within ``every``."""
    connection.execute(
        update(session)
        .where(session.c.id == session_id, session.c.last_seen_at <= now - every)
        .values(last_seen_at=now)
    )


def open_session(connection: Connection, new: NewSession, *, began_at: dt.datetime, now: dt.datetime) -> bool:
    """Store a new session, of a sign-in whose first proof was given at ``began_at``.

    False if its account was deactivated or deleted a moment ago, or its sign-ins under way were ended.
    """
    values = {"id": new.id, "started_at": now, "ended_reason": "", **_proved(new, now)}
    stored = _OPEN.within(
        connection,
        of_account=new.account_id,
        began_at=began_at,
        **{f"new_{name}": value for name, value in values.items()},
    )
    return bool(stored)


def ended_for(connection: Connection, digest: bytes) -> str:
    """Return why the session of a token was ended; empty if it was not: it lives, or ran out of time."""
    return connection.scalar(select(session.c.ended_reason).where(session.c.digest == digest)) or ""


def browser_of(connection: Connection, session_id: str) -> bytes | None:
    """Return the digest of the browser of a session, ended or not; None if the session is gone."""
    rows = _BROWSER.within(connection, id=session_id)
    return rows[0][0] if rows else None


def prove_again(connection: Connection, new: NewSession, *, now: dt.datetime) -> bool:
    """Give a live session a new token and new proofs; the old token is dead at once. False if it ended."""
    done = connection.execute(
        update(session)
        .where(
            session.c.id == new.id,
            session.c.account_id == new.account_id,
            session.c.ended_at.is_(None),
            session.c.expires_at > now,
        )
        .values(**_proved(new, now))
    )
    return done.rowcount == 1


def _proved(new: NewSession, now: dt.datetime) -> dict[str, Any]:
    return {
        "digest": new.digest,
        "browser": new.browser,
        "authenticated_at": new.authenticated_at,
        "last_seen_at": now,
        "expires_at": new.expires_at,
        "acr": new.acr,
        "amr": list(new.amr),
        "address": new.address,
        "user_agent": new.user_agent,
    }


_STANDING = Prepared(
    select(
        session.c.id,
        session.c.account_id,
        session.c.acr,
        session.c.amr,
        session.c.started_at,
        session.c.authenticated_at,
        session.c.expires_at,
        session.c.last_seen_at,
    )
    .where(or_(session.c.browser == bindparam("browser"), session.c.id == bindparam("session_id")), *_STANDS)
    .order_by(session.c.id.desc())
)


@dataclass(frozen=True, slots=True)
class StandingSession:
    """A session that a flow meets: the one it steps up, or one that its browser opened before.

    ``idles`` tells that nobody used it for so long that it opens nothing any more; what applications have of
    it goes on.
    """

    id: str
    account_id: str
    acr: str
    amr: tuple[str, ...]
    started_at: dt.datetime
    authenticated_at: dt.datetime
    expires_at: dt.datetime
    idles: bool


def standing_sessions(
    connection: Connection, *, browser: bytes, session_id: str | None, now: dt.datetime, idle: dt.timedelta
) -> tuple[StandingSession, ...]:
    """Return the sessions of this browser that are not over, and that of ``session_id``; newest first."""
    rows = _STANDING.within(connection, browser=browser, session_id=session_id or "", now=now)
    return tuple(
        StandingSession(id_, owner, acr, tuple(amr), started, proved, ends, last_seen <= now - idle)
        for id_, owner, acr, amr, started, proved, ends, last_seen in rows
    )


def acr_of_live(
    connection: Connection, session_id: str | None, *, now: dt.datetime, idle: dt.timedelta
) -> str | None:
    """Return the strength of a session if it is live, or None."""
    found: str | None = connection.scalar(
        select(session.c.acr).where(
            session.c.id == (session_id or ""),
            session.c.ended_at.is_(None),
            session.c.expires_at > now,
            session.c.last_seen_at > now - idle,
        )
    )
    return found


@dataclass(frozen=True, slots=True)
class LastSignIn:
    """When and from where somebody signed in to an account."""

    at: dt.datetime
    user_agent: str
    address: str


def sign_in_before(connection: Connection, account_id: str, *, session_id: str) -> LastSignIn | None:
    """Return the sign-in of the account before the session's own, or None if that was the first."""
    row = connection.execute(
        select(session.c.started_at, session.c.user_agent, session.c.address)
        .where(session.c.account_id == account_id, session.c.id < session_id)
        .order_by(session.c.id.desc())
        .limit(1)
    ).first()
    return None if row is None else LastSignIn(row.started_at, row.user_agent, row.address)


def latest_sign_in(connection: Connection, account_id: str) -> LastSignIn | None:
    """Return when its holder proved last who she is, of the sessions that are kept, or None."""
    at = session.c.authenticated_at
    row = connection.execute(
        select(at, session.c.user_agent, session.c.address)
        .where(session.c.account_id == account_id)
        .order_by(at.desc())
        .limit(1)
    ).first()
    return None if row is None else LastSignIn(row.authenticated_at, row.user_agent, row.address)


def sweep(connection: Connection, *, before: dt.datetime) -> int:
    """Remove some sessions whose time was over before ``before``; return how many."""
    ended = session.c.expires_at
    return remove_some(connection, session, ended < before, oldest_first=ended)
