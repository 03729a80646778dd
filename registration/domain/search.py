"""Searching persons: what may be asked, who may see whom, and in which order (R-019..R-024, EN-07)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from registration.domain.text import search_key

PAGE_SIZE: Final = 20
MOST_RESULTS: Final = 400
"""A search that finds more shows these many; whoever searches is asked to say more."""
HIGHEST_PERSON_NO: Final = 999_999_999

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of rows; pages count from 1."""

    rows: tuple[T, ...]
    page: int
    pages: int
    total: int
    is_cut: bool = False
    """Whether there are more than ``total``, which nobody can leaf to."""


@dataclass(frozen=True, slots=True)
class PersonSearch:
    """What somebody looks for: Person ID, last name and first name, at least one of them (R-020)."""

    person_no: str = ""
    last_name: str = ""
    first_name: str = ""

    @property
    def number(self) -> int | None:
        """The Person ID asked for; -1, which nobody has, for text that is none."""
        text = self.person_no.strip()
        if not text:
            return None
        sound = text.isascii() and text.isdigit() and len(text) <= len(str(HIGHEST_PERSON_NO))
        return int(text) if sound else -1

    @property
    def last_key(self) -> str:
        """What the last name is found by."""
        return search_key(self.last_name)

    @property
    def first_key(self) -> str:
        """What the first name is found by."""
        return search_key(self.first_name)

    @property
    def may_find_strangers(self) -> bool:
        """Whether people may be found whom the organization never dealt with: by who knows them (EN-07)."""
        return bool(self.last_key and (self.first_key or self.number is not None))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        return self.number is None and not self.last_key and not self.first_key


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person in a result list (R-023). ``own``: the organization has dealt with the person before."""

    person_id: str
    person_no: int
    last_name: str
    first_name: str
    preferred_name: str
    middle_name: str
    own: bool


def rank(row: PersonRow, search: PersonSearch) -> tuple[int, int, str, str, int]:
    """Return the sort key of a result: best match, own people before others, then name and Person ID."""
    last, first = search_key(row.last_name), search_key(row.first_name)
    score = 0
    if search.number is not None and row.person_no == search.number:
        score -= 8
    score -= _closeness(last, search.last_key) * 2 + _closeness(first, search.first_key)
    return score, 0 if row.own else 1, last, first, row.person_no


def _closeness(value: str, wanted: str) -> int:
    if not wanted:
        return 0
    if value == wanted:
        return 2
    return 1 if value.startswith(wanted) else 0


def paged(rows: list[T], page: int, size: int = PAGE_SIZE, *, is_cut: bool = False) -> Page[T]:
    """Return one page of ``rows``; a page beyond the last is the last."""
    pages = max(1, -(-len(rows) // size))
    page = min(max(1, page), pages)
    return Page(tuple(rows[(page - 1) * size : page * size]), page, pages, len(rows), is_cut)
