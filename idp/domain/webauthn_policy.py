"""Passkeys: what is offered to a browser, and what an answer must satisfy (W3C WebAuthn Level 3).

The ceremonies' cryptography is py_webauthn's. What it leaves to the relying party stands here: frames of
other origins, the form of the client data, the owner of the credential, the length of its id, backup
eligibility that never changes, the size of keys, and user verification where the passkey stands alone.
That a challenge works once, for one flow, within minutes, is the store's part.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import decode_credential_public_key
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.decode_credential_public_key import DecodedRSAPublicKey
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from idp.domain.factors import PasskeyFactor

CHALLENGE_BYTES = 32
CHALLENGE_LIFE = dt.timedelta(minutes=5)
LARGEST_RESPONSE = 65_536
LONGEST_CREDENTIAL_ID = 1023
SMALLEST_RSA_BITS = 2048
ALGORITHMS = (
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
)
FORMATS = frozenset({"none", "packed"})
"""No attestation is asked for; a browser answers with none, or with the credential's own signature."""

_TIMEOUT = int(CHALLENGE_LIFE.total_seconds() * 1000)


class Ceremony(StrEnum):
    """What a challenge was made for; one for the other ceremony is refused (WA-03)."""

    ENROL = "enrol"
    PROVE = "prove"


_TYPES = {Ceremony.ENROL: "webauthn.create", Ceremony.PROVE: "webauthn.get"}


class PasskeyFault(StrEnum):
    """Why an answer is refused: for the audit, a person reads one sentence."""

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


def enrolment_options(
    party: RelyingParty,
    *,
    user_handle: bytes,
    user_name: str,
    display_name: str,
    challenge: bytes,
    existing: Iterable[PasskeyFactor],
) -> str:
    """Return the JSON of the options for ``navigator.credentials.create``."""
    options = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=user_handle,
        user_name=user_name,
        user_display_name=display_name,
        challenge=challenge,
        timeout=_TIMEOUT,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(existing),
        supported_pub_key_algs=list(ALGORITHMS),
    )
    return webauthn.options_to_json(options)


def proof_options(
    party: RelyingParty, *, challenge: bytes, allowed: Iterable[PasskeyFactor], must_verify: bool
) -> str:
    """Return the JSON of the options for ``navigator.credentials.get``.

    Without ``allowed`` the browser offers the passkeys it knows for us: the answer to a stranger is the same
    whoever he claims to be, and names no credential (EN-05).
    """
    options = webauthn.generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=_TIMEOUT,
        allow_credentials=_descriptors(allowed) or None,
        user_verification=UserVerificationRequirement.REQUIRED
        if must_verify
        else UserVerificationRequirement.PREFERRED,
    )
    return webauthn.options_to_json(options)


def _descriptors(factors: Iterable[PasskeyFactor]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=factor.credential_id,
            transports=[AuthenticatorTransport(one) for one in factor.transports] or None,
        )
        for factor in factors
    ]


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


def _bytes(text: str) -> bytes:
    if not isinstance(text, str) or len(text) % 4 == 1:
        raise ValueError("not base64url")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not base64url") from None


def _transports(stated: object) -> tuple[str, ...]:
    known = {one.value for one in AuthenticatorTransport}
    listed = stated if isinstance(stated, list) else []
    return tuple(dict.fromkeys(one for one in listed if isinstance(one, str) and one in known))


def verify_enrolment(
    answer: Answer, *, challenge: bytes, party: RelyingParty, must_verify: bool = False
) -> NewPasskey | PasskeyFault:
    """Verify a registration whose challenge was spent; the store tells whether its id is taken (WA-07)."""
    try:
        found = webauthn.verify_registration_response(
            credential=answer.raw,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=must_verify,
            supported_pub_key_algs=list(ALGORITHMS),
        )
        key = decode_credential_public_key(found.credential_public_key)
    except Exception:  # noqa: BLE001 - whatever foreign bytes make the parsers raise is a refusal (WA-12)
        return PasskeyFault.VERIFICATION
    if found.credential_id != answer.credential_id or len(found.credential_id) > LONGEST_CREDENTIAL_ID:
        return PasskeyFault.CREDENTIAL_ID
    weak = isinstance(key, DecodedRSAPublicKey) and len(key.n.lstrip(b"\0")) * 8 < SMALLEST_RSA_BITS
    if weak or found.fmt not in FORMATS:
        return PasskeyFault.ALGORITHM
    return NewPasskey(
        credential_id=found.credential_id,
        public_key=found.credential_public_key,
        sign_count=found.sign_count,
        aaguid=found.aaguid,
        transports=answer.transports,
        backup_eligible=found.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        backed_up=found.credential_backed_up,
        verified=found.user_verified,
    )


def verify_proof(
    answer: Answer,
    factor: PasskeyFactor,
    *,
    challenge: bytes,
    party: RelyingParty,
    user_handle: bytes,
    must_verify: bool,
    must_name_owner: bool,
) -> Assertion | PasskeyFault:
    """Verify an assertion whose challenge was spent against the stored passkey.

    ``user_handle`` is that of the passkey's owner; an answer that names another is refused, and one that
    names none where nobody else has said who it is (``must_name_owner``).
    """
    if answer.user_handle != user_handle and (must_name_owner or answer.user_handle is not None):
        return PasskeyFault.OWNER
    if answer.credential_id != factor.credential_id:
        return PasskeyFault.UNKNOWN_CREDENTIAL
    try:
        found = webauthn.verify_authentication_response(
            credential=answer.raw,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=factor.public_key,
            credential_current_sign_count=0,
            require_user_verification=must_verify,
        )
    except Exception:  # noqa: BLE001 - whatever foreign bytes make the parsers raise is a refusal (WA-12)
        return PasskeyFault.VERIFICATION
    if (found.credential_device_type is CredentialDeviceType.MULTI_DEVICE) != factor.backup_eligible:
        return PasskeyFault.BACKUP_ELIGIBILITY
    if (found.new_sign_count or factor.sign_count) and found.new_sign_count <= factor.sign_count:
        return PasskeyFault.COUNTER
    return Assertion(found.new_sign_count, found.credential_backed_up, found.user_verified)
