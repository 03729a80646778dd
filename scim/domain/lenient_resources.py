"""Requests read before the models meet them: what a client's profile takes is put into the standard's form.

Types are those of the published schemas. A boolean, a whole number, a dateTime or a binary of another type is
refused here (C9, H11) unless the profile takes it; what no schema defines is refused where the profile does
not ignore it (C11). What is read-only is left out, whatever its type (C2), and everything else is left to the
models. Whether a link is one is asked of the whole resource, which may have it already (:mod:`links`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scim2_models import InvalidSyntaxException, InvalidValueException

from scim.domain.catalogue import Attribute, Catalogue
from scim.domain.documents import member_of
from scim.domain.profile import Tolerance

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_TEXTS = frozenset({"string", "reference"})
_TEXT_BOOLEANS = {"true": True, "false": False}


def lenient_resource(body: Mapping[str, Any], catalogue: Catalogue, tolerance: Tolerance) -> dict[str, Any]:
    """Return the resource ``body`` of a POST or PUT as the standard writes it.

    Raises:
        InvalidSyntaxException: for an attribute or a schema there is not, where none is tolerated (Q).
        InvalidValueException: for a value that is none of its attribute's type.
    """
    reader = ResourceReader(catalogue, tolerance)
    reader.refuse_schemas(body)
    return {name: reader.member(name, value) for name, value in body.items() if not reader.is_ignored(name)}


class ResourceReader:
    """Reads the members of one resource type for a client of one profile."""

    def __init__(self, catalogue: Catalogue, tolerance: Tolerance) -> None:
        self.catalogue = catalogue
        self.tolerance = tolerance

    def refuse_schemas(self, body: Mapping[str, Any]) -> None:
        """Refuse a ``schemas`` that names an unknown schema, or leaves one out that is used."""
        stated = member_of(body, "schemas")
        named = stated if isinstance(stated, list) else []
        listed = {each.lower() for each in named if isinstance(each, str)}
        known = {self.catalogue.schema.lower(), *self.catalogue.extensions}
        if not self.tolerance.unknown_schemas and not listed <= known:
            raise InvalidSyntaxException(detail="'schemas' names a schema that there is not.")
        if self.tolerance.unlisted_extensions:
            return
        for name in body:
            if name.lower() in self.catalogue.extensions and name.lower() not in listed:
                raise InvalidSyntaxException(detail=f"'schemas' must name {name}, which is used.")

    def member(self, name: str, value: Any) -> Any:  # noqa: ANN401 - JSON
        """Return the value of a known top-level member: an attribute, or an extension with its attributes."""
        extension = self.catalogue.extensions.get(name.lower())
        if extension is not None:
            return self._parts(extension, value)
        attribute = self.catalogue.core[name.lower()]
        return self._schemas(value) if attribute.path == "schemas" else self.value(attribute, value)

    def _schemas(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        """Return the URIs of a resource as we write ours: URNs are stated in any case (C3)."""
        ours = {self.catalogue.schema.lower(): self.catalogue.schema, **self.catalogue.extension_names}
        listed = value if isinstance(value, list) else []
        known = [ours.get(each.lower(), each) if isinstance(each, str) else each for each in listed]
        return known if isinstance(value, list) else value

    def is_ignored(self, name: str) -> bool:
        """Tell whether a top-level member is ignored, whatever its value.

        It is read-only (C2), or of no schema that the client may state (C11).

        Raises:
            InvalidSyntaxException: for what no schema has, where such names are not ignored.
        """
        if name.lower() in self.catalogue.extensions:
            return False
        attribute = self.catalogue.core.get(name.lower())
        if attribute is None:
            self.refuse_unknown(name)
            return True
        return attribute.is_read_only

    def value(self, attribute: Attribute, value: Any) -> Any:  # noqa: ANN401 - JSON
        """Return the value of an attribute as its type wants it; a list entry by entry."""
        if attribute.multi and isinstance(value, list):
            return _with_one_primary(attribute, [self.single(attribute, each) for each in value])
        return self.single(attribute, value)

    def single(self, attribute: Attribute, value: Any) -> Any:  # noqa: ANN401 - JSON
        """Return one value, or one entry of a list."""
        if value is None or attribute.is_read_only:
            return value
        if attribute.is_complex:
            return self._complex(attribute, value)
        match attribute.type:
            case "boolean":
                return self._boolean(attribute, value)
            case "integer" if type(value) is not int:
                raise _of_wrong_type(attribute, "a whole number")
            case "dateTime" if not _is_moment(attribute, value):
                raise _of_wrong_type(attribute, "a dateTime")
            case "binary" if not (isinstance(value, str) and _BASE64.fullmatch(value)):
                raise _of_wrong_type(attribute, "base64")
        return value

    def part(self, attribute: Attribute, value: Any) -> Any:  # noqa: ANN401 - JSON
        """Return the value of a sub-attribute that is stated by itself.

        Its type is checked here, as the model could not name the attribute. What cannot be changed is left to
        be refused for that, whatever its value.
        """
        changes = not (attribute.is_immutable or attribute.is_read_only)
        is_text = attribute.type in _TEXTS and not attribute.multi
        if changes and is_text and not isinstance(value, str | None):
            raise _of_wrong_type(attribute, "text")
        return self.value(attribute, value)

    def extension(self, urn: str, value: Any) -> Any:  # noqa: ANN401 - JSON
        """Return the value of a whole extension."""
        return self._parts(self.catalogue.extensions[urn.lower()], value)

    def refuse_unknown(self, name: str) -> None:
        """Refuse a name that no schema defines, where such names are not ignored."""
        is_schema = name.lower().startswith("urn:")
        if not (self.tolerance.unknown_schemas if is_schema else self.tolerance.unknown_attributes):
            raise InvalidSyntaxException(detail=f"There is no attribute or schema '{name[:100]}'.")

    def _complex(self, attribute: Attribute, value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, str) and self.tolerance.text_for_complex and "value" in attribute.parts:
            return {"value": value} if value else None
        return self._parts(attribute.parts, value, listed=attribute.multi)

    def _parts(self, parts: Mapping[str, Attribute], value: Any, *, listed: bool = False) -> Any:  # noqa: ANN401 - JSON
        """Return the known members of an object; anything else is left for the model to refuse.

        The parts of a list's entries are left to the model, which can say which entry is wrong.
        """
        if not isinstance(value, dict):
            return value
        read: dict[str, Any] = {}
        for name, each in value.items():
            part = parts.get(name.lower())
            if part is None:
                self.refuse_unknown(name)
            elif not part.is_read_only:
                read[name] = self._member(part, each, listed=listed)
        return read

    def _member(self, part: Attribute, value: Any, *, listed: bool) -> Any:  # noqa: ANN401 - JSON
        return self.part(part, value) if part.holder and not listed else self.value(part, value)

    def _boolean(self, attribute: Attribute, value: Any) -> bool:  # noqa: ANN401 - JSON
        if isinstance(value, bool):
            return value
        if self.tolerance.text_booleans and isinstance(value, str) and value.lower() in _TEXT_BOOLEANS:
            return _TEXT_BOOLEANS[value.lower()]
        raise _of_wrong_type(attribute, "true or false")


def _is_moment(attribute: Attribute, value: Any) -> bool:  # noqa: ANN401 - JSON
    """Tell whether a value is a date and a time that there are."""
    if not isinstance(value, str) or not _DATE_TIME.match(value):
        return False
    try:
        return bool(attribute.encode(value))
    except ValueError:
        return False


def _of_wrong_type(attribute: Attribute, expected: str) -> InvalidValueException:
    return InvalidValueException(detail=f"The value of '{attribute.full_name}' must be {expected}.")


def _with_one_primary(attribute: Attribute, entries: list[Any]) -> list[Any]:
    """Return the entries of a list, of which one at most is the primary one (C10)."""
    primary = [
        each
        for each in entries
        if isinstance(each, dict) and any(n.lower() == "primary" and v is True for n, v in each.items())
    ]
    if len(primary) > 1:
        raise InvalidValueException(detail=f"'{attribute.name}' has more than one primary entry.")
    return entries
