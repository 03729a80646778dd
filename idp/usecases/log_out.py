"""Signing out: of this session, and with it of every application it signed in to."""

from __future__ import annotations

from idp.domain.one_time import is_token
from idp.domain.session import EndReason
from idp.storage.sessions import find_live_within
from idp.usecases.endings import end_session
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest


def log_out(services: IdpServices, *, session_token: str) -> bool:
    """End the session of this token at once (ASVS 7.4.1, LO-01); False if there was none to end."""
    if not is_token(session_token):
        return False
    with services.store.write() as unit:
        found = find_live_within(
            unit.connection,
            digest(session_token),
            now=unit.now,
            idle=services.settings.session_idle,
        )
        if found is None:
            return False
        actor = Actor("account", found.account.id, found.id)
        return end_session(
            unit, services, session_id=found.id, reason=EndReason.SIGNED_OUT.value, actor=actor
        )
