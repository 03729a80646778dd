"""Grants, codes and tokens. What may happen once is one conditional statement; tokens are kept as digests.

A grant is the family of everything issued from one authorization: to revoke it is one UPDATE, and every
look-up of a token joins it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Connection,
    Text,
    and_,
    bindparam,
    insert,
    or_,
    select,
    type_coerce,
    update,
)

from idp.domain.claims import Profile
from idp.domain.confirmation import Confirmation, confirmation_of
from idp.domain.grant import GrantState, SpentCode, StoredRefreshToken
from idp.domain.group import AccessRow
from idp.domain.tokens import TokenFacts
from idp.storage import scim_clients
from idp.storage.nesting import groups_around
from idp.storage.scim_clients import StoredScimClient
from idp.storage.tables import (
    access_token,
    account,
    authorization_code,
    client,
    grant,
    group,
    refresh_token,
    scim_client,
    session,
    session_client,
)
from kernel.database import Database, UtcDateTime
from kernel.database import insert as upsert
from kernel.listed import listed
from kernel.prepared import Prepared

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


@dataclass(frozen=True, slots=True)
class NewAccessToken:
    """An access token, before it is stored."""

    digest: bytes = field(repr=False)
    grant_id: str | None
    client_id: str
    subject: str
    scope: str
    audience: str
    expires_at: dt.datetime
    confirmation: Confirmation | None = None


@dataclass(frozen=True, slots=True)
class NewRefreshToken:
    """A refresh token, before it is stored. ``parent`` is the digest of the one it replaces."""

    digest: bytes = field(repr=False)
    grant_id: str
    client_id: str
    request: Mapping[str, object]
    expires_at: dt.datetime
    parent: bytes | None = field(default=None, repr=False)
    answer: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Inspected:
    """A token as introspection sees it. ``kind`` is access_token or refresh_token."""

    kind: str
    facts: TokenFacts
    user_name: str


# --- authorization ---------------------------------------------------------------------------------

_INSERT_GRANT = Prepared(
    insert(grant),
    columns=(
        "id",
        "client_id",
        "account_id",
        "session_id",
        "scope",
        "subject",
        "claims",
        "created_at",
        "revoked_reason",
        "expires_at",
    ),
)
_INSERT_CODE = Prepared(
    insert(authorization_code),
    columns=("digest", "grant_id", "client_id", "redirect_uri", "request", "expires_at"),
)
_INSERT_ACCESS = Prepared(
    insert(access_token),
    columns=(
        "digest",
        "grant_id",
        "client_id",
        "subject",
        "scope",
        "audience",
        "confirmation",
        "issued_at",
        "expires_at",
    ),
)
_INSERT_REFRESH = Prepared(
    insert(refresh_token),
    columns=("digest", "grant_id", "client_id", "request", "issued_at", "expires_at", "parent", "answer"),
)
_REMEMBER = {
    dialect: Prepared(
        upsert(dialect, session_client).on_conflict_do_nothing(),
        columns=("session_id", "client_id", "first_at"),
    )
    for dialect in ("sqlite", "postgresql")
}


def insert_grant(connection: Connection, new: NewGrant, *, now: dt.datetime) -> None:
    """Store a new grant."""
    _INSERT_GRANT.within(
        connection,
        id=new.id,
        client_id=new.client_id,
        account_id=new.account_id,
        session_id=new.session_id,
        scope=new.scope,
        subject=new.subject or new.account_id,
        claims=new.claims,
        created_at=now,
        revoked_reason="",
        expires_at=new.expires_at,
    )


def insert_code(
    connection: Connection,
    digest: bytes,
    *,
    new: NewGrant,
    redirect_uri: str,
    request: Mapping[str, object],
    expires_at: dt.datetime,
) -> None:
    """Store the digest of a code of ``new``, bound to client, redirection URI and request."""
    _INSERT_CODE.within(
        connection,
        digest=digest,
        grant_id=new.id,
        client_id=new.client_id,
        redirect_uri=redirect_uri,
        request=dict(request),
        expires_at=expires_at,
    )


def remember_client_of_session(
    connection: Connection, session_id: str, client_id: str, *, now: dt.datetime
) -> None:
    """Note that a session signed in to a client: it must hear of the session's end."""
    _REMEMBER[connection.dialect.name].within(
        connection, session_id=session_id, client_id=client_id, first_at=now
    )


# --- codes -----------------------------------------------------------------------------------------

_SPEND_CODE = Prepared(
    update(authorization_code)
    .where(authorization_code.c.digest == bindparam("d"), authorization_code.c.used_at.is_(None))
    .values(used_at=_NOW)
    .returning(
        authorization_code.c.grant_id,
        authorization_code.c.client_id,
        authorization_code.c.redirect_uri,
        authorization_code.c.request,
        authorization_code.c.expires_at,
    )
)
_SPENT_CODE = Prepared(
    select(authorization_code.c.grant_id, authorization_code.c.client_id).where(
        authorization_code.c.digest == bindparam("d")
    )
)


def spend_code(connection: Connection, digest: bytes, *, now: dt.datetime) -> SpentCode | None:
    """Spend a code, whoever presents it; None if it is unknown or was spent before.

    One guarded UPDATE decides. A code that a stranger presents is burned too (TK-03).
    """
    rows = _SPEND_CODE.within(connection, d=digest, now=now)
    return SpentCode(*rows[0]) if rows else None


def find_spent_code(connection: Connection, digest: bytes) -> tuple[str, str] | None:
    """Return the grant and the client of a code that was spent before, or None if there is none."""
    rows = _SPENT_CODE.within(connection, d=digest)
    return (rows[0][0], rows[0][1]) if rows else None


# --- grants ----------------------------------------------------------------------------------------

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
    .where(
        grant.c.account_id == bindparam("of"),
        grant.c.revoked_at.is_(None),
        or_(grant.c.session_id.is_(None), grant.c.session_id != bindparam("keep")),
    )
    .values(revoked_at=_NOW, revoked_reason=bindparam("reason"))
    .returning(grant.c.id)
)
_REVOKE_OF_ACCOUNT = Prepared(_REVOKE)
_REVOKE_FOR_CLIENTS = Prepared(_REVOKE.where(grant.c.client_id.in_(listed("clients"))))


def revoke_grants_of_account(
    connection: Connection,
    account_id: str,
    *,
    reason: str,
    now: dt.datetime,
    client_ids: Iterable[str] | None = None,
    keep_session: str | None = None,
) -> int:
    """Revoke the account's grants, offline access too, for some clients or all, except ``keep_session``."""
    values = {"of": account_id, "keep": keep_session or "", "now": now, "reason": reason}
    if client_ids is None:
        return len(_REVOKE_OF_ACCOUNT.within(connection, **values))
    return len(_REVOKE_FOR_CLIENTS.within(connection, **values, clients=list(client_ids)))


# --- refresh tokens --------------------------------------------------------------------------------

_REFRESH_COLUMNS = (
    refresh_token.c.grant_id,
    refresh_token.c.client_id,
    refresh_token.c.request,
    refresh_token.c.expires_at,
    refresh_token.c.used_at,
)
_SPEND_REFRESH = Prepared(
    update(refresh_token)
    .where(
        refresh_token.c.digest == bindparam("d"),
        refresh_token.c.client_id == bindparam("c"),
        refresh_token.c.used_at.is_(None),
        refresh_token.c.expires_at > _NOW,
    )
    .values(used_at=_NOW)
    .returning(*_REFRESH_COLUMNS)
)
_FIND_REFRESH = Prepared(select(*_REFRESH_COLUMNS).where(refresh_token.c.digest == bindparam("d")))
_ANSWER = Prepared(
    select(refresh_token.c.answer).where(
        refresh_token.c.parent == bindparam("d"), refresh_token.c.used_at.is_(None)
    )
)


def spend_refresh_token(
    connection: Connection, digest: bytes, client_id: str, *, now: dt.datetime
) -> StoredRefreshToken | None:
    """Spend a live refresh token of ``client_id``; None if it is not live or not this client's.

    One guarded UPDATE decides among all who present it at once.
    """
    rows = _SPEND_REFRESH.within(connection, d=digest, c=client_id, now=now)
    return StoredRefreshToken(*rows[0]) if rows else None


def find_refresh_token(connection: Connection, digest: bytes) -> StoredRefreshToken | None:
    """Return the refresh token, spent or not, or None."""
    rows = _FIND_REFRESH.within(connection, d=digest)
    return StoredRefreshToken(*rows[0]) if rows else None


def sealed_answer_to(connection: Connection, digest: bytes) -> bytes | None:
    """Return the sealed answer that the spending of a refresh token gave, while its heir is unused."""
    rows = _ANSWER.within(connection, d=digest)
    return rows[0][0] if rows else None


def insert_refresh_token(connection: Connection, new: NewRefreshToken, *, now: dt.datetime) -> None:
    """Store a refresh token; a second heir of one parent violates the unique column."""
    _INSERT_REFRESH.within(
        connection,
        digest=new.digest,
        grant_id=new.grant_id,
        client_id=new.client_id,
        request=dict(new.request),
        issued_at=now,
        expires_at=new.expires_at,
        parent=new.parent,
        answer=new.answer,
    )


# --- access tokens ---------------------------------------------------------------------------------

_GUARDED_ACCESS = Prepared(
    access_token.insert()
    .from_select(
        ["digest", "client_id", "subject", "scope", "audience", "confirmation", "issued_at", "expires_at"],
        select(
            bindparam("digest", type_=access_token.c.digest.type),
            client.c.id,
            bindparam("subject", type_=access_token.c.subject.type),
            bindparam("scope", type_=access_token.c.scope.type),
            bindparam("audience", type_=access_token.c.audience.type),
            bindparam("confirmation", type_=access_token.c.confirmation.type),
            bindparam("issued_at", type_=UtcDateTime),
            bindparam("expires_at", type_=UtcDateTime),
        ).where(
            client.c.id == bindparam("client_id"),
            client.c.version == bindparam("version"),
            client.c.disabled_at.is_(None),
        ),
        include_defaults=False,
    )
    .returning(access_token.c.issued_at)
)


def insert_access_token(connection: Connection, new: NewAccessToken, *, now: dt.datetime) -> None:
    """Store an access token of a grant."""
    _INSERT_ACCESS.within(
        connection,
        digest=new.digest,
        grant_id=new.grant_id,
        client_id=new.client_id,
        subject=new.subject,
        scope=new.scope,
        audience=new.audience,
        confirmation=_stored(new.confirmation),
        issued_at=now,
        expires_at=new.expires_at,
    )


def insert_machine_token(
    connection: Connection, new: NewAccessToken, *, client_version: int, now: dt.datetime
) -> bool:
    """Store a client's own access token if the client is enabled and still at ``client_version``."""
    rows = _GUARDED_ACCESS.within(
        connection,
        digest=new.digest,
        client_id=new.client_id,
        subject=new.subject,
        scope=new.scope,
        audience=new.audience,
        confirmation=_stored(new.confirmation),
        issued_at=now,
        expires_at=new.expires_at,
        version=client_version,
    )
    return bool(rows)


def _stored(confirmation: Confirmation | None) -> str | None:
    return str(confirmation) if confirmation is not None else None


_LIVE = (
    access_token.join(client, client.c.id == access_token.c.client_id)
    .outerjoin(grant, grant.c.id == access_token.c.grant_id)
    .outerjoin(account, account.c.id == grant.c.account_id)
)
_IS_LIVE = and_(
    access_token.c.digest == bindparam("d"),
    access_token.c.revoked_at.is_(None),
    access_token.c.expires_at > _NOW,
    client.c.disabled_at.is_(None),
    or_(
        access_token.c.grant_id.is_(None),
        and_(grant.c.revoked_at.is_(None), account.c.active, account.c.activated_at.is_not(None)),
    ),
)
_FACTS = (
    access_token.c.client_id,
    access_token.c.subject,
    grant.c.account_id,
    access_token.c.grant_id,
    access_token.c.scope,
    access_token.c.audience,
    access_token.c.issued_at,
    access_token.c.expires_at,
    access_token.c.confirmation,
)
_PROFILE = (
    account.c.user_name,
    account.c.display_name,
    account.c.given_name,
    account.c.family_name,
    account.c.middle_name,
    account.c.email,
    account.c.phone,
    account.c.language,
    account.c.activated_at,
    account.c.updated_at,
    account.c.document,
    account.c.claims,
)
_BEARER = Prepared(select(*_FACTS).select_from(_LIVE).where(_IS_LIVE))
_BEARER_PROFILE = Prepared(
    select(
        *_FACTS,
        *_PROFILE,
        client.c.application_key,
        grant.c.claims,
        # Metadata is JSON with quoted names: most clients name no form, and their row is not read further.
        type_coerce(client.c.metadata, Text).contains('"userinfo_', autoescape=True),
    )
    .select_from(_LIVE)
    .where(_IS_LIVE)
)
_PROFILE_OF = Prepared(select(*_PROFILE).where(account.c.id == bindparam("a")))
_BEARER_NAMED = Prepared(select(*_FACTS, account.c.user_name).select_from(_LIVE).where(_IS_LIVE))


_BEARER_PROVISIONER = Prepared(
    select(*_FACTS, *scim_clients.COLUMNS)
    .select_from(_LIVE.outerjoin(scim_client, scim_client.c.id == access_token.c.client_id))
    .where(_IS_LIVE)
)


def _facts(row: Any) -> TokenFacts:  # noqa: ANN401 - a row of _FACTS and more
    return TokenFacts(
        row[0],
        row[1],
        row[2] or "",
        row[3],
        frozenset(row[4].split()),
        frozenset(row[5].split()),
        row[6],
        row[7],
        confirmation_of(row[8]),
    )


def find_bearer(database: Database, digest: bytes, *, now: dt.datetime) -> TokenFacts | None:
    """Return what a live access token stands for: nothing expired, revoked, disabled or deactivated."""
    row = _BEARER.first(database, d=digest, now=now)
    return _facts(row) if row is not None else None


def find_bearer_with_profile(
    database: Database, digest: bytes, *, now: dt.datetime
) -> tuple[TokenFacts, Profile | None, str, Mapping[str, Any] | None, bool] | None:
    """Return the same with the account's profile, the client's application and the single claims granted.

    The last value tells whether the client may want userinfo signed or encrypted. One statement.
    """
    row = _BEARER_PROFILE.first(database, d=digest, now=now)
    if row is None:
        return None
    facts = _facts(row)
    profile = Profile(*row[9:21]) if facts.account_id else None
    return facts, profile, row[21], row[22], bool(row[23])


def profile_within(connection: Connection, account_id: str) -> Profile | None:
    """Return the profile of an account as it stands in the unit of work of ``connection``."""
    rows = _PROFILE_OF.within(connection, a=account_id)
    return Profile(*rows[0]) if rows else None


def find_bearer_with_scim_client(
    database: Database, digest: bytes, *, now: dt.datetime
) -> tuple[TokenFacts, StoredScimClient | None] | None:
    """Return the same with what its client is registered as for SCIM, if it is: one statement."""
    row = _BEARER_PROVISIONER.first(database, d=digest, now=now)
    if row is None:
        return None
    registered = row[len(_FACTS) :]
    return _facts(row), scim_clients.to_scim_client(registered) if registered[0] is not None else None


_ACCESS_OF = Prepared(
    select(
        group.c.organization_id,
        group.c.organization_short_name,
        group.c.access_role_key,
        group.c.access_role_name,
        group.c.application_key,
    )
    .where(
        group.c.id.in_(groups_around(bindparam("a", type_=account.c.id.type))),
        group.c.application_key == bindparam("k"),
    )
    .order_by(group.c.organization_id, group.c.access_role_key)
)


def access_of(database: Database, account_id: str, application_key: str) -> tuple[AccessRow, ...]:
    """Return what the account's memberships open of one application; of no application there is nothing."""
    if not application_key:
        return ()
    return tuple(AccessRow(*row) for row in _ACCESS_OF.all(database, a=account_id, k=application_key))


def access_within(connection: Connection, account_id: str, application_key: str) -> tuple[AccessRow, ...]:
    """Return the same as it stands in the unit of work of ``connection``."""
    if not application_key:
        return ()
    return tuple(AccessRow(*row) for row in _ACCESS_OF.within(connection, a=account_id, k=application_key))


_REFRESH_NAMED = Prepared(
    select(
        refresh_token.c.client_id,
        grant.c.account_id,
        grant.c.subject,
        refresh_token.c.grant_id,
        grant.c.scope,
        refresh_token.c.issued_at,
        refresh_token.c.expires_at,
        account.c.user_name,
    )
    .join(grant, grant.c.id == refresh_token.c.grant_id)
    .join(account, account.c.id == grant.c.account_id)
    .join(client, client.c.id == refresh_token.c.client_id)
    .where(
        refresh_token.c.digest == bindparam("d"),
        refresh_token.c.used_at.is_(None),
        refresh_token.c.expires_at > _NOW,
        grant.c.revoked_at.is_(None),
        account.c.active,
        client.c.disabled_at.is_(None),
    )
)


def inspect_access_token(database: Database, digest: bytes, *, now: dt.datetime) -> Inspected | None:
    """Return a live access token as introspection sees it, or None."""
    row = _BEARER_NAMED.first(database, d=digest, now=now)
    return Inspected("access_token", _facts(row), row[9] or "") if row is not None else None


def inspect_refresh_token(database: Database, digest: bytes, *, now: dt.datetime) -> Inspected | None:
    """Return a live refresh token as introspection sees it, or None."""
    row = _REFRESH_NAMED.first(database, d=digest, now=now)
    if row is None:
        return None
    client_id, account_id, subject, grant_id, scope, issued_at, expires_at, user_name = row
    facts = TokenFacts(
        client_id,
        subject,
        account_id,
        grant_id,
        frozenset(scope.split()),
        frozenset(),
        issued_at,
        expires_at,
    )
    return Inspected("refresh_token", facts, user_name)


def revoke_access_token(connection: Connection, digest: bytes, client_id: str, *, now: dt.datetime) -> bool:
    """Revoke one access token of ``client_id``; False if it is unknown, revoked, or another client's."""
    done = connection.execute(
        update(access_token)
        .where(
            access_token.c.digest == digest,
            access_token.c.client_id == client_id,
            access_token.c.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )
    return done.rowcount == 1
