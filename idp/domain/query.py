"""Conditions on provisioned resources: what a filter means, without a word of SQL or of SCIM's grammar.

Attributes are named by path in lower case (``username``, ``emails.value``, ``switchyard:personid``);
values come in the form they are compared by. Every condition is either true or false of a resource:
a missing value makes a comparison false, and its negation true.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from idp.domain.account import Account
from idp.domain.account_lock import shown
from idp.domain.group import Group


class Operator(StrEnum):
    """How a stored value is compared with the wanted one."""

    EQ = "eq"
    CO = "co"
    SW = "sw"
    EW = "ew"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"


@dataclass(frozen=True, slots=True)
class Compare:
    """Some value of the attribute compares so."""

    path: str
    operator: Operator
    value: str


@dataclass(frozen=True, slots=True)
class Has:
    """The attribute has a value, be it empty."""

    path: str


@dataclass(frozen=True, slots=True)
class Present:
    """One of the attributes has a value that is not empty (``pr``)."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The term does not hold."""

    term: Condition


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every term holds."""

    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one term holds."""

    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class OfItem:
    """One entry of the multi-valued attribute ``head`` meets the whole term by itself."""

    head: str
    term: Condition


@dataclass(frozen=True, slots=True)
class Constant:
    """True or false of every resource."""

    value: bool


Condition: TypeAlias = Compare | Has | Present | Not | AllOf | AnyOf | OfItem | Constant


def outside_in(condition: Condition) -> list[Condition]:
    """Return every condition of a boolean shell behind the one it is a term of; the last term comes first.

    Read from its end, every term comes before the condition it is a term of, in the order they are stated.
    """
    found: list[Condition] = []
    waiting = [condition]
    while waiting:
        found.append(each := waiting.pop())
        match each:
            case Not(term=term):
                waiting.append(term)
            case AllOf(terms=terms) | AnyOf(terms=terms):
                waiting += terms
    return found


@dataclass(frozen=True, slots=True)
class Sort:
    """The order of a list: by the primary or first value of ``path``; ids decide among equals.

    With an empty path no resource of the type has the value: all are ordered as resources without one.
    """

    path: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource stands in a list: by the value it is sorted by, None where it has none, and its id.

    The place stays valid whatever is made or deleted, even the resource itself.
    """

    value: str | int | bool | None
    id: str


@dataclass(frozen=True, slots=True)
class Walk:
    """A way through a list: on from ``place``, or ``back`` from it; from the very end where it is None.

    ``counts`` asks for the total too; only the first page needs it.
    """

    place: Place | None = None
    back: bool = False
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Search:
    """A question for at most ``limit`` resources: ``offset`` are skipped, or ``walk`` says where.

    ``only`` says which resources are asked for, if that is known already.
    """

    condition: Condition | None = None
    offset: int = 0
    limit: int = 100
    sort: Sort | None = None
    walk: Walk | None = None
    only: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A stored resource as a protocol face serves it.

    ``document`` is prepared JSON; ``created`` and ``modified`` are RFC 3339 times in UTC as text.
    """

    id: str
    version: int
    source_version: int
    document: str
    created: str
    modified: str


def stamp(at: dt.datetime) -> str:
    """Return a moment as records carry it."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def account_record(account: Account, document: str) -> Record:
    """Return the record of an account that was just written, from what its source states of it."""
    times = stamp(account.created_at), stamp(account.updated_at)
    return Record(account.id, account.version, account.source_version, shown(account, document), *times)


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account and its document, read together: what a change of it is computed from.

    The document is as its source states it; of an account that is locked another one is :func:`shown`.
    """

    account: Account
    document: str

    @property
    def record(self) -> Record:
        """The account as a protocol face serves it."""
        return account_record(self.account, self.document)

    @property
    def stated(self) -> Record:
        """The account as its source states it, locked or not."""
        return dataclasses.replace(self.record, document=self.document)


def group_record(group: Group) -> Record:
    """Return the record of a group that was just written."""
    times = stamp(group.created_at), stamp(group.updated_at)
    return Record(group.id, group.version, group.source_version, group.document, *times)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where a page of a walk begins and ends, in the order of the list."""

    first: Place
    last: Place


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an answer and how many resources there are in all.

    ``stretch`` is there on a walk whose page is not empty; ``more`` tells that the walk goes on behind it.
    """

    total: int
    records: tuple[Record, ...] = field(default=())
    stretch: Stretch | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Heavy:
    """A page that would be too large; ``fits`` says how many of its first resources a page can hold."""

    fits: int


@dataclass(frozen=True, slots=True)
class Interleaving:
    """How resources of several types follow one another on a page of one sorted list.

    ``turns`` has type, by number, and id of each; ``stretch`` and ``more`` are those of a page of a walk.
    """

    turns: tuple[tuple[int, str], ...]
    total: int
    stretch: Stretch | None = None
    more: bool = False
