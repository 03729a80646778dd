"""What goes wrong around a command, in one sentence and a code: files, addresses and databases.

Whoever runs a command has to do something about it and reads no code of ours; a traceback is for our own
mistakes alone.
"""

from __future__ import annotations

import errno
import os
import re

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from kernel.errors import BusyError, SpokenError, SwitchyardError
from kernel.logged_errors import worded
from switchyard.exit_codes import BUSY, REFUSED

_PASSING = ("08", "53", "55", "57")
"""Classes of PostgreSQL's codes: connections, resources, locks, an operator's intervention."""
_OUT_OF_DATE = ("42P01", "42703")
"""Its codes for a table and a column that are not there."""
_NOT_THERE = ("no such table", "no such column", "has no column named")
"""How SQLite says the same."""
_OUR_MISTAKES = (IntegrityError, DataError)
"""What somebody stores that cannot stand there is refused before the database is asked."""


def told(error: Exception) -> tuple[str, int] | None:
    """Return what to say of an error and the code to end with; None if it is a mistake of our own."""
    if isinstance(error, SwitchyardError):
        code = BUSY if isinstance(error, BusyError) else REFUSED
        return error.message if isinstance(error, SpokenError) else f"{error.public} ({error.code})", code
    if isinstance(error, DBAPIError):
        return _of_database(error)
    if isinstance(error, OSError) and error.errno is not None:
        return _of_system(error)
    return None


def _of_system(error: OSError) -> tuple[str, int]:
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or "unusable"
    place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    return f"{place}{reason}", BUSY if error.errno == errno.EADDRINUSE else REFUSED


def _of_database(error: DBAPIError) -> tuple[str, int] | None:
    if isinstance(error, _OUR_MISTAKES):
        return None
    cause = error.orig or error
    state, words = getattr(cause, "sqlstate", None), _first_line(worded(cause))
    if state in _OUT_OF_DATE or any(each in words for each in _NOT_THERE):
        return f"the database is not up to date: run `switchyard db upgrade` ({words})", REFUSED
    passing = state.startswith(_PASSING) if state else error.connection_invalidated or _may_pass(words)
    return f"the database cannot be used: {_condition(cause)}{words}", BUSY if passing else REFUSED


def _condition(cause: BaseException) -> str:
    """Return what PostgreSQL's code stands for, in the words of the driver's name; it quotes nothing."""
    kind = type(cause)
    if kind.__module__ != "psycopg.errors" or getattr(cause, "sqlstate", None) is None:
        return ""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower() + ", "


def _may_pass(words: str) -> bool:
    return any(each in words for each in ("connection", "locked", "disk I/O", "is full"))


def _first_line(words: str) -> str:
    return words.strip().partition("\n")[0]
