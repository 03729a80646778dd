"""Passkeys: what is offered to a browser, and what an answer must satisfy (W3C WebAuthn Level 3).

The ceremonies' cryptography is py_webauthn's, met in :mod:`idp.domain.passkey_ceremonies`. What it leaves to
the relying party and needs no library stands here: frames of other origins, the form of the client data, and
what is asked for. That a challenge works once, for one flow, within minutes, is the store's part.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from idp.domain.factors import PasskeyFactor
from kernel.base64url import base64url, from_base64url

CHALLENGE_BYTES = 32
CHALLENGE_LIFE = dt.timedelta(minutes=5)
LARGEST_RESPONSE = 65_536
LONGEST_CREDENTIAL_ID = 1023
TIMEOUT = int(CHALLENGE_LIFE.total_seconds() * 1000)
"""The same for the browser, in milliseconds."""
TRANSPORTS = frozenset({"usb", "nfc", "ble", "smart-card", "internal", "cable", "hybrid"})
"""How a browser says that it reached a passkey (§5.8.4); others are not kept."""


class Ceremony(StrEnum):
    """What a challenge was made for; one for the other ceremony is refused (WA-03)."""

    ENROL = "enrol"
    PROVE = "prove"


_TYPES = {Ceremony.ENROL: "webauthn.create", Ceremony.PROVE: "webauthn.get"}


class PasskeyFault(StrEnum):
    """Why an answer is refused, for the audit; a person reads one sentence for all."""

    MALFORMED = "malformed"
    TYPE = "type"
    ORIGIN = "origin"
    CROSS_ORIGIN = "cross_origin"
    CHALLENGE = "challenge"
    CREDENTIAL_ID = "credential_id"
    ALREADY_ENROLLED = "already_enrolled"
    TOO_MANY = "too_many"
    ALGORITHM = "algorithm"
    UNKNOWN_CREDENTIAL = "unknown_credential"
    OWNER = "owner"
    ADDRESS = "address"
    BACKUP_ELIGIBILITY = "backup_eligibility"
    COUNTER = "counter"
    VERIFICATION = "verification"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who we are to a browser: the host of the public address, and its exact origin."""

    id: str
    origin: str
    name: str


def relying_party(public_url: str, name: str) -> RelyingParty:
    """Return who we are under ``public_url``: from the settings, never from a request (OR-03)."""
    parts = urlsplit(public_url)
    return RelyingParty(parts.hostname or "", f"{parts.scheme}://{parts.netloc}".lower(), name)


@cache
def passkeys_possible(public_url: str) -> bool:
    """Tell whether browsers make passkeys here: on a host with a name, over TLS or on this machine."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return parts.scheme == "https" or host == "localhost" or host.endswith(".localhost")
    return False


@dataclass(frozen=True, slots=True)
class Answer:
    """A browser's answer whose client data is in order. ``raw`` goes to the verification as it came."""

    raw: dict[str, Any]
    challenge: bytes
    credential_id: bytes
    user_handle: bytes | None
    transports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A credential whose registration was verified."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    aaguid: str
    transports: tuple[str, ...]
    backup_eligible: bool
    backed_up: bool
    verified: bool


@dataclass(frozen=True, slots=True)
class Assertion:
    """A proof by passkey that was verified. ``verified`` tells that the passkey checked its holder."""

    sign_count: int
    backed_up: bool
    verified: bool


def proof_options(
    party: RelyingParty, *, challenge: bytes, allowed: Iterable[PasskeyFactor], must_verify: bool
) -> str:
    """Return the JSON of the options for ``navigator.credentials.get``.

    Without ``allowed`` the browser offers the passkeys it knows for us: the answer to a stranger is the same
    whoever he claims to be, and names no credential (EN-05).
    """
    return json.dumps(
        {
            "challenge": base64url(challenge),
            "timeout": TIMEOUT,
            "rpId": party.id,
            "allowCredentials": [_descriptor(factor) for factor in allowed],
            "userVerification": "required" if must_verify else "preferred",
        }
    )


def _descriptor(factor: PasskeyFactor) -> dict[str, object]:
    named: dict[str, object] = {"id": base64url(factor.credential_id), "type": "public-key"}
    return {**named, "transports": list(factor.transports)} if factor.transports else named


def read_answer(text: str, *, ceremony: Ceremony, party: RelyingParty) -> Answer | PasskeyFault:
    """Read a browser's answer and check its client data (WebAuthn Level 3 §7.1 steps 5-12, §7.2 steps 9-15).

    Nothing about it is believed yet but its form: the challenge is still to be spent, the signature to be
    verified.
    """
    if len(text) > LARGEST_RESPONSE:
        return PasskeyFault.MALFORMED
    try:
        raw = json.loads(text, object_pairs_hook=_no_doubles, parse_constant=_no_constant)
        response = raw["response"]
        client_data = json.loads(_bytes(response["clientDataJSON"]).decode(), object_pairs_hook=_no_doubles)
        fault = _client_data_fault(client_data, ceremony, party)
        credential_id = _bytes(raw["rawId"])
        handle = response.get("userHandle")
        answer = Answer(
            raw=raw,
            challenge=_bytes(client_data["challenge"]),
            credential_id=credential_id,
            user_handle=_bytes(handle) if handle else None,
            transports=_transports(response.get("transports")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return PasskeyFault.MALFORMED
    if fault is not None:
        return fault
    if raw.get("type") != "public-key" or not 1 <= len(credential_id) <= LONGEST_CREDENTIAL_ID:
        return PasskeyFault.CREDENTIAL_ID
    return answer


def _client_data_fault(
    client_data: dict[str, Any], ceremony: Ceremony, party: RelyingParty
) -> PasskeyFault | None:
    if client_data["type"] != _TYPES[ceremony]:
        return PasskeyFault.TYPE
    if client_data["origin"] != party.origin:
        return PasskeyFault.ORIGIN
    # A page of ours never stands in somebody else's frame (WA-04, SE-07).
    if client_data.get("crossOrigin", False) is not False or "topOrigin" in client_data:
        return PasskeyFault.CROSS_ORIGIN
    return None


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        raise TypeError("not a text")
    return from_base64url(text)


def _transports(stated: object) -> tuple[str, ...]:
    listed = stated if isinstance(stated, list) else []
    return tuple(dict.fromkeys(one for one in listed if isinstance(one, str) and one in TRANSPORTS))
