"""A relying party makes, changes and ends its own stream of signals (SSF 1.0 §8.1)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

from idp.domain.security_events import (
    Occurrence,
    Payload,
    Stream,
    StreamStatus,
    is_authorization,
    is_push_address,
)
from idp.domain.signals import VERIFICATION, stream_subject
from idp.storage.clients import find_client
from idp.storage.event_streams import (
    change_stream,
    find_stream,
    insert_stream,
    note_verification,
    remove_stream,
    set_status,
    stream_within,
)
from idp.usecases.security_events import publish, seal_authorization
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.store import Unit

VERIFICATION_INTERVAL = dt.timedelta(seconds=30)
"""How long a receiver waits between two verifications."""


@dataclass(frozen=True, slots=True)
class OwnStream:
    """What a receiver states of its stream; without ``endpoint_url`` it polls."""

    signals: tuple[str, ...]
    description: str = ""
    endpoint_url: str = ""
    authorization: str = field(default="", repr=False)


class StreamFault(StrEnum):
    """Why it was refused; nothing was changed."""

    ADDRESS = "'endpoint_url' has to be an https address."
    AUTHORIZATION = "'authorization_header' has to be one line of visible characters, for a push."
    EXISTS = "The receiver has a stream already."
    MISSING = "The receiver has no such stream."
    TOO_SOON = "A verification was asked for a moment ago."
    DISABLED = "The stream is disabled."


def own_stream(services: IdpServices, client_id: str) -> Stream | None:
    """Return the stream of a receiver."""
    return find_stream(services.store.database, client_id)


def create_own_stream(services: IdpServices, client_id: str, wanted: OwnStream) -> Stream | StreamFault:
    """Make the stream of a receiver, which has one at most; the database decides which (§8.1.1.1)."""
    fault = _fault(wanted)
    if fault is not None:
        return fault
    with services.store.write() as unit:
        stream = Stream(
            id=unit.randomness.ulid(unit.now),
            client_id=client_id,
            description=wanted.description,
            provisioning=Payload.NONE,
            signals=wanted.signals,
            algorithm=_algorithm(unit, services, client_id),
            endpoint_url=wanted.endpoint_url,
            status=StreamStatus.ENABLED,
            reason="",
        )
        sealed = seal_authorization(unit.sealer, client_id, wanted.authorization)
        if not insert_stream(unit.connection, stream, sealed_authorization=sealed, now=unit.now):
            return StreamFault.EXISTS
        _record(unit, client_id, "stored")
        return stream


def change_own_stream(
    services: IdpServices, client_id: str, stream_id: str, wanted: OwnStream, *, keep_authorization: bool
) -> Stream | StreamFault:
    """Change what a receiver states of its stream (§8.1.1.3, §8.1.1.4); what waits in it stays."""
    fault = _fault(wanted)
    if fault is not None:
        return fault
    with services.store.write() as unit:
        stored = _own(unit, client_id, stream_id)
        if stored is None:
            return StreamFault.MISSING
        sealed = stored.authorization if keep_authorization and wanted.endpoint_url else None
        if wanted.authorization:
            sealed = seal_authorization(unit.sealer, client_id, wanted.authorization)
        change_stream(
            unit.connection,
            stream_id,
            signals=wanted.signals,
            description=wanted.description,
            endpoint_url=wanted.endpoint_url,
            sealed_authorization=sealed,
            now=unit.now,
        )
        _record(unit, client_id, "stored")
        return stream_within(unit.connection, client_id) or StreamFault.MISSING


def remove_own_stream(services: IdpServices, client_id: str, stream_id: str) -> StreamFault | None:
    """End a receiver's stream with what waits in it (§8.1.1.5)."""
    with services.store.write() as unit:
        stored = _own(unit, client_id, stream_id)
        if stored is None:
            return StreamFault.MISSING
        remove_stream(unit.connection, stream_id)
        _record(unit, client_id, "removed")
        return None


def set_own_status(
    services: IdpServices, client_id: str, stream_id: str, status: StreamStatus, reason: str
) -> StreamFault | None:
    """Set what becomes of a receiver's events (§8.1.2.2)."""
    with services.store.write() as unit:
        stored = _own(unit, client_id, stream_id)
        if stored is None:
            return StreamFault.MISSING
        set_status(unit.connection, stream_id, status, reason=reason, now=unit.now)
        _record(unit, client_id, status.value)
        return None


def verify_own_stream(
    services: IdpServices, client_id: str, stream_id: str, state: str
) -> StreamFault | None:
    """Send the receiver a verification with its ``state``, so that it sees that its stream works (§8.1.4)."""
    with services.store.write() as unit:
        stored = _own(unit, client_id, stream_id)
        if stored is None:
            return StreamFault.MISSING
        if stored.status is StreamStatus.DISABLED:
            return StreamFault.DISABLED
        before = unit.now - VERIFICATION_INTERVAL
        if not note_verification(unit.connection, stream_id, now=unit.now, before=before):
            return StreamFault.TOO_SOON
        payload = {"state": state} if state else {}
        txn = unit.randomness.token(16)
        publish(unit, stored, [Occurrence(VERIFICATION, stream_subject(stream_id), payload, txn)])
        return None


def _own(unit: Unit, client_id: str, stream_id: str) -> Stream | None:
    """Return the receiver's stream if it has this id: a receiver knows no stream but its own."""
    stored = stream_within(unit.connection, client_id)
    return stored if stored is not None and stored.id == stream_id else None


def _fault(wanted: OwnStream) -> StreamFault | None:
    if wanted.endpoint_url and not is_push_address(wanted.endpoint_url):
        return StreamFault.ADDRESS
    if wanted.authorization and not (wanted.endpoint_url and is_authorization(wanted.authorization)):
        return StreamFault.AUTHORIZATION
    return None


def _algorithm(unit: Unit, services: IdpServices, client_id: str) -> str:
    """Return the algorithm the client chose for its ID tokens, or that of the settings."""
    client = find_client(unit.connection, client_id)
    chosen = client.id_token_algorithm if client is not None else ""
    return chosen if chosen in services.signing.algorithms else services.settings.signing_algorithm


def _record(unit: Unit, client_id: str, action: str) -> None:
    unit.audit.record(f"gateway:event-stream:{action}", actor=Actor("client", client_id), target=client_id)
