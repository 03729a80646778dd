"""Catalogue versions: storing one, and finding the one in force."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from sqlalchemy import Connection, func, select

from kernel.database import insert
from registration.domain.catalogue import Catalogue, parse_catalogue
from registration.storage.tables import access_role_kind, catalogue_version


def current(connection: Connection) -> Catalogue | None:
    """Return the catalogue in force, or None before the first was loaded.

    The small row of the newest version is asked for each time; its document is read and checked once.
    """
    newest = connection.execute(
        select(catalogue_version.c.version_no, catalogue_version.c.digest)
        .order_by(catalogue_version.c.version_no.desc())
        .limit(1)
    ).first()
    if newest is None:
        return None
    known = _known(newest.digest)
    if known:
        return known[0]
    document = connection.execute(
        select(catalogue_version.c.document).where(catalogue_version.c.version_no == newest.version_no)
    ).scalar_one()
    known.append(parse_catalogue(document))
    return known[0]


@lru_cache(maxsize=8)
def _known(digest: str) -> list[Catalogue]:
    del digest
    return []


def version_of(connection: Connection) -> tuple[int, str]:
    """Return the number and digest of the version in force; ``(0, "")`` before the first."""
    row = connection.execute(
        select(catalogue_version.c.version_no, catalogue_version.c.digest)
        .order_by(catalogue_version.c.version_no.desc())
        .limit(1)
    ).first()
    return (row.version_no, row.digest) if row else (0, "")


def store(connection: Connection, catalogue: Catalogue, *, now: dt.datetime, loaded_by: str) -> int:
    """Store ``catalogue`` as the next version and return its number.

    Kinds of account that an access role no longer has stay while grants hang on them: the database keeps
    them, and the offer no longer shows them.
    """
    number = int(
        connection.execute(select(func.coalesce(func.max(catalogue_version.c.version_no), 0))).scalar_one()
    )
    connection.execute(
        catalogue_version.insert(),
        {
            "version_no": number + 1,
            "tenant": catalogue.tenant,
            "digest": catalogue.digest,
            "document": catalogue.document(),
            "loaded_at": now,
            "loaded_by": loaded_by,
        },
    )
    kinds = [
        {"access_role_key": key, "account_kind": kind}
        for key, role in catalogue.access_roles.items()
        for kind in role.account_kinds
    ]
    if kinds:
        statement = insert(connection, access_role_kind).on_conflict_do_nothing()
        connection.execute(statement, kinds)
    return number + 1
