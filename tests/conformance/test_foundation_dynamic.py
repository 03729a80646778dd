"""The foundation's plan Dynamic, module by module, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.foundation.dynamic import module
from tests.support.foundation.party import Party
from tests.support.foundation.registered import unregister
from tests.support.foundation.registry import plans

if TYPE_CHECKING:
    from tests.support.tls_lab import TlsLab

PLAN = "oidcc-dynamic-certification-test-plan"


@pytest.mark.parametrize("name", plans()[PLAN]["walked"])
def test_the_module_of_the_foundation_finds_nothing(tls_lab: TlsLab, name: str) -> None:
    """What fails or warns in the suite fails here."""
    with tls_lab.person() as person:
        party = Party(tls_lab, person)
        module.checks[name](party, name)
        unregister(party)
