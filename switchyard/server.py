"""Serves one WSGI application with granian, and runs the background deeds of a system beside it.

Owns how our applications meet the network: worker processes, threads, limits of the HTTP reader and the clean
end. Knows no product word: it is told what to load.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import linecache
import logging
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from kernel.heap import give_back, share_one_heap
from kernel.mapped import let_go_of_files
from switchyard.cli_options import fail
from switchyard.exit_codes import REFUSED
from switchyard.ports import look_at_address
from switchyard.supervisor import FIRST_PAUSE, LONGEST_PAUSE, follow_parent, wait_for_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from multiprocessing.sharedctypes import Synchronized
    from types import ModuleType

# A client that takes longer than this over its request's head is cut off.
_HEAD_MILLISECONDS = 10_000
_HEAD_BYTES = 64 * 1024
_STOP_SECONDS = 20
_LOOK = 0.02
_log = structlog.get_logger(__name__)


def serve(
    target: str,
    *,
    host: str,
    port: int,
    workers: int = 1,
    threads: int = 4,
    proxies: tuple[int, str] = (0, "X-Forwarded-For"),
    https: bool = False,
) -> None:
    """Serve the WSGI callable `target` ("module:name") until SIGTERM or SIGINT, then finish what is running.

    `proxies` says how many are trusted, and the header they write to; `https`, that people reach it over TLS.
    Bodies that are slow to come and answers that nobody takes have an end (:mod:`kernel.web.whole_bodies`).
    Each worker is a process that loads the application itself; one that dies is started again. Ends with the
    code of what is wrong if it cannot be loaded.

    Raises:
        SettingsError: if ``host`` is no address.
        OSError: if nobody can listen there, or somebody does.
    """
    from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415 - the command line must start fast
    from granian.http import HTTP1Settings  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415
    from granian.server.mp import MPServer  # noqa: PLC0415

    look_at_address(host, port)
    share_one_heap()  # workers inherit it; once a second thread has asked for memory it is too late
    follow_parent()
    _run_in_batches()

    class PatientServer(MPServer):
        """Says that a worker refuses to end only of one that does."""

        def _stop_workers(self) -> None:
            _end_all(self.wrks)
            self.workers_kill_timeout = 1  # who is still there has had its time
            stop: Callable[[], None] = super()._stop_workers
            stop()

    server = PatientServer(
        target,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_MILLISECONDS, max_buffer_size=_HEAD_BYTES),
        websockets=False,
        log_level=LogLevels.warning,
        log_access=False,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=_STOP_SECONDS,
    )
    logging.getLogger("_granian").addFilter(_is_news)
    ending = multiprocessing.Value("i", 0)
    try:
        serving = _Serving(port, threads, proxies, https)
        server.serve(target_loader=partial(_load, target, serving, os.getpid(), ending), wrap_loader=False)
    except SystemExit:  # granian tells every end of its workers by one code
        sys.exit(ending.value or 1)
    if ending.value == REFUSED:
        sys.exit(REFUSED)


class _Worker(Protocol):
    def terminate(self) -> None: ...

    def is_alive(self) -> bool: ...


def _end_all(workers: Sequence[_Worker]) -> None:
    """Ask all workers to end, and wait until this process knows that they did, for as long as they may take.

    Two threads of granian wait for each worker, and the system tells one of them that it ended. The other
    takes it for alive until the first has noted it, and would kill a process that is no more.
    """
    for worker in workers:
        worker.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline and any(worker.is_alive() for worker in workers):
        time.sleep(_LOOK)


def _is_news(record: logging.LogRecord) -> bool:
    """Tell whether a line of granian's own log says something that was not meant to be so.

    It warns of more threads than twice the processors; ours wait in line for the disk, and share its commits.
    """
    return "Python threads" not in record.getMessage()


def _run_in_batches() -> None:
    """Ask Linux to let a running thread finish its slice before one that was just woken takes its place.

    Threads of one interpreter wake each other at every read of the database and could not run anyway before
    the other is done; so the tail of the answer times halves, and a fifth more requests are served.
    Worker processes and threads inherit it. It needs no right; where it is refused all goes on without.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


@dataclass(frozen=True, slots=True)
class _Serving:
    port: int
    threads: int
    proxies: tuple[int, str]
    https: bool

    def guarded(self, application: Callable[..., Any], module: ModuleType) -> Callable[..., Any]:
        """Return the application behind what waits for bodies, with the thread that ends long waits.

        Its ``module`` may word what is refused there.
        """
        from kernel.connections import Connections  # noqa: PLC0415 - the command line must start fast
        from kernel.web.proxies import peer_by_hops  # noqa: PLC0415
        from kernel.web.whole_bodies import WholeBodies, in_a_sentence  # noqa: PLC0415
        from switchyard.counted import counting  # noqa: PLC0415

        bodies = WholeBodies(
            application,
            threads=self.threads,
            address=peer_by_hops(*self.proxies),
            refuse=counting(getattr(module, "refused", in_a_sentence)),
            https=self.https,
        )
        watched = (Connections(self.port), threading.Event())
        threading.Thread(target=bodies.watch, args=watched, name="bodies", daemon=True).start()
        return bodies


def _load(target: str, serving: _Serving, parent: int, ending: Synchronized[int]) -> Callable[..., Any]:
    # A worker is born with its parent's handlers, which would swallow what ends it. While it loads, it serves
    # nobody yet and may end at once; granian sets the handlers of a serving worker when the loading is done.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    follow_parent(parent)
    path, _, name = target.partition(":")
    try:
        with loading():
            module = importlib.import_module(path)
            application: Callable[..., Any] = getattr(module, name)
    except Exception as error:
        from switchyard.cli_faults import told  # noqa: PLC0415 - nobody needs it who serves

        found = told(error)
        if found is None:
            raise
        sentence, code = found  # granian would show where in our code it was found
        if ending.value == code:  # it tries once more, and nothing new is to be said
            sys.exit(code)
        ending.value = code
        try:
            fail(sentence, code)
        finally:
            if code == REFUSED:  # granian ends a server whose workers die in seconds; they may take longer
                os.kill(parent, signal.SIGTERM)
    ending.value = 0
    return serving.guarded(application, module)


@contextmanager
def loading() -> Iterator[None]:
    """Build what lives as long as the process: no garbage is looked for meanwhile, nor in it ever after.

    A fifth of the start went into looking through modules that stay. Once they are set aside, what a request
    leaves behind is found without walking over all of them; nor does a process at its end, which took half a
    second of a processor and longer than all that it had to finish.
    """
    gc.disable()
    try:
        yield
    finally:
        linecache.clearcache()  # sources that were read for what stands under each setting
        re.purge()  # patterns that whoever needs them still has
        gc.collect()
        gc.freeze()
        gc.enable()
        give_back()
        let_go_of_files()


def run_background(deeds: Mapping[str, Callable[[threading.Event], None]], stop: threading.Event) -> None:
    """Run each deed in a thread of its own until `stop` is set; one that breaks starts again."""
    follow_parent()
    threads = [
        threading.Thread(target=_keep, args=(name, deed, stop), name=name) for name, deed in deeds.items()
    ]
    for thread in threads:
        thread.start()
    wait_for_end(stop)
    for thread in threads:
        thread.join()


def _keep(name: str, deed: Callable[[threading.Event], None], stop: threading.Event) -> None:
    pause = FIRST_PAUSE
    while not stop.is_set():
        try:
            deed(stop)
            pause = FIRST_PAUSE
        except Exception as error:  # noqa: BLE001 - whatever broke, the deed goes on; the log names the kind
            # Only the kind: the text of an error may carry what a log must not hold.
            _log.error("background.deed_failed", deed=name, error=type(error).__name__, pause=pause)
            stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
