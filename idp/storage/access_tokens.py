"""Access tokens: kept as digests; one statement finds what a live one stands for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Text, and_, bindparam, insert, or_, select, type_coerce, update
from sqlalchemy.exc import IntegrityError

from idp.domain.claims import Profile
from idp.domain.confirmation import Confirmation, confirmation_of
from idp.domain.grant import Inspected
from idp.domain.scim_client import StoredScimClient
from idp.domain.tokens import TokenFacts
from idp.storage import scim_clients
from idp.storage.tables import access_token, account, client, grant, scim_client
from idp.storage.violations import is_missing
from kernel.database import Database, UtcDateTime
from kernel.prepared import Prepared
from kernel.transaction import Transaction

_NOW = bindparam("now", type_=UtcDateTime)


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


# The client as it was read, if it is still so: a token of nobody is refused by its column.
# Disabling does not wait for it; enabling and deleting do, and find the token then.
_STILL = (
    select(client.c.id)
    .where(
        client.c.id == bindparam("of_client"),
        client.c.version == bindparam("of_version"),
        client.c.disabled_at.is_(None),
    )
    .with_for_update(read=True, key_share=True)
)


_INSERT_MACHINE = Prepared(
    insert(access_token).values(client_id=_STILL.scalar_subquery()),
    columns=("digest", "subject", "scope", "audience", "confirmation", "issued_at", "expires_at"),
)


def insert_access_token(transaction: Transaction, new: NewAccessToken, *, now: dt.datetime) -> None:
    """Store an access token of a grant, with the last statements of the transaction."""
    _INSERT_ACCESS.at_last(transaction, grant_id=new.grant_id, **_values(new, now))


def insert_machine_token(
    transaction: Transaction, new: NewAccessToken, *, client_version: int, now: dt.datetime
) -> None:
    """Store a client's own access token, with the last statements of the transaction.

    It fails, and the transaction with it (:func:`of_nobody`), unless the client is enabled and still at
    ``client_version``. From then until it ends the client is neither enabled anew nor deleted: see
    ``clients.wait_for_issues``.
    """
    values = _values(new, now)
    _INSERT_MACHINE.at_last(
        transaction, of_client=values.pop("client_id"), of_version=client_version, **values
    )


def of_nobody(error: IntegrityError) -> bool:
    """Tell whether a unit was undone because a client's own token was of no enabled client any more."""
    return is_missing(error, access_token.c.client_id)


def _values(new: NewAccessToken, now: dt.datetime) -> dict[str, object]:
    return {
        "digest": new.digest,
        "client_id": new.client_id,
        "subject": new.subject,
        "scope": new.scope,
        "audience": new.audience,
        "confirmation": _stored(new.confirmation),
        "issued_at": now,
        "expires_at": new.expires_at,
    }


def _stored(confirmation: Confirmation | None) -> str | None:
    return str(confirmation) if confirmation is not None else None


_LIVE = (
    access_token.join(client, client.c.id == access_token.c.client_id)
    .outerjoin(grant, grant.c.id == access_token.c.grant_id)
    .outerjoin(account, account.c.id == grant.c.account_id)
)


_STANDS = and_(
    access_token.c.digest == bindparam("d"),
    access_token.c.revoked_at.is_(None),
    access_token.c.expires_at > _NOW,
    client.c.disabled_at.is_(None),
)


_IS_LIVE = and_(
    _STANDS,
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


_NO_GRANT = {grant.c.account_id: access_token.c.grant_id.label("account_id")}
"""What stands for the account where there is no grant: nothing either."""


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


# Of a client's own token neither grant nor account is looked for: for half of what the server has to do.
_BEARER_PROVISIONER = Prepared(
    select(*(_NO_GRANT.get(column, column) for column in _FACTS), *scim_clients.COLUMNS)
    .select_from(
        access_token.join(client, client.c.id == access_token.c.client_id).outerjoin(
            scim_client, scim_client.c.id == access_token.c.client_id
        )
    )
    .where(_STANDS, access_token.c.grant_id.is_(None))
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
    """Return the same of a client's own token, and what it is registered as for SCIM, if it is.

    None for the token of a person. One statement.
    """
    row = _BEARER_PROVISIONER.first(database, d=digest, now=now)
    if row is None:
        return None
    registered = row[len(_FACTS) :]
    return _facts(row), scim_clients.to_scim_client(registered) if registered[0] is not None else None


def inspect_access_token(database: Database, digest: bytes, *, now: dt.datetime) -> Inspected | None:
    """Return a live access token as introspection sees it, or None."""
    row = _BEARER_NAMED.first(database, d=digest, now=now)
    return Inspected("access_token", _facts(row), row[9] or "") if row is not None else None


_UNREVOKED = Prepared(
    select(access_token.c.digest).where(
        access_token.c.digest == bindparam("d"), access_token.c.revoked_at.is_(None)
    )
)


def is_unrevoked(connection: Connection, digest: bytes) -> bool:
    """Tell whether nobody gave this very access token back."""
    return bool(_UNREVOKED.within(connection, d=digest))


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
