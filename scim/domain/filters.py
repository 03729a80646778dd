"""Filters of RFC 7644 §3.4.2.2 compiled to conditions, with a limit on everything a stranger can grow.

scim2-models' grammar parses; its visitor walks. The meaning is that of ``ScimFilter.match``: a missing
value is ``null``, ``ne`` on a multi-valued attribute means that no value equals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Present,
    ValuePath,
)
from scim2_models.path import Not as NotNode

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
)
from idp.domain.query import Present as PresentCondition
from scim.domain.catalogue import Attribute, Catalogue, encode_operand, plain_integer
from scim.domain.documents import is_unstorable
from scim.domain.enterprise import MANAGER_NAME

LONGEST = 8_192
DEEPEST = 32
MOST_TERMS = 200

_ORDERING = frozenset({CompareOperator.gt, CompareOperator.ge, CompareOperator.lt, CompareOperator.le})
_FRAGMENT = frozenset({CompareOperator.co, CompareOperator.sw, CompareOperator.ew})
_UNANSWERABLE = frozenset(
    {
        "meta.location",
        "meta.version",
        "groups.$ref",
        "members.$ref",
        "members.display",
        "enterprise:manager.$ref",
    }
)
_BESIDE = {"enterprise:manager.$ref": MANAGER_NAME}
"""An attribute that the server adds to a value, and the stored one that is there exactly when it is."""
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMON = re.compile(r'\s*(userName|externalId|id)\s+eq\s+("(?:[^"\\]|\\.)*")\s*')


def compile_filter(text: str, catalogue: Catalogue, others: Sequence[Catalogue] = ()) -> Condition:
    """Return the condition that the filter ``text`` states on resources of ``catalogue``.

    ``others`` are further types that the same filter is put to; an attribute that only they have counts as
    one without a value (RFC 7644 §3.4.2.1).

    Raises:
        InvalidFilterException: if the filter is malformed, too large, names an attribute there is not, or
            compares one in a way its type forbids (E3, E8, E10, E11).
    """
    if len(text) > LONGEST:
        raise InvalidFilterException(detail=f"The filter is longer than {LONGEST} characters.")
    common = _COMMON.fullmatch(text)
    if common is not None:
        try:
            value = json.loads(common[2], strict=True)
        except ValueError:
            raise InvalidFilterException(detail="The filter cannot be read.") from None
        attribute = catalogue.find(None, common[1])
        if attribute is not None:
            return Compare(attribute.path, Operator.EQ, encode_operand(attribute, _storable(value)))
    if nests_too_deep(text):
        raise InvalidFilterException(detail=f"The filter nests deeper than {DEEPEST} levels.")
    tree = ScimFilter(text).ast
    return _Compiler(catalogue, others).compiled(tree)


def nests_too_deep(text: str) -> bool:
    """Tell whether brackets outside of quotes stand deeper in one another than any filter may have them."""
    depth = 0
    for character in STRINGS.sub("", text):
        if character in "([":
            depth += 1
            if depth > DEEPEST:
                return True
        elif character in ")]":
            depth -= 1
    return False


def _storable(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str) and is_unstorable(value):
        raise InvalidFilterException(detail="The filter holds a character that no value can hold.")
    return value


def _inside(node: FilterNode) -> tuple[FilterNode, ...]:
    match node:
        case NotNode(expr=expr):
            return (expr,)
        case LogicalExpr(terms=terms):
            return tuple(terms)
        case ValuePath(val_filter=val_filter):
            return (val_filter,)
    return ()


class _ForeignAttributeError(InvalidFilterException):
    """The filter names an attribute that only another of the types asked has."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A node of the tree and the attribute whose brackets it stands in.

    ``foreign`` says that the node is a selection of an attribute that only another type has.
    """

    node: FilterNode
    head: Attribute | None = None
    foreign: bool = False


class _Compiler(FilterVisitor[Condition]):
    """Walks a filter by a stack of its own; its depth is capped before, the number of its terms here.

    Every node is met twice: on the way down, from the outside in; and on the way up, when the conditions of
    everything inside it are the ones made last.
    """

    def __init__(self, catalogue: Catalogue, others: Sequence[Catalogue]) -> None:
        self._catalogue = catalogue
        self._others = others
        self._head: Attribute | None = None
        self._made: list[Condition] = []

    def compiled(self, tree: FilterNode) -> Condition:
        """Compile a node and everything in it."""
        for step in reversed(self._downwards(tree)):
            self._head = step.head
            try:
                condition = Constant(value=False) if step.foreign else self.visit(step.node)
            except _ForeignAttributeError:
                condition = Constant(value=_is_met_by_nothing(step.node))
            self._made.append(condition)
        return self._made.pop()

    def _downwards(self, tree: FilterNode) -> list[_Step]:
        """Return every node behind the one it stands in; the last of several before the first."""
        found: list[_Step] = []
        terms = 0
        waiting = [_Step(tree)]
        while waiting:
            step = waiting.pop()
            terms += isinstance(step.node, Comparison | Present)
            if terms > MOST_TERMS:
                raise InvalidFilterException(detail=f"The filter has more than {MOST_TERMS} terms.")
            head, inside = step.head, _inside(step.node)
            if isinstance(step.node, ValuePath):
                head = self._selected(step.node, step.head)
                if head is None:
                    step, inside = replace(step, foreign=True), ()
            found.append(step)
            waiting += [_Step(node, head) for node in inside]
        return found

    def _selected(self, node: ValuePath, outer: Attribute | None) -> Attribute | None:
        """Return the attribute that a selection is of; None if only another type has it."""
        self._head = outer
        try:
            head = self._resolve(node.attr_path)
        except _ForeignAttributeError:
            return None
        if not head.multi:
            raise InvalidFilterException(detail=f"'{head.name}' has one value only and takes no brackets.")
        return head

    def _taken(self, many: int) -> tuple[Condition, ...]:
        """Take the conditions of what is in a node, in its order."""
        taken = tuple(self._made[len(self._made) - many :])
        del self._made[len(self._made) - many :]
        return taken

    def visit_not(self, node: NotNode) -> Condition:
        """Compile a negation."""
        del node
        return Not(self._made.pop())

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        """Compile a conjunction or disjunction."""
        terms = self._taken(len(node.terms))
        return AllOf(terms) if node.op == LogicalOperator.and_ else AnyOf(terms)

    def visit_present(self, node: Present) -> Condition:
        """Compile ``pr``: a value that is not empty (E4)."""
        attribute = self._resolve(node.attr_path)
        if attribute.path == "meta" or attribute.path.startswith("meta.") or attribute.path == "id":
            return Constant(value=True)
        return PresentCondition(tuple(_BESIDE.get(leaf.path, leaf.path) for leaf in attribute.leaves()))

    def visit_value_path(self, node: ValuePath) -> Condition:
        """Compile a selection: one entry meets the inner filter by itself."""
        return OfItem(self._resolve(node.attr_path).path, self._made.pop())

    def visit_comparison(self, node: Comparison) -> Condition:
        """Compile a comparison by the type and the case rule of its attribute."""
        attribute = self._compared(node.attr_path)
        if attribute.type in {"boolean", "binary"} and node.op in _ORDERING | _FRAGMENT:
            raise InvalidFilterException(detail=f"'{attribute.name}' knows eq and ne only.")
        if node.value is None:
            return self._null(attribute, node)
        value = _storable(node.value)
        if attribute.path == "meta.resourcetype":
            return Constant(value=self._names_type(node.op, value))
        if node.op in _FRAGMENT and attribute.type not in {"string", "reference"}:
            return Constant(value=False)
        encoded = encode_operand(attribute, value)
        if attribute.path == "switchyard:sourceversion":
            encoded = str(plain_integer(encoded))
        if node.op is CompareOperator.ne:
            return Not(Compare(attribute.path, Operator.EQ, encoded))
        return Compare(attribute.path, Operator(node.op.value), encoded)

    def _names_type(self, op: CompareOperator, value: Any) -> bool:  # noqa: ANN401 - JSON
        name = self._catalogue.schema.rpartition(":")[2]
        text = value if isinstance(value, str) else ""
        held = {
            CompareOperator.eq: name == text,
            CompareOperator.ne: name != text,
            CompareOperator.co: text in name,
            CompareOperator.sw: name.startswith(text),
            CompareOperator.ew: name.endswith(text),
            CompareOperator.gt: name > text,
            CompareOperator.ge: name >= text,
            CompareOperator.lt: name < text,
            CompareOperator.le: name <= text,
        }
        return held[op]

    def _null(self, attribute: Attribute, node: Comparison) -> Condition:
        if node.op not in {CompareOperator.eq, CompareOperator.ne}:
            return Constant(value=False)
        head = self._multi_head(attribute, node.attr_path)
        if head is None:
            if attribute.path.startswith("meta.") or attribute.path == "id":
                present: Condition = Constant(value=True)
            else:
                present = self._assigned(attribute)
        else:
            lacking = OfItem(head.path, Not(Has(attribute.path)))
            present = AllOf((self._assigned(head), Not(lacking)))
            if node.op is CompareOperator.eq:
                return AnyOf((Not(self._assigned(head)), lacking))
        return present if node.op is CompareOperator.ne else Not(present)

    def _assigned(self, attribute: Attribute) -> Condition:
        if attribute.is_complex and not attribute.multi:
            return AnyOf(tuple(Has(part.path) for part in attribute.parts.values()))
        return Has(attribute.path)

    def _multi_head(self, attribute: Attribute, path: AttrPath) -> Attribute | None:
        """Return the multi-valued attribute that ``attribute`` is a part of, outside of brackets."""
        if self._head is not None:
            return None
        head = self._catalogue.find(path.uri, path.attr)
        return head if head is not None and head.multi and head is not attribute else None

    def _compared(self, path: AttrPath) -> Attribute:
        attribute = self._resolve(path)
        if attribute.is_complex:
            value = attribute.parts.get("value")
            if value is None or not attribute.multi:
                raise InvalidFilterException(detail=f"'{attribute.name}' cannot be compared as a whole.")
            attribute = value
        if attribute.path in _UNANSWERABLE:
            raise InvalidFilterException(detail=f"'{path}' cannot be filtered by.")
        return attribute

    def _resolve(self, path: AttrPath) -> Attribute:
        found = self._in_head(path) if self._head is not None else _at_top(self._catalogue, path)
        if found is not None:
            return found
        detail = f"There is no attribute '{path}'."
        if self._head is None and any(_at_top(other, path) for other in self._others):
            raise _ForeignAttributeError(detail=detail)
        raise InvalidFilterException(detail=detail)

    def _in_head(self, path: AttrPath) -> Attribute | None:
        head = self._head
        if head is None or path.uri or path.sub_attr:
            return None
        if not head.is_complex:
            return head if path.attr.lower() == "value" else None
        return head.parts.get(path.attr.lower())


def _is_met_by_nothing(node: FilterNode) -> bool:
    """Tell whether a term is met by an attribute without a value: as ``ne`` is, and ``eq null``."""
    if not isinstance(node, Comparison):
        return False
    return node.op is (CompareOperator.eq if node.value is None else CompareOperator.ne)


def _at_top(catalogue: Catalogue, path: AttrPath) -> Attribute | None:
    attribute = catalogue.find(path.uri, path.attr)
    if attribute is not None and path.sub_attr:
        return attribute.parts.get(path.sub_attr.lower())
    return attribute
