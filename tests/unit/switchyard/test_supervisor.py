"""The supervisor: children live, come back, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from switchyard.server import run_background
from switchyard.supervisor import Child, Supervisor
from tests.support.processes import has_ended, wait_until

if TYPE_CHECKING:
    from pathlib import Path

_SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
_STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
)


@pytest.fixture
def said() -> list[str]:
    return []


def test_a_child_that_dies_is_started_again(said: list[str]) -> None:
    supervisor = Supervisor([Child("sleeper", _SLEEP)], say=said.append)
    supervisor.start()
    try:
        first = supervisor.pid("sleeper")
        assert first is not None
        os.kill(first, signal.SIGKILL)

        def is_back() -> bool:
            supervisor.look()
            return supervisor.pid("sleeper") not in (None, first)

        wait_until(is_back, "another child")
        assert supervisor.deaths("sleeper") == 1
        assert said == ["sleeper ended with -9; it starts again in 0.5 s"]
    finally:
        supervisor.stop()


def test_children_are_looked_after_though_nobody_can_be_told() -> None:
    """The disk of the log is full, or whoever reads standard error has gone away."""

    def mute(_line: str) -> None:
        raise BrokenPipeError

    supervisor = Supervisor([Child("brief", (sys.executable, "-c", ""))], say=mute)
    supervisor.start()
    try:

        def has_died() -> bool:
            supervisor.look()
            return supervisor.deaths("brief") == 1

        wait_until(has_died, "the end of the child")
    finally:
        supervisor.stop()


REFUSES = (sys.executable, "-c", "raise SystemExit(2)")
LATER = "import pathlib, sys; told = pathlib.Path(sys.argv[1]); told.exists() and sys.exit(2); told.touch(); sys.exit(1)"


def test_a_child_that_cannot_run_as_it_is_set_up_ends_all(said: list[str]) -> None:
    """It said why itself; nothing is started again, and its code is told on."""
    supervisor = Supervisor([Child("sleeper", _SLEEP), Child("wrong", REFUSES)], say=said.append, final=2)
    supervisor.run(threading.Event())
    assert supervisor.refused == 2
    assert supervisor.pid("sleeper") is None
    assert said == []


def test_a_child_that_ran_is_started_again_whatever_it_says(said: list[str], tmp_path: Path) -> None:
    """Settings that were right once may be mended while others are served; and who asks for nothing else keeps all."""
    children = [
        Child("later", (sys.executable, "-c", LATER, str(tmp_path / "told"))),
        Child("wrong", REFUSES),
    ]
    for child, final in zip(children, (2, None), strict=True):
        supervisor = Supervisor([child], say=said.append, final=final)
        supervisor.start()

        def died_twice(held: Supervisor = supervisor, name: str = child.name) -> bool:
            held.look()
            return held.deaths(name) == 2

        wait_until(died_twice, "a second death")
        assert supervisor.refused == 0
        supervisor.stop()
    assert len(said) == 4


def test_stopping_ends_every_child_and_kills_the_deaf(said: list[str], tmp_path: Path) -> None:
    log = tmp_path / "deaf.log"
    children = [Child("sleeper", _SLEEP), Child("deaf", _STUBBORN, log=log)]
    supervisor = Supervisor(children, say=said.append, grace=0.5)
    supervisor.start()
    wait_until(lambda: log.exists() and b"deaf" in log.read_bytes(), "the deaf child")
    pids = [supervisor.pid(child.name) for child in children]
    supervisor.stop()
    assert not [pid for pid in pids if pid and psutil.pid_exists(pid)]
    assert said == ["deaf did not end in 0 s and is killed"]


def test_children_end_when_their_supervisor_is_killed() -> None:
    script = """
import sys, threading
from switchyard.supervisor import Child, Supervisor
child = "import time; from switchyard.supervisor import follow_parent; follow_parent(); time.sleep(60)"
supervisor = Supervisor([Child("child", (sys.executable, "-c", child))], say=print)
supervisor.start()
print(supervisor.pid("child"), flush=True)
supervisor.run(threading.Event())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert psutil.pid_exists(child)
        process.kill()
    wait_until(lambda: has_ended(child), "the end of the child")


def test_a_background_deed_that_breaks_runs_again_until_the_end() -> None:
    stop = threading.Event()
    tries: list[int] = []

    def deed(end: threading.Event) -> None:
        tries.append(1)
        if len(tries) == 1:
            msg = "once"
            raise RuntimeError(msg)
        end.set()

    run_background({"deed": deed}, stop)
    assert len(tries) == 2


_HANDED_TO_ANOTHER_THREAD = """
import signal, sys, threading
from switchyard.server import run_background
from switchyard.supervisor import stop_on_signals

def deed(stop):
    main = threading.main_thread().ident
    while True:  # until it waits for the end, and no longer for this thread to start
        frame = sys._current_frames()[main]
        if frame.f_code.co_name == "wait" and frame.f_back.f_back.f_code.co_name != "start":
            break
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    stop.wait()

with stop_on_signals() as stop:
    run_background({"deed": deed}, stop)
"""


def test_a_signal_that_another_thread_is_handed_ends_the_background_too() -> None:
    """As it happens to a process that was halted, goes on, and is asked to end."""
    subprocess.run([sys.executable, "-c", _HANDED_TO_ANOTHER_THREAD], check=True, timeout=60)
