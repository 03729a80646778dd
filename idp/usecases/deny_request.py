"""The help desk denies a request: whoever asked did not prove to be the holder of the account (G-65)."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.help_desk import Doubt
from idp.domain.provisioning import Missing
from idp.domain.ticket import BadTicket, is_ticket
from idp.storage.accounts import keep_account
from idp.usecases.services import IdpServices
from kernel.audit import Actor


@dataclass(frozen=True, slots=True)
class RequestDenied:
    """It is written down that the request was denied; the account is as it was."""


def deny_request(
    services: IdpServices, account_id: str, *, doubt: Doubt, ticket: str, actor: Actor
) -> RequestDenied | Missing | BadTicket:
    """Write down that a request about the account was denied, and why: who hears the next one reads it.

    Whoever's account it is: also who asks for something of staff is denied it.
    """
    if not ticket or not is_ticket(ticket):
        return BadTicket()
    with services.store.write() as unit:
        account = keep_account(unit.connection, account_id)
        if account is None:
            return Missing()
        unit.audit.record(
            "gateway:account:request-denied",
            actor=actor,
            target=account.id,
            reason=doubt.value,
            organization=account.organizations[0].id if account.organizations else "",
            details={"ticket": ticket},
        )
        return RequestDenied()
