"""Lines of the log: written whole and at once, and left out where they find no room.

Whoever logs goes on either way. What was answered is not undone because the disk of the log is full, or
because whoever reads standard error has gone away.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import TextIO

from kernel.forking import renew_in_children


class LogLines:
    """Writes lines to ``stream``, or to what standard error is at the time; tells later how many were lost.

    What of a line had found room is ended before the next, so that each stands by itself.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._lost = 0
        renew_in_children(self)

    def renew(self) -> None:
        """In a process that was forked off, wait for no line that a thread of its parent writes."""
        self._lock = threading.Lock()

    def msg(self, line: str) -> None:
        """Write the line, in one piece: other processes write to the same place."""
        with self._lock:
            try:
                self._write(self._told() + line + "\n")
            except (OSError, ValueError):  # the second, if it was closed
                self._lost += 1
            else:
                self._lost = 0

    debug = info = warning = error = critical = exception = msg

    def _told(self) -> str:
        if not self._lost:
            return ""
        return f"\n{json.dumps({'lines': self._lost, 'event': 'log.lines_lost', 'level': 'warning'})}\n"

    def _write(self, text: str) -> None:
        stream = self._stream or sys.stderr
        stream.write(text)
        stream.flush()
