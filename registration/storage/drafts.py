"""Drafts: what was typed so far on the way through a wizard, sealed, for its owner only."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from kernel.crypto import Sealer
from kernel.sweeping import remove_some
from registration.domain.draft import Draft
from registration.storage.tables import draft

_MOST_OF_ONE = 50


def add(  # noqa: PLR0913 - a row has as many columns as it has
    connection: Connection,
    sealer: Sealer,
    *,
    identifier: str,
    account_id: str,
    kind: str,
    organization_id: str | None,
    values: Mapping[str, object],
    now: dt.datetime,
    expires_at: dt.datetime,
) -> Draft:
    """Keep a new draft, and of its owner's others the newest: nobody fills the table alone."""
    own = draft.c.account_id == account_id
    newest = select(draft.c.id).where(own).order_by(draft.c.id.desc()).limit(_MOST_OF_ONE - 1)
    connection.execute(draft.delete().where(own, draft.c.id.not_in(newest)))
    connection.execute(
        draft.insert(),
        {
            "id": identifier,
            "account_id": account_id,
            "kind": kind,
            "organization_id": organization_id,
            "body": _sealed(sealer, identifier, values),
            "version": 1,
            "created_at": now,
            "expires_at": expires_at,
        },
    )
    return Draft(identifier, kind, organization_id, 1, dict(values))


def find(
    connection: Connection, sealer: Sealer, *, identifier: str, account_id: str, now: dt.datetime
) -> Draft | None:
    """Return a live draft of this owner, or None: nobody else's exists (RG-19)."""
    row = connection.execute(
        select(draft).where(
            draft.c.id == identifier, draft.c.account_id == account_id, draft.c.expires_at > now
        )
    ).first()
    if row is None:
        return None
    values = json.loads(sealer.open(row.body, table="draft", column="body", row=row.id))
    return Draft(row.id, row.kind, row.organization_id, row.version, values)


def save(
    connection: Connection,
    sealer: Sealer,
    *,
    current: Draft,
    account_id: str,
    values: Mapping[str, object],
    now: dt.datetime,
) -> Draft | None:
    """Merge ``values`` into a draft; None if it was saved by another page meanwhile."""
    merged = {**current.values, **values}
    result = connection.execute(
        update(draft)
        .where(
            draft.c.id == current.id,
            draft.c.account_id == account_id,
            draft.c.version == current.version,
            draft.c.expires_at > now,
        )
        .values(body=_sealed(sealer, current.id, merged), version=draft.c.version + 1)
    )
    if result.rowcount != 1:
        return None
    return Draft(current.id, current.kind, current.organization_id, current.version + 1, merged)


def sweep(connection: Connection, *, now: dt.datetime) -> int:
    """Wipe some of the drafts that have expired: they hold what was typed about persons; return how many."""
    return remove_some(connection, draft, draft.c.expires_at <= now, oldest_first=draft.c.expires_at)


def _sealed(sealer: Sealer, identifier: str, values: Mapping[str, object]) -> bytes:
    plain = json.dumps(dict(values), ensure_ascii=False, sort_keys=True).encode()
    return sealer.seal(plain, table="draft", column="body", row=identifier)
