"""Whole installations as real processes, on free ports, to be stopped, killed and started again at will.

Ask for ``site`` and the test runs on both databases; ``sqlite_site`` and ``postgresql_site`` run on one. Every
process writes a log of its own; when a test fails, the end of each log is shown.
"""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest

from switchyard.supervisor import Supervisor
from tests.support.ports import free_base_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from switchyard.local import Site
    from switchyard.supervisor import Child
    from tests.support.databases import Databases

_STOP_SECONDS = 15.0


class RunningSite:
    """A local installation whose processes a test holds one by one. Nothing starts again by itself."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._held: dict[str, Supervisor] = {}
        self._to_restore: dict[str, Supervisor] = {}
        for child in site.children():
            self.add(child)

    def add(self, child: Child) -> None:
        """Hold one more process, such as a second Gateway on another port; it is not started yet."""
        self._held[child.name] = Supervisor([child], say=lambda _line: None, grace=_STOP_SECONDS)

    def start(self, *names: str) -> None:
        """Start these processes, or all."""
        for name in names or tuple(self._held):
            self._held[name].start()

    def start_with(self, name: str, environ: dict[str, str]) -> None:
        """Start a stopped process once with more in its environment."""
        child = next(child for child in self.site.children() if child.name == name)
        held = self._held[name]
        self._held[name] = Supervisor(
            [replace(child, environ={**child.environ, **environ})],
            say=lambda _line: None,
            grace=_STOP_SECONDS,
        )
        self._held[name].start()
        self._to_restore[name] = held

    def has_ended(self, name: str) -> bool:
        """Tell whether a process that was started has ended by itself."""
        self._held[name].look()
        return self._held[name].deaths(name) > 0

    def stop(self, *names: str) -> None:
        """Let these processes, or all, end as they should."""
        for name in names or tuple(reversed(self._held)):
            self._held[name].stop()
            self._held[name] = self._to_restore.pop(name, self._held[name])

    def kill(self, name: str) -> None:
        """End a process as a crash does (kill -9) and wait until it is gone."""
        self._held[name].signal(name, signal.SIGKILL)
        self._held[name].stop()

    def pid(self, name: str) -> int:
        """Return the process id of a running process."""
        pid = self._held[name].pid(name)
        assert pid is not None, f"{name} does not run"
        return pid

    def log(self, name: str) -> str:
        """Return everything a process wrote."""
        path = self.site.directory / "logs" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def logs(self) -> str:
        """Return everything all processes wrote."""
        return "\n".join(self.log(name) for name in self._held)


def wait_until(holds: Callable[[], object], what: str, *, seconds: float = 30.0) -> None:
    """Return as soon as ``holds`` is true."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds:.0f} s"
        time.sleep(0.05)


def has_ended(pid: int) -> bool:
    """Tell whether a process is no more, or waits for nothing but its parent to note that."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def running_site(
    folder: Path,
    *,
    databases: Databases | None = None,
    host: str = "127.0.0.1",
    gateway_workers: int = 1,
    environ: dict[str, str] | None = None,
) -> Iterator[RunningSite]:
    """Prepare a site in ``folder``, start everything, give it when it is ready, and stop it at the end."""
    from switchyard.local import Plan, prepare

    plan = Plan(
        folder / "site",
        base_port=free_base_port(1, 2, 3, 25),
        host=host,
        gateway_database=databases.url("empty") if databases else "",
        registration_database=databases.url("empty") if databases else "",
        gateway_workers=gateway_workers,
        environ=environ or {},
    )
    running = RunningSite(prepare(plan))
    try:
        running.start()
        running.site.wait_until_ready()
        yield running
    except BaseException:
        for child in running.site.children():
            print(f"--- {child.name}\n{running.site.last_lines(child.name, 40)}")  # noqa: T201 - pytest shows it
        raise
    finally:
        running.stop()


@pytest.fixture
def site(databases: Databases, tmp_path: Path) -> Iterator[RunningSite]:
    """Give a running installation; the test runs on both databases."""
    with running_site(tmp_path, databases=databases) as running:
        yield running


@pytest.fixture
def sqlite_site(sqlite_databases: Databases, tmp_path: Path) -> Iterator[RunningSite]:
    """Give a running installation on SQLite."""
    with running_site(tmp_path, databases=sqlite_databases) as running:
        yield running


@pytest.fixture
def postgresql_site(postgresql_databases: Databases, tmp_path: Path) -> Iterator[RunningSite]:
    """Give a running installation on PostgreSQL, the Gateway with two worker processes."""
    with running_site(tmp_path, databases=postgresql_databases, gateway_workers=2) as running:
        yield running
