"""Pages of which most is the same for everybody: rendered once, then only what varies is filled in.

A template is rendered once for each language, set of constants and shape, with a mark of chance where a value
varies; every page after that is the pieces between the marks with this request's values, each of them escaped
as the template would have done. The macro library takes milliseconds for a page; filling takes microseconds.

What a template does with a varying value is to show it. Whether there is one is part of the shape, so it may
ask for that (``{% if name %}``), but not what it is: a value that decides about more is a constant. Form
tokens, nonces and the page's own address vary by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Final

import flask
from markupsafe import Markup, escape

from kernel.randomness import Randomness
from kernel.sentences import without_turns

_MOST_KEPT: Final = 64
"""How many are kept: a few for each language and client. An installation has no more than it has clients."""

Give = Callable[[], str]
_giving: dict[str, Give] = {}


def varying(name: str, give: Give) -> Give:
    """Return ``give`` for templates, under ``name``: its value is of this request alone."""
    _giving[name] = give

    def ask() -> str:
        mark: Callable[[str], Markup] | None = flask.g.get("skeleton_mark")
        return give() if mark is None else mark(name)

    return ask


@dataclass(frozen=True, slots=True)
class _Skeleton:
    """The pieces of a page, and which name belongs to which of them that is open."""

    pieces: tuple[str, ...]
    open: tuple[tuple[int, str], ...]
    names: frozenset[str]

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the page with ``values``, and with what this request gives of itself."""
        shown = {name: _shown(_value(name, values)) for name in self.names}
        pieces = [*self.pieces]
        for index, name in self.open:
            pieces[index] = shown[name]
        return "".join(pieces)


def _shown(value: str) -> str:
    """Return a value as a template shows it (:mod:`kernel.sentences`)."""
    return without_turns(str(escape(value)))


def _value(name: str, values: Mapping[str, str]) -> str:
    return values[name] if name in values else _giving[name]()


class Skeletons:
    """What one application remembers of its pages."""

    def __init__(self, randomness: Randomness) -> None:
        # Nobody can write what stands for a value: it is of chance, and of characters without a meaning.
        self._sign = f"\ue000{randomness.token(16)}:"
        self._cut = re.compile(re.escape(self._sign) + "([a-z_]+)\ue001")
        self._kept: dict[Hashable, _Skeleton] = {}

    def render(
        self, template: str, language: str, *, varies: Mapping[str, str], constants: Mapping[str, Hashable]
    ) -> str:
        """Return ``template`` with both, as :func:`flask.render_template` would."""
        shape = tuple(name for name, value in varies.items() if value)
        key = (template, language, shape, *constants.values(), *constants)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            found = self._kept[key] = self._cast(template, varies, constants)
        return found.filled(varies)

    def _cast(self, template: str, varies: Mapping[str, str], constants: Mapping[str, Hashable]) -> _Skeleton:
        marks = {name: self._mark(name) if value else "" for name, value in varies.items()}
        flask.g.skeleton_mark = self._mark
        try:
            text = flask.render_template(template, **constants, **marks)
        finally:
            del flask.g.skeleton_mark
        pieces = self._cut.split(text)  # the names stand at every second place
        return _Skeleton(
            tuple(pieces),
            tuple((index, pieces[index]) for index in range(1, len(pieces), 2)),
            frozenset(pieces[1::2]),
        )

    def _mark(self, name: str) -> Markup:
        return Markup(f"{self._sign}{name}\ue001")  # noqa: S704 - of chance and a name of our own
