"""The foundation's earlier suite, a program of its own: which of its tests are run, and how one is run here.

The suite does and judges what it does; a person who uses the plain pages goes where it sends its user.
"""

from __future__ import annotations

import functools
import os
import re
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from switchyard.visitor import Page
from tests.support.peers import Peer, a_peer
from tests.support.person import Arrival
from tests.support.processes import wait_until
from tests.support.tls_world import CALLBACK, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.person import Person
    from tests.support.tls_lab import TlsLab

PINS = Path(__file__).parents[3] / "requirements" / "oidctest.txt"
PROFILES = ("Config", "Static", "Basic", "Implicit", "Hybrid", "Dynamic", "Form Post", "Extra")
_TESTS = Path(__file__).parents[2] / "samples" / "foundation_earlier.yaml"
_SCRIPT = Path(__file__).parents[2] / "conformance" / "clients" / "oidctest" / "suite.py"
_PYTHON = Path(sys.prefix) / "oidctest" / "bin" / "python"
_BASE = "/oidctest/"
_ANSWERS = "C I IT CI CT CIT"
_PIN = re.compile(r"^(oidctest|otest|oic)==(\S+)", re.MULTILINE)
_PASSED, _ENDED = "PASSED", "PARTIAL RESULT"


@functools.cache
def tests() -> dict[str, dict[str, Any]]:
    """Return the suite's tests by name."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(_TESTS.read_text(encoding="utf-8"))
    return found


def runs() -> list[tuple[str, str]]:
    """Return the response types and the tests that are run with each."""
    once = {"Config", "Static", "Extra"}
    return [
        (answer, name)
        for name, test in tests().items()
        for answer in ("C" if test.get("of") in once else test.get("types", _ANSWERS)).split()
    ]


def profile_of(answer: str, name: str) -> str:
    """Return the profile of which a run is part."""
    by_answer = {"C": "Basic", "I": "Implicit", "IT": "Implicit"}
    return str(tests()[name].get("of") or by_answer.get(answer, "Hybrid"))


def deviation(answer: str, name: str) -> dict[str, str]:
    """Return what the suite is right to find in a run, or nothing."""
    found: dict[str, str] = tests()[name].get("deviates", {})
    return found if answer in found.get("types", "").split() else {}


def versions() -> dict[str, str]:
    """Return the versions of the suite's packages that are pinned here."""
    return dict(_PIN.findall(PINS.read_text(encoding="utf-8")))


def needs_the_earlier_suite() -> None:
    """Skip the test where the suite is missing."""
    if not _PYTHON.exists():
        pytest.skip("missing: oidctest; requirements/clients installs it into an environment of its own")


@dataclass
class EarlierSuite:
    """The suite at work in a process of its own, and the person who is its user."""

    person: Person
    peer: Peer

    def run(self, answer: str, name: str) -> tuple[dict[str, Any], Page | None]:
        """Run a test with a response type; return what the suite found, and the page on which the way ended, if any."""
        page: Page | None = None
        said = self._tell(test=name, answer=answer)
        while "verdict" not in said:
            try:
                came = self._do(**said)
            except BaseException:
                while "verdict" not in self._tell(page=0):
                    pass  # the suite ends this test before it is told the next one
                raise
            page = came if isinstance(came, Page) else None
            said = self._tell(page=page.status) if page else self._tell(**vars(came))
        return said, page

    def _tell(self, **words: object) -> dict[str, Any]:
        self.peer.say(**words)
        return self.peer.hear()

    def check(self, answer: str, name: str) -> None:
        """Run a test, and check that the suite found nothing, or what it is known to be right about."""
        said, page = self.run(answer, name)
        told = f"{said['found']} {said['errors']} {page and page.text[:600]}\n{said['trace']}"
        right = deviation(answer, name)
        if right:
            assert (said["verdict"], len(said["found"])) == (_ENDED, 1), told
            assert right["found"] in said["found"][0]["message"], told
        elif tests()[name].get("page"):
            assert (said["verdict"], said["found"], said["errors"]) == (_ENDED, [], []), told
            assert page is not None, told
            assert page.status == 400, told
        else:
            assert (said["verdict"], said["found"]) == (_PASSED, []), told

    def _do(self, go: str = "", note: str = "") -> Arrival | Page:
        """Go where the suite sends its user, or do what a note of it asks for."""
        if go:
            self.person.pressed.clear()
            return self.person.go(go)
        if note == "forget":
            self.person.forget()
        elif note == "wait":
            seen = time.monotonic()
            wait_until(lambda: time.monotonic() > seen + 1, "the second of the sign-in")
        return Arrival("")


@contextmanager
def earlier_suite(lab: TlsLab, folder: Path) -> Iterator[EarlierSuite]:
    """Start the suite in this folder, whose files the laboratory may read over TLS, and end it."""
    lab.documents.folders[_BASE] = folder
    # The suite writes by the path of an address, relative to where it stands.
    (folder / _BASE.strip("/")).symlink_to(folder)
    trusts = folder / "trusts.pem"
    trusts.write_text(lab.certificate.read_text() + lab.documents.authority.read_text())
    static = {"client_id": "foundation", "client_secret": SECRET, "redirect_uris": [CALLBACK]}
    task = {
        "base_url": lab.documents.origin + _BASE,
        "issuer": lab.issuer,
        "login_hint": "alice",
        "tests": tests(),
        "clients": {
            "client_secret_basic": static,
            "client_secret_post": {**static, "client_id": "foundation-post"},
        },
    }
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "REQUESTS_CA_BUNDLE": str(trusts),
    }
    command = [str(_PYTHON), str(_SCRIPT)]
    with (
        a_peer(command, folder / "errors", cwd=folder, env=environ) as peer,
        lab.person() as person,
    ):
        peer.say(**task)
        assert peer.hear() == {"ready": True}
        yield EarlierSuite(person, peer)
