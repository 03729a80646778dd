"""The foundation's suite as far as it drives a browser: the commands of a configuration, done on our pages.

It reads what the suite reads (``browser``, and ``override`` by module) and minds what its browsers mind: a field that
cannot be edited is no field to type into, a task that is not optional has its address, a wait that nothing ends fails.
Scripts run as in HtmlUnit: those of modules do not, the one that posts an answer does.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

import httpx

from switchyard.visitor import Page, read_page

if TYPE_CHECKING:
    import ssl

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "foundation"
SUITE = "https://localhost.emobix.co.uk:8443/test/a/switchyard"
_WRITTEN_FOR = "https://127.0.0.1:9443"
_TAKES_A_PICTURE = "update-image-placeholder"
_SELECTOR = re.compile(r"#?([\w-]+)(?::not\(\[(\w+)\]\))?")
_POSTS_ITSELF = "HTMLFormElement.prototype.submit"


def configuration(issuer: str) -> dict[str, Any]:
    """Return the example's configuration of the suite, for a laboratory at ``issuer``."""
    text = (EXAMPLE / "suite.json").read_text(encoding="utf-8").replace(_WRITTEN_FOR, issuer)
    found: dict[str, Any] = json.loads(text)
    return found


def laboratory(**changes: object) -> dict[str, Any]:
    """Return the example's file of a laboratory, changed as told."""
    found: dict[str, Any] = json.loads((EXAMPLE / "lab.json").read_text(encoding="utf-8"))
    return found | changes


class _NoElementError(AssertionError):
    """What a command names is not on the page."""


@dataclass
class Automation:
    """One module's run: its browser commands, and one browser that keeps its cookies from visit to visit."""

    config: dict[str, Any]
    module: str
    verify: ssl.SSLContext
    issuer: str
    pictures: list[str] = field(default_factory=list)
    """The texts that were waited for so that a picture could be taken."""
    frames: list[str] = field(default_factory=list)
    """The addresses that pages asked for in frames."""
    _visits: dict[int, int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._http = httpx.Client(verify=self.verify, timeout=30)
        self._url, self._page, self._posted = "", None, {}
        return self

    def __exit__(self, *_reason: object) -> None:
        self._http.close()

    def visit(self, url: str, *, method: str = "GET") -> tuple[str, dict[str, str]]:
        """Send the browser to ``url`` and do the first commands that are for it; return where it ended, and what it posted there."""
        entries = self.config["override"].get(self.module, self.config)["browser"]
        place, entry = next(
            (place, each)
            for place, each in enumerate(entries)
            if _matches(each["match"], url) and self._visits.get(place, 0) < each.get("match-limit", math.inf)
        )
        self._visits[place] = self._visits.get(place, 0) + 1
        if method == "POST":
            address, _, query = url.partition("?")
            fields = dict(httpx.QueryParams(query).items())
            self._go(address, fields, origin="")
        else:
            self._go(url)
        for task in entry["tasks"]:
            if not _matches(task.get("match", "*"), self._url):
                assert task.get("optional"), f"{task['task']}: {self._url} {self._text()[:300]}"
                continue
            for command in task.get("commands", ()):
                self._do(*command)
        return self._url, self._posted

    @property
    def page(self) -> Page | None:
        """Our page on which the last visit ended; the suite's own pages are not known."""
        return self._page

    def _do(self, command: str, kind: str, target: str, *more: Any) -> None:
        deeds = {"wait": self._wait, "text": self._type, "click": self._click}
        try:
            deeds[command](kind, target, *more)
        except _NoElementError:
            if "optional" not in more:
                raise

    def _wait(self, kind: str, target: str, _seconds: int, text: str = "", then: str = "") -> None:
        if kind == "match":
            assert re.search(target, self._url), (
                f"{target} is waited for at {self._url}: {self._text()[:300]}"
            )
        elif text:
            assert (kind, target) == ("xpath", "//*")
            assert re.search(text, self._text()), self._text()[:300]
            if then.startswith(_TAKES_A_PICTURE):
                self.pictures.append(text)
        else:
            assert self._url.startswith(SUITE), (
                f"{target} is an element of the suite, and this is {self._url}"
            )

    def _type(self, kind: str, target: str, value: str, *_optional: str) -> None:
        page = self._current()
        read = _SELECTOR.fullmatch(target)
        assert read, target
        name, refused = read.groups()
        assert kind == ("css" if target.startswith("#") else "id")
        form = next((each for each in page.forms if name in each.ids), None)
        if form is None:
            raise _NoElementError(f"{target} on {page}")
        tag = re.search(rf'<input[^>]*\bid="{name}"[^>]*>', page.html)
        assert tag, name
        if refused and refused in tag.group():
            raise _NoElementError(f"{target} on {page}")
        assert "readonly" not in tag.group(), "may not be edited"
        form.fields[form.ids[name]] = [value]

    def _click(self, kind: str, target: str, *_optional: str) -> None:
        page = self._current()
        assert kind == "id"
        for form in page.forms:
            for button in form.buttons:
                if button.id == target:
                    sent = {name: held[0] for name, held in form.fields.items() if held}
                    sent |= {button.name: button.value} if button.name else {}
                    return self._go(urljoin(self._url, button.action or form.action), sent)
        link = re.search(rf'<a[^>]*\bid="{target}" href="([^"]+)"', page.html)
        if link is None:
            raise _NoElementError(f"{target} on {page}")
        return self._go(page.link(urlsplit(link.group(1)).path))

    def _go(self, url: str, fields: dict[str, str] | None = None, *, origin: str | None = None) -> None:
        self._posted = {}
        while True:
            self._url, self._page = url, None
            if not url.startswith(f"{self.issuer}/"):
                self._posted = fields or {}
                return
            headers = {"Accept": "text/html", "Accept-Language": "en-US"}
            if fields is not None and origin != "":
                headers["Origin"] = origin or self.issuer
            answer = (
                self._http.get(url, headers=headers)
                if fields is None
                else self._http.post(url, data=fields, headers=headers)
            )
            if answer.is_redirect:
                url, fields = urljoin(url, answer.headers["location"]), None
                continue
            self._page = read_page(url, answer.status_code, answer.text)
            self.frames += re.findall(r'<iframe[^>]*\bsrc="([^"]+)"', answer.text)
            if _POSTS_ITSELF not in answer.text:
                return
            (form,) = self._page.forms
            url, fields = form.action, {name: held[0] for name, held in form.fields.items()}

    def _current(self) -> Page:
        assert isinstance(self._page, Page), self._url
        return self._page

    def _text(self) -> str:
        return self._page.text if self._page else ""


def _matches(pattern: str, url: str) -> bool:
    """Compare as the suite does: only ``*`` is a sign of its own."""
    return bool(re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), url, re.DOTALL))
