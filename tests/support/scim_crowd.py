"""A group of many accounts, made where the rows are: provisioning them one by one would take minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import String, cast, func, insert, literal, select

from idp.storage import tables

if TYPE_CHECKING:
    from kernel.database import Database

GROUPS = 2_000
"""How many other groups there are at most."""


def fill(database: Database, group: str, count: int) -> None:
    """Put ``count`` copies of the accounts' first row into the group, and each into one of many others."""
    numbers = select(literal(1).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < count))
    accounts, groups = tables.account, tables.group

    def name(number: Any) -> Any:
        return literal("00000000000000000") + cast(100_000_000 + number, String)

    def copies(table: Any, which: Any, *own: str) -> Any:
        columns = [name(numbers.c.n).label(each.name) if each.name in own else each for each in table.c]
        made = select(*columns).select_from(table.join(numbers, numbers.c.n > 0)).where(which)
        return insert(table).from_select([each.name for each in table.c], made)

    first = accounts.c.id == select(func.min(accounts.c.id)).scalar_subquery()
    is_group = (groups.c.id == group) & (numbers.c.n <= GROUPS)
    stamp = groups.c.created_at
    around = groups.join(numbers, numbers.c.n > 0)
    inside = select(literal(group), name(numbers.c.n), stamp).select_from(around).where(groups.c.id == group)
    spread = select(name(1 + numbers.c.n % GROUPS), name(numbers.c.n), stamp).select_from(around)
    columns = ["group_id", "account_id", "added_at"]
    with database.write() as connection:
        connection.execute(
            copies(accounts, first, "id", "user_name", "user_name_key", "external_id", "email_key")
        )
        connection.execute(copies(groups, is_group, "id", "display_name", "display_name_key", "external_id"))
        for rows in (inside, spread.where(groups.c.id == group)):
            connection.execute(insert(tables.membership).from_select(columns, rows))
