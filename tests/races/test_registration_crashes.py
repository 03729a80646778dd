"""Real processes, killed by SIGKILL at each of the six named points (OB-01, OB-02, plan F6; I-11, I-12)."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from kernel.audit import verify_chains
from registration.outbound.keys import create_key_file
from registration.storage.tables import outbox, person, request, user_name_registry
from tests.support.registration_world import EMI_SUBMIT, World, a_world
from tests.support.scim_twin import ScimTwin, a_scim_twin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.databases import Databases

pytestmark = pytest.mark.race
ROOT = Path(__file__).parents[2]


@dataclass
class Site:
    """A Registration whose processes can be started and killed."""

    world: World
    twin: ScimTwin
    url: str
    key_file: Path

    def run(self, *deed: str, seconds: int = 0, die_at: str = "never") -> int:
        """Run one process to its end and return how it ended."""
        arguments = [self.url, self.twin.url, str(self.key_file), str(seconds), die_at, *deed]
        script = str(ROOT / "tests" / "support" / "registration_process.py")
        ended = subprocess.run(
            [sys.executable, script, *arguments],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr.decode()[-2000:]
        return ended.returncode

    def grant(self, *, die_at: str = "never") -> int:
        """Let the Rights Administrator grant Jim Smith a role, always with the same form."""
        return self.run(self.world.organization_id, self.world.people["ra"].account_id, die_at=die_at)

    def count(self, table: object) -> int:
        """Return how many rows a table has."""
        with self.world.services.store.read() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


@pytest.fixture
def site(databases: Databases, tmp_path: Path) -> Iterator[Site]:
    url = databases.url("registration")
    world = a_world(databases.open(url))
    create_key_file(tmp_path / "worker.jwk")
    with a_scim_twin() as twin:
        yield Site(world, twin, url, tmp_path / "worker.jwk")


def test_what_dies_before_its_commit_never_was_and_what_dies_after_it_arrives(site: Site) -> None:
    """OB-01, I-12: nothing of a rolled back deed is delivered; everything committed is."""
    before = [site.count(table) for table in (person, request, outbox, user_name_registry)]
    assert site.grant(die_at="before-commit") == -signal.SIGKILL
    assert [site.count(table) for table in (person, request, outbox, user_name_registry)] == before
    assert site.grant(die_at="after-commit") == -signal.SIGKILL
    assert site.count(request) == before[1] + 1
    assert site.grant() == 0, "the same form again is the same request"
    assert site.count(request) == before[1] + 1
    assert site.run("deliver") == 0
    assert len([group for _, group in site.twin.memberships() if group.endswith(EMI_SUBMIT)]) == 1
    assert not verify_chains(site.world.services.store.database).faults


@pytest.mark.parametrize("point", ["after-connect", "after-send", "after-2xx", "after-mark"])
def test_a_worker_killed_anywhere_on_the_way_loses_and_doubles_nothing(site: Site, point: str) -> None:
    """OB-02, OB-03: one account, one membership, every request complete, whatever died when."""
    site.grant()
    assert site.run("deliver", die_at=point) == -signal.SIGKILL
    assert site.run("deliver", seconds=31, die_at=point) == -signal.SIGKILL
    assert site.run("deliver", seconds=62) == 0
    assert site.world.backlog() == {"done"}
    assert len(site.twin.created) == len(set(site.twin.created)), "nothing was created twice"
    accounts = [one["externalId"] for one in site.twin.resources["Users"].values()]
    assert len(accounts) == 4
    assert len([group for _, group in site.twin.memberships() if group.endswith(EMI_SUBMIT)]) == 1
    with site.world.services.store.read() as connection:
        assert set(connection.execute(select(request.c.state)).scalars()) == {"provisioned"}
