"""Why the answer to a security question was refused, in words (G-35)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway_ui.web import messages
from gateway_ui.web.messages import Message, complain, complain_count
from idp.domain.security_question import SHORTEST_ANSWER, AnswerFault
from kernel.web.forms import FormErrors

_SENTENCES: Mapping[AnswerFault, tuple[str, Message]] = MappingProxyType(
    {
        AnswerFault.UNKNOWN_QUESTION: ("question", messages.QUESTION_MISSING),
        AnswerFault.EMPTY: ("answer", messages.ANSWER_EMPTY),
        AnswerFault.TOO_LONG: ("answer", messages.ANSWER_LONG),
        AnswerFault.TOO_SIMPLE: ("answer", messages.ANSWER_SIMPLE),
        AnswerFault.IN_QUESTION: ("answer", messages.ANSWER_IN_QUESTION),
        AnswerFault.USER_NAME: ("answer", messages.ANSWER_USER_NAME),
    }
)


def add_answer_fault(errors: FormErrors, fault: AnswerFault) -> None:
    """Say why a question and its answer were refused, at the field it belongs to."""
    if fault is AnswerFault.TOO_SHORT:
        complain_count(errors, "answer", messages.ANSWER_SHORT, SHORTEST_ANSWER)
    else:
        complain(errors, *_SENTENCES[fault])
