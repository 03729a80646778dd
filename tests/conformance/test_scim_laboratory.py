"""The community's probes against the product as it is run: a real process, a static token, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.lab import running_lab
from tests.support.scim_live import KNOWN_DEVIATIONS, LEAVES_OUT, SKIPPED, relay, scim2_tester, scim_sanity

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.databases import Databases

pytestmark = pytest.mark.journey
TOKEN, TOLERATED = "the-token-of-the-probes", "the-token-of-those-with-unknown-members"


def test_the_probes_find_nothing_to_blame_in_a_laboratory(databases: Databases, tmp_path: Path) -> None:
    """B1, N1, H3, O2: scim2-tester without an error, scim-sanity without a failure beside what is known.

    Where members that nobody knows are left out (J2) there is no failure at all.
    """
    probes = {"name": "probes", "token": TOKEN, "profile": "rfc"}
    tolerated = {"name": "tolerated", "token": TOLERATED} | LEAVES_OUT
    file = {"scim_clients": [probes, tolerated]}
    address = databases.url("empty")
    with running_lab(tmp_path, file, "--database", address) as lab:
        application = relay(lab.issuer)
        tested = scim2_tester(application, lab.said["scim"], TOKEN)
        application.close()  # type: ignore[attr-defined]
        assert tested.blamed == {}
        assert tested.passed >= 130
        for strict in (True, False):
            found = scim_sanity(lab.said["scim"], TOKEN, strict=strict)
            assert found.blamed.keys() == KNOWN_DEVIATIONS.keys(), found.blamed
            assert found.skipped == SKIPPED
            found = scim_sanity(lab.said["scim"], TOLERATED, strict=strict)
            assert (found.blamed, found.skipped) == ({}, SKIPPED)
            assert found.passed >= 28
