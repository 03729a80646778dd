"""A real browser for tests: Chromium driven by Playwright, with and without JavaScript, with passkeys, with axe.

Ask for ``browser`` (JavaScript on), ``plain_browser`` (off) or ``any_browser`` (the test runs with both). Each
test gets a profile of its own. At its end the fixture asserts that no page broke its Content-Security-Policy and
that no script failed. Without a Chromium these tests are skipped by name.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, CDPSession, ConsoleMessage, Page

SMALL = {"width": 320, "height": 640}
LARGE = {"width": 1280, "height": 900}
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")

# The background flags keep Chromium from looking up hosts of its maker, which a closed network refuses.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """Return the path of a Chromium on this machine, or None."""
    wanted = (os.environ.get("SWITCHYARD_CHROMIUM", ""), *_NAMES)
    return next((path for name in wanted if name and (path := shutil.which(name))), None)


@dataclass
class Authenticator:
    """A virtual passkey device inside one tab; the person's finger is always on it."""

    session: CDPSession
    id: str

    def credentials(self) -> list[dict[str, Any]]:
        """Return the passkeys the device holds."""
        found: list[dict[str, Any]] = self.session.send(
            "WebAuthn.getCredentials", {"authenticatorId": self.id}
        )["credentials"]
        return found

    def verify_person(self, *, verified: bool) -> None:
        """Let the device say whether it verified the person."""
        self.session.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": verified}
        )


@dataclass
class Visitor:
    """One person's browser: a profile with its cookies, and what its pages complained about."""

    context: BrowserContext
    javascript: bool
    complaints: list[str] = field(default_factory=list)

    def open(self, url: str = "about:blank") -> Page:
        """Open a tab at ``url``."""
        page = self.context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(f"script failed: {error}"))
        if url != "about:blank":
            page.goto(url)
        return page

    def _note(self, message: ConsoleMessage) -> None:
        # A page that is refused on purpose is logged by Chromium as a failed resource: that is no complaint.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def add_authenticator(self, page: Page, *, transport: str = "internal") -> Authenticator:
        """Plug a passkey device with a resident-key store and user verification into ``page``."""
        session = self.context.new_cdp_session(page)
        session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": transport,
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return Authenticator(session, str(made["authenticatorId"]))


def settled(page: Page) -> Page:
    """Return ``page`` once its document is there: a click returns when the next page has only begun to come."""
    page.wait_for_load_state()
    return page


_UNSPOKEN = """() => {
  const told = new Set([...document.querySelectorAll("[aria-describedby]")]
    .flatMap((each) => each.getAttribute("aria-describedby").split(/\\s+/)));
  const wrong = (selector, why) => [...document.querySelectorAll(selector)].map((each) => [why, each]);
  return [
    ...wrong("a[role=button]", "a link that is told as a button, which the space bar would press"),
    ...wrong(".govuk-error-message[id]", "an error that is not told with its field")
      .filter(([, each]) => !told.has(each.id)),
    ...wrong("input[type=radio]", "a choice without the question it answers")
      .filter(([, each]) => !each.closest("fieldset")?.querySelector("legend")),
  ].map(([why, each]) => `${why}: ${each.outerHTML}`);
}"""
_ON_PAPER = """() => [
  ...[...document.querySelectorAll("button, .govuk-button, nav a:not([aria-current]), .govuk-skip-link")]
    .filter((each) => each.checkVisibility()),
  ...[...document.querySelectorAll("main a[href^='/']")]
    .filter((each) => getComputedStyle(each, "::after").content !== "none"),
].map((each) => each.outerHTML)"""


def faults_on_paper(page: Page) -> list[str]:
    """Return what a printed ``page`` shows though only a screen can use it: buttons, ways, our own addresses."""
    page.emulate_media(media="print")
    found: list[str] = page.evaluate(_ON_PAPER)
    page.emulate_media(media="screen")
    return found


def accessibility_faults(page: Page, *, tags: tuple[str, ...] = WCAG) -> list[str]:
    """Return what axe-core finds wrong on ``page``, one line per rule and element, and what it does not look at.

    That is (WCAG 1.3.1, 4.1.2): links are told as links, an error with its field, a choice with its question.
    """
    settled(page).evaluate(AXE_SCRIPT)
    options = {"runOnly": {"type": "tag", "values": list(tags)}, "resultTypes": ["violations"]}
    found = page.evaluate(f"axe.run(document, {json.dumps(options)})")
    unspoken: list[str] = page.evaluate(_UNSPOKEN)
    return unspoken + [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: {node['html']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def fits(page: Page) -> bool:
    """Tell whether the page needs no sideways scrolling at its present width."""
    return bool(
        settled(page).evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    )


def examined(page: Page, name: str) -> list[str]:
    """Return what is wrong with ``page`` in light and in dark and at 320 px, and keep pictures of it."""
    faults: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        faults += [f"{name} {scheme}: {fault}" for fault in accessibility_faults(page)]
    page.set_viewport_size(SMALL)  # type: ignore[arg-type]
    faults += [] if fits(page) else [f"{name}: scrolls sideways at 320 px"]
    keep_screenshot(page, f"{name}-320")
    page.set_viewport_size(LARGE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
    keep_screenshot(page, f"{name}-1280")
    return faults


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start one Chromium for this test process."""
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium here: on Debian, apt-get install chromium, or set SWITCHYARD_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield started
        started.close()


def open_browser(chromium: Browser, *, javascript: bool) -> Visitor:
    """Open a profile of its own; who opens it closes its context."""
    context = chromium.new_context(
        java_script_enabled=javascript,
        viewport=LARGE,
        locale="en-CA",
        timezone_id="America/Toronto",
        reduced_motion="reduce",  # a colour on its way from light to dark is no fault of the page
    )
    context.set_default_timeout(15_000)
    return Visitor(context, javascript)


def _visit(chromium: Browser, *, javascript: bool) -> Iterator[Visitor]:
    visitor = open_browser(chromium, javascript=javascript)
    yield visitor
    visitor.context.close()
    assert visitor.complaints == []


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Visitor]:
    """Give a person's browser with JavaScript."""
    yield from _visit(chromium, javascript=True)


@pytest.fixture
def second_browser(chromium: Browser) -> Iterator[Visitor]:
    """Give another person's browser with JavaScript."""
    yield from _visit(chromium, javascript=True)


@pytest.fixture
def plain_browser(chromium: Browser) -> Iterator[Visitor]:
    """Give a person's browser that runs no JavaScript."""
    yield from _visit(chromium, javascript=False)


@pytest.fixture(params=[True, False], ids=["javascript", "no-javascript"])
def any_browser(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Give a person's browser; the test runs with JavaScript and again without."""
    yield from _visit(chromium, javascript=request.param)


def keep_screenshot(page: Page, name: str) -> None:
    """Keep a picture of ``page`` if SWITCHYARD_SCREENSHOTS names a folder."""
    folder = os.environ.get("SWITCHYARD_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that drives the browser."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
