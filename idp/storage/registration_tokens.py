"""Tokens that let their holder register clients: digests, and how often they may be used and were."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from idp.storage.tables import registration_token
from kernel.database import insert


@dataclass(frozen=True, slots=True)
class RegistrationToken:
    """A token as an operator sees it. ``most_uses`` and ``expires_at`` are empty where there is no end."""

    id: str
    name: str
    profile: str
    application_key: str
    most_uses: int | None
    uses: int
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None
    revoked_at: dt.datetime | None

    def lives(self, now: dt.datetime) -> bool:
        """Tell whether another client can be registered with it."""
        spent = self.most_uses is not None and self.uses >= self.most_uses
        over = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not spent and not over


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRegistrationToken:
    """A token that is to be stored."""

    id: str
    digest: bytes = field(repr=False)
    name: str
    profile: str = ""
    application_key: str = ""
    most_uses: int | None = None
    expires_at: dt.datetime | None = None


_COLUMNS = tuple(column for column in registration_token.c if column.name != "digest")


def _token(row: Any) -> RegistrationToken:  # noqa: ANN401 - a row of _COLUMNS
    return RegistrationToken(**row._mapping)  # noqa: SLF001 - its public name


def _lives(digest: bytes, now: dt.datetime) -> ColumnElement[bool]:
    known = registration_token.c
    return and_(
        known.digest == digest,
        known.revoked_at.is_(None),
        or_(known.expires_at.is_(None), known.expires_at > now),
        or_(known.most_uses.is_(None), known.uses < known.most_uses),
    )


def add_registration_token(connection: Connection, new: NewRegistrationToken, *, now: dt.datetime) -> bool:
    """Store a token; False if there is one of this digest."""
    done = connection.execute(
        insert(connection, registration_token)
        .values(
            id=new.id,
            digest=new.digest,
            name=new.name,
            profile=new.profile,
            application_key=new.application_key,
            most_uses=new.most_uses,
            uses=0,
            created_at=now,
            expires_at=new.expires_at,
        )
        .on_conflict_do_nothing()
    )
    return done.rowcount == 1


def find_registration_token(
    connection: Connection, digest: bytes, *, now: dt.datetime
) -> RegistrationToken | None:
    """Return a token that lives, or None; looking at it spends nothing."""
    row = connection.execute(select(*_COLUMNS).where(_lives(digest, now))).first()
    return None if row is None else _token(row)


def spend_registration_token(
    connection: Connection, digest: bytes, *, now: dt.datetime
) -> RegistrationToken | None:
    """Use a token once; None if it is not live, or was used up: one conditional statement decides."""
    row = connection.execute(
        update(registration_token)
        .where(_lives(digest, now))
        .values(uses=registration_token.c.uses + 1, last_used_at=now)
        .returning(*_COLUMNS)
    ).first()
    return None if row is None else _token(row)


def registration_tokens(connection: Connection) -> list[RegistrationToken]:
    """Return every token, newest first."""
    rows = connection.execute(select(*_COLUMNS).order_by(registration_token.c.id.desc()))
    return [_token(row) for row in rows]


def registration_token_name(connection: Connection, token_id: str) -> str:
    """Return whom a token was given to, or an empty text."""
    found = connection.scalar(select(registration_token.c.name).where(registration_token.c.id == token_id))
    return found or ""


def revoke_registration_token(connection: Connection, token_id: str, *, now: dt.datetime) -> bool:
    """End a token; False if there is none of this id, or it was revoked before."""
    done = connection.execute(
        update(registration_token)
        .where(registration_token.c.id == token_id, registration_token.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return done.rowcount == 1
