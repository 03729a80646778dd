"""Which attributes differ between two prepared documents, by name alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_UNTOLD = frozenset({"schemas", "sourceVersion"})


def changed_names(before: str, after: str) -> tuple[str, ...]:
    """Return the attributes whose values differ between two documents, in alphabetical order.

    A part of a single complex attribute is named ``name.givenName``, an attribute of an extension by its own
    name, a list as a whole. Values are compared and never returned.
    """
    return tuple(sorted(set(_differing(json.loads(before), json.loads(after))) - _UNTOLD))


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in _unequal(before, after):
        old, new = before.get(name), after.get(name)
        if all(each is None or isinstance(each, dict) for each in (old, new)):
            prefix = "" if ":" in name else f"{name}."
            yield from (prefix + part for part in _unequal(old or {}, new or {}))
        else:
            yield name


def _unequal(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    return (name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
