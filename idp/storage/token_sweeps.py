"""Removing tokens, codes and grants that are over, some at a time; and answers that served their moment."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, Select, delete, exists, select, update
from sqlalchemy.sql import null

from idp.storage.tables import access_token, authorization_code, grant, refresh_token
from kernel.sweeping import remove_some

FAMILY_BATCH = 12
"""Rows of one bite of families: each is in four trees of SQLite's file, and takes as long as three others."""


def sweep_access_tokens(connection: Connection, *, before: dt.datetime) -> int:
    """Remove some access tokens that ended before ``before``; return how many."""
    ended = access_token.c.expires_at
    return remove_some(connection, access_token, ended < before, oldest_first=ended)


def sweep_codes(connection: Connection, *, before: dt.datetime) -> int:
    """Remove some codes that ended before ``before``; return how many."""
    ended = authorization_code.c.expires_at
    return remove_some(connection, authorization_code, ended < before, oldest_first=ended)


def sweep_families(connection: Connection, *, before: dt.datetime) -> int:
    """Remove some refresh tokens of grants that ended before ``before``, and grants without; return how many.

    A spent refresh token stays as long as its family could live, so that its reuse is noticed (RT-04). Only
    the oldest grants are looked at: they lose their tokens first, and then go.
    """
    oldest = (
        select(grant.c.id).where(grant.c.expires_at < before).order_by(grant.c.expires_at).limit(FAMILY_BATCH)
    )
    found = (
        select(refresh_token.c.digest)
        .where(refresh_token.c.grant_id.in_(select(oldest.cte(nesting=True).c.id)))
        .limit(FAMILY_BATCH)
        .with_for_update(skip_locked=True)
        .cte(nesting=True)
    )
    done = connection.execute(delete(refresh_token).where(refresh_token.c.digest.in_(select(found.c.digest))))
    room = FAMILY_BATCH - done.rowcount
    return done.rowcount + (_sweep_grants(connection, oldest, most=room) if room else 0)


def _sweep_grants(connection: Connection, oldest: Select[tuple[str]], *, most: int) -> int:
    """Remove at most ``most`` of the oldest grants that have no refresh token left; return how many."""
    found = (
        select(grant.c.id)
        .where(
            grant.c.id.in_(select(oldest.cte(nesting=True).c.id)),
            ~exists().where(refresh_token.c.grant_id == grant.c.id),
        )
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte(nesting=True)
    )
    return connection.execute(delete(grant).where(grant.c.id.in_(select(found.c.id)))).rowcount


def wipe_answers(connection: Connection, *, issued_before: dt.datetime) -> int:
    """Wipe some sealed answers of rotations whose grace is over; return how many."""
    found = (
        select(refresh_token.c.digest)
        .where(refresh_token.c.answer.is_not(None), refresh_token.c.issued_at < issued_before)
        .order_by(refresh_token.c.issued_at)
        .limit(FAMILY_BATCH)
        .with_for_update(skip_locked=True)
        .cte(nesting=True)
    )
    done = connection.execute(
        update(refresh_token).where(refresh_token.c.digest.in_(select(found.c.digest))).values(answer=null())
    )
    return done.rowcount
