"""The modules of FAPI 2.0 Message Signing on request objects."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.support.foundation.fapi_words import OF_REQUEST, FapiWalk, is_error, short
from tests.support.signatures import a_signing_key

if TYPE_CHECKING:
    from tests.support.foundation.fapi_party import FapiParty

module = FapiWalk()

EXPECTED = {
    "ensure-unsigned-request-at-par-endpoint-fails": {"invalid_request"},
    "ensure-matching-key-in-authorization-request": OF_REQUEST,
}
"""The errors that modules take, where another one than that of the request object is right."""


@module(
    "ensure-request-object-with-multiple-aud-succeeds",
    "ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted",
    "ensure-request-object-without-exp-fails",
    "ensure-request-object-without-nbf-fails",
    "ensure-expired-request-object-fails",
    "ensure-request-object-with-bad-aud-fails",
    "ensure-request-object-with-exp-over-60-fails",
    "ensure-request-object-with-nbf-over-60-fails",
    "ensure-signed-request-object-with-RS256-fails",
    "ensure-request-object-signature-algorithm-is-not-none",
    "ensure-request-object-with-invalid-signature-fails",
    "ensure-matching-key-in-authorization-request",
    "ensure-unsigned-request-at-par-endpoint-fails",
    "par-authorization-request-containing-request_uri",
)
def objects(party: FapiParty, name: str) -> None:
    """A request object is signed by the client, for us, and dated."""
    now = int(time.time())
    claims: dict[str, dict[str, Any]] = {
        "ensure-request-object-with-multiple-aud-succeeds": {
            "aud": [party.lab.issuer, "https://other1.example", "invalid"]
        },
        "ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted": {
            "nbf": now + 8,
            "iat": now + 8,
        },
        "ensure-request-object-without-exp-fails": {"exp": None},
        "ensure-request-object-without-nbf-fails": {"nbf": None},
        "ensure-expired-request-object-fails": {"exp": now - 300, "nbf": now - 600, "iat": now - 600},
        "ensure-request-object-with-bad-aud-fails": {"aud": "https://other.example"},
        "ensure-request-object-with-exp-over-60-fails": {"exp": now + 4_200},
        "ensure-request-object-with-nbf-over-60-fails": {"nbf": now - 4_200, "iat": now - 4_200},
        "ensure-matching-key-in-authorization-request": {
            "key": a_signing_key(party.algorithm, party.key.kid)
        },
        "par-authorization-request-containing-request_uri": {"request_uri": "urn:x:y"},
    }
    called = short(name)
    asked = party.request()
    signed = party.object(asked, **claims.get(called, {}))
    if called.endswith("RS256-fails"):
        signed = party.object(asked, key=party.rsa_key(), alg="RS256")
    elif called.endswith("not-none"):
        signed = f"eyJhbGciOiJub25lIn0.{signed.split('.')[1]}."
    elif called.endswith("invalid-signature-fails"):
        signed = f"{signed[:-8]}AAAAAAAA"
    fields = asked if called.startswith("ensure-unsigned") else {"request": signed}
    answer = party.push_fields(fields)
    if called.endswith(("succeeds", "accepted")):
        assert answer.status_code == 201, answer.text
        assert "code" in party.opened(party.visit(answer.json()["request_uri"]))
    else:
        is_error(answer, EXPECTED.get(called, {"invalid_request_object"}))
