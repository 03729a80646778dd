"""The first story, from the catalogue to the revocation, through real processes (MAN-107 A.1, A.11, section 8)."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from switchyard.settings import read_settings
from switchyard.story import STEPS, Story
from tests.support.canary import found_in, secrets_of, texts_of_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import RunningSite

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@pytest.fixture
def story(site: RunningSite) -> Iterator[Story]:
    with closing(Story(site.site)) as told:
        yield told


def test_a_new_person_gets_access_uses_it_and_loses_it(story: Story, site: RunningSite) -> None:
    """Every step holds on both databases, and leaves a sound audit and no secret behind.

    R-164..R-185, R-201..R-205, G-11..G-37; I8, I13, I25; KM-08.
    """
    for number, step in enumerate(STEPS, start=1):
        try:
            step.walk(story)
        except Exception as error:
            raise AssertionError(f"step {number} ({step.sentence}): {error}") from error
    _audit_is_sound(site)
    _no_secret_is_left(story, site)


def _audit_is_sound(site: RunningSite) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "switchyard", "audit", "verify", "--settings", str(site.site.settings)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("sound") == 2


def _no_secret_is_left(story: Story, site: RunningSite) -> None:
    secrets = secrets_of(story)
    assert len(secrets) > 10
    # The mailbox is the outside world: it has to hold what was sent.
    for name in (
        "gateway",
        "gateway-background",
        "registration",
        "registration-background",
        "worker",
        "apps",
    ):
        assert found_in(site.log(name), secrets) == [], name
    settings = read_settings(site.site.settings, {})
    for url in (settings.gateway.kernel.database_url, settings.registration.kernel.database_url):
        leaks = {
            column for column, text in texts_of_database(url) for secret in secrets.values() if secret in text
        }
        assert leaks == set()
