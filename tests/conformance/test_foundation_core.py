"""The foundation's plans Config, Basic and Form Post Basic, module by module, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.foundation.core import module
from tests.support.foundation.party import Party
from tests.support.foundation.registry import plans

if TYPE_CHECKING:
    from tests.support.tls_lab import TlsLab

PLANS = (
    "oidcc-config-certification-test-plan",
    "oidcc-basic-certification-test-plan",
    "oidcc-formpost-basic-certification-test-plan",
)


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        (mode, name)
        for plan in PLANS
        for mode in plans()[plan].get("variants", ["query"])
        for name in plans()[plan]["walked"]
    ],
)
def test_the_module_of_the_foundation_finds_nothing(tls_lab: TlsLab, mode: str, name: str) -> None:
    """What fails or warns in the suite fails here."""
    with tls_lab.person() as person:
        module.checks[name](Party(tls_lab, person, mode=mode), name)
