"""Choosing a security question and its answer (G-20, G-22, G-34, G-35)."""

from __future__ import annotations

from idp.domain.login_flow import Step
from idp.domain.security_question import answer_fault
from idp.outbound.mail import post_question_set
from idp.storage.credentials import set_question
from idp.usecases.dispatcher import Position, advance, locate, page_of, questions_for
from idp.usecases.flow_outcomes import AnswerRefused, Moved
from idp.usecases.letterhead import letterhead
from idp.usecases.secret_hashing import hash_answer
from idp.usecases.services import IdpServices
from kernel.audit import Actor


def set_security_question(
    services: IdpServices, *, flow: str, browser: str, question: str, answer: str
) -> Moved | AnswerRefused:
    """Store a question of the account's own short list and the hash of its answer (MF-15).

    Raises:
        BusyError: when too many hashes are asked for at once; nothing was changed.
    """
    now = services.store.clock.now()
    with services.store.read() as connection:
        position = locate(connection, services, token=flow, browser=browser, now=now)
        if not isinstance(position, Position):
            return position
        account = position.account
        if account is None or position.step is not Step.SET_QUESTION:
            return page_of(connection, services, position)
        offered = tuple(each.key for each in questions_for(connection, account))
    fault = answer_fault(question, answer, offered=offered, user_name=account.user_name)
    if fault is not None:
        return AnswerRefused(fault)
    answer_hash = hash_answer(services, account.id, answer)
    with services.store.write() as unit:
        position = locate(unit.connection, services, token=flow, browser=browser, now=unit.now, keep=True)
        if not isinstance(position, Position):
            return position
        if position.step is not Step.SET_QUESTION:
            return page_of(unit.connection, services, position)
        set_question(unit.connection, account.id, question, answer_hash, now=unit.now)
        post_question_set(unit, account, letterhead(services))
        unit.audit.record("gateway:question:set", actor=Actor("account", account.id), target=account.id)
        return advance(unit, services, position)
