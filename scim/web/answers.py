"""How outcomes of deeds read on the wire."""

from __future__ import annotations

import json

from idp.domain.group import MOST_GROUPS_WITHIN
from idp.domain.provisioning import (
    Circular,
    Immutable,
    Missing,
    Moved,
    Protected,
    Stale,
    Taken,
    TooNested,
    UnknownMembers,
)
from kernel.web.http import Response
from scim.domain.catalogue import Catalogue
from scim.domain.documents import write
from scim.domain.projection import Projection, project
from scim.usecases.outcomes import ConditionFailed, WriteRefusal
from scim.web.endpoint import refusal

NOT_FOUND = "There is no such resource."
PROTECTED = "The request would change an account that is protected."


def refused(outcome: WriteRefusal) -> Response:  # noqa: PLR0911 - one for each way to be refused
    """Return the answer to a write that was refused; details name attributes, never values (N6)."""
    match outcome:
        case Taken(attribute=attribute):
            return refusal(409, f"Another resource has this '{attribute.value}' already.", "uniqueness")
        case Stale():
            return refusal(409, "staleVersion: a later version of this resource was stored already.")
        case Missing():
            return refusal(404, NOT_FOUND)
        case Immutable(attribute=attribute):
            return refusal(400, f"'{attribute}' cannot be changed.", "mutability")
        case UnknownMembers():
            return refusal(400, "'members' names an account or a group that does not exist.", "invalidValue")
        case Circular():
            return refusal(
                400, "'members' would make a group a member of itself, directly or around.", "invalidValue"
            )
        case TooNested():
            return refusal(
                400,
                f"A group may hold {MOST_GROUPS_WITHIN} groups at most, in all levels.",
                "invalidValue",
            )
        case Protected():
            return refusal(403, PROTECTED)
        case ConditionFailed() | Moved():
            return refusal(412, "The resource is not at the version the request demands.")


def shown(text: str, catalogue: Catalogue, projection: Projection) -> str:
    """Return the part of a resource, given as JSON text, that the projection shows."""
    return text if projection.is_whole else write(project(catalogue, projection, json.loads(text)))
