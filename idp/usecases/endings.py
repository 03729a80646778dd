"""What ends when something ends: sessions, grants and tokens, and who is told.

Nothing here opens a unit of work: whoever ends something does so in the transaction of the deed that is
the reason for it, so that there is no moment between.
"""

from __future__ import annotations

from collections.abc import Iterable

from idp.storage.clients import clients_of_application
from idp.storage.endings import (
    Listener,
    end_one_session,
    end_sessions_of,
    end_sign_ins_of,
    forget_clients_of_sessions,
    listeners,
    live_sessions_of,
)
from idp.storage.grants import revoke_grants_for_clients, revoke_grants_of_sessions
from idp.usecases.services import IdpServices
from idp.usecases.signals import signal_access_ended, signal_sessions_revoked
from idp.usecases.subjects import session_of, subject_of
from kernel.audit import Actor
from kernel.store import Unit

CHANNEL = "backchannel-logout"
STRANGERS = "backchannel-logout-registered"
"""Notices to clients that registered themselves, apart: if many never answer, no other notice waits."""


def end_session(unit: Unit, services: IdpServices, *, session_id: str, reason: str, actor: Actor) -> bool:
    """End a session with the grants that live with it, and tell every client it signed in to (LO-04, RT-08).

    False if it had ended before; then nobody is told twice. Offline access outlives the session it came from.
    """
    account_id = end_one_session(unit.connection, session_id, reason=reason, now=unit.now)
    if account_id is None:
        return False
    revoke_grants_of_sessions(unit.connection, [session_id], reason=reason, now=unit.now)
    _tell(unit, services, listeners(unit.connection, [session_id]))
    signal_sessions_revoked(
        unit, services, account_id=account_id, session_ids=[session_id], reason=reason, actor=actor
    )
    _record_end(unit, session_id, account_id, reason, actor)
    return True


def end_sessions(
    unit: Unit,
    services: IdpServices,
    *,
    account_id: str,
    reason: str,
    actor: Actor,
    keep: str | None = None,
) -> int:
    """End every session of the account but ``keep``, revoke every other grant of it, offline access too.

    For a changed password, a deleted account (RT-07), and one that is switched off, whose pending sign-ins
    the switching statement ends (I4). Returns how many sessions ended.
    """
    ended = end_sessions_of(unit.connection, account_id, reason=reason, now=unit.now, keep=keep)
    _tell(unit, services, listeners(unit.connection, ended))
    signal_sessions_revoked(
        unit, services, account_id=account_id, session_ids=ended, reason=reason, actor=actor
    )
    for session_id in ended:
        _record_end(unit, session_id, account_id, reason, actor)
    return len(ended)


def end_everywhere(
    unit: Unit,
    services: IdpServices,
    *,
    account_id: str,
    reason: str,
    actor: Actor,
    keep: str | None = None,
) -> int:
    """End what :func:`end_sessions` ends, and every sign-in of the account that is under way.

    For who signs out everywhere (UI-05). The account is held first, so that a sign-in that is being concluded
    is refused, or its session is found.
    """
    end_sign_ins_of(unit.connection, account_id, now=unit.now)
    return end_sessions(unit, services, account_id=account_id, reason=reason, actor=actor, keep=keep)


def end_access(
    unit: Unit, services: IdpServices, *, account_id: str, application_key: str, actor: Actor
) -> None:
    """Take an application from an account after the last membership that opened it went.

    Its grants for the application's clients are revoked, and those clients hear of it for every live
    session; the sessions themselves go on.
    """
    clients = [found.id for found in clients_of_application(unit.connection, application_key)]
    if not application_key or not clients:
        return
    revoked, told = end_clients(
        unit, services, account_id=account_id, clients=clients, reason="access-ended", actor=actor
    )
    unit.audit.record(
        "gateway:access:ended",
        actor=actor,
        target=account_id,
        details={"application": application_key, "grants": revoked, "told": told},
    )


def end_clients(
    unit: Unit, services: IdpServices, *, account_id: str, clients: list[str], reason: str, actor: Actor
) -> tuple[int, int]:
    """Revoke the account's grants for these clients and tell them, for every live session, that it is over.

    Those that ask for signals hear of it, too. The sessions themselves go on. Returns how many grants were
    revoked, and how many notices were posted.
    """
    revoked = revoke_grants_for_clients(unit.connection, account_id, clients, reason=reason, now=unit.now)
    sessions = live_sessions_of(unit.connection, account_id, now=unit.now)
    told = listeners(unit.connection, sessions, clients)
    _tell(unit, services, told)
    if revoked:  # who holds no grant has nothing that could end
        signal_access_ended(
            unit, services, account_id=account_id, client_ids=clients, reason=reason, actor=actor
        )
    forget_clients_of_sessions(unit.connection, sessions, clients)
    return revoked, len(told)


def _tell(unit: Unit, services: IdpServices, told: Iterable[Listener]) -> None:
    for listener in told:
        unit.courier.post(
            channel=STRANGERS if listener.client.registered_by else CHANNEL,
            payload={
                "client_id": listener.client.id,
                "sid": session_of(services, listener.client, listener.session_id),
                "sub": subject_of(services, listener.client, listener.account_id),
            },
            recipient=listener.client.id,
            template=CHANNEL,
        )


def _record_end(unit: Unit, session_id: str, account_id: str, reason: str, actor: Actor) -> None:
    unit.audit.record(
        "gateway:session:ended",
        actor=actor,
        target=account_id,
        reason=reason,
        details={"session": session_id},
    )
