"""How outcomes of deeds read on the wire."""

from __future__ import annotations

import json

from idp.domain.group import MOST_GROUPS_WITHIN
from idp.domain.provisioning import (
    Circular,
    Immutable,
    Missing,
    Moved,
    OwnManager,
    Protected,
    Stale,
    Taken,
    TooNested,
    UnknownManager,
    UnknownMembers,
)
from kernel.web.http import Response
from scim.domain.catalogue import Catalogue
from scim.domain.documents import write
from scim.domain.projection import Projection, project
from scim.usecases.edit_user import OWN_ATTRIBUTES
from scim.usecases.outcomes import ConditionFailed, NotTheirAccess, NotTheirs, WriteRefusal
from scim.web.endpoint import NOT_FOUND, refusal

PROTECTED = "protectedAccount: the request would change an account that is protected."
_OTHER_VERSION = "The resource is not at the version the request demands."


_FIXED: dict[type[WriteRefusal], tuple[int, str, str]] = {
    Stale: (409, "staleVersion: a later version of this resource was stored already.", ""),
    Missing: (404, NOT_FOUND, ""),
    UnknownManager: (400, "'manager' names an account that does not exist.", "invalidValue"),
    OwnManager: (400, "'manager' names the account itself.", "invalidValue"),
    UnknownMembers: (400, "'members' names an account or a group that does not exist.", "invalidValue"),
    Circular: (
        400,
        "'members' would make a group a member of itself, directly or around.",
        "invalidValue",
    ),
    TooNested: (
        400,
        f"A group may hold {MOST_GROUPS_WITHIN} groups at most, in all levels.",
        "invalidValue",
    ),
    Protected: (403, PROTECTED, ""),
    NotTheirs: (403, f"Of one's own account one may change {', '.join(sorted(OWN_ATTRIBUTES))} alone.", ""),
    NotTheirAccess: (403, "Groups of this client may not state access.", ""),
    ConditionFailed: (412, _OTHER_VERSION, ""),
    Moved: (412, _OTHER_VERSION, ""),
}


def refused(outcome: WriteRefusal) -> Response:
    """Return the answer to a write that was refused; details name attributes, never values (N6)."""
    match outcome:
        case Taken(attribute=attribute):
            return refusal(409, f"Another resource has this '{attribute.value}' already.", "uniqueness")
        case Immutable(attribute=name):
            return refusal(400, f"'{name}' cannot be changed.", "mutability")
    return refusal(*_FIXED[type(outcome)])


def shown(text: str, catalogue: Catalogue, projection: Projection) -> str:
    """Return the part of a resource, given as JSON text, that the projection shows."""
    return text if projection.is_whole else write(project(catalogue, projection, json.loads(text)))
