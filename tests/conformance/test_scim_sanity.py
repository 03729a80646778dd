"""scim-sanity, a probe that knows our service by HTTP alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from kernel.audit import SYSTEM
from tests.support.scim import a_scim_world
from tests.support.scim_live import KNOWN_DEVIATIONS, SKIPPED, scim_sanity
from tests.support.wsgi_server import serving

if TYPE_CHECKING:
    from kernel.database import Database


either_mode = pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])


@either_mode
def test_scim_sanity_finds_nothing_to_blame(gateway_database: Database, *, strict: bool) -> None:
    """N1, H3: seven phases without failure, error or warning, beside what is known; agents are skipped."""
    world = a_scim_world(gateway_database)
    with serving(world.lane, known_as="127.0.0.1:8000") as address:
        found = scim_sanity(f"{address}/scim/v2", world.token(), strict=strict)
    assert found.blamed.keys() == KNOWN_DEVIATIONS.keys(), found.blamed
    assert found.skipped == SKIPPED
    assert found.passed >= 27


@either_mode
def test_scim_sanity_finds_nothing_at_all_where_unknown_members_are_left_out(
    gateway_database: Database, *, strict: bool
) -> None:
    """J2, H3, N1: not a failure, an error, a warning or a known deviation."""
    world = a_scim_world(gateway_database)
    order = ScimClientOrder("probes", "", leave_out_unknown_members=True)
    assert store_scim_client(world.services, order, actor=SYSTEM) == ScimClientStored()
    with serving(world.lane, known_as="127.0.0.1:8000") as address:
        found = scim_sanity(f"{address}/scim/v2", world.token("probes"), strict=strict)
    assert (found.blamed, found.skipped) == ({}, SKIPPED)
    assert found.passed >= 28
