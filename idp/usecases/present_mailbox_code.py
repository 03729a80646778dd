"""Somebody gives the code that was sent to the account's mailbox."""

from __future__ import annotations

from idp.domain.login_flow import Proof, ProofKind, Step
from idp.domain.one_time import Purpose, is_code
from idp.storage.one_time import spend
from idp.usecases.dispatcher import Position, advance, locate, page_of
from idp.usecases.factor_tries import CodeTry, accept_code, admit_code, refuse_code
from idp.usecases.flow_outcomes import Moved, SlowDown, WrongCode
from idp.usecases.secret_hashing import mailbox_code_digest
from idp.usecases.services import IdpServices
from kernel.audit import Actor

_TAG = "gateway:mailbox:"


def present_mailbox_code(
    services: IdpServices, *, flow: str, browser: str, code: str
) -> Moved | WrongCode | SlowDown:
    """Take the code at the step that asks for it: the newest of this flow, once, within ten minutes."""
    with services.store.write() as unit:
        position = locate(unit.connection, services, token=flow, browser=browser, now=unit.now, keep=True)
        if not isinstance(position, Position):
            return position
        account = position.account
        if account is None or position.step is not Step.PROVE_MAILBOX:
            return page_of(unit.connection, services, position)
        tried = admit_code(unit, services, position, account)
        if not isinstance(tried, CodeTry):
            return tried
        digest = mailbox_code_digest(services, position.flow.id, code) if is_code(code) else b""
        owner = spend(unit.connection, digest, purpose=Purpose.MAILBOX_CODE, now=unit.now)
        if owner != account.id:
            return refuse_code(unit, services, account, tried, tag=f"{_TAG}refused", reason="wrong")
        accept_code(unit, tried)
        unit.audit.record(f"{_TAG}proved", actor=Actor("account", account.id), target=account.id)
        return advance(unit, services, position, Proof(ProofKind.MAILBOX, unit.now))
