"""Answers to list requests: over one type of resource or over all, by index or by cursor (F2, F4, F5).

Several types are one list: in the order that is asked for, or one type after the other. A page that would be
too large to be told at once is a shorter one (RFC 7644 §3.4.2.4), and the list goes on behind it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from scim2_models import TooManyException

from idp.domain.query import Heavy, Interleaving, Page, Place, Search, Walk
from kernel.errors import CrowdedError, TooCostlyError
from kernel.long_questions import LongQuestions
from kernel.web.http import Response
from scim.domain.render import list_response
from scim.usecases.client import ScimClient
from scim.web.cursors import Cursors, Position
from scim.web.endpoint import refusal, scim_answer
from scim.web.searching import ListRequest


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of one type of resource, and its resources as JSON texts."""

    page: Page
    texts: Iterable[str]


_CROWDED = "Other searches of this client are taking long; ask again when they are done."

Find = Callable[[ListRequest, ScimClient], Listed | Heavy]
Interleave = Callable[[Sequence[Search], ScimClient], Interleaving]
"""Tells how the resources that several kinds find follow one another on a page."""


@dataclass(slots=True)
class _Gathered:
    """What a walk has found: texts in the order of the list, both ends, whether there is more behind."""

    texts: list[str]
    first: tuple[int, Place] | None = None
    last: tuple[int, Place] | None = None
    total: int = 0
    more: bool = False

    def take(self, kind: int, listed: Listed, *, back: bool) -> None:
        """Add a page, at the end or, on the way back, at the beginning."""
        texts, stretch = list(listed.texts), listed.page.stretch
        self.texts = [*texts, *self.texts] if back else [*self.texts, *texts]
        self.total += listed.page.total
        self.more = self.more or listed.page.more
        if stretch is not None:
            first, last = (kind, stretch.first), (kind, stretch.last)
            self.first = first if back else self.first or first
            self.last = self.last or last if back else last


class Listing:
    """Lists over the kinds of resources that ``finds`` find, in their order; ``name`` tells lists apart.

    Where they are to be sorted, ``interleave`` says how several kinds follow one another. ``questions``
    bounds how long a page keeps the database busy, and how many of a client do so for long at once.
    """

    def __init__(
        self,
        cursors: Cursors,
        name: str,
        finds: Sequence[Find],
        interleave: Interleave | None = None,
        *,
        questions: LongQuestions,
    ) -> None:
        self._cursors = cursors
        self._name = name
        self._finds = finds
        self._interleave = interleave
        self._questions = questions

    def joined(self, other: Listing, interleave: Interleave) -> Listing:
        """Return the list of what this one and the other one lists."""
        name = f"{self._name}+{other._name}"
        return Listing(
            self._cursors, name, (*self._finds, *other._finds), interleave, questions=self._questions
        )

    def answer(self, asked: Sequence[ListRequest], client: ScimClient) -> Response:
        """Answer one page; ``asked`` has the question as each kind understands it.

        A client that has as many long searches under way as it may is refused another one (RFC 6585 §4).

        Raises:
            TooManyException: if it takes the database too long (RFC 7644 §3.12).
        """
        try:
            return self._questions.answer(client.id, lambda: self._page(asked, client))
        except CrowdedError as error:
            return refusal(429, _CROWDED, "", (("Retry-After", str(error.retry_after)),))
        except TooCostlyError as error:
            raise TooManyException(
                detail="The search takes too long. Use a narrower filter, fewer terms, or 'eq' with an"
                " attribute that few share, such as 'id', 'userName' or 'externalId'."
            ) from error

    def _page(self, asked: Sequence[ListRequest], client: ScimClient) -> Response:
        if asked[0].cursor is not None:
            return self._by_cursor(asked, client, asked[0].cursor)
        found = _shortened(lambda limit: self._by_index(asked, client, limit), asked[0].search.limit)
        return scim_answer(200, list_response(found.total, asked[0].start_index, found.texts))

    def _by_index(self, asked: Sequence[ListRequest], client: ScimClient, limit: int) -> _Gathered | Heavy:
        first = asked[0].search
        if self._interleave is not None and first.sort is not None:
            return self._in_turn(asked, client, self._interleave, limit)
        found = _Gathered([])
        for question, find in zip(asked, self._finds, strict=True):
            offset, left = max(first.offset - found.total, 0), limit - len(found.texts)
            search = dataclasses.replace(question.search, offset=offset, limit=left)
            listed = find(dataclasses.replace(question, search=search), client)
            if isinstance(listed, Heavy):
                return Heavy(len(found.texts) + listed.fits)
            found.take(0, listed, back=False)
        return found

    def _by_cursor(self, asked: Sequence[ListRequest], client: ScimClient, cursor: str) -> Response:
        query = json.dumps([client.id, self._name, asked[0].question])
        position, count = None, asked[0].search.limit
        if cursor:
            stated = count if asked[0].states_count else None
            position, count = self._cursors.open(cursor, query=query, count=stated)
        found = _shortened(lambda limit: self._walked(asked, client, position, limit), count)

        def sealed(end: tuple[int, Place], *, back: bool) -> str:
            place = Position(end[1], end[0], found.total, back)
            return self._cursors.seal(place, query=query, count=count)

        back = position is not None and position.back
        following = previous = ""
        if found.last is not None and (found.more or back):
            following = sealed(found.last, back=False)
        if found.first is not None and (found.more if back else position is not None):
            previous = sealed(found.first, back=True)
        text = list_response(found.total, None, found.texts, following=following, previous=previous)
        return scim_answer(200, text)

    def _walked(
        self, asked: Sequence[ListRequest], client: ScimClient, position: Position | None, limit: int
    ) -> _Gathered | Heavy:
        back = position is not None and position.back
        if self._interleave is not None and asked[0].search.sort is not None:
            walk = Walk() if position is None else Walk(position.place, position.back, counts=False)
            turns = self._in_turn(asked, client, self._interleave, limit, walk)
            if position is not None and not isinstance(turns, Heavy):
                turns.total = position.total
            return turns
        found = _Gathered([])
        for kind in self._order(position, back=back):
            place = position.place if position is not None and position.kind == kind else None
            walk = Walk(place, back, counts=position is None)
            search = dataclasses.replace(asked[kind].search, limit=limit - len(found.texts), walk=walk)
            listed = self._finds[kind](dataclasses.replace(asked[kind], search=search), client)
            if isinstance(listed, Heavy):
                return Heavy(len(found.texts) + listed.fits)
            found.take(kind, listed, back=back)
            if found.more and position is not None:
                break
        if position is not None:
            found.total = position.total
        return found

    def _in_turn(
        self,
        asked: Sequence[ListRequest],
        client: ScimClient,
        interleave: Interleave,
        limit: int,
        walk: Walk | None = None,
    ) -> _Gathered | Heavy:
        """Return a page of several kinds in one order; what was deleted since that was read is left out."""
        page = interleave(
            [dataclasses.replace(each.search, limit=limit, walk=walk) for each in asked], client
        )
        turns = page.turns[::-1] if walk is not None and walk.back else page.turns
        texts: dict[str, str] = {}
        fits = len(turns)
        for kind, question in enumerate(asked):
            only = tuple(each for turn, each in turns if turn == kind)
            if not only:
                continue
            search = dataclasses.replace(question.search, only=only)
            listed = self._finds[kind](dataclasses.replace(question, search=search), client)
            if isinstance(listed, Heavy):
                fits = min(fits, turns.index((kind, only[listed.fits])))
            else:
                texts |= zip((record.id for record in listed.page.records), listed.texts, strict=True)
        if fits < len(turns):
            return Heavy(fits)
        found = _Gathered([texts[each] for _, each in page.turns if each in texts], total=page.total)
        found.more = page.more
        if page.stretch is not None:
            found.first, found.last = (0, page.stretch.first), (0, page.stretch.last)
        return found

    def _order(self, position: Position | None, *, back: bool) -> Iterator[int]:
        start = position.kind if position is not None else 0
        yield from range(start, -1, -1) if back else range(start, len(self._finds))


def _shortened(page: Callable[[int], _Gathered | Heavy], limit: int) -> _Gathered:
    """Return the page of ``limit`` resources, or a shorter one if that would be too heavy."""
    found = page(limit)
    while isinstance(found, Heavy):
        found = page(found.fits)
    return found
