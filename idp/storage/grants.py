"""Grants: what one authorization gave. To revoke one is one UPDATE, and every look-up of a token joins it.

A grant is the family of everything issued from one authorization.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, bindparam, or_, select, update

from idp.domain.grant import GrantState
from idp.storage.tables import account, client, grant, session, session_client
from kernel.database import UtcDateTime
from kernel.database import insert as upsert
from kernel.listed import listed
from kernel.prepared import Bound, Prepared
from kernel.transaction import Transaction

_NOW = bindparam("now", type_=UtcDateTime)


@dataclass(frozen=True, slots=True)
class NewGrant:
    """One authorization, before it is stored. ``session_id`` is empty for offline access.

    ``subject`` is empty where the client knows the account by its own id.
    """

    id: str
    client_id: str
    account_id: str
    session_id: str | None
    scope: str
    expires_at: dt.datetime
    subject: str = ""
    claims: Mapping[str, Any] | None = None


_GIVEN = (
    grant.c.id,
    grant.c.session_id,
    grant.c.scope,
    grant.c.subject,
    grant.c.claims,
    grant.c.created_at,
    grant.c.revoked_reason,
    grant.c.expires_at,
)
_INSERT_GRANT = Prepared(
    grant.insert()
    .from_select(
        ["client_id", "account_id", *(column.name for column in _GIVEN)],
        select(client.c.id, account.c.id, *(bindparam(column.name, type_=column.type) for column in _GIVEN))
        .where(
            client.c.id == bindparam("of_client"),
            client.c.disabled_at.is_(None),
            account.c.id == bindparam("of_account"),
            account.c.active,
        )
        # Disabling the client does not wait for it; enabling and deleting do, and find the grant then. So
        # does whoever deactivates the account: the foreign key would hold it in the same way.
        .with_for_update(read=True, key_share=True, of=(client, account)),
        include_defaults=False,
    )
    .returning(grant.c.id)
)


def insert_grant(connection: Connection, new: NewGrant, *, now: dt.datetime) -> bool:
    """Store a new grant; False if its client is disabled or gone, or its account deactivated.

    Until the unit ends the client is neither enabled anew nor deleted: see ``clients.wait_for_issues``.
    """
    stored = _INSERT_GRANT.within(
        connection,
        id=new.id,
        of_client=new.client_id,
        of_account=new.account_id,
        session_id=new.session_id,
        scope=new.scope,
        subject=new.subject or new.account_id,
        claims=new.claims,
        created_at=now,
        revoked_reason="",
        expires_at=new.expires_at,
    )
    return bool(stored)


def remember_client_of_session(
    transaction: Transaction, session_id: str, client_id: str, *, now: dt.datetime
) -> None:
    """Note that a session signed in to a client: it must hear of the session's end.

    It goes with the last statements of the transaction.
    """
    dialect = transaction.connection.dialect.name
    _remember(dialect).at_last(transaction, session_id=session_id, client_id=client_id, first_at=now)


@cache
def _remember(dialect: str) -> Prepared:
    return Prepared(
        upsert(dialect, session_client).on_conflict_do_nothing(),
        columns=("session_id", "client_id", "first_at"),
    )


_STATE = Prepared(
    select(
        grant.c.id,
        grant.c.account_id,
        grant.c.session_id,
        grant.c.scope,
        grant.c.expires_at,
        grant.c.revoked_at.is_not(None),
        and_(account.c.active, account.c.activated_at.is_not(None)),
        or_(grant.c.session_id.is_(None), and_(session.c.ended_at.is_(None), session.c.expires_at > _NOW)),
        client.c.version,
        client.c.disabled_at.is_not(None),
        session.c.browser,
        grant.c.subject,
        grant.c.claims,
    )
    .join(account, account.c.id == grant.c.account_id)
    .join(client, client.c.id == grant.c.client_id)
    .outerjoin(session, session.c.id == grant.c.session_id)
    .where(grant.c.id == bindparam("id"))
)


def grant_state(connection: Connection, grant_id: str, *, now: dt.datetime) -> GrantState | None:
    """Return how the grant stands, with its account, session and client: one statement."""
    rows = _STATE.within(connection, id=grant_id, now=now)
    if not rows:
        return None
    values = list(rows[0])
    # An outer join that finds no session yields NULL, which means that the session is gone.
    values[5:8] = [bool(value) for value in values[5:8]]
    values[9] = bool(values[9])
    return GrantState(*values)


def revoke_grant(connection: Connection, grant_id: str, *, reason: str, now: dt.datetime) -> bool:
    """Revoke a grant and with it every token of its family; False if it was revoked before."""
    done = connection.execute(
        update(grant)
        .where(grant.c.id == grant_id, grant.c.revoked_at.is_(None))
        .values(revoked_at=now, revoked_reason=reason)
    )
    return done.rowcount == 1


def revoke_grants_of_sessions(
    connection: Connection, session_ids: Iterable[str], *, reason: str, now: dt.datetime
) -> int:
    """Revoke the grants that live with these sessions; offline access is not one of them."""
    done = connection.execute(
        update(grant)
        .where(grant.c.session_id.in_(list(session_ids)), grant.c.revoked_at.is_(None))
        .values(revoked_at=now, revoked_reason=reason)
    )
    return done.rowcount


_REVOKE = (
    update(grant)
    .where(grant.c.account_id == bindparam("of"), grant.c.revoked_at.is_(None))
    .values(revoked_at=_NOW, revoked_reason=bindparam("reason"))
    .returning(grant.c.id)
)


_REVOKE_OF_ACCOUNT = Prepared(
    _REVOKE.where(or_(grant.c.session_id.is_(None), grant.c.session_id != bindparam("keep")))
)


_REVOKE_FOR_CLIENTS = Prepared(_REVOKE.where(grant.c.client_id.in_(listed("clients"))))


def revoking_grants_of(account_id: str, *, reason: str, now: dt.datetime, keep: str | None) -> Bound:
    """Return what revokes the account's grants, offline access too, but those of the session ``keep``."""
    return _REVOKE_OF_ACCOUNT.bound(of=account_id, keep=keep or "", now=now, reason=reason)


def revoke_grants_for_clients(
    connection: Connection, account_id: str, client_ids: Iterable[str], *, reason: str, now: dt.datetime
) -> int:
    """Revoke the account's grants for these clients, offline access too; return how many."""
    values = {"of": account_id, "clients": list(client_ids), "now": now, "reason": reason}
    return len(_REVOKE_FOR_CLIENTS.within(connection, **values))
