"""The commonest PATCH of a user: switched on or off, with the source's version (I4).

It is the deny lane of every provisioning client, so it is read directly; every other PATCH goes through
scim2-models' PatchOp and means the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scim.domain.models import USER_EXTENSION

_FENCE = f"{USER_EXTENSION}:sourceVersion".lower()
_LARGEST = 2**53


@dataclass(frozen=True, slots=True)
class Switch:
    """What such a PATCH states; None where it says nothing."""

    active: bool | None = None
    source_version: int | None = None

    def apply(self, resource: dict[str, Any]) -> bool:
        """Write it into a user in its wire form; False if the user has no place for it yet."""
        extension = resource.get(USER_EXTENSION) or {}
        if self.active is not None and "active" not in resource:
            return False
        if self.source_version is not None and "sourceVersion" not in extension:
            return False
        if self.active is not None:
            resource["active"] = self.active
        if self.source_version is not None:
            extension["sourceVersion"] = self.source_version
        return True


def read_switch(operations: Sequence[Mapping[str, Any]]) -> Switch | None:
    """Return what the operations state if they do no more than switch and raise the fence."""
    active: bool | None = None
    version: int | None = None
    for operation in operations:
        names = {name.lower(): value for name, value in operation.items()}
        op, path, value = names.get("op"), names.get("path"), names.get("value")
        if not isinstance(op, str) or op.lower() not in {"add", "replace"}:
            return None
        if path is None and isinstance(value, dict) and len(value) == 1:
            path, value = next(iter(value.items()))  # Okta states the attribute in the value
        name = path.lower() if isinstance(path, str) else ""
        if name == "active" and isinstance(value, bool):
            active = value
        elif name == _FENCE and type(value) is int and 0 <= value <= _LARGEST:
            version = value
        else:
            return None
    return Switch(active, version)
