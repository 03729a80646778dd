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
    return tuple(_values(catalogue, resource))


def _values(catalogue: Catalogue, resource: Mapping[str, Any]) -> Iterator[AttributeValue]:
    skipped = _ELSEWHERE if catalogue.schema.endswith(":User") else _ELSEWHERE | {"displayname"}
    for attribute in catalogue.core.values():
        if attribute.path not in skipped:
            yield from _of_attribute(attribute, resource.get(attribute.name))
    for lowered, attributes in catalogue.extensions.items():
        extension = resource.get(catalogue.extension_names[lowered]) or {}
        for attribute in attributes.values():
            if attribute.path not in skipped:
                yield from _of_attribute(attribute, extension.get(attribute.name))


def _of_attribute(attribute: Attribute, value: Any) -> Iterator[AttributeValue]:  # noqa: ANN401 - JSON
    if value is None:
        return
    entries = _primary_first(value) if attribute.multi else [value]
    for item, entry in enumerate(entries):
        if not attribute.is_complex:
            yield AttributeValue(attribute.path, item, encode_value(attribute, entry))
            continue
        if attribute.multi:
            yield AttributeValue(attribute.path, item, "")
        for part in attribute.parts.values():
            if entry.get(part.name) is not None:
                yield AttributeValue(part.path, item, encode_value(part, entry[part.name]))


def _primary_first(entries: list[Any]) -> list[Any]:
    """Return the entries with the primary one first: sorting asks for the first (RFC 7644 §3.4.2.3)."""
    return sorted(entries, key=lambda each: not (isinstance(each, dict) and each.get("primary") is True))
