"""What is counted of a process, under which names; :mod:`switchyard.metrics` says them to whoever asks.

Labels have few values, all of them ours: never what a client chose, and nothing of a person.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import structlog

from kernel.counters import HANDLE, Counters
from kernel.web.http import Response
from kernel.web.measured import OTHER, Measured, note_routes

if TYPE_CHECKING:
    import flask

    from kernel.settings import KernelSettings
    from kernel.web.lane import Application

COUNTERS = Counters()
"""Those of this process."""
REQUESTS, REQUEST_SECONDS, DEEDS, TOKENS = "requests", "request_seconds", "deeds", "tokens"
HASH_WAIT, CONTENTION = "hash_wait", "contention"
PAGES = "pages"
_ISSUED = "gateway:token:issued"
_log = structlog.get_logger(__name__)


def shared_handle() -> int | None:
    """Return the handle of the file of counters, if this process shares one."""
    given = os.environ.get(HANDLE)
    return int(given) if given else None


def keep_counting(kernel: KernelSettings) -> None:
    """Count from now on, where the settings ask for it and a supervisor shares a file of counters."""
    handle = shared_handle()
    if not kernel.metrics_address or handle is None or COUNTERS.are_kept:
        return
    try:
        COUNTERS.keep(handle)
    except OSError as error:  # to serve uncounted is better than not to serve
        _log.error("counters.not_kept", error=error.strerror or str(error))


def measured(application: Application, pages: flask.Flask, faces: Mapping[str, str]) -> Application:
    """Return the application with its requests counted, if this process counts.

    ``faces`` tells the face of a protocol's routes; the others are those of pages.
    """
    if not COUNTERS.are_kept:
        return application
    note_routes(pages)

    def told(route: str, method: str, status: str, seconds: float) -> None:
        face = faces.get(route, PAGES)
        COUNTERS.add((REQUESTS, face, route, method, status))
        COUNTERS.spend((REQUEST_SECONDS, face), seconds)

    return Measured(application, told)


def counting(refuse: Callable[[str, int], Response]) -> Callable[[str, int], Response]:
    """Return ``refuse`` with what it refuses counted: requests that came to no application."""

    def refused(path: str, status: int) -> Response:
        COUNTERS.add((REQUESTS, OTHER, OTHER, OTHER, str(status)))
        return refuse(path, status)

    return refused


def deeds(rows: Sequence[Mapping[str, Any]]) -> None:
    """Count what the audit tells of a unit of work that was committed."""
    for row in rows:
        COUNTERS.add((DEEDS, row["tag"], row["outcome"]))
        if row["tag"] == _ISSUED:
            COUNTERS.add((TOKENS, str(row["details"].get("grant_type"))))


def waited(seconds: float) -> None:
    """Count how long a password stood in line for its hash."""
    COUNTERS.spend((HASH_WAIT,), seconds)


def stood_in_the_way(how: str) -> None:
    """Count a unit of work that was undone because of another (``undone``), or waited in vain (``late``)."""
    COUNTERS.add((CONTENTION, how))
