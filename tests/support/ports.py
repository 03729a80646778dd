"""Free ports of this machine."""

from __future__ import annotations

import os
import socket
from itertools import count

_bases = count()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_base_port(*offsets: int) -> int:
    """Return a port so that it and each `port + offset` are free, and stay so: none is given to connections.

    One process gets another one each time, and processes look from different starts.
    """
    start = 12_000 + (os.getpid() * 64 + next(_bases)) * 40 % 8_000
    last = 20_000 - max(offsets, default=0)
    return next(
        base
        for base in (*range(start, last), *range(12_000, min(start, last)))
        if all(_is_free(base + offset) for offset in (0, *offsets))
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def server_port(place: int = 0) -> int:
    """Return a free port below those that the system gives to connections, so that it is free a while later too.

    ``place`` tells the ports of one process apart; processes look from different starts.
    """
    start = 20_000 + (os.getpid() * 8 + place) % 10_000
    return next(port for port in range(start, 32_000) if _is_free(port))
