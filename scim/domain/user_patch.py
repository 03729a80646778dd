"""The commonest PATCH of a user: switched on or off, with the source's version (I4).

It is how every provisioning client takes access away, so it is read directly, without building the models;
through scim2-models' PatchOp, as every other PATCH goes, it would mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from idp.domain.account import Account
from idp.domain.provisioning import AccountFacts
from idp.domain.query import StoredAccount
from idp.domain.reporting_line import manager_in
from scim.domain.documents import LARGEST_INTEGER
from scim.domain.mapping import invitation_of, is_fenced, require_room
from scim.domain.models import USER_EXTENSION

_FENCE = f"{USER_EXTENSION}:sourceVersion".lower()
_JSON = {True: "true", False: "false"}
_AS_STORED = tuple(
    each.name
    for each in fields(AccountFacts)
    if each.name in {one.name for one in fields(Account)} - {"active", "source_version"}
)


@dataclass(frozen=True, slots=True)
class Switch:
    """What such a PATCH states; None where it says nothing."""

    active: bool | None = None
    source_version: int | None = None

    def facts(self, stored: StoredAccount) -> AccountFacts | None:
        """Return what the account states after it; None if its document has no place for the attribute yet.

        The same as :func:`~scim.domain.mapping.account_facts` would read from the whole user: all other
        attributes are unchanged, and were checked when they were stored.

        Raises:
            InvalidValueException: if the document would be too large.
        """
        account, document = stored.account, stored.document
        if self.active is not None:
            other, wanted = (f'"active":{_JSON[each]}' for each in (not self.active, self.active))
            if wanted not in document and other not in document:
                return None
            document = document.replace(other, wanted)
            require_room(document, active=self.active)
        if self.source_version is not None and not is_fenced(document):
            return None
        fence = account.source_version if self.source_version is None else self.source_version
        invites, days = invitation_of(document)
        return AccountFacts(
            **{name: getattr(account, name) for name in _AS_STORED},
            active=account.is_wanted if self.active is None else self.active,
            invite=invites,
            invitation_days=days,
            manager=manager_in(document),
            source_version=fence if is_fenced(document) else None,
            document=document,
            values=(),
            changed=() if document == stored.document else ("active",),
        )


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
        elif name == _FENCE and type(value) is int and 0 <= value <= LARGEST_INTEGER:
            version = value
        else:
            return None
    return Switch(active, version)
