"""The foundation's plans FAPI 2.0 Security Profile and Message Signing, module by module, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.foundation.fapi import module
from tests.support.foundation.fapi_party import FapiParty
from tests.support.foundation.registry import plans

if TYPE_CHECKING:
    from tests.support.tls_lab import TlsLab

PLANS = ("fapi2-security-profile-final-test-plan", "fapi2-message-signing-final-test-plan")


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        (variant, name)
        for plan in PLANS
        for variant in plans()[plan]["variants"]
        for name in plans()[plan]["walked"]
    ],
)
def test_the_module_of_the_foundation_finds_nothing(tls_lab: TlsLab, variant: str, name: str) -> None:
    """With private_key_jwt and DPoP; signed also with request objects and signed answers."""
    signed = variant == "signed"
    with tls_lab.person() as person:
        party = FapiParty(
            tls_lab,
            person,
            "fapi-signed" if signed else "fapi",
            key=tls_lab.keys.first,
            signed=signed,
        )
        module.checks[name](party, name)
