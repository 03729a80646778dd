"""How much a PATCH may make the server compare: no body of a mebibyte keeps it busy for minutes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from scim2_models import InvalidPathException, TooManyException

from scim.domain.filters import DEEPEST, MOST_TERMS, STRINGS, nests_too_deep
from scim.domain.patch_operations import require_short

MOST_COMPARISONS = 100_000
"""Terms times entries: what the operations of a request may cost together, about two seconds."""
MOST_MEMBERS_COMPARED = 2_000_000
"""Terms times members: what the selections of members of a request may cost together, about a second."""
_READING = 5
"""How many comparisons it costs to read one term of a selection."""
_CONNECTIVES = re.compile(r"\b(?:and|or)\b", re.IGNORECASE)


def require_readable(path: str) -> None:
    """Refuse a path whose selection nobody writes, before anything takes it apart (SF-01).

    Raises:
        InvalidPathException: if it is too long, nests too deep, or has too many terms.
    """
    require_short(path)
    if "[" not in path:
        return
    if nests_too_deep(path):
        raise InvalidPathException(detail=f"The selection in 'path' nests deeper than {DEEPEST} levels.")
    if _terms(path) > MOST_TERMS:
        raise InvalidPathException(detail=f"The selection in 'path' has more than {MOST_TERMS} terms.")


class Effort:
    """The comparisons that one request has cost so far, all operations of a bulk job together.

    ``members`` counts those with members of groups, apart, as they are no entries of a document. A caller
    that has to start again, because another write came first, sets it back.
    """

    def __init__(self) -> None:
        self.members = 0
        self._spent = 0

    def spend(self, comparisons: int) -> None:
        """Count ``comparisons`` that are about to be made.

        Raises:
            TooManyException: if the request has cost as many as one may.
        """
        self._spent += comparisons
        if self._spent > MOST_COMPARISONS:
            raise TooManyException(detail="Too many values to be compared: state fewer operations at once.")

    def spend_on_members(self, comparisons: int) -> None:
        """Count ``comparisons`` with members that are about to be made.

        Raises:
            TooManyException: if the request has cost as many as one may.
        """
        self.members += comparisons
        if self.members > MOST_MEMBERS_COMPARED:
            raise TooManyException(detail="Too many members to be compared: name them by 'value'.")


def comparisons(resource: Any, operations: Iterable[Mapping[str, Any]]) -> int:  # noqa: ANN401 - see patching
    """Return how many comparisons ``operations`` take at most, done to ``resource`` one after the other.

    A selection looks at each entry once for each of its terms, and each value that is added is compared with
    those that are there. A resource without lists costs nothing.
    """
    stated = list(operations)
    entries = _longest(resource) + sum(_entries(each.get("value")) for each in stated)
    return entries * sum(_looks(each) for each in stated)


def reading(operations: Iterable[Mapping[str, Any]]) -> int:
    """Return what it costs to read the selections of ``operations``, told in comparisons."""
    paths = (each.get("path") for each in operations)
    return _READING * sum(_terms(path) for path in paths if isinstance(path, str) and "[" in path)


def _looks(operation: Mapping[str, Any]) -> int:
    path = operation.get("path")
    if isinstance(path, str) and "[" in path:
        return _terms(path)
    return int(isinstance(operation.get("value"), list | dict))


def _terms(path: str) -> int:
    return len(_CONNECTIVES.findall(STRINGS.sub("", path))) + 1


def _entries(value: object) -> int:
    if isinstance(value, list):
        return len(value)
    return max(map(_entries, value.values()), default=0) if isinstance(value, dict) else 0


def _longest(resource: Any) -> int:  # noqa: ANN401 - a model that is built at run time
    held = [resource, *(each for each in vars(resource).values() if hasattr(each, "model_fields_set"))]
    return max(
        (len(each) for one in held for each in vars(one).values() if isinstance(each, list)), default=0
    )
