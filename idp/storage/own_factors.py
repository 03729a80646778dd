"""Second factors as their owner looks after them: seen, named, and removed while another one is left.

Staff remove the last one, too.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, delete, select, update

from idp.domain.factors import FactorKind, OwnFactor, Removal
from idp.storage.tables import account, factor


def _of(account_id: str) -> tuple[ColumnElement[bool], ...]:
    return (factor.c.account_id == account_id, factor.c.confirmed_at.is_not(None))


def own_factors(connection: Connection, account_id: str) -> tuple[OwnFactor, ...]:
    """Return the account's confirmed factors, oldest first."""
    rows = connection.execute(
        select(
            factor.c.id,
            factor.c.kind,
            factor.c.label,
            factor.c.created_at,
            factor.c.last_used_at,
            factor.c.transports,
        )
        .where(*_of(account_id))
        .order_by(factor.c.created_at, factor.c.id)
    )
    return tuple(
        OwnFactor(
            row.id,
            FactorKind(row.kind),
            row.label,
            row.created_at,
            row.last_used_at,
            tuple(row.transports or ()),
        )
        for row in rows
    )


def name_factor(connection: Connection, account_id: str, factor_id: str, label: str) -> bool:
    """Name a factor of the account; False if it has none such."""
    done = connection.execute(
        update(factor).where(factor.c.id == factor_id, *_of(account_id)).values(label=label)
    )
    return done.rowcount == 1


def remove_factor(
    connection: Connection, account_id: str, factor_id: str, *, leave_one: bool
) -> OwnFactor | Removal:
    """Remove a factor of the account and return it. ``leave_one``: never the last one.

    The account is held first, so that of two removals at once the second sees what the first left; and before
    its factors, as whoever deletes it or ends its sign-ins takes it.
    """
    connection.execute(select(account.c.id).where(account.c.id == account_id).with_for_update())
    there = own_factors(connection, account_id)
    found = next((each for each in there if each.id == factor_id), None)
    if found is None:
        return Removal.GONE
    if leave_one and len(there) == 1:
        return Removal.LAST
    connection.execute(delete(factor).where(factor.c.id == factor_id))
    return found


def remove_lost(
    connection: Connection, account_id: str, factor_ids: Collection[str]
) -> tuple[OwnFactor, ...]:
    """Remove those of these factors that an account has, which is held, and return them, oldest first."""
    found = tuple(each for each in own_factors(connection, account_id) if each.id in factor_ids)
    connection.execute(delete(factor).where(factor.c.id.in_([each.id for each in found])))
    return found
