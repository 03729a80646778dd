"""The foundation's plans Config, Basic, Implicit, Hybrid and their Form Post plans, module by module, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.foundation.core import module
from tests.support.foundation.registered import party_of, unregister
from tests.support.foundation.registry import walked

if TYPE_CHECKING:
    from tests.support.tls_lab import TlsLab

PLANS = (
    "oidcc-config-certification-test-plan",
    "oidcc-basic-certification-test-plan",
    "oidcc-formpost-basic-certification-test-plan",
    "oidcc-implicit-certification-test-plan",
    "oidcc-formpost-implicit-certification-test-plan",
    "oidcc-hybrid-certification-test-plan",
    "oidcc-formpost-hybrid-certification-test-plan",
)


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        pytest.param(variant or "query", name, id=f"{variant or 'query'}-{name}")
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
