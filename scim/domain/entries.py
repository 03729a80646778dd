"""The entries of a multi-valued attribute: none of them twice (C10, RFC 7643 §2.4).

Two entries are the same if ``type`` and ``value`` are, each compared by its own case rule. A resource that
states an entry twice is refused; a PATCH that adds one that is there is read as a change of it. That one
entry at most is primary is looked at by the models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scim2_models import InvalidValueException

from idp.domain.user_name import fold
from scim.domain.catalogue import Attribute, Catalogue

_KEYS = ("type", "value")


def check_entries(catalogue: Catalogue, resource: Mapping[str, Any]) -> None:
    """Look at the entries of every list of a resource in its wire form.

    Raises:
        InvalidValueException: if two of one list are the same.
    """
    for attribute, _holder, entries in _lists(catalogue, resource):
        keys = [key for key in (_key(attribute, each) for each in entries) if key is not None]
        if len(keys) != len(set(keys)):
            raise InvalidValueException(detail=f"'{attribute.name}' has an entry twice: its type and value.")


def merge_entries(catalogue: Catalogue, resource: Mapping[str, Any]) -> None:
    """Merge entries that are the same into the first of them; what a later one states counts (H4)."""
    for attribute, holder, entries in _lists(catalogue, resource):
        merged: dict[Any, dict[str, Any]] = {}
        for place, each in enumerate(entries):
            key = _key(attribute, each)
            merged.setdefault(place if key is None else key, {}).update(each)
        if len(merged) < len(entries):
            holder[attribute.name] = list(merged.values())


def _lists(
    catalogue: Catalogue, resource: Mapping[str, Any]
) -> Iterator[tuple[Attribute, Any, list[dict[str, Any]]]]:
    holders = [(resource, catalogue.core)]
    for lowered, attributes in catalogue.extensions.items():
        holders.append((resource.get(catalogue.extension_names[lowered]) or {}, attributes))
    for holder, attributes in holders:
        for attribute in attributes.values():
            if attribute.multi and attribute.is_complex and not attribute.is_read_only:
                yield attribute, holder, holder.get(attribute.name) or []


def _key(attribute: Attribute, entry: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return what tells an entry from others; None for one without a value, such as an address."""
    if entry.get("value") is None:
        return None
    stated = ((attribute.parts.get(name), str(entry.get(name) or "")) for name in _KEYS)
    return tuple(text if part is None or part.case_exact else fold(text) for part, text in stated)
