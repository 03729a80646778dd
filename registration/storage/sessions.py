"""Attempts to sign in, and the sessions that come of them. Tokens are kept as digests only."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, func, literal_column, or_, select, update

from kernel.crypto import Sealer, digest
from kernel.database import insert
from kernel.sweeping import remove_some
from registration.domain.sign_in import Attempt, LogoutNotice, VerifiedSignIn
from registration.storage.tables import logout_notice, sign_in_attempt, signed_in_session


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A live session."""

    id: str
    account_id: str
    subject: str
    acr: str
    auth_at: dt.datetime
    created_at: dt.datetime
    seen_at: dt.datetime
    expires_at: dt.datetime


def add_attempt(
    connection: Connection,
    sealer: Sealer,
    *,
    state: str,
    browser: str,
    attempt: Attempt,
    now: dt.datetime,
    expires_at: dt.datetime,
) -> None:
    """Keep an attempt, bound to the browser it was started in."""
    key = digest(state)
    verifier = sealer.seal(
        attempt.verifier.encode(), table="sign_in_attempt", column="verifier", row=key.hex()
    )
    connection.execute(
        sign_in_attempt.insert(),
        {
            "state_digest": key,
            "browser_digest": digest(browser),
            "nonce": attempt.nonce,
            "verifier": verifier,
            "return_to": attempt.return_to,
            "created_at": now,
            "expires_at": expires_at,
        },
    )


def spend_attempt(
    connection: Connection, sealer: Sealer, *, state: str, browser: str, now: dt.datetime
) -> Attempt | None:
    """Spend an attempt of this browser, or return None: one guarded update decides."""
    key = digest(state)
    row = connection.execute(
        update(sign_in_attempt)
        .where(
            sign_in_attempt.c.state_digest == key,
            sign_in_attempt.c.browser_digest == digest(browser),
            sign_in_attempt.c.used_at.is_(None),
            sign_in_attempt.c.expires_at > now,
        )
        .values(used_at=now)
        .returning(sign_in_attempt.c.nonce, sign_in_attempt.c.verifier, sign_in_attempt.c.return_to)
    ).first()
    if row is None:
        return None
    verifier = sealer.open(row.verifier, table="sign_in_attempt", column="verifier", row=key.hex())
    return Attempt(row.nonce, verifier.decode(), row.return_to)


def add(
    connection: Connection,
    sealer: Sealer,
    verified: VerifiedSignIn,
    *,
    identifier: str,
    token: str,
    account_id: str,
    now: dt.datetime,
    expires_at: dt.datetime,
) -> None:
    """Start the session of a sign-in that was verified; its ID token is kept sealed, for signing out."""
    sealed = sealer.seal(
        verified.id_token.encode(), table="signed_in_session", column="id_token", row=identifier
    )
    connection.execute(
        signed_in_session.insert(),
        {
            "id": identifier,
            "token_digest": digest(token),
            "account_id": account_id,
            "subject": verified.subject,
            "gateway_sid": verified.sid,
            "id_token": sealed,
            "acr": verified.acr,
            "auth_at": verified.auth_at,
            "created_at": now,
            "seen_at": now,
            "expires_at": expires_at,
        },
    )


def _live(now: dt.datetime, idle: dt.timedelta) -> ColumnElement[bool]:
    return (
        signed_in_session.c.ended_at.is_(None)
        & (signed_in_session.c.expires_at > now)
        & (signed_in_session.c.seen_at > now - idle)
    )


def find(connection: Connection, token: str, *, now: dt.datetime, idle: dt.timedelta) -> StoredSession | None:
    """Return the live session of a token, or None."""
    row = connection.execute(
        select(signed_in_session).where(signed_in_session.c.token_digest == digest(token), _live(now, idle))
    ).first()
    return None if row is None else _stored(row)


def owner(connection: Connection, token: str) -> str | None:
    """Return whose session a token was, live or over, or None: who may have typed what came with it."""
    statement = select(signed_in_session.c.account_id).where(
        signed_in_session.c.token_digest == digest(token)
    )
    found = connection.execute(statement).scalar()
    return None if found is None else str(found)


def _stored(row: Row[Any]) -> StoredSession:
    return StoredSession(
        id=row.id,
        account_id=row.account_id,
        subject=row.subject,
        acr=row.acr,
        auth_at=row.auth_at,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
    )


def see(connection: Connection, identifier: str, *, now: dt.datetime) -> None:
    """Note that a session is in use."""
    connection.execute(
        update(signed_in_session)
        .where(signed_in_session.c.id == identifier, signed_in_session.c.seen_at < now)
        .values(seen_at=now)
    )


def end(
    connection: Connection, sealer: Sealer, token: str, *, now: dt.datetime, reason: str
) -> tuple[StoredSession, str] | None:
    """End the session of a token and return it with its ID token, or None if there was none to end."""
    row = connection.execute(
        update(signed_in_session)
        .where(signed_in_session.c.token_digest == digest(token), signed_in_session.c.ended_at.is_(None))
        .values(ended_at=now, end_reason=reason)
        .returning(*signed_in_session.c)
    ).first()
    if row is None:
        return None
    hint = sealer.open(row.id_token, table="signed_in_session", column="id_token", row=row.id).decode()
    return _stored(row), hint


def end_of_gateway(
    connection: Connection, *, sid: str | None, subject: str | None, now: dt.datetime
) -> list[str]:
    """End the sessions a logout token names and return their ids.

    A token with both names one session of one subject; with a subject only it means all of that subject's.
    """
    named: list[ColumnElement[bool]] = []
    if sid is not None:
        named.append(signed_in_session.c.gateway_sid == sid)
    if subject is not None:
        named.append(signed_in_session.c.subject == subject)
    if not named:
        return []
    statement = (
        update(signed_in_session)
        .where(signed_in_session.c.ended_at.is_(None), *named)
        .values(ended_at=now, end_reason="gateway")
        .returning(signed_in_session.c.id)
    )
    return list(connection.execute(statement).scalars())


def take_notice(connection: Connection, notice: LogoutNotice, *, now: dt.datetime) -> bool:
    """Take a logout token; False if it was taken before (OIDC Back-Channel Logout §2.6).

    It is remembered as long as somebody may come with an ID token from before it (:func:`has_ended`).
    """
    _wait_for_starts(connection)
    connection.execute(logout_notice.delete().where(logout_notice.c.expires_at <= now))
    statement = (
        insert(connection, logout_notice)
        .values(
            jti_digest=digest(notice.jti),
            sid_digest=_digest_of(notice.sid),
            subject_digest=_digest_of(notice.subject),
            issued_at=notice.issued_at,
            expires_at=notice.expires_at,
        )
        .on_conflict_do_nothing()
        .returning(logout_notice.c.jti_digest)
    )
    return connection.execute(statement).first() is not None


def has_ended(connection: Connection, verified: VerifiedSignIn) -> bool:
    """Tell whether a logout token has named this sign-in since the Gateway vouched for it.

    Until the unit of work ends no other is taken: that comes after the session which is started here, and
    ends it. A token of the same second counts; their times are whole seconds.
    """
    _wait_for_notices(connection)
    sid, subject = logout_notice.c.sid_digest, logout_notice.c.subject_digest
    return bool(
        connection.scalar(
            select(
                exists().where(
                    logout_notice.c.issued_at >= verified.issued_at,
                    or_(sid.is_(None), sid == digest(verified.sid)),
                    or_(subject.is_(None), subject == digest(verified.subject)),
                )
            )
        )
    )


def _digest_of(name: str | None) -> bytes | None:
    return None if name is None else digest(name)


# On PostgreSQL neither sees what the other has not committed yet. Those who start do not wait for each other.
# Any number does that nobody else takes.
_TURN: ColumnElement[int] = literal_column("7316220957")


def _wait_for_starts(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_TURN)))


def _wait_for_notices(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock_shared(_TURN)))


def sweep_attempts(connection: Connection, *, now: dt.datetime) -> int:
    """Wipe some attempts that nobody can finish any more; return how many."""
    ended = sign_in_attempt.c.expires_at
    return remove_some(connection, sign_in_attempt, ended <= now, oldest_first=ended)


def sweep_sessions(connection: Connection, *, before: dt.datetime) -> int:
    """Wipe some sessions whose longest life was over before ``before``; return how many."""
    ended = signed_in_session.c.expires_at
    return remove_some(connection, signed_in_session, ended <= before, oldest_first=ended)
