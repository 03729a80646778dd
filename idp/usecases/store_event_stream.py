"""An operator gives a receiver its stream of security events, or states anew what it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from idp.domain.security_events import Payload, Stream, StreamStatus, is_authorization, is_push_address
from idp.storage.event_streams import save_stream, stream_within
from idp.storage.scim_clients import lock_scim_client
from idp.usecases.security_events import seal_authorization
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.sentences import in_a_sentence

_LONGEST = 256


@dataclass(frozen=True, slots=True)
class StreamOrder:
    """What is wanted: ``provisioning`` tells of what the SCIM client of that id does.

    Events are pushed to ``endpoint_url`` with ``authorization`` as the header of that name, or polled where
    there is none. An ``authorization`` of None keeps the header that the very same address has.
    """

    client_id: str
    provisioning: Payload = Payload.NOTICE
    description: str = ""
    algorithm: str = ""
    endpoint_url: str = ""
    authorization: str | None = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class StreamStored:
    """The stream stands."""

    stream_id: str


class StreamRefused(StrEnum):
    """Why an order was refused; nothing was stored."""

    CLIENT = "no SCIM client has this id: register it first"
    ALGORITHM = "the algorithm is none that the Gateway signs with"
    ADDRESS = "events are pushed to an address that begins with https:// and names a host"
    AUTHORIZATION = "an Authorization header is one line of visible characters, and needs an address"
    DESCRIPTION = f"a description may have {_LONGEST} characters"
    MEANWHILE = "somebody else changed the stream meanwhile"


def store_event_stream(
    services: IdpServices, order: StreamOrder, *, actor: Actor, known: str | None = None
) -> StreamStored | StreamRefused:
    """Store the stream of ``order``; of one that exists what waits in it stays, and its status.

    A new one is enabled.

    With ``known`` it is refused unless that is the :func:`stream_version` of the stream that stands.
    """
    algorithm = order.algorithm or services.settings.signing_algorithm
    refused = _refusal(order)
    if refused is not None:
        return refused
    if algorithm not in services.signing.algorithms:
        return StreamRefused.ALGORITHM
    with services.store.write() as unit:
        if not lock_scim_client(unit.connection, order.client_id):
            return StreamRefused.CLIENT
        stored = stream_within(unit.connection, order.client_id)
        if known is not None and known != stream_version(stored):
            return StreamRefused.MEANWHILE
        stream = Stream(
            id=unit.randomness.ulid(unit.now),
            client_id=order.client_id,
            description=in_a_sentence(order.description),
            provisioning=order.provisioning,
            signals=stored.signals if stored is not None else (),
            algorithm=algorithm,
            endpoint_url=order.endpoint_url,
            status=StreamStatus.ENABLED if stored is None else stored.status,
            reason="" if stored is None else stored.reason,
        )
        sealed = seal_authorization(unit.sealer, order.client_id, order.authorization or "")
        if order.authorization is None and stored is not None and stored.endpoint_url == order.endpoint_url:
            sealed = stored.authorization
        stream_id = save_stream(unit.connection, stream, sealed_authorization=sealed, now=unit.now)
        unit.audit.record(
            "gateway:event-stream:stored",
            actor=actor,
            target=order.client_id,
            details={
                "provisioning": order.provisioning.value,
                "algorithm": algorithm,
                "pushed": bool(order.endpoint_url),
            },
        )
        return StreamStored(stream_id)


def stream_version(stream: Stream | None) -> str:
    """Return what tells a stream as it stands from what it was before, empty where there is none."""
    return "" if stream is None or stream.updated_at is None else stream.updated_at.isoformat()


def _refusal(order: StreamOrder) -> StreamRefused | None:
    if len(order.description) > _LONGEST:
        return StreamRefused.DESCRIPTION
    if order.endpoint_url and not is_push_address(order.endpoint_url):
        return StreamRefused.ADDRESS
    if order.authorization and not (order.endpoint_url and is_authorization(order.authorization)):
        return StreamRefused.AUTHORIZATION
    return None
