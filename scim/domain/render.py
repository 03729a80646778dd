"""Resources on the wire: the stored document with what the server adds, joined as text and not parsed.

Parsing and dumping a user costs more than finding it (performance rules), so an answer is the prepared
document with ``id``, ``groups`` or ``members`` and ``meta`` spliced in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from idp.domain.group import Member, Membership
from idp.domain.query import Record
from scim.domain.etag import entity_tag
from scim.domain.mapping import stated_document

_LED = '"manager":{"value":"'
# Quotes inside a text are escaped, so this is never one; a manager without a name is nobody here.
_MANAGER = re.compile(_LED + r'([0-9A-Z]{26})"(,"displayName":"(?:[^"\\]|\\.)*")')
_quote = json.encoder.encode_basestring


class Renderer:
    """Renders resources whose URIs start with ``base`` (no trailing slash)."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._users = f"{base}/Users/"
        self._groups = f"{base}/Groups/"

    def user_location(self, account_id: str) -> str:
        """Return the URI of a user."""
        return self._users + account_id

    def group_location(self, group_id: str) -> str:
        """Return the URI of a group."""
        return self._groups + group_id

    def user(self, record: Record, groups: Iterable[Membership], *, with_manager_name: bool = False) -> str:
        """Return a user as JSON text; its manager's name is shown on request, as members' names are."""
        listed = ",".join(
            f'{{"value":"{each.group_id}","$ref":"{self._groups}{each.group_id}",'
            f'"display":{_quote(each.display_name)},"type":"{each.kind}"}}'
            for each in groups
        )
        text = self._splice(record, "User", self._users, f',"groups":[{listed}]' if listed else "")
        if _LED not in text:
            return text

        def referred(manager: re.Match[str]) -> str:
            name = manager[2] if with_manager_name else ""
            return f'{_LED}{manager[1]}","$ref":"{self._users}{manager[1]}"{name}'

        return _MANAGER.sub(referred, text, count=1)

    def group(self, record: Record, members: Iterable[Member] | None) -> str:
        """Return a group as JSON text; without members where they are None, never with some (J8)."""
        listed = ",".join(
            f'{{"value":"{each.member_id}","$ref":"{self.base}/{each.kind}s/{each.member_id}",'
            f'"type":"{each.kind}"{_display(each.display_name)}}}'
            for each in members or ()
        )
        return self._splice(record, "Group", self._groups, f',"members":[{listed}]' if listed else "")

    def _splice(self, record: Record, kind: str, folder: str, middle: str) -> str:
        # A document starts with {"schemas": the id goes right before it.
        tag = entity_tag(record.version).replace('"', '\\"')
        return (
            f'{{"id":"{record.id}",{stated_document(record)[1:-1]}{middle},'
            f'"meta":{{"resourceType":"{kind}","created":"{record.created}",'
            f'"lastModified":"{record.modified}","location":"{folder}{record.id}","version":"{tag}"}}}}'
        )


def _display(name: str) -> str:
    return f',"display":{_quote(name)}' if name else ""


def list_response(
    total: int,
    start_index: int | None,
    resources: Iterable[str],
    *,
    following: str = "",
    previous: str = "",
) -> str:
    """Return a list answer as JSON text (RFC 7644 §3.4.2), with cursors where pages go on (RFC 9865 §2)."""
    rendered = list(resources)
    start = "" if start_index is None else f'"startIndex":{start_index},'
    cursors = f'"nextCursor":"{following}",' if following else ""
    cursors += f'"previousCursor":"{previous}",' if previous else ""
    return (
        '{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],'
        f'"totalResults":{total},{start}"itemsPerPage":{len(rendered)},{cursors}'
        f'"Resources":[{",".join(rendered)}]}}'
    )
