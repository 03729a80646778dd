"""The story under faults: the Gateway away, the worker killed, two Gateway processes (I1, I5, I9, I12)."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from switchyard.failpoints import FAILPOINT
from switchyard.story import (
    STEPS,
    Story,
    grant_is_live,
    grant_role,
    newcomer_activates,
    role_is_granted,
)
from tests.support.processes import RunningSite, running_site, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.databases import Databases

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

# A killed worker's rows are leased for another half minute, and an open breaker probes every 15 seconds.
_PATIENCE = 120.0
_FAILPOINTS_ON = {"SWITCHYARD_REGISTRATION__REGISTRATION__FAILPOINTS": "on"}
_BEFORE_THE_GRANT = [step.walk for step in STEPS[: [step.walk for step in STEPS].index(role_is_granted)]]


def _told_until_the_grant(story: Story) -> None:
    for walk in _BEFORE_THE_GRANT:
        walk(story)
    # Signed in before the fault: Registration's own session does not need the Gateway any more.
    story.administrator.sign_in(f"{story.site.registration}/sign-in")


@pytest.fixture
def story(site: RunningSite) -> Iterator[Story]:
    with closing(Story(site.site, patience=_PATIENCE)) as told:
        _told_until_the_grant(told)
        yield told


def test_a_grant_made_while_the_gateway_is_away_goes_live_when_it_is_back(
    story: Story, site: RunningSite
) -> None:
    """The push waits, the request page says why, and nothing has to be done again (R-201..R-205)."""
    site.stop("gateway")
    grant_role(story)
    page = story.administrator.visitor.open(story.request)
    assert "not in effect in the Gateway yet" in page.text
    site.start("gateway")
    grant_is_live(story)
    newcomer_activates(story)


@pytest.mark.parametrize("point", ["after-claim", "after-2xx", "after-mark"])
def test_a_worker_killed_while_delivering_loses_and_doubles_nothing(
    sqlite_databases: Databases, tmp_path: Path, point: str
) -> None:
    """Whatever the worker had done when it died, the end is one account and its memberships (I-11, I-12)."""
    with (
        running_site(tmp_path, databases=sqlite_databases, environ=_FAILPOINTS_ON) as site,
        closing(Story(site.site, patience=_PATIENCE)) as story,
    ):
        _told_until_the_grant(story)
        site.stop("worker")
        site.start_with("worker", {FAILPOINT: point})
        grant_role(story)
        wait_until(lambda: site.has_ended("worker"), f"the crash at {point}")
        site.stop("worker")
        site.start("worker")
        grant_is_live(story)
        newcomer_activates(story)
        to_her = story.mail.messages(to=story.newcomer.particulars.email)
        links = {link for message in to_her for link in message["links"] if "/activate/" in link}
        assert len(links) == 1


def test_the_story_holds_on_postgresql_with_two_gateway_processes(postgresql_site: RunningSite) -> None:
    """Two stateless processes share nothing but the database."""
    with closing(Story(postgresql_site.site)) as story:
        for number, step in enumerate(STEPS, start=1):
            try:
                step.walk(story)
            except Exception as error:
                raise AssertionError(f"step {number} ({step.sentence}): {error}") from error
