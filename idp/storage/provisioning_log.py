"""The record of provisioning requests: written with a deed or in batches, read in pages by key.

Ids sort by time, so that every page is one range of an index whatever it is narrowed to, and sweeping
takes the oldest rows without looking for them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    select,
    update,
)

from idp.domain.provisioning_log import Operation, Outcome, Part, RequestRecord, Subject
from idp.storage.tables import account
from idp.storage.tables import provisioning_request as _request
from idp.storage.tables import provisioning_subject as _subject
from kernel.database import insert
from kernel.listed import listed
from kernel.prepared import Prepared
from kernel.row_insert import RowInsert, rows_of_list
from kernel.transaction import Transaction

_FIELDS = tuple(field.name for field in dataclasses.fields(RequestRecord))
_COLUMNS = tuple(_request.c[name] for name in _FIELDS)
_INSERT = Prepared(_request.insert(), columns=_FIELDS)
_SUBJECT = ("key", "request_id", "part")
_INSERT_SUBJECTS = RowInsert(_subject, columns=_SUBJECT)
_INSERT_BOTH = Prepared(
    rows_of_list(_subject, _SUBJECT).add_cte(
        _request.insert()
        .values({name: bindparam(name, type_=_request.c[name].type) for name in _FIELDS})
        .cte()
    )
)
"""Both of them in one question to PostgreSQL."""
# Written out, because an index over a part of the rows is only used by the words it was made with.
_TOLD = _request.c.outcome != literal_column("'read'")
_REFUSED = _request.c.outcome == literal_column("'refused'")
_OWN, _ITS, _GONE = _subject.alias("own"), _subject.alias("its"), _request.alias("gone")
_FORGET_GONE = Prepared(
    update(_request)
    .where(
        _request.c.id.in_(listed()),
        exists()
        .select_from(_OWN.join(_ITS, _ITS.c.key == _OWN.c.key).join(_GONE, _GONE.c.id == _ITS.c.request_id))
        .where(
            _OWN.c.request_id == _request.c.id,
            _OWN.c.part == Part.TARGET.value,
            _ITS.c.part == Part.TARGET.value,
            _GONE.c.operation == Operation.DELETE.value,
            _GONE.c.outcome == Outcome.DONE.value,
            _GONE.c.resource == "User",
            _GONE.c.at >= _request.c.at,
        ),
    )
    .values(name="", external_id="")
)
# Who wipes the names of an account looks at what was written, and who writes what waited at who has gone. On
# PostgreSQL each sees only what was committed before, so neither does it beside the other; those who wipe do
# not wait for each other. Any number does that nobody else takes.
_TURN: ColumnElement[int] = literal_column("7316220956")
_TURN_TO_WIPE = Prepared(select(func.pg_advisory_xact_lock_shared(_TURN)))
_TURN_TO_WRITE = Prepared(select(func.pg_advisory_xact_lock(_TURN)))
_MOST_CLIENTS = 50
_MOST_TARGETS = 20
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Range:
    """Which requests a page is cut from. ``above`` and ``below`` are ids, empty where there is no bound.

    ``newer`` asks for the requests right above the lower bound; else those right below the upper one.
    """

    outcomes: frozenset[Outcome] = frozenset()
    client_id: str = ""
    above: str = ""
    below: str = ""
    newer: bool = False
    limit: int = 50


def insert_request(transaction: Transaction, record: RequestRecord, subjects: Iterable[Subject]) -> None:
    """Write the record of a request in the transaction of its deed, at the end of it."""
    rows, connection = _subject_rows(record.id, subjects), transaction.connection
    if connection.dialect.name == "sqlite":
        _INSERT.within(connection, **_values(record))
        _INSERT_SUBJECTS.run(connection, rows)
    else:
        listed = [[row[name] for name in _SUBJECT] for row in rows]
        _INSERT_BOTH.at_last(transaction, **_values(record), rows=listed)


def keep_requests(
    connection: Connection, records: Sequence[tuple[RequestRecord, tuple[Subject, ...]]]
) -> None:
    """Write many records; one that was written with its deed gets the answer it had in the end.

    Of an account that went while they waited no name is written (I3).
    """
    named = [record.id for record, _ in records if record.name or record.external_id]
    if named and connection.dialect.name == "postgresql":
        _TURN_TO_WRITE.within(connection)
    keep, keep_subject = _keeping(connection.dialect.name)
    keep.many(connection, (_values(record) for record, _ in records))
    rows = (row for record, subjects in records for row in _subject_rows(record.id, subjects))
    keep_subject.many(connection, rows)
    if named:
        _FORGET_GONE.within(connection, ids=named)


@cache
def _keeping(dialect: str) -> tuple[Prepared, Prepared]:
    """Return the statements that write a record and a subject, whether they are written already or not."""
    record = insert(dialect, _request)
    answered = ("outcome", "status", "scim_type", "reason")
    record = record.on_conflict_do_update(
        index_elements=[_request.c.id], set_={name: record.excluded[name] for name in answered}
    )
    subject = insert(dialect, _subject).on_conflict_do_nothing()
    return Prepared(record, columns=_FIELDS), Prepared(subject, columns=_SUBJECT)


def targets_called(connection: Connection, key: str) -> list[str]:
    """Return the ids of the accounts and groups that requests found by ``key`` were about: at most 20."""
    statement = (
        select(_request.c.target_id)
        .distinct()
        .join(_subject, _subject.c.request_id == _request.c.id)
        .where(_subject.c.key == key, _subject.c.part == Part.TARGET.value, _request.c.target_id != "")
        .limit(_MOST_TARGETS)
    )
    return list(connection.execute(statement).scalars())


def known_requests(connection: Connection, ids: Sequence[str]) -> frozenset[str]:
    """Return those of ``ids`` that are recorded."""
    found: set[str] = set()
    for start in range(0, len(ids), _AT_ONCE):
        statement = select(_request.c.id).where(_request.c.id.in_(ids[start : start + _AT_ONCE]))
        found.update(connection.execute(statement).scalars())
    return frozenset(found)


def find_request(connection: Connection, record_id: str) -> RequestRecord | None:
    """Return the record with this id, or None."""
    row = connection.execute(select(*_COLUMNS).where(_request.c.id == record_id)).first()
    return None if row is None else _record(row)


def page_of_all(connection: Connection, wanted: Range) -> list[RequestRecord]:
    """Return the requests of the range, newest first."""
    statement = select(*_COLUMNS).where(*_narrowed(wanted, _request.c.id))
    return _page([_record(row) for row in connection.execute(_cut(statement, _request.c.id, wanted))], wanted)


def page_of_subject(
    connection: Connection, keys: Iterable[str], wanted: Range
) -> list[tuple[RequestRecord, Part]]:
    """Return the requests of the range that are about any of ``keys``, newest first, and in which part."""
    found: dict[str, tuple[RequestRecord, Part]] = {}
    for key in keys:
        statement = (
            select(_subject.c.part, *_COLUMNS)
            .join(_request, _request.c.id == _subject.c.request_id)
            .where(_subject.c.key == key, *_narrowed(wanted, _subject.c.request_id))
        )
        for row in connection.execute(_cut(statement, _subject.c.request_id, wanted)):
            found.setdefault(row.id, (_record(row[1:]), Part(row.part)))
    ids = sorted(found, reverse=not wanted.newer)[: wanted.limit]
    return [found[each] for each in (reversed(ids) if wanted.newer else ids)]


def members_of_request(connection: Connection, record_id: str, *, limit: int) -> list[tuple[Part, str, str]]:
    """Return who was added or removed by a request, at most ``limit``: part, id and present user name."""
    statement = (
        select(_subject.c.part, _subject.c.key, account.c.user_name)
        .outerjoin(account, account.c.id == _subject.c.key)
        .where(_subject.c.request_id == record_id, _subject.c.part != Part.TARGET.value)
        .order_by(_subject.c.part, _subject.c.key)
        .limit(limit)
    )
    return [(Part(part), key, name or "") for part, key, name in connection.execute(statement)]


def recorded_clients(connection: Connection) -> list[str]:
    """Return the clients that the record knows; each costs one look into the index, however much it did."""
    found: list[str] = []
    last = ""
    while len(found) < _MOST_CLIENTS:
        following = connection.scalar(
            select(func.min(_request.c.client_id)).where(_request.c.client_id > last)
        )
        if following is None:
            break
        found.append(last := following)
    return found


def forget_names(transaction: Transaction, keys: Iterable[str]) -> None:
    """Wipe the names out of every request that was about ``keys``, at the end of the transaction.

    The requests are still found by who knows the names.
    """
    if transaction.connection.dialect.name == "postgresql":
        _TURN_TO_WIPE.at_last(transaction)
    values = {f"key_{number}": key for number, key in enumerate(sorted(keys))}
    _forget(len(values)).at_last(transaction, **values)


@cache
def _forget(count: int) -> Prepared:
    # A value for each of the few names: of a list PostgreSQL guesses a hundred, and reads a new table whole.
    about = select(_subject.c.request_id).where(
        _subject.c.key.in_([bindparam(f"key_{number}") for number in range(count)]),
        _subject.c.part == Part.TARGET.value,
    )
    return Prepared(
        update(_request)
        .where(_request.c.id.in_(about), (_request.c.name != "") | (_request.c.external_id != ""))
        .values(name="", external_id="")
    )


def sweep(connection: Connection, *, before: str, limit: int) -> int:
    """Remove at most ``limit`` requests below the id ``before``, the oldest first; return how many."""
    oldest = select(_request.c.id).where(_request.c.id < before).order_by(_request.c.id).limit(limit)
    ids = list(connection.execute(oldest).scalars())
    if ids:
        connection.execute(delete(_subject).where(_subject.c.request_id <= ids[-1]))
        connection.execute(delete(_request).where(_request.c.id <= ids[-1]))
    return len(ids)


def _narrowed(wanted: Range, place: ColumnElement[str]) -> list[ColumnElement[bool]]:
    terms: list[ColumnElement[bool]] = []
    if wanted.outcomes == {Outcome.REFUSED}:
        terms.append(_REFUSED)
    elif wanted.outcomes and Outcome.READ not in wanted.outcomes:
        terms.append(_TOLD)
    if wanted.outcomes:
        terms.append(_request.c.outcome.in_(sorted(wanted.outcomes)))
    if wanted.client_id:
        terms.append(_request.c.client_id == wanted.client_id)
    if wanted.above:
        terms.append(place > wanted.above)
    if wanted.below:
        terms.append(place < wanted.below)
    return [and_(*terms)] if terms else []


def _cut(statement: Select[Any], place: ColumnElement[str], wanted: Range) -> Select[Any]:
    return statement.order_by(place if wanted.newer else place.desc()).limit(wanted.limit)


def _page(found: list[RequestRecord], wanted: Range) -> list[RequestRecord]:
    return found[::-1] if wanted.newer else found


def _values(record: RequestRecord) -> dict[str, Any]:
    values = {name: getattr(record, name) for name in _FIELDS}
    return values | {
        "operation": record.operation.value,
        "outcome": record.outcome.value,
        "changed": list(record.changed),
    }


def _record(row: Sequence[Any]) -> RequestRecord:
    found = dict(zip(_FIELDS, row, strict=True))
    found["operation"] = Operation(found["operation"])
    found["outcome"] = Outcome(found["outcome"])
    found["changed"] = tuple(found["changed"])
    return RequestRecord(**found)


def _subject_rows(record_id: str, subjects: Iterable[Subject]) -> list[dict[str, Any]]:
    """Return one row a key: who is the target stays so, whatever else it has to do with the request."""
    parts: dict[str, str] = {}
    for each in subjects:
        parts.setdefault(each.key, each.part.value)
    return [{"key": key, "request_id": record_id, "part": part} for key, part in sorted(parts.items())]
