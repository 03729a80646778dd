"""One page of a list that is ordered by id, and where its neighbours begin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageById(Generic[T]):
    """One page of a list; ``after`` and ``before`` lead to its neighbours, empty where there is none."""

    found: tuple[T, ...]
    before: str = ""
    after: str = ""


def page_by_id(
    found: Sequence[T], identify: Callable[[T], str], *, size: int, after: str = "", before: str = ""
) -> PageById[T]:
    """Return the page that ``found`` makes, of which one more than ``size`` was asked for, by id.

    ``after`` and ``before`` are where the page was asked to begin or to end; with ``before`` the one too
    many is the first.
    """
    more = len(found) > size
    if before:
        kept = tuple(found[-size:])
        return PageById(kept, identify(kept[0]) if more else "", identify(kept[-1]) if kept else "")
    kept = tuple(found[:size])
    earlier = identify(kept[0]) if after and kept else ""
    return PageById(kept, earlier, identify(kept[-1]) if more else "")
