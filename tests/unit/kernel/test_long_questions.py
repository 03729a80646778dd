"""How many long questions one asker may have under way (RX-13: one client does not starve others)."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from kernel.errors import CrowdedError, TooCostlyError
from kernel.long_questions import LongQuestions

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPAN = dt.timedelta(seconds=5)


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class _Question:
    """A question that is answered at its ``lasts``-th asking, and only when it is let go."""

    def __init__(self, *, lasts: int = 2, done: bool = False) -> None:
        self._left = lasts
        self.under_way = threading.Event()
        self.gone = threading.Event()
        if done:
            self.gone.set()

    def __call__(self) -> str:
        self._left -= 1
        if self._left:
            raise TooCostlyError
        self.under_way.set()
        assert self.gone.wait(30)
        return "answered"


def _questions(clock: _Clock | None = None, *, brief: float = 0.5) -> LongQuestions:
    return LongQuestions(2, brief=dt.timedelta(seconds=brief), span=_SPAN, now=clock or _Clock())


@contextmanager
def _under_way(questions: LongQuestions, asker: str, *lasts: int) -> Iterator[None]:
    """Have questions of one asker under way: those that last two askings have a long place."""
    with ExitStack() as held:
        for each in lasts:
            question = _Question(lasts=each)
            thread = threading.Thread(target=questions.answer, args=(asker, question))
            thread.start()
            held.callback(thread.join)
            held.callback(question.gone.set)
            assert question.under_way.wait(30)
        yield


def test_a_further_long_question_is_refused_until_one_ends() -> None:
    """The first of them is over after five seconds at the latest; others' questions are answered."""
    clock = _Clock()
    questions = _questions(clock)
    with _under_way(questions, "a", 2, 2):
        clock.now = 101.5
        with pytest.raises(CrowdedError) as refused:
            questions.answer("a", _Question(done=True))
        assert refused.value.retry_after == 4
        assert questions.answer("b", _Question(done=True)) == "answered"
    assert questions.answer("a", _Question(done=True)) == "answered"


def test_brief_questions_go_on_beside_the_long_ones() -> None:
    """As many of them as there are long places; who waits for more waits for nobody else's sake."""
    questions = _questions()
    with _under_way(questions, "a", 2, 2, 1):
        assert questions.answer("a", _Question(lasts=1, done=True)) == "answered"
        with _under_way(questions, "a", 1):
            with pytest.raises(CrowdedError):
                questions.answer("a", _Question(lasts=1, done=True))
            assert questions.answer("b", _Question(lasts=1, done=True)) == "answered"


def test_as_many_brief_questions_as_one_likes_while_none_is_long() -> None:
    questions = _questions()
    with _under_way(questions, "a", *[1] * 8, 2):
        assert questions.answer("a", _Question(done=True)) == "answered"


def test_a_question_that_takes_longer_than_any_may_is_refused() -> None:
    """Its place is free again; where no question may be long, it is asked once."""
    questions = _questions()
    for _ in range(3):
        with pytest.raises(TooCostlyError):
            questions.answer("a", _Question(lasts=3))
    with pytest.raises(TooCostlyError):
        _questions(brief=5).answer("a", _Question(lasts=2))
