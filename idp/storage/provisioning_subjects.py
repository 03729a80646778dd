"""Whom a typed name may mean: accounts and groups of every source, found by index whatever was typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, literal, or_, select

from idp.domain.account import Account
from idp.domain.group import GroupsOf
from idp.domain.user_name import fold
from idp.storage.accounts import find_account
from idp.storage.nesting import groups_around
from idp.storage.tables import account, group
from kernel.database import Database
from kernel.prepared import Prepared

_MOST = 5
_MOST_GROUPS = 20
_HOLDS = Prepared(
    select(group.c.id)
    .where(
        group.c.id.in_(groups_around(bindparam("account_id", type_=account.c.id.type))),
        group.c.access_role_key == bindparam("role"),
        group.c.source == bindparam("source"),
    )
    .limit(1)
)


def holds_role(database: Database, account_id: str, *, role: str, source: str) -> bool:
    """Tell whether a group of ``source`` gives the access role to the account."""
    return _HOLDS.first(database, account_id=account_id, role=role, source=source) is not None


def holds_role_within(connection: Connection, account_id: str, *, role: str, source: str) -> bool:
    """Tell the same inside a transaction."""
    return bool(_HOLDS.within(connection, account_id=account_id, role=role, source=source))


def accounts_called(connection: Connection, text: str, *, sources: Sequence[str]) -> list[Account]:
    """Return the accounts with this id, user name, e-mail address or external id: at most five."""
    key = fold(text)
    term = or_(
        account.c.id == text.upper(),
        account.c.user_name_key == key,
        account.c.email_key == key,
        _of_a_source(account.c.source, sources, account.c.external_id == text),
    )
    ids = connection.execute(select(account.c.id).where(term).order_by(account.c.id).limit(_MOST)).scalars()
    return [found for each in list(ids) if (found := find_account(connection, each)) is not None]


def groups_called(connection: Connection, text: str, *, sources: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return id, display name and source of the groups with this id, name or external id: at most five."""
    term = or_(
        group.c.id == text.upper(),
        _of_a_source(
            group.c.source,
            sources,
            or_(group.c.external_id == text, group.c.display_name_key == fold(text)),
        ),
    )
    statement = select(group.c.id, group.c.display_name, group.c.source).where(term)
    found = connection.execute(statement.order_by(group.c.id).limit(_MOST))
    return [(each, name, source) for each, name, source in found]


def groups_of(connection: Connection, account_id: str) -> GroupsOf:
    """Return the groups that the account is in, directly or through a group."""
    statement = (
        select(group.c.display_name, func.count().over())
        .where(group.c.id.in_(groups_around(literal(account_id))))
        .order_by(group.c.display_name_key)
        .limit(_MOST_GROUPS)
    )
    found = connection.execute(statement).all()
    return GroupsOf(tuple(name for name, _all in found), more=found[0][1] - len(found) if found else 0)


def present_names(connection: Connection, ids: Iterable[str]) -> Mapping[str, str]:
    """Return the user names and display names that the accounts and groups with these ids have now."""
    wanted = sorted(ids)
    accounts = select(account.c.id, account.c.user_name).where(account.c.id.in_(wanted))
    groups = select(group.c.id, group.c.display_name).where(group.c.id.in_(wanted))
    return {each: name for statement in (accounts, groups) for each, name in connection.execute(statement)}


def _of_a_source(
    column: ColumnElement[str], sources: Sequence[str], term: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Name the sources, because every index over names starts with one."""
    return and_(column.in_(sources), term)
