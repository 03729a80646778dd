"""The foundation's plans on sign-out and on starting elsewhere, module by module, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.foundation.logout import module
from tests.support.foundation.party import Party
from tests.support.foundation.registered import unregister
from tests.support.foundation.registry import plans

if TYPE_CHECKING:
    from tests.support.tls_lab import TlsLab

PLANS = (
    "oidcc-rp-initiated-logout-certification-test-plan",
    "oidcc-backchannel-rp-initiated-logout-certification-test-plan",
    "oidcc-frontchannel-rp-initiated-logout-certification-test-plan",
    "oidcc-3rdparty-init-login-certification-test-plan",
)


@pytest.mark.parametrize("name", [name for plan in PLANS for name in plans()[plan]["walked"]])
def test_the_module_of_the_foundation_finds_nothing(tls_lab: TlsLab, name: str) -> None:
    """What fails or warns in the suite fails here."""
    with tls_lab.person() as person:
        party = Party(tls_lab, person)
        module.checks[name](party, name)
        unregister(party)
