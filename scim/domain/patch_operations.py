"""A PATCH message and its operations (RFC 7644 §3.5.2), before anybody knows what they are done to.

What holds for users and groups alike stands here; members of groups are read by :mod:`group_patch`, and what
a client's profile tolerates by :mod:`lenient_patches`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from scim2_models import InvalidPathException, InvalidSyntaxException, PayloadTooLargeException

from scim.domain.catalogue import Catalogue
from scim.domain.documents import is_unstorable, member_of, require_listed
from scim.domain.filters import LONGEST

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MOST_OPERATIONS = 1_000
OPERATIONS = frozenset({"add", "remove", "replace"})
TOO_MANY = f"A request may hold {MOST_OPERATIONS} operations at most."
NO_OPERATION = "'op' must be add, remove or replace."
NO_ATTRIBUTE = "'path' names no attribute of this type of resource."
SEVERAL_SELECTED = "The selection in 'path' meets more than one entry."
_LITERALS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SELECTION = re.compile(r"\[(?:.*\]|.*$)", re.DOTALL)


def read_operations(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the operations of a PATCH body, each known to be an object.

    Raises:
        InvalidSyntaxException: if the body is no PatchOp message.
        InvalidPathException: for a path that is too long, or selects what no value can be.
        PayloadTooLargeException: for more than a thousand operations (H15).
    """
    names = {name.lower(): value for name, value in body.items()}
    require_listed(names.get("schemas"), PATCH_SCHEMA)
    operations = names.get("operations")
    if not isinstance(operations, list) or not operations:
        raise InvalidSyntaxException(detail="'Operations' must hold one or more operations.")
    if len(operations) > MOST_OPERATIONS:
        raise PayloadTooLargeException(detail=TOO_MANY)
    if not all(isinstance(each, dict) for each in operations):
        raise InvalidSyntaxException(detail="Each operation must be an object.")
    for operation in operations:
        for name, value in operation.items():
            if name.lower() == "path" and isinstance(value, str):
                require_short(value)
                _refuse_unstorable(value)
    return operations


def require_short(path: str) -> None:
    """Refuse a path that is longer than a filter may be.

    Raises:
        InvalidPathException: that says how long it may be.
    """
    if len(path) > LONGEST:
        raise InvalidPathException(detail=f"A 'path' may have {LONGEST} characters at most.")


def _refuse_unstorable(path: str) -> None:
    """Refuse a selection whose literals, once their escapes are read, hold what no stored value can."""
    for literal in _LITERALS.findall(path) if "\\u" in path else ():
        try:
            value = json.loads(literal)
        except ValueError:
            raise InvalidPathException(detail="The selection in 'path' cannot be read.") from None
        if is_unstorable(value):
            raise InvalidPathException(
                detail="The selection in 'path' holds a character that no value can hold."
            )


def require_paths(operations: Iterable[Mapping[str, Any]], catalogue: Catalogue) -> None:
    """Refuse a path to an attribute that there is not: ignoring it would look like success (H7).

    Raises:
        InvalidPathException: if a path names none of the type's attributes.
    """
    for operation in operations:
        path = member_of(operation, "path")
        if isinstance(path, str) and not catalogue.knows(_SELECTION.sub("", path.strip())):
            raise InvalidPathException(detail=NO_ATTRIBUTE)
