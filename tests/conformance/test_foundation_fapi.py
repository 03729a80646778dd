"""The foundation's plans of FAPI 2.0, module by module and variant by variant, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.foundation import fapi, fapi_assertions, fapi_machine, fapi_objects, fapi_proofs
from tests.support.foundation.fapi_party import FapiParty
from tests.support.foundation.fapi_variants import variant_of
from tests.support.foundation.registry import walked

if TYPE_CHECKING:
    from tests.support.tls_lab import TlsLab

PLANS = ("fapi2-security-profile-final-test-plan", "fapi2-message-signing-final-test-plan")


CHECKS = {
    name: check
    for area in (fapi, fapi_assertions, fapi_objects, fapi_proofs)
    for name, check in area.module.checks.items()
}
MACHINES = "fapi2-security-profile-final-client-credentials-grant-test-plan"


def _named(*names_of_plans: str) -> list[Any]:
    """Return the modules of plans under their whole names; pytest would number those that are long."""
    return [
        pytest.param(variant, name, id=f"{variant}-{name}")
        for plan in names_of_plans
        for variant, name in walked(plan)
    ]


@pytest.mark.parametrize(("variant", "name"), _named(*PLANS))
def test_the_module_of_the_foundation_finds_nothing(tls_lab: TlsLab, variant: str, name: str) -> None:
    """How clients prove themselves and their possession, and what is signed, is as the variant says."""
    with tls_lab.person() as person:
        CHECKS[name](FapiParty(tls_lab, person, variant=variant_of(variant)), name)


@pytest.mark.parametrize(("variant", "name"), _named(MACHINES))
def test_the_module_of_the_foundation_finds_nothing_for_machines(
    tls_lab: TlsLab, variant: str, name: str
) -> None:
    """The same with the client credentials grant; the resource is SCIM."""
    with tls_lab.person() as nobody:
        fapi_machine.module.checks[name](FapiParty(tls_lab, nobody, variant=variant_of(variant)), name)
