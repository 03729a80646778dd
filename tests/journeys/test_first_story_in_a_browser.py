"""The first story in a real browser, with JavaScript and without: nobody needs a script for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from switchyard.story import STEPS, Story
from tests.support.browser import open_browser
from tests.support.browser_visitor import BrowserVisitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.browser import Visitor
    from tests.support.processes import RunningSite

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_the_whole_story_works_in_a_browser(
    sqlite_site: RunningSite, chromium: Browser, *, javascript: bool
) -> None:
    """Every page is used with mouse and keyboard; no page breaks its content security policy."""
    opened: list[Visitor] = []

    def fresh_profile() -> Visitor:
        opened.append(open_browser(chromium, javascript=javascript))
        return opened[-1]

    story = Story(sqlite_site.site)
    for person in story.people.values():
        person.visitor.close()
        person.visitor = BrowserVisitor(fresh_profile)
    try:
        for number, step in enumerate(STEPS, start=1):
            try:
                step.walk(story)
            except Exception as error:
                raise AssertionError(f"step {number} ({step.sentence}): {error}") from error
    finally:
        story.close()
    assert [complaint for visitor in opened for complaint in visitor.complaints] == []
