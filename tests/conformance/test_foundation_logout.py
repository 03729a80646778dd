"""The foundation's plans on sign-out and on starting elsewhere, module by module, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.foundation.logout import module
from tests.support.foundation.registered import party_of, unregister
from tests.support.foundation.registry import walked

if TYPE_CHECKING:
    from tests.support.tls_lab import TlsLab

PLANS = (
    "oidcc-rp-initiated-logout-certification-test-plan",
    "oidcc-backchannel-rp-initiated-logout-certification-test-plan",
    "oidcc-frontchannel-rp-initiated-logout-certification-test-plan",
    "oidcc-3rdparty-init-login-certification-test-plan",
)


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        pytest.param(variant, name, id=f"{variant}-{name}" if variant else name)
        for plan in PLANS
        for variant, name in walked(plan)
    ],
)
def test_the_module_of_the_foundation_finds_nothing(tls_lab: TlsLab, variant: str, name: str) -> None:
    """What fails or warns in the suite fails here, whether it is given its clients or registers them itself."""
    with tls_lab.person() as person:
        party = party_of(tls_lab, person, variant)
        module.checks[name](party, name)
        unregister(party)
