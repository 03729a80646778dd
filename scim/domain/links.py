"""Links of a resource to something outside: new ones have to be URIs (C9, G4).

What a resource shows may always be sent back unchanged, whoever stored it: the client may have had another
profile then, and people reach their own resource whatever the profile of their source is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import Url, ValidationError
from scim2_models import InvalidValueException

from scim.domain.catalogue import Catalogue


def check_links(catalogue: Catalogue, resource: Mapping[str, Any], *, stored: Mapping[str, Any]) -> None:
    """Look at every link of a resource in its wire form; ``stored`` is the document of one that is changed.

    Raises:
        InvalidValueException: if a new one is no URI.
    """
    known = set(_links(catalogue, stored))
    for name, value in _links(catalogue, resource):
        if (name, value) not in known and not _is_uri(value):
            raise InvalidValueException(detail=f"The value of '{name}' must be a URI.")


def _links(catalogue: Catalogue, resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the name and the value of each link; no extension has any."""
    for attribute in catalogue.core.values():
        stated = resource.get(attribute.name)
        if stated is None:
            continue
        if attribute.is_link:
            yield attribute.name, stated
        for part in attribute.parts.values() if attribute.multi else ():
            if part.is_link:
                name = part.full_name
                yield from ((name, each[part.name]) for each in stated if each.get(part.name) is not None)


def _is_uri(value: str) -> bool:
    """Tell whether ``value`` is a URI, or refers to one from the root of this very host (RFC 7643 §2.3.7)."""
    if value.startswith("/"):
        return True
    try:
        Url(value)
    except ValidationError:
        return False
    return True
