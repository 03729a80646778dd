"""What follows when an account is switched off or on, whoever did it: its source, or the operator's staff.

Nothing here opens a unit of work: it is the one that switched the account.
"""

from __future__ import annotations

from collections.abc import Iterable

from idp.domain.account import Account
from idp.domain.security_events import Occurrence, Payload, Prov, scim_subject
from idp.storage.one_time import put_out_of_force_at_last
from idp.storage.signal_receivers import SignalReceiver
from idp.usecases.endings import end_sessions
from idp.usecases.security_events import publish, stream_of
from idp.usecases.services import IdpServices
from idp.usecases.signals import signal_account_switched
from kernel.audit import Actor
from kernel.store import Unit


def follow_switch(
    unit: Unit,
    services: IdpServices,
    account: Account,
    *,
    to: Iterable[SignalReceiver],
    actor: Actor,
    reason: str = "",
) -> int:
    """End all that an account holds which was switched off just now, and tell of that, or of its coming back.

    The statement that switched it off ended its sign-ins under way. Sessions, codes, access and refresh
    tokens, answers to devices, links and mailed codes end for good: none comes back with the account (I4).
    ``reason`` is why they do. Returns how many sessions ended.
    """
    signal_account_switched(unit, services, account, to=to)
    if account.active:
        return 0
    ended = end_sessions(unit, services, account_id=account.id, reason=reason, actor=actor)
    put_out_of_force_at_last(unit.transaction, account.id, now=unit.now)
    return ended


def tell_source(unit: Unit, account: Account) -> None:
    """Tell the client that an account belongs to that others switched it off or on (RFC 9967 §2.4.4)."""
    stream = stream_of(unit, account.source)
    if stream is None or stream.provisioning is Payload.NONE:
        return
    event = Prov.ACTIVATE if account.active else Prov.DEACTIVATE
    subject = scim_subject("Users", account.id, account.external_id)
    txn = unit.randomness.token(16)
    publish(unit, stream, [Occurrence(event.uri(stream.provisioning), subject, {}, txn)])
