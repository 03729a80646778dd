"""Errors as SCIM states them (RFC 7644 §3.12): one sentence that names the attribute, never an inner text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel
from scim2_models import Error, MutabilityException, NoTargetException, SCIMException

ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


def error_document(status: int, detail: str, scim_type: str = "") -> dict[str, Any]:
    """Return an error as JSON; ``status`` is text there (N1)."""
    document: dict[str, Any] = {"schemas": [ERROR_SCHEMA], "status": str(status), "detail": detail}
    if scim_type:
        document["scimType"] = scim_type
    return document


def of_exception(error: SCIMException) -> tuple[int, dict[str, Any]]:
    """Return status and document of a protocol error."""
    return error.status, error_document(error.status, _detail(error), error.scim_type)


def _detail(error: SCIMException) -> str:
    """Return the library's sentence with the name of the attribute, which stands beside it (N6)."""
    if isinstance(error.__cause__, ValidationError):
        return str(of_validation(error.__cause__)[1]["detail"])
    detail = _plain(str(error))
    if isinstance(error, MutabilityException) and error.attribute and error.attribute not in detail:
        name = to_camel(error.attribute) if "_" in error.attribute else error.attribute
        return f"'{name}' cannot be changed or removed."
    if isinstance(error, NoTargetException):
        return _FIELD.sub(_name_of, detail)
    return detail


def of_validation(error: ValidationError) -> tuple[int, dict[str, Any]]:
    """Return status and document of the first thing a model found wrong with a request."""
    first: Mapping[str, Any] = error.errors(include_url=False, include_input=False)[0]
    known = Error.from_validation_error(first)
    status = known.status or 400
    if str(first["type"]).startswith("scim_"):
        return status, error_document(status, _plain(known.detail or ""), known.scim_type or "")
    where = (
        (known.detail or "").rpartition(": ")[2]
        if first["loc"]
        else str(first.get("ctx", {}).get("field_name", ""))
    )
    if first["type"] not in _NAMED_BY_CLIENT:
        where = _FIELD.sub(_name_of, where)
    sentence = _SENTENCES.get(str(first["type"]), "The value is not valid")
    detail = f"{sentence}: {where}" if where else f"{sentence}."
    return status, error_document(status, detail, known.scim_type or "")


_SENTENCES = {
    "missing": "A value is missing",
    "required_error": "A value is missing",
    "extra_forbidden": "There is no such attribute",
    "unknown_extension_schema": "There is no such schema",
    "schema_error": "The 'schemas' attribute does not name the schemas of the request",
    "bool_type": "The value must be true or false",
    "bool_parsing": "The value must be true or false",
    "int_type": "The value must be a whole number",
    "int_parsing": "The value must be a whole number",
    "string_type": "The value must be text",
    "list_type": "The value must be a list",
    "datetime_type": "The value must be a dateTime",
    "datetime_parsing": "The value must be a dateTime",
    "datetime_from_date_parsing": "The value must be a dateTime",
    "model_type": "The value must be an object",
    "model_attributes_type": "The value must be an object",
    "dict_type": "The value must be an object",
}
_NAMED_BY_CLIENT = ("extra_forbidden", "unknown_extension_schema")
_FIELD = re.compile(r"(?<![a-z0-9])[a-z0-9]++(?:_[a-z0-9]++)+|(?<!\$)\bref$")
"""How a model calls what the schema writes in camel case, and ``$ref``."""
_INNER = ("pydantic", "http://", "https://", "Traceback", "Error(")


def _name_of(field: re.Match[str]) -> str:
    return "$ref" if field[0] == "ref" else to_camel(field[0])


def _plain(detail: str) -> str:
    """Return the library's sentence, unless something of its inside shows through."""
    return "The request is not valid." if any(word in detail for word in _INNER) else detail
