"""``attributes`` and ``excludedAttributes``: which part of a resource an answer shows (RFC 7644 §3.9, D6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scim2_models import InvalidValueException

from scim.domain.catalogue import Attribute, Catalogue

_ALWAYS = frozenset({"id", "schemas"})


@dataclass(frozen=True, slots=True)
class Projection:
    """What is shown. Paths are those of the catalogue; an extension as a whole is its tag with a colon."""

    included: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()
    is_asked_for: bool = False
    """Whether the request stated it, though what it excludes may be always shown."""

    @property
    def is_whole(self) -> bool:
        """Tell whether everything is shown."""
        return self.included is None and not self.excluded

    def names(self, path: str) -> bool:
        """Tell whether the attribute is asked for by its very name (``returned: request``)."""
        return self.included is not None and path in self.included

    def shows(self, path: str) -> bool:
        """Tell whether any of the attribute ``path`` is shown; what is not need not be read (D7)."""
        if self.included is not None:
            return path in self.included or any(each.startswith(f"{path}.") for each in self.included)
        return path not in self.excluded


def read_projection(catalogue: Catalogue, attributes: Iterable[str], excluded: Iterable[str]) -> Projection:
    """Return the projection two lists of attribute names ask for; names that are unknown show nothing.

    Raises:
        InvalidValueException: if both lists are given.
    """
    included = frozenset(_paths(catalogue, attributes))
    without = frozenset(_paths(catalogue, excluded))
    named, unwanted = list(attributes), list(excluded)
    if named and unwanted:
        raise InvalidValueException(detail="'attributes' and 'excludedAttributes' exclude one another.")
    if named:
        return Projection(included, is_asked_for=True)
    return Projection(None, without - _ALWAYS, is_asked_for=bool(unwanted))


def _paths(catalogue: Catalogue, names: Iterable[str]) -> Iterable[str]:
    for name in names:
        uri, bare = _split(catalogue, name.strip())
        if uri is not None and not bare:
            # A schema as a whole: every attribute of it.
            yield from (each.path for each in _of_schema(catalogue, uri))
            continue
        head, _, part = bare.partition(".")
        attribute = catalogue.find(uri, head)
        if attribute is None:
            continue
        if not part:
            yield attribute.path
        elif part.lower() in attribute.parts:
            yield attribute.parts[part.lower()].path


def _split(catalogue: Catalogue, name: str) -> tuple[str | None, str]:
    lowered = name.lower()
    for uri in (catalogue.schema.lower(), *catalogue.extensions):
        if lowered == uri:
            return uri, ""
        if lowered.startswith(f"{uri}:"):
            return uri, name[len(uri) + 1 :]
    return None, name


def _of_schema(catalogue: Catalogue, uri: str) -> Iterable[Attribute]:
    attributes = catalogue.core if uri == catalogue.schema.lower() else catalogue.extensions[uri]
    return attributes.values()


def project(catalogue: Catalogue, projection: Projection, resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of ``resource`` that the projection shows; ``id`` and ``schemas`` always are."""
    shown: dict[str, Any] = {}
    for name, value in resource.items():
        if name.lower() in catalogue.extensions:
            part = _shown_of(catalogue.extensions[name.lower()], projection, value)
            if part:
                shown[name] = part
            continue
        attribute = catalogue.core.get(name.lower())
        if attribute is not None and attribute.path in _ALWAYS:
            shown[name] = value
        elif attribute is not None:
            part = _shown(attribute, projection, value)
            if part is not None:
                shown[name] = part
    return shown


def _shown_of(
    attributes: Mapping[str, Attribute], projection: Projection, values: Mapping[str, Any]
) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in values.items():
        attribute = attributes.get(name.lower())
        if attribute is not None:
            part = _shown(attribute, projection, value)
            if part is not None:
                shown[name] = part
    return shown


def _shown(attribute: Attribute, projection: Projection, value: Any) -> Any:  # noqa: ANN401 - JSON
    if projection.included is not None and attribute.path in projection.included:
        return value
    if not projection.shows(attribute.path):
        return None
    if not attribute.is_complex:
        return value
    if isinstance(value, list):
        return [entry for entry in (_parts(attribute, projection, each) for each in value) if entry] or None
    return _parts(attribute, projection, value) or None


def _parts(attribute: Attribute, projection: Projection, value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: part
        for name, part in value.items()
        if name.lower() in attribute.parts and projection.shows(attribute.parts[name.lower()].path)
    }
