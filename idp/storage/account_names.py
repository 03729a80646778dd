"""Whom somebody at the telephone may be: accounts of every source by what their holders are called.

Whole or from its beginning on, each name is found through an index; no more rows are read than are shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, exists, func, select

from idp.domain.account import Account
from idp.domain.user_name import fold
from idp.storage.accounts import ACCOUNT_COLUMNS, to_account
from idp.storage.search import starts_with
from idp.storage.tables import account, account_value

_NAMES = ("displayname", "name.familyname", "name.givenname", "name.formatted", "emails.value")
_PERSON_ID = "switchyard:personid"
_GIVEN, _FAMILY = "name.givenname", "name.familyname"


def accounts_named(connection: Connection, words: str, *, limit: int) -> list[Account]:
    """Return accounts with this id, person id, e-mail address, or a name that begins so: at most ``limit``.

    By user name; who is called just so comes first.
    """
    key = fold(words)
    ids = {each for query in _queries(words, key) for each in connection.scalars(query.limit(limit))}
    if not ids:
        return []
    statement = select(*ACCOUNT_COLUMNS).where(account.c.id.in_(sorted(ids)))
    order = (account.c.user_name_key != key, account.c.user_name_key)
    return [to_account(row) for row in connection.execute(statement.order_by(*order).limit(limit))]


def _queries(words: str, key: str) -> Iterator[Select[Any]]:
    yield select(account.c.id).where(account.c.id == words.upper())
    yield select(account.c.id).where(account.c.email_key == key).order_by(account.c.id)
    named = select(account.c.id).where(starts_with(account.c.user_name_key, key))
    yield named.order_by(account.c.user_name_key)
    value = account_value.c.value
    for path in _NAMES:
        begins = select(account_value.c.account_id).where(
            account_value.c.path == path, starts_with(value, key)
        )
        yield begins.order_by(value, account_value.c.account_id)
    for person_id in dict.fromkeys((words, key)):
        yield (
            select(account_value.c.account_id)
            .where(account_value.c.path == _PERSON_ID, value == person_id)
            .order_by(account_value.c.account_id)
        )
    first, _space, last = key.partition(" ")
    if last.strip():
        yield _both(first, last.strip())


def _both(first: str, last: str) -> Select[Any]:
    """Find who is called so, if the display name is another.

    Of each with the one name the other is looked at: a range of that would be walked through for each anew.
    """
    given, family = account_value.alias("given"), account_value.alias("family")
    has_given = exists().where(
        given.c.account_id == family.c.account_id,
        given.c.path == _GIVEN,
        func.substr(given.c.value, 1, len(first)) == first,
    )
    return (
        select(family.c.account_id)
        .where(family.c.path == _FAMILY, starts_with(family.c.value, last), has_given)
        .order_by(family.c.value, family.c.account_id)
    )
