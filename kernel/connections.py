"""The TCP connections that came in at a port of this process: which stand still, and an end for them.

The server that reads them has no end of its own for bodies and for readers. What the system knows of each
connection tells the silent from the busy (``TCP_INFO``); elsewhere than on Linux nothing is known or ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
import socket
import struct
import sys
import termios
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

_HANDLES = Path("/proc/self/fd")
_SLOWEST = 16_384
"""Bytes of an answer that have to be taken between two looks; whoever takes fewer makes no way."""
_TICK = 20
"""Milliseconds by which the system's count may be behind."""
_INFO = struct.Struct("44xI72xQ")  # last_data_sent in milliseconds, bytes_acked (linux/tcp.h)


@dataclass(frozen=True, slots=True)
class _Answer:
    """How many bytes were taken so far, and since when what is left makes no way."""

    taken: int
    since: float | None


class Connections:
    """What this process knows of the connections at ``port``. One thread asks."""

    def __init__(self, port: int, now: Callable[[], float] = time.monotonic) -> None:
        self._port = port
        self._now = now
        self._answers: dict[int, _Answer] = {}

    def cut_silent(self, peer: str, *, seconds: float) -> None:
        """End the connections of ``peer`` to which we sent nothing for so long.

        Which of them a half request came by nobody tells us. Those that are idle are opened again when they
        are needed, and who waits so long for an answer waits behind the half ones.
        """
        wanted, until = _plain(peer), seconds * 1000 - _TICK
        for connection in self._all():
            with contextlib.suppress(OSError):
                if _plain(connection.getpeername()[0]) == wanted and _info(connection)[0] >= until:
                    connection.shutdown(socket.SHUT_RDWR)

    def cut_untaken(self, *, seconds: float, crowd: int, hurried: float) -> None:
        """Look how far the answers are, and end connections whose peers leave theirs lying for ``seconds``.

        Where more than ``crowd`` do so, the ``hurried`` time counts.
        """
        found: dict[int, _Answer] = {}
        for connection in self._all():
            with contextlib.suppress(OSError):
                number = _number(connection)
                found[number] = self._progress(connection, self._answers.get(number))
        self._answers = found
        left = {number: answer.since for number, answer in found.items() if answer.since is not None}
        until = self._now() - (hurried if len(left) > crowd else seconds)
        self._cut({number for number, since in left.items() if since <= until})

    def _progress(self, connection: socket.socket, before: _Answer | None) -> _Answer:
        taken = _info(connection)[1]
        if not _left(connection):
            return _Answer(taken, None)
        rests = before is not None and before.since is not None and taken - before.taken < _SLOWEST
        return _Answer(taken, before.since if before is not None and rests else self._now())

    def _cut(self, numbers: Collection[int]) -> None:
        for connection in self._all() if numbers else ():
            with contextlib.suppress(OSError):
                if _number(connection) in numbers:
                    connection.shutdown(socket.SHUT_RDWR)

    def _all(self) -> Iterator[socket.socket]:
        """Go through what came in; each handle is closed behind it."""
        if sys.platform != "linux":
            return
        try:
            handles = list(_HANDLES.iterdir())
        except OSError:  # no handle is left to look with; the next look finds some
            return
        for handle in handles:
            with contextlib.suppress(OSError):
                if not str(handle.readlink()).startswith("socket:"):
                    continue
                with socket.socket(fileno=os.dup(int(handle.name))) as connection:
                    if self._is_ours(connection):
                        yield connection

    def _is_ours(self, connection: socket.socket) -> bool:
        if connection.family not in {socket.AF_INET, socket.AF_INET6}:
            return False
        return connection.type == socket.SOCK_STREAM and connection.getsockname()[1] == self._port


def _number(connection: socket.socket) -> int:
    """Return what tells a connection from others as long as it lives."""
    return os.fstat(connection.fileno()).st_ino


def _info(connection: socket.socket) -> tuple[int, int]:
    """Return the milliseconds since we last sent something, and how many bytes the peer took."""
    found: tuple[int, int] = _INFO.unpack(
        connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    )
    return found


def _left(connection: socket.socket) -> int:
    """Return how many bytes were sent to the peer and not taken yet."""
    return int(struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))[0])


def _plain(address: str) -> str:
    """Return an address as it is compared: of IPv4 wherever it is one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)
