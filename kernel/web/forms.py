"""Reading what people typed, and telling them what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable

import flask
from werkzeug.datastructures import MultiDict

LONGEST = 4000


def single(form: MultiDict[str, str], name: str, *, longest: int = LONGEST) -> str:
    """Return the one value of a field, or an empty text if it was not sent.

    A field that comes twice, holds a zero byte or more than ``longest`` characters was never typed into a
    page of ours: answered with 400 (LG-12).
    """
    values = form.getlist(name)
    if len(values) > 1:
        flask.abort(400)
    return _readable(values[0], longest) if values else ""


def several(form: MultiDict[str, str], name: str, *, most: int = 500, longest: int = 200) -> list[str]:
    """Return all values of a field of boxes, in order and without repetitions."""
    values = form.getlist(name)
    if len(values) > most:
        flask.abort(400)
    return list(dict.fromkeys(_readable(value, longest) for value in values))


def _readable(value: str, longest: int) -> str:
    if len(value) > longest or "\x00" in value:
        flask.abort(400)
    return value


class FormErrors:
    """The sentences about what is wrong, by field, in the order of the page.

    True if there are any. Pass it to the template as ``errors``: the base page shows the summary and puts
    "Error:" before the title, each field shows its own sentence.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs: list[tuple[str, str]] = list(pairs)

    def add(self, field: str, message: str) -> None:
        """Say what is wrong with ``field``; an empty name means the whole form."""
        self._pairs.append((field, message))

    def get(self, field: str) -> str:
        """Return the first sentence about ``field``, or an empty text."""
        return next((message for name, message in self._pairs if name == field), "")

    @property
    def summary(self) -> list[dict[str, str]]:
        """The lines of the error summary; each links to its field."""
        return [{"text": text, "href": f"#{name}"} if name else {"text": text} for name, text in self._pairs]

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)
