"""An error as the log tells it: where it came from, and of the database no values.

PostgreSQL adds to what it refuses the row that it refused ("Key (email_key)=(...) already exists"), and
quotes what it could not read. Rows are people here, so that its words never reach a log; its names for what
went wrong do, and they are enough.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from sqlalchemy.exc import StatementError

_NAMES = ("schema_name", "table_name", "column_name", "constraint_name", "datatype_name")
_BECAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def traced(exc_info: ExcInfo) -> str:
    """Return the traceback of an error and of what led to it, as Python writes it, without stored values."""
    return "".join(_lines(exc_info[1])).rstrip("\n")


class LogFormatter(logging.Formatter):
    """Words the errors that libraries log as we word our own."""

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 - the library's signature
        """Return what stands below the line."""
        return traced(ei)


def _lines(error: BaseException) -> Iterator[str]:
    """Tell each error after what led to it, and what a group holds after the group itself."""
    waiting: list[BaseException | Iterator[str]] = [error]
    told: set[int] = set()
    while waiting:
        next_one = waiting.pop()
        if not isinstance(next_one, BaseException):
            yield from next_one
            continue
        told.add(id(next_one))
        if isinstance(next_one, BaseExceptionGroup):
            waiting += reversed(next_one.exceptions)
        waiting.append(_itself(next_one))
        before = next_one.__cause__ or (None if next_one.__suppress_context__ else next_one.__context__)
        if before is not None and id(before) not in told:
            waiting += (iter((_BECAUSE if next_one.__cause__ else _DURING,)), before)


def _itself(error: BaseException) -> Iterator[str]:
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):\n"
        yield from traceback.format_tb(error.__traceback__)
    kind, words = type(error), worded(error)
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    yield f"{name}: {words}\n" if words else f"{name}\n"
    for note in getattr(error, "__notes__", ()):
        yield f"{note}\n"


def worded(error: BaseException) -> str:
    """Return what an error says, or in place of the server's words its names for what went wrong."""
    cause = error.orig if isinstance(error, StatementError) else error
    state = getattr(cause, "sqlstate", None)
    if not state:
        try:
            return str(error)
        except Exception:  # noqa: BLE001 - the last resort of every face tells it
            return "<exception str() failed>"
    diagnosis = getattr(cause, "diag", None)
    named = {name.removesuffix("_name"): getattr(diagnosis, name, None) for name in _NAMES}
    found = [f"{name}={value}" for name, value in named.items() if value]
    statement = f" [SQL: {error.statement}]" if isinstance(error, StatementError) and error.statement else ""
    return " ".join([f"sqlstate={state}", *found]) + statement
