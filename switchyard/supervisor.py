"""Runs the processes of a system, starts again what dies, and stops all of them cleanly.

Owns child processes and nothing else. A child that dies is started again after a pause that doubles each time
and is forgotten once the child has lived for a while. A child that says in its first life that it cannot run
as it is set up would say so again: it ends all. A child whose supervisor is gone ends itself
(`follow_parent`), so that nothing is left behind, whatever kills the supervisor.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
# A child that lived this long is taken for healthy: its next death is its first again.
HEALTHY_AFTER = 10.0
GRACE = 25.0
_PARENT = "SWITCHYARD_PARENT_PID"
_LOOK = 0.2
_STDERR = 2


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running: its command, what its environment adds, and where its output goes.

    Its output goes to the file ``log``, else where ours goes; with ``to_stderr`` all of it to standard error.
    Of our open files it gets those of ``handles``.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    log: Path | None = None
    to_stderr: bool = False
    handles: tuple[int, ...] = ()


class _Running:
    """One child and its lives."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: subprocess.Popen[bytes] | None = None
        self.born = 0.0
        self.pause = FIRST_PAUSE
        self.next_start = 0.0
        self.deaths = 0
        self._log: IO[bytes] | None = None

    def start(self) -> None:
        environ = {**os.environ, **self.child.environ, _PARENT: str(os.getpid())}
        if self.child.log is not None and self._log is None:
            self._log = self.child.log.open("ab")
        # A group of its own: Ctrl-C at the terminal reaches the supervisor alone, which then asks each child.
        self.process = subprocess.Popen(  # noqa: S603 - the command is ours
            self.child.command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=self._log or (_STDERR if self.child.to_stderr else None),
            stderr=subprocess.STDOUT if self._log else None,
            process_group=0,
            pass_fds=self.child.handles,
        )
        self.born = time.monotonic()

    def note_death(self, now: float) -> None:
        self.deaths += 1
        if now - self.born >= HEALTHY_AFTER:
            self.pause = FIRST_PAUSE
        self.next_start = now + self.pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE)
        self.process = None

    def close(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None


class Supervisor:
    """Keeps children running until told to stop. Start and stop belong to one thread.

    ``final`` is the exit code by which a child says that it cannot run as it is set up; None: none says so.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        say: Callable[[str], None],
        grace: float = GRACE,
        final: int | None = None,
    ) -> None:
        self._running = {child.name: _Running(child) for child in children}
        self._aloud = say
        self._grace = grace
        self._final = final
        self.refused = 0
        """The code of a child that could not run as it is set up, once one said so."""

    def _say(self, line: str) -> None:
        with suppress(OSError):  # the children are looked after though nobody can be told
            self._aloud(line)

    def start(self) -> None:
        """Start every child that is not running."""
        for running in self._running.values():
            if running.process is None:
                running.start()

    def run(self, stop: threading.Event) -> None:
        """Keep every child running until `stop` is set or one cannot run at all, then stop them all."""
        self.start()
        try:
            while not self.refused and not stop.wait(_LOOK):
                self.look()
        finally:
            self.stop()

    def look(self) -> None:
        """Start again each child that died and whose pause is over."""
        for running in self._running.values():
            now = time.monotonic()
            process = running.process
            if process is None:
                if now >= running.next_start:
                    running.start()
            elif process.poll() is not None:
                running.note_death(now)
                if running.deaths == 1 and process.returncode == self._final:
                    self.refused = process.returncode
                    continue
                wait = running.next_start - now
                self._say(
                    f"{running.child.name} ended with {process.returncode}; it starts again in {wait:.1f} s"
                )

    def stop(self) -> None:
        """Ask every child to end, last started first; kill what has not ended when the grace is over."""
        deadline = time.monotonic() + self._grace
        living = [running for running in reversed(self._running.values()) if running.process is not None]
        for running in living:
            self.signal(running.child.name, signal.SIGTERM)
        for running in living:
            if running.process is None:
                continue
            try:
                running.process.wait(max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"{running.child.name} did not end in {self._grace:.0f} s and is killed")
                running.process.kill()
                running.process.wait()
            running.process = None
        for running in self._running.values():
            running.close()

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the child `name`, if it lives."""
        process = self._running[name].process
        if process is not None and process.poll() is None:
            process.send_signal(number)

    def pid(self, name: str) -> int | None:
        """Return the process id of the child `name`, or None between two lives."""
        process = self._running[name].process
        return process.pid if process is not None else None

    def deaths(self, name: str) -> int:
        """Return how often the child `name` died by itself."""
        return self._running[name].deaths


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and SIGINT set. For the main thread only."""
    stop = threading.Event()

    def ask(_number: int, _frame: object) -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for_end(stop: threading.Event) -> None:
    """Wait in the main thread until `stop` is set, by a signal or by anybody else.

    The system may hand a signal to any thread (it does to a process that was halted and goes on), but Python
    runs the handler in the main thread alone, which nothing wakes then: so it looks up from time to time.
    """
    while not stop.wait(_LOOK):
        pass


def follow_parent(parent: int | None = None) -> None:
    """End this process by SIGTERM as soon as its parent is gone.

    `parent` is the process id to follow; without it, the one a supervisor left in the environment. A process
    that nobody supervises follows nobody.
    """
    if parent is None:
        given = os.environ.get(_PARENT)
        if not given:
            return
        parent = int(given)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="follow-parent", daemon=True).start()
