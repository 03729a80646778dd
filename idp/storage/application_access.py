"""What an account's memberships open of one application, directly and through groups around its groups."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam

from idp.domain.group import AccessRow
from idp.storage.access import ACCESS_OF_ACCOUNT
from idp.storage.tables import group
from kernel.database import Database
from kernel.prepared import Prepared

_ACCESS_OF = Prepared(ACCESS_OF_ACCOUNT.where(group.c.application_key == bindparam("application_key")))


def access_of(database: Database, account_id: str, application_key: str) -> tuple[AccessRow, ...]:
    """Return what the account's memberships open of one application; of no application there is nothing."""
    if not application_key:
        return ()
    return tuple(
        AccessRow(*row)
        for row in _ACCESS_OF.all(database, account_id=account_id, application_key=application_key)
    )


def access_within(connection: Connection, account_id: str, application_key: str) -> tuple[AccessRow, ...]:
    """Return the same as it stands in the unit of work of ``connection``."""
    if not application_key:
        return ()
    return tuple(
        AccessRow(*row)
        for row in _ACCESS_OF.within(connection, account_id=account_id, application_key=application_key)
    )
