"""Sending the code by which an account without a factor proves its mailbox before it enrols one (MF-14)."""

from __future__ import annotations

from idp.domain.login_flow import Step
from idp.domain.one_time import LIFETIME, RESEND_AFTER, Purpose, code_from
from idp.outbound.mail import post_mailbox_code
from idp.storage.one_time import issue, last_issued_at
from idp.usecases.dispatcher import Position, locate
from idp.usecases.flow_outcomes import AlreadyDone, CodeSent, FlowLost, SlowDown
from idp.usecases.letterhead import letterhead
from idp.usecases.limits import MAILBOX_CODES
from idp.usecases.secret_hashing import mailbox_code_digest
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.ratelimit import take


def send_mailbox_code(
    services: IdpServices, *, flow: str, browser: str
) -> CodeSent | SlowDown | FlowLost | AlreadyDone:
    """Send a new code to the address of the account, and to no other; the one before is out of force (MF-10).

    Not more than one in half a minute and five in an hour, so that a mailbox is not flooded (MF-20).
    """
    with services.store.write() as unit:
        position = locate(unit.connection, services, token=flow, browser=browser, now=unit.now)
        if not isinstance(position, Position):
            return position
        account = position.account
        if account is None or position.step is not Step.PROVE_MAILBOX:
            return FlowLost(position.flow.client_name, position.flow.client_id)
        last = last_issued_at(unit.connection, account.id, purpose=Purpose.MAILBOX_CODE)
        if last is not None and unit.now - last < RESEND_AFTER:
            return SlowDown(RESEND_AFTER - (unit.now - last))
        taken = take(unit.connection, MAILBOX_CODES, account.id, now=unit.now)
        if not taken.allowed:
            return SlowDown(taken.retry_after)
        digits = code_from(unit.randomness.below(1_000_000))
        life = LIFETIME[Purpose.MAILBOX_CODE]
        issue(
            unit.connection,
            mailbox_code_digest(services, position.flow.id, digits),
            purpose=Purpose.MAILBOX_CODE,
            account_id=account.id,
            now=unit.now,
            life=life,
        )
        minutes = int(life.total_seconds() // 60)
        post_mailbox_code(unit, account, letterhead(services), digits=digits, minutes=minutes)
        unit.audit.record("gateway:mailbox:asked", actor=Actor("account", account.id), target=account.id)
        return CodeSent(RESEND_AFTER)
