"""Who leads whom: the manager of an account, held while it is stated, and those whom one leads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlalchemy import Connection, bindparam, select, update

from idp.domain.provisioning import AttributeValue
from idp.domain.reporting_line import ENTERPRISE, NAME_PATH, SCHEMAS_PATH, VALUE_PATH
from idp.storage.tables import account, account_value
from kernel.listed import listed
from kernel.prepared import Prepared
from kernel.row_insert import RowInsert

_HOLD = Prepared(
    select(account.c.display_name)
    .where(account.c.id == bindparam("id"), account.c.source == bindparam("source"))
    .with_for_update(read=True, key_share=True)
)
# Without the source as a condition: SQLite would take it for the narrower way and read the source whole.
_LED = Prepared(
    select(account.c.id, account.c.document, account.c.source, account.c.protected_at)
    .join(account_value, account_value.c.account_id == account.c.id)
    .where(account_value.c.path == VALUE_PATH, account_value.c.value == bindparam("manager"))
    .order_by(account.c.id)
    .with_for_update(of=account, key_share=True)
)
_RESTATE = (
    update(account)
    .where(account.c.id == bindparam("led"))
    .values(document=bindparam("new"), version=account.c.version + 1, updated_at=bindparam("now"))
)
_OF_LED = account_value.c.account_id.in_(listed())
_FORGET = Prepared(account_value.delete().where(_OF_LED, account_value.c.path.in_(listed("paths"))))
_FORGET_SCHEMA = Prepared(
    account_value.delete().where(
        _OF_LED, account_value.c.path == SCHEMAS_PATH, account_value.c.value == ENTERPRISE
    )
)
_NAMED = RowInsert(account_value, columns=("account_id", "path", "item", "value"))


def hold_manager(connection: Connection, account_id: str, *, source: str) -> str | None:
    """Return the name of an account of ``source`` and keep it from going until the unit ends, or None."""
    rows = _HOLD.within(connection, id=account_id, source=source)
    return str(rows[0][0]) if rows else None


def restate_led(
    connection: Connection,
    manager_id: str,
    *,
    source: str,
    document: Callable[[str], str],
    name: AttributeValue | None,
    now: dt.datetime,
) -> int | None:
    """State the manager anew in every account of ``source`` that is led by ``manager_id``; return how many.

    ``document`` makes the new document from the old one. ``name`` is the manager's name as a searchable
    value, or None if the manager goes. If one that would lose the manager is protected, nobody is touched
    and the answer is None. Where nobody is led it costs one query.
    """
    led = [row for row in _LED.within(connection, manager=manager_id) if row[2] == source]
    if not led:
        return 0
    if name is None and any(row[3] is not None for row in led):
        return None
    restated = [{"led": row[0], "new": document(row[1]), "now": now} for row in led]
    connection.execute(_RESTATE, restated)
    stale = (NAME_PATH,) if name is not None else (NAME_PATH, VALUE_PATH)
    _FORGET.within(connection, ids=[row[0] for row in led], paths=list(stale))
    bare = [each["led"] for each in restated if ENTERPRISE not in each["new"]]
    _FORGET_SCHEMA.within(connection, ids=bare)
    if name is not None:
        _NAMED.run(
            connection,
            (
                {"account_id": row[0], "path": name.path, "item": name.item, "value": name.value}
                for row in led
            ),
        )
    return len(led)
