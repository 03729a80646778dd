"""Addresses where a relying party manages its stream of signals (SSF 1.0 §7, §8.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from idp.domain.security_events import Stream, StreamStatus, provisioning_uris
from idp.domain.signal_scopes import SIGNALS_MANAGE, SIGNALS_READ
from idp.domain.signals import POLL, PUSH, SIGNALS, delivered
from idp.usecases.own_event_stream import (
    VERIFICATION_INTERVAL,
    OwnStream,
    StreamFault,
    change_own_stream,
    create_own_stream,
    own_stream,
    remove_own_stream,
    set_own_status,
    verify_own_stream,
)
from idp.usecases.services import IdpServices
from idp.web.events.door import Door, json_object, refused
from idp.web.events.poll import POLL_PATH
from kernel.errors import BusyError
from kernel.sentences import breaks_a_sentence
from kernel.web.http import NO_STORE, BadRequestError, Request, Response, json_response

STREAM_PATH = "/ssf/stream"
STATUS_PATH = "/ssf/status"
VERIFY_PATH = "/ssf/verify"
CONFIGURATION_PATH = "/.well-known/ssf-configuration"
_MOST_EVENTS = 100
_LONGEST_TEXT = 256
_LONGEST_STATE = 1_024
_FAULTS = {
    StreamFault.EXISTS: 409,
    StreamFault.MISSING: 404,
    StreamFault.TOO_SOON: 429,
}

_Handler = Callable[[Request, str], Response]


def configuration(services: IdpServices, jwks_path: str) -> dict[str, object]:
    """Return the metadata of the transmitter (§7.1), of what is wired."""
    issuer = services.issuer
    return {
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": issuer + jwks_path,
        "delivery_methods_supported": [PUSH, POLL],
        "configuration_endpoint": issuer + STREAM_PATH,
        "status_endpoint": issuer + STATUS_PATH,
        "verification_endpoint": issuer + VERIFY_PATH,
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    }


@dataclass(frozen=True, slots=True)
class Address:
    """One address: what it does on each method, and the scope that needs."""

    door: Door
    methods: Mapping[str, tuple[_Handler, str]]

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        found = self.methods.get(request.method)
        if found is None:
            allowed = (("Allow", ", ".join(self.methods)),)
            return refused(405, "invalid_request", f"{request.method} is not possible here.", allowed)
        handler, scope = found
        receiver = self.door.enter(request, scope=scope, provisions=False)
        if isinstance(receiver, Response):
            return receiver
        try:
            return handler(request, receiver.client_id)
        except BadRequestError as error:
            return refused(400, "invalid_request", f"The request cannot be read: {error.message}.")
        except BusyError as error:
            return refused(503, "invalid_request", error.public, (("Retry-After", str(error.retry_after)),))


class Streams:
    """The handlers."""

    def __init__(self, services: IdpServices, door: Door) -> None:
        self._services = services
        self._door = door

    def stream(self) -> Address:
        """Return the address of the configuration."""
        return Address(
            self._door,
            {
                "GET": (self._read, SIGNALS_READ),
                "POST": (self._create, SIGNALS_MANAGE),
                "PATCH": (self._update, SIGNALS_MANAGE),
                "PUT": (self._replace, SIGNALS_MANAGE),
                "DELETE": (self._delete, SIGNALS_MANAGE),
            },
        )

    def status(self) -> Address:
        """Return the address of the status."""
        return Address(
            self._door,
            {"GET": (self._read_status, SIGNALS_READ), "POST": (self._set_status, SIGNALS_MANAGE)},
        )

    def verify(self) -> Address:
        """Return the address that asks for a verification."""
        return Address(self._door, {"POST": (self._verify, SIGNALS_MANAGE)})

    def _create(self, request: Request, client_id: str) -> Response:
        wanted = _stated(json_object(request), None)
        made = create_own_stream(self._services, client_id, wanted)
        return _refusal(made) if isinstance(made, StreamFault) else self._shown(made, 201)

    def _read(self, request: Request, client_id: str) -> Response:
        stream = own_stream(self._services, client_id)
        wanted = request.query_values.get("stream_id")
        if wanted is None:
            return json_response(200, [] if stream is None else [self._told(stream)], NO_STORE)
        if stream is None or wanted != [stream.id]:
            return _refusal(StreamFault.MISSING)
        return self._shown(stream)

    def _update(self, request: Request, client_id: str) -> Response:
        return self._change(request, client_id, whole=False)

    def _replace(self, request: Request, client_id: str) -> Response:
        return self._change(request, client_id, whole=True)

    def _change(self, request: Request, client_id: str, *, whole: bool) -> Response:
        """Take over what the receiver states; what the transmitter states may be repeated, not changed."""
        body = json_object(request)
        stream_id = _text(body, "stream_id")
        stored = own_stream(self._services, client_id)
        if stored is None or stored.id != stream_id:
            return _refusal(StreamFault.MISSING)
        fixed = self._told(stored)
        for name in ("iss", "aud", "events_supported", "events_delivered", "min_verification_interval"):
            if name in body and body[name] != fixed[name]:
                raise BadRequestError(f"'{name}' is not the receiver's to change")
        wanted = _stated(body, None if whole else stored)
        changed = change_own_stream(
            self._services,
            client_id,
            stream_id,
            wanted,
            keep_authorization=not whole and wanted.endpoint_url == stored.endpoint_url,
        )
        return _refusal(changed) if isinstance(changed, StreamFault) else self._shown(changed)

    def _delete(self, request: Request, client_id: str) -> Response:
        (stream_id, *others) = request.query_values.get("stream_id", [""])
        fault = StreamFault.MISSING if others else remove_own_stream(self._services, client_id, stream_id)
        return _refusal(fault) if fault is not None else Response(204, b"", NO_STORE)

    def _read_status(self, request: Request, client_id: str) -> Response:
        stream = own_stream(self._services, client_id)
        if stream is None or request.query_values.get("stream_id") != [stream.id]:
            return _refusal(StreamFault.MISSING)
        return json_response(200, _status(stream.id, stream.status, stream.reason), NO_STORE)

    def _set_status(self, request: Request, client_id: str) -> Response:
        body = json_object(request)
        stream_id, reason = _text(body, "stream_id"), _text(body, "reason", needed=False)
        _refuse_breaks("reason", reason)
        if body.get("status") not in tuple(StreamStatus):
            raise BadRequestError("'status' is none of enabled, paused and disabled")
        status = StreamStatus(body["status"])
        fault = set_own_status(self._services, client_id, stream_id, status, reason[:_LONGEST_TEXT])
        if fault is not None:
            return _refusal(fault)
        return json_response(200, _status(stream_id, status, reason[:_LONGEST_TEXT]), NO_STORE)

    def _verify(self, request: Request, client_id: str) -> Response:
        body = json_object(request)
        state = _text(body, "state", needed=False)
        if len(state) > _LONGEST_STATE:
            raise BadRequestError("'state' is too long")
        fault = verify_own_stream(self._services, client_id, _text(body, "stream_id"), state)
        return _refusal(fault) if fault is not None else Response(204, b"", NO_STORE)

    def _shown(self, stream: Stream, status: int = 200) -> Response:
        return json_response(status, self._told(stream), NO_STORE)

    def _told(self, stream: Stream) -> dict[str, Any]:
        """Return a stream as its receiver sees it (§8.1.1); its header is never shown again."""
        provisioned = provisioning_uris(stream.provisioning)
        delivery = {"method": PUSH, "endpoint_url": stream.endpoint_url}
        if not stream.is_pushed:
            delivery = {"method": POLL, "endpoint_url": self._services.issuer + POLL_PATH}
        told: dict[str, Any] = {
            "stream_id": stream.id,
            "iss": self._services.issuer,
            "aud": stream.client_id,
            "delivery": delivery,
            "events_supported": [*SIGNALS, *provisioned],
            "events_requested": list(dict.fromkeys([*stream.signals, *provisioned])),
            "events_delivered": [*delivered(stream.signals), *provisioned],
            "min_verification_interval": int(VERIFICATION_INTERVAL.total_seconds()),
        }
        return told | {"description": stream.description} if stream.description else told


def _stated(body: Mapping[str, Any], stored: Stream | None) -> OwnStream:
    """Return what a receiver states; what it leaves out is as ``stored``, or empty."""
    requested = body.get("events_requested", list(stored.signals) if stored else [])
    if (
        not isinstance(requested, list)
        or len(requested) > _MOST_EVENTS
        or not all(isinstance(each, str) and len(each) <= _LONGEST_TEXT for each in requested)
    ):
        raise BadRequestError("'events_requested' is no list of URIs")
    description = body.get("description", stored.description if stored else "")
    if not isinstance(description, str) or len(description) > _LONGEST_TEXT:
        raise BadRequestError("'description' is no text that is short enough")
    _refuse_breaks("description", description)
    signals = tuple(dict.fromkeys(requested))
    delivery = body.get("delivery")
    if delivery is None:
        return OwnStream(signals, description, stored.endpoint_url if stored else "")
    if not isinstance(delivery, dict) or delivery.get("method") not in (PUSH, POLL):
        raise BadRequestError("'delivery' names no method that is supported")
    if delivery["method"] == POLL:
        return OwnStream(signals, description)
    header = _text(delivery, "authorization_header", needed=False)
    return OwnStream(signals, description, _text(delivery, "endpoint_url"), header)


def _text(body: Mapping[str, Any], name: str, *, needed: bool = True) -> str:
    found = body.get(name) if needed else body.get(name) or ""
    if not isinstance(found, str) or (needed and not found):
        raise BadRequestError(f"'{name}' is no text")
    return found


def _refuse_breaks(name: str, text: str) -> None:
    """Refuse a text of which operators could not tell where it ends."""
    if breaks_a_sentence(text):
        raise BadRequestError(f"'{name}' has line breaks or characters that turn the writing round")


def _status(stream_id: str, status: StreamStatus, reason: str) -> dict[str, str]:
    told = {"stream_id": stream_id, "status": status.value}
    return told | {"reason": reason} if reason else told


def _refusal(fault: StreamFault) -> Response:
    wait = (("Retry-After", str(int(VERIFICATION_INTERVAL.total_seconds()))),)
    headers = wait if fault is StreamFault.TOO_SOON else ()
    return refused(_FAULTS.get(fault, 400), "invalid_request", fault.value, headers)
