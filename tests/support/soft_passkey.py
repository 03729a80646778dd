"""A small authenticator in software (ES256), honest unless it is told to lie: registration and assertion.

``lie`` arguments change one thing each, so that a test can say what exactly was refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40


def b64(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Return the bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class SoftPasskey:
    """One credential of one authenticator."""

    origin: str = "http://localhost:8000"
    verifies: bool = True
    synced: bool = False
    counts: bool = True
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    key: EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    user_handle: bytes = b""
    rp_id: str = "localhost"
    counter: int = 0

    def create(self, options_json: str, **lies: Any) -> str:
        """Answer ``navigator.credentials.create`` and return the JSON of the credential."""
        options = json.loads(options_json)
        self.user_handle = unb64(options["user"]["id"])
        self.rp_id = lies.get("rp_id", options["rp"]["id"])
        credential_id = lies.get("credential_id", self.credential_id)
        key = lies.get("cose_key", self._cose_key())
        attested = lies.get("aaguid", bytes(16)) + len(credential_id).to_bytes(2, "big") + credential_id + key
        data = self._auth_data(AT, lies) + attested + lies.get("trailing", b"")
        attestation = cbor2.dumps(
            {"fmt": lies.get("fmt", "none"), "attStmt": lies.get("statement", {}), "authData": data}
        )
        client_data = self._client_data("webauthn.create", options["challenge"], lies)
        return self._credential(
            lies.get("raw_id", credential_id),
            {
                "clientDataJSON": b64(client_data),
                "attestationObject": b64(lies.get("attestation", attestation)),
                "transports": lies.get("transports", ["internal", "hybrid"]),
            },
        )

    def get(self, options_json: str, **lies: Any) -> str:
        """Answer ``navigator.credentials.get`` and return the JSON of the credential."""
        options = json.loads(options_json)
        if self.counts:
            self.counter += 1
        data = self._auth_data(0, lies)
        client_data = self._client_data("webauthn.get", options["challenge"], lies)
        signed = data + hashlib.sha256(client_data).digest()
        signature = lies.get("key", self.key).sign(signed, ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": b64(client_data),
            "authenticatorData": b64(data),
            "signature": b64(signature),
        }
        handle = lies.get("user_handle", self.user_handle)
        if handle is not None:
            response["userHandle"] = b64(handle)
        return self._credential(lies.get("credential_id", self.credential_id), response)

    def _auth_data(self, flags: int, lies: dict[str, Any]) -> bytes:
        rp_id = lies.get("rp_id", self.rp_id)
        flags |= 0 if lies.get("absent") else UP
        flags |= UV if lies.get("verifies", self.verifies) else 0
        flags |= BE | BS if lies.get("synced", self.synced) else 0
        counter = lies.get("counter", self.counter)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + counter.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str, lies: dict[str, Any]) -> bytes:
        if "client_data" in lies:
            return lies["client_data"]  # type: ignore[no-any-return] # the lie is what the test says
        data = {
            "type": lies.get("type", kind),
            "challenge": lies.get("challenge", challenge),
            "origin": lies.get("origin", self.origin),
            "crossOrigin": lies.get("cross_origin", False),
        }
        if "top_origin" in lies:
            data["topOrigin"] = lies["top_origin"]
        return json.dumps(data).encode()

    def _credential(self, credential_id: bytes, response: dict[str, Any]) -> str:
        return json.dumps(
            {
                "id": b64(credential_id),
                "rawId": b64(credential_id),
                "type": "public-key",
                "response": response,
                "clientExtensionResults": {},
            }
        )

    def _cose_key(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        return cbor2.dumps(
            {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        )


def rsa_cose_key(bits: int, algorithm: int = -257) -> bytes:
    """Return the COSE form of an RSA key of ``bits``."""
    numbers = rsa.generate_private_key(65537, bits).public_key().public_numbers()
    return cbor2.dumps({1: 3, 3: algorithm, -1: numbers.n.to_bytes(bits // 8, "big"), -2: b"\x01\x00\x01"})
