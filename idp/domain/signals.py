"""Signals to relying parties (OpenID Shared Signals Framework 1.0, CAEP 1.0, RISC 1.0): what they say."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any, Final

from idp.domain.factors import FactorKind, OwnFactor
from idp.domain.tokens import seconds

_SCHEMAS: Final = "https://schemas.openid.net/secevent"
VERIFICATION: Final = f"{_SCHEMAS}/ssf/event-type/verification"
STREAM_UPDATED: Final = f"{_SCHEMAS}/ssf/event-type/stream-updated"
PUSH: Final = "urn:ietf:rfc:8935"
POLL: Final = "urn:ietf:rfc:8936"


class Signal(StrEnum):
    """What a relying party may ask to hear of; the value is the URI of the event."""

    SESSION_REVOKED = f"{_SCHEMAS}/caep/event-type/session-revoked"
    CREDENTIAL_CHANGE = f"{_SCHEMAS}/caep/event-type/credential-change"
    ACCOUNT_DISABLED = f"{_SCHEMAS}/risc/event-type/account-disabled"
    ACCOUNT_ENABLED = f"{_SCHEMAS}/risc/event-type/account-enabled"


SIGNALS: Final = tuple(each.value for each in Signal)


class Credential(StrEnum):
    """What kind of credential changed (CAEP §3.3)."""

    PASSWORD = "password"  # noqa: S105 - the word of the standard
    APP = "app"
    ROAMING_KEY = "fido2-roaming"
    PLATFORM_KEY = "fido2-platform"


def passkey_credential(transports: tuple[str, ...]) -> Credential:
    """Return the kind of a passkey: of the device itself, or one that is carried from device to device."""
    return Credential.PLATFORM_KEY if "internal" in transports else Credential.ROAMING_KEY


def credential_of(factor: OwnFactor) -> Credential:
    """Return the kind of a second factor."""
    return passkey_credential(factor.transports) if factor.kind is FactorKind.PASSKEY else Credential.APP


def user_subject(issuer: str, subject: str) -> dict[str, str]:
    """Return how a receiver knows an account: by issuer and ``sub`` of its ID tokens (RFC 9493 §3.2.3)."""
    return {"format": "iss_sub", "iss": issuer, "sub": subject}


def session_subject(issuer: str, subject: str, session_id: str) -> dict[str, Any]:
    """Return how a receiver knows a session: by its ``sid`` and its account (SSF §3.2)."""
    return {
        "format": "complex",
        "session": {"format": "opaque", "id": session_id},
        "user": user_subject(issuer, subject),
    }


def stream_subject(stream_id: str) -> dict[str, str]:
    """Return how a stream is named in events about itself (SSF §8.1.4.2, §8.1.5)."""
    return {"format": "opaque", "id": stream_id}


def caep_payload(now: dt.datetime, *, entity: str, **more: str) -> dict[str, Any]:
    """Return what every CAEP event says (CAEP §2): when, and who brought it about."""
    return {"event_timestamp": seconds(now), "initiating_entity": entity, **more}


def delivered(requested: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the events asked for that there are."""
    return tuple(each for each in SIGNALS if each in requested)
