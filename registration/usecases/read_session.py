"""Say who a request of a browser comes from, and keep the session alive."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from registration.domain.authority import Caller, Identity
from registration.storage import identities, sessions
from registration.usecases.services import RegistrationServices

SEEN_EVERY: Final = dt.timedelta(seconds=30)
"""A session in use is noted at most this often, so that leafing through pages writes little."""


@dataclass(frozen=True, slots=True)
class SessionView:
    """A live session and the person behind it."""

    session_id: str
    caller: Caller
    identity: Identity
    acr: str
    auth_at: dt.datetime
    expires_at: dt.datetime


def read_session(services: RegistrationServices, *, token: str) -> SessionView | None:
    """Return the live session of a cookie's token, or None.

    Person and roles are read afresh each time: what ended a second ago no longer counts (RG-13).
    """
    if not token:
        return None
    now, idle = services.store.clock.now(), services.settings.session_idle
    with services.store.read() as connection:
        session = sessions.find(connection, token, now=now, idle=idle)
        identity = identities.identity(connection, session.account_id) if session else None
    if session is None or identity is None:
        return None
    if now - session.seen_at >= SEEN_EVERY:
        with services.store.write() as unit:
            sessions.see(unit.connection, session.id, now=unit.now)
    return SessionView(
        session_id=session.id,
        caller=Caller(session.account_id, session.id),
        identity=identity,
        acr=session.acr,
        auth_at=session.auth_at,
        expires_at=session.expires_at,
    )
