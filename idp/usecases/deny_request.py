"""The help desk denies a request: whoever asked did not prove to be the holder of the account (G-65)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from idp.domain.help_desk import Doubt
from idp.domain.provisioning import Missing
from idp.domain.ticket import BadTicket, is_ticket
from idp.storage.accounts import hold_account
from idp.storage.deeds import was_done_since
from idp.usecases.services import IdpServices
from kernel.audit import Actor

_DENIED = "gateway:account:request-denied"


@dataclass(frozen=True, slots=True)
class RequestDenied:
    """It is written down that the request was denied; the account is as it was."""


def deny_request(
    services: IdpServices, account_id: str, *, doubt: Doubt, ticket: str, actor: Actor, asked_at: dt.datetime
) -> RequestDenied | Missing | BadTicket:
    """Write down that a request about the account was denied, and why: who hears the next one reads it.

    Whoever's account it is: also who asks for something of staff is denied it. Once for a form that is sent
    twice: who denied the same request for the same reason since ``asked_at``, when the form was shown, has.
    """
    if not ticket or not is_ticket(ticket):
        return BadTicket()
    with services.store.write() as unit:
        # Against another who sends the same form: only one of them may find that it was not sent yet.
        account = hold_account(unit.connection, account_id)
        if account is None:
            return Missing()
        told = {"ticket": ticket}
        if not was_done_since(
            unit.connection,
            account.id,
            _DENIED,
            actor=actor,
            reason=doubt.value,
            details=told,
            since=asked_at,
        ):
            unit.audit.record(
                _DENIED,
                actor=actor,
                target=account.id,
                reason=doubt.value,
                organization=account.first_organization_id,
                details=told,
            )
        return RequestDenied()
