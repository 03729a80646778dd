"""Inviting the holder of an account to activate it: one live link, in one letter."""

from __future__ import annotations

import datetime as dt

from idp.domain.account import Account
from idp.domain.one_time import Purpose
from idp.outbound.mail import post_activation
from idp.storage.one_time import issue
from idp.usecases.letterhead import letterhead
from idp.usecases.services import IdpServices
from kernel.audit import SYSTEM
from kernel.crypto import digest
from kernel.store import Unit


def invite(unit: Unit, services: IdpServices, account: Account, *, days: int | None = None) -> None:
    """Issue the account's only live activation link and post it, inside the caller's unit of work.

    Links sent before are out of force at once (G-14, G-23, G-25). The link is unpredictable, names nobody,
    and is kept as its digest; it is built from the configured address alone (OR-03).
    It works for ``days``, but never longer than the settings let any.
    """
    life = services.settings.activation_link_life
    if days is not None:
        life = min(life, dt.timedelta(days=days))
    token = unit.randomness.token(32)
    until = issue(
        unit.connection,
        digest(token),
        purpose=Purpose.ACTIVATION,
        account_id=account.id,
        now=unit.now,
        life=life,
    )
    link = f"{services.public_url}/activate/{token}"
    post_activation(unit, account, letterhead(services), link=link, until=until)
    unit.audit.record(
        "gateway:account:invited",
        actor=SYSTEM,
        target=account.id,
        details={"until": until.isoformat(), "kind": account.kind.value},
    )
