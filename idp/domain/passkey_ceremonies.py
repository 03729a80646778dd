"""What py_webauthn does of the ceremonies with passkeys: options for a new one, and both verifications.

It leaves to the relying party who owns a credential, the length of its id, backup eligibility that never
changes, the size of keys, and user verification where the passkey stands alone: that is checked here.

The library takes 5 MB and a tenth of a second to load, parsers of attestations for the most part. So who
needs it imports this module when it comes to it, before its unit of work; no process loads it at its start.
"""

from __future__ import annotations

from collections.abc import Iterable

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
from idp.domain.key_strength import WEAKEST_RSA_BITS
from idp.domain.webauthn_policy import (
    LONGEST_CREDENTIAL_ID,
    TIMEOUT,
    Answer,
    Assertion,
    NewPasskey,
    PasskeyFault,
    RelyingParty,
)

ALGORITHMS = (
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
)
FORMATS = frozenset({"none", "packed"})
"""No attestation is asked for; a browser answers with none, or with the credential's own signature."""


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
        timeout=TIMEOUT,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(existing),
        supported_pub_key_algs=list(ALGORITHMS),
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
    weak = isinstance(key, DecodedRSAPublicKey) and len(key.n.lstrip(b"\0")) * 8 < WEAKEST_RSA_BITS
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
