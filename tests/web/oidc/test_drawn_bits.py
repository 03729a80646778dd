"""What opens something cannot be guessed: all of it is drawn from 128 bits at least (IPSIE SL1, RFC 6749 §10.10)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tests.support.self_registration import registered, registering

if TYPE_CHECKING:
    from tests.support.oidc import Op

BITS = 128
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def bits(chance: str) -> int:
    """Return how many bits a text of base64url holds."""
    return 8 * len(base64.urlsafe_b64decode(chance + "=" * (-len(chance) % 4)))


def test_codes_tokens_and_names_that_open_something_hold_enough_chance(op: Op) -> None:
    """RFC 6749 §10.10, RFC 8628 §5.2, RFC 9126 §7.1; prefixes and check digits are no chance."""
    registering(op, "open")
    op.client(grant_types=["authorization_code", "refresh_token", DEVICE])
    cookie = op.session(op.account())
    tokens = op.tokens(cookie)
    heir = op.refresh(tokens["refresh_token"]).json()["refresh_token"]
    pushed = op.post("/oauth2/par", op.ask(), headers=op.basic()).json()["request_uri"]
    asked = op.post("/oauth2/device_authorization", {"scope": "openid"}, headers=op.basic()).json()
    own = registered(op)
    drawn = {
        "code": op.code(cookie),
        "first refresh token": tokens["refresh_token"].removeprefix("swrt_")[:-6],
        "its heir": heir.removeprefix("swrt_")[:-6],
        "pushed request": pushed.rpartition(":")[2],
        "device code": asked["device_code"],
        "client secret": own["client_secret"],
        "registration access token": own["registration_access_token"].removeprefix("swrat_")[:-6],
    }
    assert {name: chance for name, chance in drawn.items() if bits(chance) < BITS} == {}
