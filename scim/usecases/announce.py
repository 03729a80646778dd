"""Telling a client's stream of what was done to its resources (RFC 9967), in the deed's own transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from idp.domain.account import Account
from idp.domain.deed import Deed
from idp.domain.provisioning_log import Operation
from idp.domain.query import account_record, group_record
from idp.domain.security_events import Occurrence, Payload, Prov, Stream, scim_subject
from idp.usecases.security_events import publish, stream_of
from kernel.store import Unit
from scim.domain.etag import entity_tag
from scim.domain.event_payloads import attribute_paths, change_as_patch
from scim.domain.models import GROUP_EXTENSION, USER_EXTENSION
from scim.domain.render import Renderer

LARGEST_DATA = 65_536
"""An event with more data than this is told as a notice: its receiver reads the resource."""

_EVENTS = {Operation.CREATE: Prov.CREATE, Operation.REPLACE: Prov.PUT}


class Announcer:
    """Tells of deeds as their client sees the resources: by ``renderer``."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def __call__(self, unit: Unit, client_id: str, deed: Deed) -> None:
        """Let the client's stream know of the deed, if it hears of provisioning."""
        stream = stream_of(unit, client_id)
        if stream is None or stream.provisioning is Payload.NONE:
            return
        subject = _subject(deed.target)
        publish(
            unit,
            stream,
            [Occurrence(uri, subject, payload, deed.txn) for uri, payload in self._told(stream, deed)],
        )

    def _told(self, stream: Stream, deed: Deed) -> Iterator[tuple[str, dict[str, Any]]]:
        if deed.is_deletion:
            yield Prov.DELETE.uri(stream.provisioning), {}
            return
        event = _EVENTS.get(deed.operation, Prov.PATCH)
        version = {"version": entity_tag(deed.target.version)}
        data = self._data(event, deed) if stream.provisioning is Payload.FULL else None
        if data is None or len(json.dumps(data)) > LARGEST_DATA:
            yield event.uri(Payload.NOTICE), version | {"attributes": _attributes(event, deed)}
        else:
            yield event.uri(Payload.FULL), version | {"data": data}
        before, after = deed.before, deed.target
        if isinstance(before, Account) and isinstance(after, Account) and before.active != after.active:
            yield (Prov.ACTIVATE if after.active else Prov.DEACTIVATE).uri(stream.provisioning), {}

    def _data(self, event: Prov, deed: Deed) -> dict[str, Any] | None:
        """Return the change as the equivalent of the request, or None where that would be without end.

        A group that was replaced would be told with all its members, however many; the notice says enough
        (RFC 9967 §5).
        """
        if event is Prov.PATCH:
            return change_as_patch(deed.former, deed.document, added=deed.added, removed=deed.removed)
        if isinstance(deed.target, Account):
            text = self._renderer.user(account_record(deed.target, deed.document), ())
            return dict(json.loads(text))
        if event is Prov.PUT:
            return None
        group = dict(json.loads(self._renderer.group(group_record(deed.target), None)))
        return group | {"members": [{"value": each} for each in deed.added]} if deed.added else group


def _subject(target: Any) -> dict[str, str]:  # noqa: ANN401 - an account or a group
    folder = "Users" if isinstance(target, Account) else "Groups"
    return scim_subject(folder, target.id, target.external_id)


def _attributes(event: Prov, deed: Deed) -> list[str]:
    """Return the names of what changed; where nothing did but the fence, its name."""
    names = list(attribute_paths(deed.former, deed.document))
    if event is Prov.CREATE:
        names.insert(0, "id")
    if deed.added or deed.removed:
        names.append("members")
    fence = USER_EXTENSION if isinstance(deed.target, Account) else GROUP_EXTENSION
    return names or [f"{fence}:sourceVersion"]
