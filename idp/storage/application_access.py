"""What an account's memberships open of one application, directly and through groups around its groups."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from idp.domain.group import AccessRow
from idp.storage.nesting import groups_around
from idp.storage.tables import account, group
from kernel.database import Database
from kernel.prepared import Prepared

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
