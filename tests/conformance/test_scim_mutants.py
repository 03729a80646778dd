"""The compact suite notices every single behaviour that is broken, and finds nothing in the service as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.scim import a_scim_world
from tests.support.scim_checks import CHECKS
from tests.support.scim_mutants import MUTANTS, a_mutant_world

if TYPE_CHECKING:
    from kernel.database import Database


def test_the_service_passes_every_check(gateway_database: Database) -> None:
    """A1..K8: the suite itself, in one world, on both databases."""
    world = a_scim_world(gateway_database)
    for check in CHECKS.values():
        check(world)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_behaviour_is_noticed(sqlite_gateway_database: Database, name: str) -> None:
    """Each mutant is the service with one behaviour broken; a check, and not the mutant itself, must fail."""
    world = a_mutant_world(sqlite_gateway_database, MUTANTS[name])
    with pytest.raises((AssertionError, LookupError, TypeError, ValueError)) as noticed:
        for check in CHECKS.values():
            check(world)
    assert noticed.traceback[-1].path.name != "scim_mutants.py"


def test_there_are_mutants_enough() -> None:
    """A suite is worth what it notices."""
    assert len(MUTANTS) >= 75
