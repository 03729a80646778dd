"""Conditions compiled to SQL.

Each comparison finds its rows through an index: a column of the resource's own table, or the table of
attribute values by path and value. Text is compared by code point on both dialects; no LIKE is used, so
no character of a value has a meaning of its own (E13, SF-03).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import (
    Column,
    ColumnElement,
    String,
    Table,
    and_,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from idp.domain.provisioning import SOURCE_VERSION_MARK
from idp.domain.query import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Constant,
    Has,
    Not,
    OfItem,
    Operator,
    Present,
    outside_in,
)
from idp.storage.nesting import member_entries, memberships
from idp.storage.tables import account, account_value, group, group_value

_LAST_CHARACTER = 0x10FFFF
_FIRST_SURROGATE, _AFTER_SURROGATES = 0xD800, 0xE000


class _Position(FunctionElement[int]):
    """Where a text begins in another, from 1; 0 if nowhere. Case matters on both dialects."""

    inherit_cache = True
    name = "position_in"


@compiles(_Position, "sqlite")
def _position_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(_Position, "postgresql")
def _position_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the same
    return f"strpos({compiler.process(element.clauses, **options)})"


@dataclass(frozen=True, slots=True)
class _Relation:
    """A multi-valued attribute that lives in rows of its own: groups of an account, members of a group."""

    owner: ColumnElement[Any]
    source: Any
    columns: Mapping[str, ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class Space:
    """One resource type: its table, its value table and the attributes that have columns."""

    table: Table
    values: Table
    owner: Column[Any]
    columns: Mapping[str, ColumnElement[Any]]
    relations: Mapping[str, _Relation]

    @property
    def id(self) -> Column[Any]:
        """The id column."""
        return self.table.c.id


def stored_text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column of another type as the text that is stored."""
    return type_coerce(column, String)


def _common_columns(table: Table) -> dict[str, ColumnElement[Any]]:
    return {
        "id": table.c.id,
        "externalid": table.c.external_id,
        "meta.created": stored_text(table.c.created_at),
        "meta.lastmodified": stored_text(table.c.updated_at),
        "switchyard:sourceversion": table.c.source_version,
    }


_MEMBERSHIPS = memberships().subquery("memberships")
_MEMBERS = member_entries().subquery("members")
ACCOUNTS = Space(
    account,
    account_value,
    account_value.c.account_id,
    _common_columns(account) | {"username": account.c.user_name_key, "active": account.c.active},
    {
        "groups": _Relation(
            _MEMBERSHIPS.c.account_id,
            _MEMBERSHIPS.join(group, group.c.id == _MEMBERSHIPS.c.group_id),
            {
                "groups.value": _MEMBERSHIPS.c.group_id,
                "groups.display": group.c.display_name_key,
                "groups.type": _MEMBERSHIPS.c.type,
            },
        )
    },
)
GROUPS = Space(
    group,
    group_value,
    group_value.c.group_id,
    _common_columns(group) | {"displayname": group.c.display_name_key},
    {
        "members": _Relation(
            _MEMBERS.c.group_id,
            _MEMBERS,
            {"members.value": _MEMBERS.c.member_id, "members.type": _MEMBERS.c.type},
        )
    },
)


_Leaf: TypeAlias = Compare | Has | Present | OfItem


def _boolean(condition: Condition, leaf: Callable[[_Leaf], ColumnElement[bool]]) -> ColumnElement[bool]:
    """Compile the boolean shell of a condition, from the inside out; ``leaf`` compiles what is inside."""
    made: list[ColumnElement[bool]] = []
    for each in reversed(outside_in(condition)):
        match each:
            case Constant(value=held):
                made.append(true() if held else false())
            case Not():
                made.append(not_(made.pop()))
            case AllOf(terms=terms) | AnyOf(terms=terms):
                first = len(made) - len(terms)
                inner, made = made[first:], made[:first]
                made.append(and_(true(), *inner) if isinstance(each, AllOf) else or_(false(), *inner))
            case _:
                made.append(leaf(each))
    return made.pop()


def compiled(space: Space, condition: Condition) -> ColumnElement[bool]:
    """Return the SQL condition that holds of the resources that ``condition`` holds of."""

    def leaf(term: _Leaf) -> ColumnElement[bool]:
        match term:
            case OfItem(head=head, term=inner):
                return _some_item(space, head, inner)
            case Compare(path=path, operator=how, value=value):
                return _compare_path(space, path, how, value)
            case Has(path=path):
                return has(space, path)
            case Present(paths=paths):
                return _present(space, paths)

    return _boolean(condition, leaf)


def _compare_path(space: Space, path: str, how: Operator, value: str) -> ColumnElement[bool]:
    column = space.columns.get(path)
    if column is not None:
        if path == "switchyard:sourceversion":
            return and_(has(space, path), _compared(column, how, int(value)))
        if path == "active":
            return column.is_(value == "true")
        return and_(column.is_not(None), _compared(column, how, value))
    head = path.partition(".")[0]
    if head in space.relations:
        return _some_item(space, head, Compare(path, how, value))
    return space.id.in_(
        select(space.owner).where(space.values.c.path == path, _compared(space.values.c.value, how, value))
    )


def has(space: Space, path: str) -> ColumnElement[bool]:
    """Return whether a resource has a value of the attribute, be it empty."""
    if path == "switchyard:sourceversion":
        return _Position(space.table.c.document, literal(SOURCE_VERSION_MARK)) > 0
    column = space.columns.get(path)
    if column is not None:
        return column.is_not(None)
    head = path.partition(".")[0]
    relation = space.relations.get(head)
    if relation is not None:
        return _related(space, relation)
    return space.id.in_(select(space.owner).where(_tells_of(space.values.c.path, path)))


def _present(space: Space, paths: tuple[str, ...]) -> ColumnElement[bool]:
    own = [path for path in paths if path in space.columns or path.partition(".")[0] in space.relations]
    terms = [has(space, path) for path in own]
    rest = [path for path in paths if path not in own]
    if rest:
        terms.append(
            space.id.in_(select(space.owner).where(space.values.c.path.in_(rest), space.values.c.value != ""))
        )
    return or_(false(), *terms)


_ORDERED: Mapping[Operator, Callable[[Any, Any], ColumnElement[bool]]] = {
    Operator.EQ: operator.eq,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
}


_FOUND = frozenset({*_ORDERED, Operator.SW})


def _compared(column: ColumnElement[Any], how: Operator, value: str | int) -> ColumnElement[bool]:
    if how in _ORDERED:
        return _ORDERED[how](column, value)
    text = str(value)
    if how is Operator.SW:
        return starts_with(column, text)
    if how is Operator.CO:
        return _Position(column, literal(text)) > 0
    return and_(
        func.length(column) >= len(text), func.substr(column, func.length(column) - len(text) + 1) == text
    )


def starts_with(column: ColumnElement[Any], prefix: str) -> ColumnElement[bool]:
    """Return the range of texts that start with ``prefix``: an index finds it, as it never finds a LIKE."""
    after = _after(prefix)
    return column >= prefix if after is None else and_(column >= prefix, column < after)


def _after(prefix: str) -> str | None:
    """Return the first text by code point that sorts after every text starting with ``prefix``."""
    kept = prefix.rstrip(chr(_LAST_CHARACTER))
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(_AFTER_SURROGATES if following == _FIRST_SURROGATE else following)


# --- entries of multi-valued attributes ------------------------------------------------------------


def _some_item(space: Space, head: str, term: Condition) -> ColumnElement[bool]:
    relation = space.relations.get(head)
    if relation is not None:
        held = _of_relation(relation, term)
        if not _is_rare(term):
            return _related(space, relation, held)
        return space.id.in_(select(relation.owner).select_from(relation.source).where(held))
    anchor = space.values.alias()
    owner = anchor.c[space.owner.name]
    first, rest = _anchor(term)
    if first is None:
        found = _tells_of(anchor.c.path, head)
    else:
        found = and_(anchor.c.path == first.path, _compared(anchor.c.value, first.operator, first.value))
    terms = (_of_entry(space, anchor, each) for each in rest)
    return space.id.in_(select(owner).where(found, *terms))


def _tells_of(column: ColumnElement[str], path: str) -> ColumnElement[bool]:
    """Return whether a value is one of this attribute, or of a part of it."""
    return or_(column == path, and_(column > f"{path}.", column < f"{path}/"))


def _related(space: Space, relation: _Relation, *held: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether a resource has such an entry, looked up for each: for what many have."""
    return (
        exists().select_from(relation.source).where(relation.owner == space.id, *held).correlate(space.table)
    )


def _is_rare(term: Condition) -> bool:
    """Tell whether few entries meet the term, and an index finds them: whose they are is asked afterwards."""
    match term:
        case Compare(path=path, operator=how):
            return how in _FOUND and not path.endswith(".type")
        case AllOf(terms=terms):
            return any(map(_is_rare, terms))
        case AnyOf(terms=terms):
            return all(map(_is_rare, terms))
    return False


def _anchor(term: Condition) -> tuple[Compare | None, tuple[Condition, ...]]:
    """Split off a comparison that every matching entry must meet: the index starts there, where few do."""
    terms = term.terms if isinstance(term, AllOf) else (term,)
    compared = [each for each in terms if isinstance(each, Compare)]
    if not compared:
        return None, terms
    first = min(compared, key=lambda each: (each.path.endswith(".type"), each.operator is not Operator.EQ))
    return first, tuple(each for each in terms if each is not first)


def _of_entry(space: Space, anchor: Any, condition: Condition) -> ColumnElement[bool]:  # noqa: ANN401 - an alias
    def leaf(term: _Leaf) -> ColumnElement[bool]:
        entry = space.values.alias()
        same = (entry.c[space.owner.name] == anchor.c[space.owner.name], entry.c.item == anchor.c.item)
        match term:
            case Compare(path=path, operator=how, value=value):
                return exists().where(*same, entry.c.path == path, _compared(entry.c.value, how, value))
            case Has(path=path):
                return exists().where(*same, entry.c.path == path)
            case Present(paths=paths):
                return exists().where(*same, entry.c.path.in_(paths), entry.c.value != "")
            case OfItem():
                return false()  # a selection inside a selection means nothing (RFC 7644 errata 7322)

    return _boolean(condition, leaf)


def _of_relation(relation: _Relation, condition: Condition) -> ColumnElement[bool]:
    def leaf(term: _Leaf) -> ColumnElement[bool]:
        match term:
            case Compare(path=path, operator=how, value=value) if path in relation.columns:
                return _compared(relation.columns[path], how, value)
            case Has(path=path):
                return true() if path in relation.columns else false()
            case Present(paths=paths):
                return true() if any(path in relation.columns for path in paths) else false()
        return false()

    return _boolean(condition, leaf)
