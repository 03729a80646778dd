"""The searchable values of a resource: one row each, kept beside its document (E7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from idp.domain.provisioning import AttributeValue
from scim.domain.catalogue import Attribute, Catalogue, encode_value

# What has a column, or rows of its own, needs no value row.
_ELSEWHERE = frozenset(
    {"id", "externalid", "meta", "username", "active", "groups", "members", "switchyard:sourceversion"}
)


def searchable_values(catalogue: Catalogue, resource: Mapping[str, Any]) -> tuple[AttributeValue, ...]:
    """Return the searchable values of a resource in its wire form.

    Raises:
        scim2_models.InvalidValueException: if a value is too long to be searched by.
    """
    return changed_values(catalogue, resource, {})[0]


def changed_values(
    catalogue: Catalogue, resource: Mapping[str, Any], stored: Mapping[str, Any]
) -> tuple[tuple[AttributeValue, ...], frozenset[str]]:
    """Return the values of a resource that differ from those of ``stored``, and the paths they differ in.

    The paths are those under which ``stored`` has values. What is equal in both is not looked into.

    Raises:
        scim2_models.InvalidValueException: if a value is too long to be searched by.
    """
    values: list[AttributeValue] = []
    emptied: set[str] = set()
    for attribute, stated, before in _stated(catalogue, resource, stored):
        if before is None:
            values += _of_attribute(attribute, stated)
            continue
        new, old = _by_path(attribute, stated), _by_path(attribute, before)
        for path in dict.fromkeys([*new, *old]):
            if new.get(path) != old.get(path):
                values += new.get(path, ())
                emptied.update([path] if path in old else ())
    return tuple(values), frozenset(emptied)


def _stated(
    catalogue: Catalogue, resource: Mapping[str, Any], stored: Mapping[str, Any]
) -> Iterator[tuple[Attribute, Any, Any]]:
    """Give each searchable attribute that two resources state differently, with the values of both."""
    skipped = _ELSEWHERE if catalogue.schema.endswith(":User") else _ELSEWHERE | {"displayname"}
    places = [(catalogue.core, resource, stored)]
    for lowered, attributes in catalogue.extensions.items():
        urn = catalogue.extension_names[lowered]
        places.append((attributes, resource.get(urn) or {}, stored.get(urn) or {}))
    for attributes, stated, before in places:
        for attribute in attributes.values():
            here, there = stated.get(attribute.name), before.get(attribute.name)
            if here != there and attribute.path not in skipped:
                yield attribute, here, there


def _by_path(attribute: Attribute, value: Any) -> dict[str, list[AttributeValue]]:  # noqa: ANN401 - JSON
    found: dict[str, list[AttributeValue]] = {}
    for each in _of_attribute(attribute, value):
        found.setdefault(each.path, []).append(each)
    return found


def _of_attribute(attribute: Attribute, value: Any) -> Iterator[AttributeValue]:  # noqa: ANN401 - JSON
    if value is None:
        return
    entries = _primary_first(value) if attribute.multi else [value]
    for item, entry in enumerate(entries):
        if not attribute.is_complex:
            yield AttributeValue(attribute.path, item, encode_value(attribute, entry))
            continue
        stated = [part for part in attribute.parts.values() if entry.get(part.name) is not None]
        for part in stated:
            yield AttributeValue(part.path, item, encode_value(part, entry[part.name]))
        if attribute.multi and not stated:  # an entry that states nothing is one all the same
            yield AttributeValue(attribute.path, item, "")


def _primary_first(entries: list[Any]) -> list[Any]:
    """Return the entries with the primary one first: sorting asks for the first (RFC 7644 §3.4.2.3)."""
    return sorted(entries, key=lambda each: not (isinstance(each, dict) and each.get("primary") is True))
