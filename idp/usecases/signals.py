"""Telling relying parties that asked for it what happened to those who signed in to them (SSF, CAEP, RISC).

Nothing here opens a unit of work: a signal stands or falls with the deed that it tells of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from idp.domain.account import Account
from idp.domain.security_events import Occurrence
from idp.domain.signals import Credential, Signal, caep_payload, session_subject, user_subject
from idp.storage.signal_receivers import SignalReceiver, receivers_of_account, receivers_of_sessions
from idp.usecases.security_events import publish
from idp.usecases.services import IdpServices
from idp.usecases.subjects import session_of, subject_of
from kernel.audit import Actor
from kernel.store import Unit

_ENTITIES = {"operator": "admin", "client": "admin"}


def signal_sessions_revoked(
    unit: Unit,
    services: IdpServices,
    *,
    account_id: str,
    session_ids: Collection[str],
    reason: str,
    actor: Actor,
) -> None:
    """Tell that sessions ended (CAEP §3.1), each to the relying parties it signed in to."""
    payload = caep_payload(unit.now, entity=_entity(actor, account_id)) | {"reason_admin": {"en": reason}}
    for each in receivers_of_sessions(unit.connection, session_ids):
        subject = session_subject(
            services.issuer,
            subject_of(services, each.client, account_id),
            session_of(services, each.client, each.session_id),
        )
        _signal(unit, each, Signal.SESSION_REVOKED, subject, payload)


def signal_access_ended(
    unit: Unit,
    services: IdpServices,
    *,
    account_id: str,
    client_ids: Collection[str],
    reason: str,
    actor: Actor,
) -> None:
    """Tell these clients that a person's sessions with them are over (CAEP §3.1); her session here goes on.

    The subject is the person: every session of hers at the receiver, those it keeps by offline access, too.
    """
    payload = caep_payload(unit.now, entity=_entity(actor, account_id)) | {"reason_admin": {"en": reason}}
    told = [
        each for each in receivers_of_account(unit.connection, account_id) if each.client.id in client_ids
    ]
    for each in told:
        subject = user_subject(services.issuer, subject_of(services, each.client, account_id))
        _signal(unit, each, Signal.SESSION_REVOKED, subject, payload)


def signal_account_switched(
    unit: Unit, services: IdpServices, account: Account, *, to: Iterable[SignalReceiver]
) -> None:
    """Tell that an account was switched off or on (RISC §2.3, §2.4), to the relying parties that know it."""
    signal = Signal.ACCOUNT_ENABLED if account.active else Signal.ACCOUNT_DISABLED
    _signal_account(unit, services, account.id, to, signal, {})


def signal_credential_changed(
    unit: Unit, services: IdpServices, *, account_id: str, credential: Credential, change: str, actor: Actor
) -> None:
    """Tell that a person has a new password or factor, or one less (CAEP §3.3).

    ``change`` is ``create``, ``update`` or ``delete``. An administrator reads it in words, too, as the CAEP
    Interoperability Profile asks.
    """
    payload = caep_payload(
        unit.now, entity=_entity(actor, account_id), credential_type=credential.value, change_type=change
    )
    payload |= {"reason_admin": {"en": f"{credential.value} {change}d"}}
    receivers = receivers_of_account(unit.connection, account_id)
    _signal_account(unit, services, account_id, receivers, Signal.CREDENTIAL_CHANGE, payload)


def _signal_account(
    unit: Unit,
    services: IdpServices,
    account_id: str,
    to: Iterable[SignalReceiver],
    signal: Signal,
    payload: dict[str, Any],
) -> None:
    for each in to:
        subject = user_subject(services.issuer, subject_of(services, each.client, account_id))
        _signal(unit, each, signal, subject, payload)


def _signal(
    unit: Unit, to: SignalReceiver, signal: Signal, subject: dict[str, Any], payload: dict[str, Any]
) -> None:
    if signal.value in to.stream.signals:
        txn = unit.randomness.token(16)
        publish(unit, to.stream, [Occurrence(signal.value, subject, payload, txn)])


def _entity(actor: Actor, account_id: str) -> str:
    """Return who did it (CAEP §2): the person, or staff of the help desk, who have accounts, too."""
    if actor.kind == "account":
        return "user" if actor.id == account_id else "admin"
    return _ENTITIES.get(actor.kind, "system")
