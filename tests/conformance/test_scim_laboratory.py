"""The community's probes against the product as it is run: a real process, a static token, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.lab import running_lab
from tests.support.scim_live import KNOWN_DEVIATIONS, SKIPPED, relay, scim2_tester, scim_sanity

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.databases import Databases

pytestmark = pytest.mark.journey
TOKEN = "the-token-of-the-probes"


def test_the_probes_find_nothing_to_blame_in_a_laboratory(databases: Databases, tmp_path: Path) -> None:
    """B1, N1, H3, O2: scim2-tester without an error, scim-sanity without a failure beside what is known."""
    file = {"scim_clients": [{"name": "probes", "token": TOKEN, "profile": "rfc"}]}
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
