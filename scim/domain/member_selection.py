"""Whom the selection in a PATCH path of a group meets: ``members[...]``, by the words of a filter (H7).

Who is named by an id is known without a look at the group (J4). Any other selection is put to its members.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scim2_models import InvalidFilterException, InvalidPathException, SCIMException, ScimFilter
from scim2_models.path import AttrPath, CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator

from idp.domain.query import AllOf, AnyOf, Compare, Condition, Constant, Not, OfItem, Operator, outside_in
from idp.domain.user_name import fold
from scim.domain.catalogue import GROUPS
from scim.domain.filters import compile_filter

_COMPARED: Mapping[Operator, Callable[[str, str], bool]] = {
    Operator.EQ: str.__eq__,
    Operator.CO: str.__contains__,
    Operator.SW: str.startswith,
    Operator.EW: str.endswith,
    Operator.GT: str.__gt__,
    Operator.GE: str.__ge__,
    Operator.LT: str.__lt__,
    Operator.LE: str.__le__,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What stands in the brackets; ``named`` are its ids if it asks for nothing but ids."""

    condition: Condition
    named: frozenset[str] | None

    @property
    def terms(self) -> int:
        """How many comparisons one member may cost."""
        return len(outside_in(self.condition))

    def among(self, kinds: Mapping[str, str]) -> frozenset[str]:
        """Return whom it meets among members that are told by their ids, with the ``type`` of each."""
        return frozenset(each for each, kind in kinds.items() if _holds(self.condition, each, fold(kind)))


def read_selection(text: str) -> Selection:
    """Return the selection that the brackets of a path hold.

    Raises:
        InvalidPathException: if it is none, or asks for what a member is not selected by.
    """
    try:
        condition = compile_filter(f"members[{text}]", GROUPS)
        tree = ScimFilter(text).ast
    except InvalidFilterException:
        raise InvalidPathException(detail="Members are selected by 'value' and 'type'.") from None
    except SCIMException:
        raise InvalidPathException(detail="The selection of members cannot be read.") from None
    if not isinstance(condition, OfItem):
        raise InvalidPathException(detail="The selection of members cannot be read.")
    return Selection(condition.term, _named(tree))


def _named(node: FilterNode) -> frozenset[str] | None:
    """Return the ids that ``value eq`` and alternatives of it name; None where anything else is asked."""
    match node:
        case LogicalExpr(op=LogicalOperator.or_, terms=terms):
            found = [_named(term) for term in terms]
            return None if None in found else frozenset().union(*(each for each in found if each))
        case Comparison(
            attr_path=AttrPath(attr=name, sub_attr=None, uri=None), op=CompareOperator.eq, value=str()
        ):
            return frozenset({node.value}) if name.lower() == "value" else None
    return None


def _holds(condition: Condition, member_id: str, kind: str) -> bool:
    match condition:
        case Constant(value=value):
            return value
        case Not(term=term):
            return not _holds(term, member_id, kind)
        case AllOf(terms=terms) | AnyOf(terms=terms):
            held = (_holds(term, member_id, kind) for term in terms)
            return all(held) if isinstance(condition, AllOf) else any(held)
        case Compare(path=path, operator=operator, value=value):
            return _COMPARED[operator](member_id if path == "members.value" else kind, value)
    return True  # what is asked is whether a part has a value, and every member has them all
