"""Which attributes there are, read once from the models: names in any case, types, case rules, paths.

A path is how storage knows an attribute: lower case, extensions by a short tag
(``emails.value``, ``switchyard:personid``).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scim2_models import InvalidFilterException, InvalidValueException

from idp.domain.user_name import fold
from scim.domain.documents import LARGEST_INTEGER
from scim.domain.models import GROUP_EXTENSION, GROUP_SCHEMA, MODELS, USER_EXTENSION, USER_SCHEMA

_OWN = "switchyard"
_TAGS = {
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user": "enterprise",
    USER_EXTENSION.lower(): _OWN,
    GROUP_EXTENSION.lower(): _OWN,
}
LONGEST_VALUE = 2_048
"""The most bytes of a value as it is compared: what an index entry holds on both databases."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a resource type, or one sub-attribute; ``name`` is its name on the wire.

    ``is_link`` says that it refers to something outside, by a URI. ``holder`` is the name of the attribute
    that a sub-attribute is a part of.
    """

    name: str
    path: str
    type: str
    multi: bool
    case_exact: bool
    schema: str = ""
    parts: Mapping[str, Attribute] = field(default_factory=dict)
    is_link: bool = False
    is_read_only: bool = False
    is_immutable: bool = False
    is_required: bool = False
    holder: str = ""

    @property
    def full_name(self) -> str:
        """What a sentence about it calls it: ``emails.value`` (N6)."""
        return f"{self.holder}.{self.name}" if self.holder else self.name

    @property
    def is_complex(self) -> bool:
        """Tell whether the attribute consists of sub-attributes."""
        return self.type == "complex"

    def leaves(self) -> tuple[Attribute, ...]:
        """Return the attributes that hold values: the sub-attributes, or the attribute itself."""
        return tuple(self.parts.values()) if self.is_complex else (self,)

    def encode(self, value: Any) -> str:  # noqa: ANN401 - JSON
        """Return the text ``value`` is stored and compared by.

        Raises:
            ValueError: if the value is none of the attribute's type.
        """
        match self.type:
            case "boolean":
                return _boolean(value)
            case "integer":
                return _integer(value)
            case "dateTime":
                return _moment(value)
            case _:
                if not isinstance(value, str):
                    raise ValueError("text expected")  # noqa: TRY004 - callers expect one kind
                if self.type == "binary":  # may be long, and is compared for equality only
                    return hashlib.sha256(value.encode()).hexdigest()
                return value if self.case_exact else fold(value)


def _boolean(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower()  # Microsoft Entra compares with text
    if not isinstance(value, bool):
        raise ValueError("true or false expected")  # noqa: TRY004 - callers expect one kind
    return "true" if value else "false"


def _integer(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError("whole number expected")
    if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        raise ValueError("number out of range")
    # Shifted to be positive and of fixed width: text sorts as the numbers do.
    return f"{int(value) + LARGEST_INTEGER:017d}"


def plain_integer(encoded: str) -> int:
    """Return the number that :meth:`Attribute.encode` made ``encoded`` from."""
    return int(encoded) - LARGEST_INTEGER


def _moment(value: Any) -> str:  # noqa: ANN401 - JSON
    if not isinstance(value, str):
        raise ValueError("dateTime expected")  # noqa: TRY004 - callers expect one kind
    moment = dt.datetime.fromisoformat(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    try:
        return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
    except OverflowError:
        raise ValueError("dateTime out of range") from None


class Catalogue:
    """The attributes of one resource type; without ``own`` those that the standard has."""

    def __init__(self, schema: str, *, own: bool = True) -> None:
        model = MODELS[schema]
        self.schema = schema
        self.core = _attributes(model.to_schema().model_dump()["attributes"], "", schema)
        self.core |= _common()
        self.extensions: dict[str, dict[str, Attribute]] = {}
        self.extension_names: dict[str, str] = {}
        for urn, extension in model.get_extension_models().items():
            tag = _TAGS[urn.lower()]
            if tag == _OWN and not own:
                continue
            attributes = extension.to_schema().model_dump()["attributes"]
            self.extensions[urn.lower()] = _attributes(attributes, f"{tag}:", urn)
            self.extension_names[urn.lower()] = urn

    def find(self, uri: str | None, name: str) -> Attribute | None:
        """Return the attribute called ``name``, in any case, of the schema ``uri`` (empty: the core one)."""
        lowered = (uri or "").lower()
        if not lowered or lowered == self.schema.lower():
            return self.core.get(name.lower())
        return self.extensions.get(lowered, {}).get(name.lower())

    def knows(self, name: str) -> bool:
        """Tell whether ``name``, as a PATCH path writes it, names a schema or an attribute of the type."""
        lowered = name.lower()
        if lowered in self.extensions or lowered == self.schema.lower():
            return True
        uri, _, bare = name.rpartition(":")
        head, _, part = bare.partition(".")
        attribute = self.find(uri or None, head)
        return attribute is not None and (not part or part.lower() in attribute.parts)

    def every(self) -> Iterator[Attribute]:
        """Give every top-level attribute, those of the extensions included."""
        yield from self.core.values()
        for attributes in self.extensions.values():
            yield from attributes.values()


def _attributes(
    described: list[dict[str, Any]], prefix: str, schema: str, holder: str = ""
) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {}
    for each in described:
        path = prefix + each["name"].lower()
        parts = _attributes(each.get("subAttributes", []), f"{path}.", schema, each["name"])
        found[each["name"].lower()] = Attribute(
            each["name"],
            path,
            each["type"],
            each["multiValued"],
            each["caseExact"],
            schema,
            parts,
            is_link="external" in each.get("referenceTypes", ()),
            is_read_only=each["mutability"] == "readOnly",
            is_immutable=each["mutability"] == "immutable",
            is_required=each["required"],
            holder=holder,
        )
    return found


def _common() -> dict[str, Attribute]:
    def text(name: str, path: str) -> Attribute:
        return Attribute(name, path, "string", multi=False, case_exact=True)

    def moment(name: str) -> Attribute:
        return Attribute(name, f"meta.{name.lower()}", "dateTime", multi=False, case_exact=False)

    parts = {
        "resourcetype": text("resourceType", "meta.resourcetype"),
        "created": moment("created"),
        "lastmodified": moment("lastModified"),
        "location": text("location", "meta.location"),
        "version": text("version", "meta.version"),
    }
    return {
        "id": dataclasses.replace(text("id", "id"), is_read_only=True),
        "externalid": text("externalId", "externalid"),
        "schemas": dataclasses.replace(text("schemas", "schemas"), multi=True, is_required=True),
        "meta": Attribute(
            "meta", "meta", "complex", multi=False, case_exact=False, parts=parts, is_read_only=True
        ),
    }


USERS = Catalogue(USER_SCHEMA)
GROUPS = Catalogue(GROUP_SCHEMA)
STANDARD_USERS = Catalogue(USER_SCHEMA, own=False)
STANDARD_GROUPS = Catalogue(GROUP_SCHEMA, own=False)


def encode_operand(attribute: Attribute, value: Any) -> str:  # noqa: ANN401 - JSON
    """Return the operand of a comparison as stored values are compared.

    Raises:
        InvalidFilterException: if the value is none of the attribute's type (E3).
    """
    try:
        return attribute.encode(value)
    except ValueError:
        raise InvalidFilterException(
            detail=f"'{attribute.full_name}' cannot be compared with that value"
        ) from None


def encode_value(attribute: Attribute, value: Any) -> str:  # noqa: ANN401 - JSON
    """Return the text a value of a resource is searched by.

    Raises:
        InvalidValueException: if the value is too long to be searched by.
    """
    try:
        encoded = attribute.encode(value)
    except ValueError:
        raise InvalidValueException(detail=f"The value of '{attribute.full_name}' is not valid.") from None
    if len(encoded.encode()) > LONGEST_VALUE:
        raise InvalidValueException(detail=f"The value of '{attribute.full_name}' is too long.")
    return encoded
