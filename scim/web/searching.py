"""What a list request asks for, in a query or in a SearchRequest body: one reading for both (D4)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scim2_models import (
    InvalidCursorException,
    InvalidPathException,
    InvalidValueException,
)

from idp.domain.query import Search, Sort
from kernel.web.http import Request
from scim.domain.catalogue import Attribute, Catalogue
from scim.domain.documents import require_listed
from scim.domain.filters import compile_filter
from scim.domain.lenient_filters import lenient_filter
from scim.domain.profile import Tolerance
from scim.domain.projection import Projection, read_projection
from scim.settings import ScimSettings
from scim.web.endpoint import body_object

SEARCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
_FURTHEST = 2**31
_NUMBER = re.compile(r"\s*([+-]?)0*([0-9]+)\s*")
_DIGITS = len(str(_FURTHEST))
_PARAMETERS = (
    "filter",
    "sortBy",
    "sortOrder",
    "startIndex",
    "count",
    "cursor",
    "attributes",
    "excludedAttributes",
)
_LISTS = frozenset({"attributes", "excludedAttributes"})
"""Parameters that may come more than once: all of them count, as for a single resource."""
_UNSORTABLE = frozenset(
    {"groups", "members", "meta", "schemas", "x509certificates.value", "enterprise:manager.$ref"}
)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A page to find, and the part of each resource to show.

    ``cursor`` is there where pages are asked for by cursor, empty for the first; it belongs to ``question``.
    """

    search: Search
    projection: Projection
    start_index: int
    cursor: str | None = None
    question: str = ""
    states_count: bool = False


def projection_of(request: Request, catalogue: Catalogue) -> Projection:
    """Return which part of the resource the query asks to be shown (D6)."""
    if not request.query:
        return read_projection(catalogue, (), ())
    values = request.query_values
    return read_projection(
        catalogue, _names(values.get("attributes")), _names(values.get("excludedAttributes"))
    )


def list_request(
    request: Request,
    catalogue: Catalogue,
    settings: ScimSettings,
    tolerance: Tolerance,
    others: Sequence[Catalogue] = (),
) -> ListRequest:
    """Return what the query of a list asks for; ``others`` are the types that it asks, too.

    Raises:
        SCIMException: if a parameter cannot be understood.
    """
    values = {name: each if name in _LISTS else each[0] for name, each in request.query_values.items()}
    return _read(values, catalogue, settings, tolerance, others)


def search_request(
    request: Request,
    catalogue: Catalogue,
    settings: ScimSettings,
    tolerance: Tolerance,
    others: Sequence[Catalogue] = (),
) -> ListRequest:
    """Return what a SearchRequest body asks for; ``others`` are the types that it asks, too.

    Raises:
        SCIMException: if the body is no SearchRequest or a part of it cannot be understood.
    """
    body = {name.lower(): value for name, value in body_object(request).items()}
    require_listed(body.get("schemas"), SEARCH_SCHEMA)
    stated = {name: body[name.lower()] for name in _PARAMETERS if body.get(name.lower()) is not None}
    return _read(stated, catalogue, settings, tolerance, others)


def _read(
    values: Mapping[str, Any],
    catalogue: Catalogue,
    settings: ScimSettings,
    tolerance: Tolerance,
    others: Sequence[Catalogue],
) -> ListRequest:
    cursor = _cursor(values)
    start_index = max(_number(values, "startIndex", 1), 1)
    count = min(max(_number(values, "count", settings.default_page), 0), settings.largest_page)
    text = values.get("filter")
    if text is not None and not isinstance(text, str):
        raise InvalidValueException(detail="'filter' must be text.")
    text = lenient_filter(text, catalogue, tolerance) if text else None
    condition = compile_filter(text, catalogue, others) if text else None
    sort = _sort(values, catalogue, others)
    search = Search(condition, min(start_index - 1, _FURTHEST), count, sort)
    projection = read_projection(
        catalogue, _names(values.get("attributes")), _names(values.get("excludedAttributes"))
    )
    if cursor is None:
        return ListRequest(search, projection, start_index)
    question = json.dumps([text, *(str(values.get(name) or "").lower() for name in ("sortBy", "sortOrder"))])
    return ListRequest(search, projection, start_index, cursor, question, states_count="count" in values)


def _cursor(values: Mapping[str, Any]) -> str | None:
    cursor = values.get("cursor")
    if cursor is None:
        return None
    if "startIndex" in values:
        raise InvalidValueException(detail="'cursor' and 'startIndex' cannot be stated both.")
    if not isinstance(cursor, str):
        raise InvalidCursorException(detail="'cursor' must be text.")
    return cursor


def _number(values: Mapping[str, Any], name: str, default: int) -> int:
    value = values.get(name, default)
    written = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if written is not None:
        # One digit more than the furthest has says enough: a number may be as long as an address.
        value = int(written[1] + written[2][: _DIGITS + 1])
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValueException(detail=f"'{name}' must be a whole number.")
    return max(-_FURTHEST, min(value, _FURTHEST))


def _names(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Return attribute names given as a list, or as comma-separated text in a query."""
    parts = [value] if isinstance(value, str) else (value or [])
    if not isinstance(parts, list) or not all(isinstance(each, str) for each in parts):
        raise InvalidValueException(detail="Attribute names must be a list of texts.")
    return [name.strip() for part in parts for name in part.split(",") if name.strip()]


def _sort(values: Mapping[str, Any], catalogue: Catalogue, others: Sequence[Catalogue]) -> Sort | None:
    name = values.get("sortBy")
    if name is None or name == "":
        return None
    order = str(values.get("sortOrder") or "ascending").lower()
    if order not in {"ascending", "descending"}:
        raise InvalidValueException(detail="'sortOrder' must be ascending or descending.")
    if not isinstance(name, str):
        raise InvalidValueException(detail="'sortBy' must be text.")
    attribute = _sortable(name, catalogue)
    if attribute is not None:
        return Sort(attribute.path, descending=order == "descending")
    if any(_sortable(name, other) is not None for other in others):  # a type that has no such value
        return Sort("", descending=order == "descending")
    raise InvalidPathException(detail="'sortBy' names nothing that can be sorted by.")


def _sortable(name: str, catalogue: Catalogue) -> Attribute | None:
    uri, _, bare = name.rpartition(":")
    head, _, part = bare.partition(".")
    attribute = catalogue.find(uri or None, head)
    if attribute is None:
        return None
    if not part and attribute.is_complex and attribute.multi:
        part = "value"
    if attribute.path in _UNSORTABLE and part.lower() not in {"created", "lastmodified"}:
        return None
    found = attribute.parts.get(part.lower()) if part else attribute
    return None if found is None or found.is_complex or found.path in _UNSORTABLE else found
