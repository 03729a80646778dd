"""Security events: which there are, and what the token of one says (RFC 8417, RFC 9967)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from idp.domain.tokens import seconds

SET_TYPE: Final = "secevent+jwt"
SET_MEDIA_TYPE: Final = f"application/{SET_TYPE}"


class Payload(StrEnum):
    """How much a stream tells of what was provisioned: nothing, names of attributes, or values too."""

    NONE = "none"
    NOTICE = "notice"
    FULL = "full"


class StreamStatus(StrEnum):
    """What becomes of events: sent, kept until the stream goes on, or not even kept."""

    ENABLED = "enabled"
    PAUSED = "paused"
    DISABLED = "disabled"


class Prov(StrEnum):
    """Events of provisioning (RFC 9967 §2.4)."""

    CREATE = "create"
    PATCH = "patch"
    PUT = "put"
    DELETE = "delete"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"

    def uri(self, payload: Payload) -> str:
        """Return the URI of the event; those without attributes know neither notice nor full (§2.4.4)."""
        whole = f"urn:ietf:params:scim:event:prov:{self.value}"
        return f"{whole}:{payload.value}" if self in _TOLD else whole


ASYNC_RESPONSE: Final = "urn:ietf:params:scim:event:misc:asyncresp"
_TOLD: Final = (Prov.CREATE, Prov.PATCH, Prov.PUT)


def provisioning_uris(payload: Payload) -> tuple[str, ...]:
    """Return the events that a stream may carry; a full one carries notices where data would be too large."""
    if payload is Payload.NONE:
        return ()
    forms = (Payload.NOTICE,) if payload is Payload.NOTICE else (Payload.NOTICE, Payload.FULL)
    uris = dict.fromkeys(each.uri(form) for each in Prov for form in forms)
    return (*uris, ASYNC_RESPONSE)


def scim_subject(folder: str, id_: str, external_id: str | None) -> dict[str, str]:
    """Return how a resource is named in events of provisioning (RFC 9967)."""
    subject = {"format": "scim", "uri": f"/{folder}/{id_}"}
    return subject | {"externalId": external_id} if external_id else subject


@dataclass(frozen=True, slots=True)
class Stream:
    """Where the events of one receiver go. ``endpoint_url`` is empty where the receiver polls."""

    id: str
    client_id: str
    description: str
    provisioning: Payload
    signals: tuple[str, ...]
    algorithm: str
    endpoint_url: str
    status: StreamStatus
    reason: str
    last_error: str = ""
    reached_at: dt.datetime | None = None
    authorization: bytes | None = field(default=None, repr=False)
    updated_at: dt.datetime | None = None

    @property
    def is_pushed(self) -> bool:
        """Tell whether events are pushed (RFC 8935); else they are polled (RFC 8936)."""
        return bool(self.endpoint_url)

    @property
    def is_managed(self) -> bool:
        """Tell whether its receiver manages it (SSF §8.1); one of provisioning alone is its operator's."""
        return bool(self.signals) or self.provisioning is Payload.NONE


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One thing that happened, before anybody is told: ``txn`` is the same for all that one deed caused."""

    uri: str
    subject: Mapping[str, Any]
    payload: Mapping[str, Any]
    txn: str

    @property
    def claims(self) -> dict[str, Any]:
        """What is stored until the event was taken."""
        return {"sub_id": dict(self.subject), "txn": self.txn, "events": {self.uri: dict(self.payload)}}


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """An event that its receiver has not taken yet; ``id`` is the ``jti``, over every attempt."""

    id: str
    claims: Mapping[str, Any]
    created_at: dt.datetime


_LONGEST_ADDRESS: Final = 2_048
_LONGEST_AUTHORIZATION: Final = 4_096
_REFUSALS: Final = frozenset({"invalid_request", "invalid_key", "invalid_issuer", "invalid_audience"})
_WAITS: Final = (1, 5, 30, 120, 600, 1_800, 3_600)


def is_push_address(url: str) -> bool:
    """Tell whether events may be pushed to ``url``, as far as its words go: https to a host (RFC 8935 §5)."""
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > _LONGEST_ADDRESS:
        return False
    try:
        parts = urlsplit(url)
        return (
            parts.scheme == "https"
            and bool(parts.hostname)
            and parts.port != 0
            and not ("@" in parts.netloc or "#" in url or "\\" in url)
        )
    except ValueError:
        return False


def is_authorization(value: str) -> bool:
    """Tell whether ``value`` can be an Authorization header."""
    return 0 < len(value) <= _LONGEST_AUTHORIZATION and value.isascii() and value.isprintable()


def refusal_of(status: int, body: Mapping[str, Any]) -> str:
    """Return why a receiver will never take the event it was handed, or an empty text (RFC 8935 §2.4).

    What is wrong with its own door (authentication_failed, access_denied) is no fault of the event.
    """
    code = body.get("err")
    return code if status == 400 and isinstance(code, str) and code in _REFUSALS else ""


def wait_after(failures: int) -> dt.timedelta:
    """Return how long a receiver is left alone after so many failures in a row."""
    return dt.timedelta(seconds=_WAITS[min(failures, len(_WAITS)) - 1])


def set_claims(event: WaitingEvent, *, issuer: str, audience: str) -> dict[str, Any]:
    """Return the claims of the token of ``event``.

    Neither ``sub`` nor ``exp`` is there, so that it never passes as another token (RFC 8417 §4.5, §4.6).
    """
    return {
        "iss": issuer,
        "aud": audience,
        "iat": seconds(event.created_at),
        "jti": event.id,
        **event.claims,
    }
