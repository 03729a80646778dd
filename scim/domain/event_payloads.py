"""What an event of provisioning says of a change (RFC 9967 §2.2, §2.4)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scim.domain.patch_operations import PATCH_SCHEMA

_UNTOLD = frozenset({"schemas"})


def attribute_paths(former: str, document: str) -> tuple[str, ...]:
    """Return the paths of the attributes in which two prepared documents differ (RFC 7644 §3.5.2).

    Values are compared and never returned; a list is one attribute.
    """
    return tuple(sorted(_paths(json.loads(former), json.loads(document))))


def _paths(former: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    for name in _differing(former, document):
        old, new = former.get(name) or {}, document.get(name) or {}
        if isinstance(old, dict) and isinstance(new, dict):
            joint = ":" if ":" in name else "."
            yield from (f"{name}{joint}{part}" for part in _differing(old, new))
        else:
            yield name


def change_as_patch(
    former: str, document: str, *, added: Sequence[str] = (), removed: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the PATCH that turns one prepared document into the other, members included.

    Made from what is stored and not from what was sent, so that nothing is told that is not kept.
    """
    before, after = json.loads(former), json.loads(document)
    operations: list[dict[str, Any]] = []
    for name in _differing(before, after):
        if name in after:
            operations.append({"op": "replace", "path": name, "value": after[name]})
        else:
            operations.append({"op": "remove", "path": name})
    if added:
        operations.append({"op": "add", "path": "members", "value": [{"value": each} for each in added]})
    operations += [{"op": "remove", "path": f'members[value eq "{each}"]'} for each in removed]
    return {"schemas": [PATCH_SCHEMA], "Operations": operations}


def _differing(former: Mapping[str, Any], document: Mapping[str, Any]) -> list[str]:
    names = former.keys() | document.keys()
    return sorted(name for name in names - _UNTOLD if former.get(name) != document.get(name))
