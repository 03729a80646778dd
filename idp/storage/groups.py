"""Groups: finding them, and writing them so that the database decides every race."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError

from idp.domain.group import Group
from idp.domain.provisioning import AttributeValue, Moved, Stale, Taken, UniqueAttribute
from idp.domain.user_name import fold
from idp.storage.tables import group, group_value
from idp.storage.violations import TakenError, violated
from kernel.listed import listed
from kernel.prepared import Prepared
from kernel.row_insert import RowInsert

_FIELDS = tuple(field.name for field in dataclasses.fields(Group))
GROUP_COLUMNS = tuple(group.c[name] for name in _FIELDS)
"""What :func:`to_group` reads."""
_COLUMNS = (*_FIELDS, "display_name_key")
_BY_ID = select(*GROUP_COLUMNS).where(group.c.id == bindparam("id"))
_FIND = Prepared(_BY_ID)
_FIND_FOR_CHANGE = Prepared(_BY_ID.where(group.c.source == bindparam("source")).with_for_update())
_INSERT = Prepared(group.insert(), columns=_COLUMNS)
_INSERT_VALUES = RowInsert(group_value, columns=("group_id", "path", "item", "value"))
_TOUCHED = update(group).values(
    version=group.c.version + 1, updated_at=bindparam("now", type_=group.c.updated_at.type)
)
_RAISED = _TOUCHED.where(group.c.id == bindparam("raised"))
_RAISE = Prepared(_RAISED)
_HELD = select(group.c.id).where(group.c.id.in_(listed())).order_by(group.c.id).with_for_update().cte("held")
_TOUCH = Prepared(_TOUCHED.where(group.c.id.in_(select(_HELD.c.id))))
_RAISE_WITH_FENCE = Prepared(_RAISED.values(source_version=bindparam("fence")))
_KNOWN = Prepared(select(group.c.id).where(group.c.id.in_(listed()), group.c.source == bindparam("source")))


def to_group(row: Sequence[Any]) -> Group:
    """Return the group of a row whose values are the fields of :class:`Group` in their order."""
    found = dict(zip(_FIELDS, row, strict=True))
    found["account_kinds"] = tuple(found["account_kinds"])
    return Group(**found)


def find_group(connection: Connection, group_id: str) -> Group | None:
    """Return the group with this id, or None."""
    rows = _FIND.within(connection, id=group_id)
    return to_group(rows[0]) if rows else None


def find_group_for_change(connection: Connection, group_id: str, *, source: str) -> Group | None:
    """Return the group if ``source`` owns it, held against other writers until the unit ends."""
    rows = _FIND_FOR_CHANGE.within(connection, id=group_id, source=source)
    return to_group(rows[0]) if rows else None


def known_groups(connection: Connection, group_ids: Iterable[str], *, source: str) -> frozenset[str]:
    """Return those of ``group_ids`` that name a group of ``source``."""
    return frozenset(row[0] for row in _KNOWN.within(connection, ids=sorted(group_ids), source=source))


def insert_group(connection: Connection, new: Group, values: Iterable[AttributeValue]) -> None:
    """Store a new group.

    Raises:
        TakenError: if another group of the source has the external id or the name already.
    """
    try:
        _INSERT.within(connection, **_columns(new))
    except IntegrityError as error:
        raise _taken(error) from None
    _insert_values(connection, new.id, values)


def raise_group_version(
    connection: Connection, group_id: str, *, now: dt.datetime, fence: int | None = None
) -> None:
    """Raise the version of a group that is held for change, and the fence of its source if one is given.

    What is not written costs its index nothing.
    """
    if fence is None:
        _RAISE.within(connection, raised=group_id, now=now)
    else:
        _RAISE_WITH_FENCE.within(connection, raised=group_id, now=now, fence=fence)


def change_group_row(
    connection: Connection,
    changed: Group,
    *,
    expected_version: int,
    values: Sequence[AttributeValue],
) -> Stale | Moved | None:
    """Store ``changed`` over the row it was computed from; one UPDATE decides, as for accounts.

    Raises:
        TakenError: if another group of the source has the external id or the name already.
    """
    statement = (
        update(group)
        .where(
            group.c.id == changed.id,
            group.c.version == expected_version,
            group.c.source_version <= changed.source_version,
        )
        .values(_columns(changed))
    )
    try:
        found = connection.execute(statement).rowcount
    except IntegrityError as error:
        raise _taken(error) from None
    if not found:
        now_at = find_group(connection, changed.id)
        if now_at is not None and now_at.source_version > changed.source_version:
            return Stale(now_at.source_version)
        return Moved()
    connection.execute(delete(group_value).where(group_value.c.group_id == changed.id))
    _insert_values(connection, changed.id, values)
    return None


def touch_group_versions(connection: Connection, group_ids: Iterable[str], *, now: dt.datetime) -> None:
    """Raise the version of groups that lost a member without being asked (L1)."""
    ids = sorted(group_ids)
    if ids:
        _TOUCH.within(connection, ids=ids, now=now)


def delete_group(connection: Connection, group_id: str, *, source: str) -> None:
    """Remove the group of ``source`` with its memberships."""
    connection.execute(delete(group).where(group.c.id == group_id, group.c.source == source))


def _columns(value: Group) -> Mapping[str, Any]:
    columns = {name: getattr(value, name) for name in _FIELDS}
    return columns | {
        "account_kinds": list(value.account_kinds),
        "display_name_key": fold(value.display_name),
    }


def _insert_values(connection: Connection, group_id: str, values: Iterable[AttributeValue]) -> None:
    _INSERT_VALUES.run(
        connection,
        ({"group_id": group_id, "path": v.path, "item": v.item, "value": v.value} for v in values),
    )


def _taken(error: IntegrityError) -> TakenError:
    name = violated(error)
    if "external_id" in name:
        return TakenError(Taken(UniqueAttribute.EXTERNAL_ID))
    if "display_name" in name:
        return TakenError(Taken(UniqueAttribute.DISPLAY_NAME))
    raise error
