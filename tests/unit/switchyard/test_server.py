"""The web server: what it loads, how it survives and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.processes import has_ended, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_APPLICATION = """
import gc, os, signal, threading
import granian._signals

enabled_while_loading = gc.isenabled()
told = threading.Event()
set_handler = granian._signals.set_main_signals

def set_telling_handler(handler):
    set_handler(lambda *signal: (handler(*signal), told.set()))

granian._signals.set_main_signals = set_telling_handler

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/end":
        os.kill(os.getppid(), signal.SIGTERM)
        return [str(told.wait(30)).encode()]
    if environ["PATH_INFO"] == "/garbage":
        return [f"{enabled_while_loading} {gc.isenabled()} {gc.get_freeze_count() > 1000}".encode()]
    return [str(os.getpid()).encode()]
"""


@contextmanager
def _serving(folder: Path, *, workers: int = 1) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    (folder / "hello_wsgi.py").write_text(_APPLICATION)
    port = free_port()
    script = (
        "from switchyard.server import serve; "
        f"serve('hello_wsgi:application', host='127.0.0.1', port={port}, workers={workers})"
    )
    path = os.pathsep.join([str(folder), os.getcwd()])  # noqa: PTH109 - the tree under test
    process = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": path})
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answer(url) is not None, "the server")
        yield url, process
    finally:
        process.kill()
        process.wait()


def _answer(url: str) -> int | None:
    try:
        return int(httpx.get(url, timeout=5).text)
    except httpx.TransportError:
        return None


def test_a_worker_looks_for_garbage_but_not_among_what_it_loaded(tmp_path: Path) -> None:
    """What was built at the start stays for good, and is set aside when it is whole."""
    with _serving(tmp_path) as (url, _):
        assert httpx.get(url + "/garbage").text == "False True True"


_BACKGROUND = """
import gc
from kernel.settings import KernelSettings
from switchyard import cli

def deeds():
    enabled_while_loading = gc.isenabled()
    def deed(stop):
        print(enabled_while_loading, gc.isenabled(), gc.get_freeze_count() > 1000)
        stop.set()
    return {"deed": deed}

cli._run_background(KernelSettings(), deeds)
"""


def test_so_does_what_runs_beside_it() -> None:
    """Nor is it looked through at the end: that took longer than all that there is to finish."""
    done = subprocess.run(
        [sys.executable, "-c", _BACKGROUND], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False True True\n"


def test_sigterm_lets_a_running_request_finish_and_ends_with_zero(tmp_path: Path) -> None:
    """The request that asks the server to end is answered after the worker was told to."""
    with _serving(tmp_path) as (url, process):
        assert httpx.get(url + "/end", timeout=60).text == "True"
        assert process.wait(20) == 0


_SLOW_NEWS = """
import os, threading
true_wait, told, asked_in_vain = os.waitpid, threading.Event(), threading.Semaphore(0)

def wait(pid, options):
    if threading.current_thread() is not threading.main_thread():
        found = true_wait(pid, options)
        told.set()
        for _ in range(4):  # as often as the other one asks that takes it for alive, and kills it
            asked_in_vain.acquire(timeout=30)
        return found
    if not told.wait(0 if options else 30):
        return 0, 0
    try:
        return true_wait(pid, options)
    finally:
        asked_in_vain.release()

os.waitpid = wait
"""


def test_a_worker_that_ended_is_not_said_to_refuse_its_end(tmp_path: Path) -> None:
    """On a busy machine the thread that hears of a worker's end may tell it late; nobody needs to be killed."""
    (tmp_path / "hello_wsgi.py").write_text(_APPLICATION)
    port = free_port()
    script = _SLOW_NEWS + (
        f"from switchyard.server import serve\nserve('hello_wsgi:application', host='127.0.0.1', port={port})"
    )
    path = os.pathsep.join([str(tmp_path), os.getcwd()])  # noqa: PTH109 - the tree under test
    environ = {**os.environ, "PYTHONPATH": path}
    with (tmp_path / "said").open("w+") as said:
        process = subprocess.Popen([sys.executable, "-c", script], env=environ, stdout=said, stderr=said)
        try:
            wait_until(lambda: _answer(f"http://127.0.0.1:{port}") is not None, "the server")
            process.terminate()
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()
        said.seek(0)
        assert said.read() == ""


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    with _serving(tmp_path) as (url, _process):
        worker = _answer(url)
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: _answer(url) not in (None, worker), "another worker")


def test_workers_end_when_the_server_is_killed(tmp_path: Path) -> None:
    with _serving(tmp_path) as (url, process):
        worker = _answer(url)
        assert worker is not None
        process.kill()
        wait_until(lambda: has_ended(worker), "the end of the worker")


def test_a_worker_that_is_still_loading_is_not_waited_for(tmp_path: Path) -> None:
    """A stop that comes while a worker starts ends it, long before it would be killed."""
    begun = tmp_path / "begun"
    program = f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(60)"
    (tmp_path / "slow_wsgi.py").write_text(program)
    script = (
        f"from switchyard.server import serve; serve('slow_wsgi:a', host='127.0.0.1', port={free_port()})"
    )
    path = os.pathsep.join([str(tmp_path), os.getcwd()])  # noqa: PTH109 - the tree under test
    process = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": path})
    try:
        wait_until(begun.exists, "the worker")
        process.terminate()
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()


def test_a_system_whose_settings_cannot_be_used_ends_at_once_and_says_why(tmp_path: Path) -> None:
    """Its parts would say so again each time they are started; nobody sees one sentence among those of new starts."""
    file = tmp_path / "switchyard.toml"
    file.write_text("[gateway.kernel]\npublic_ulr = 'x'\n")
    done = _run("-m", "switchyard", "gateway", "--settings", str(file))
    assert done.returncode == 2, done.stderr
    assert "gateway.kernel.public_ulr: there is no such option" in done.stderr
    assert "starts again" not in done.stderr


@pytest.mark.parametrize(
    ("error", "sentence", "code"),
    [
        ("SettingsError('no key file')", "no key file", 2),
        ("OperationalError('SELECT 1', {}, OSError('connection lost'))", "connection lost", 75),
    ],
)
def test_an_application_that_cannot_be_loaded_says_why_in_a_sentence(
    tmp_path: Path, error: str, sentence: str, code: int
) -> None:
    """What only a worker finds out, such as a key file that is not there: said once, and told by the code; what has to be changed first is tried once."""
    tries = tmp_path / "tries"
    (tmp_path / "wrong_wsgi.py").write_text(
        "from kernel.errors import SettingsError\nfrom sqlalchemy.exc import OperationalError\n"
        f"open({str(tries)!r}, 'a').write('.')\nraise {error}"
    )
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
        "from switchyard.server import serve; serve('wrong_wsgi:application', host='127.0.0.1', port=0)"
    )
    done = _run("-c", script)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count(f"{sentence}\n") == 1
    # On a busy machine a worker loads for longer than the seconds in which its end counts as a loop.
    assert (tries.read_text() == ".") is (code == 2)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
