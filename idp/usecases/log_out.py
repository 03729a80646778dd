"""Signing out: of this session or of all, and with each of every application it signed in to."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.one_time import is_token
from idp.domain.session import EndReason, LiveSession
from idp.storage.sessions import ended_for, find_live_within, find_standing_within
from idp.usecases.endings import end_everywhere, end_session
from idp.usecases.front_channel import LogoutFrame, logout_frames
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.store import Unit

_EVERYWHERE = EndReason.SIGNED_OUT_EVERYWHERE.value


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The session ended. ``frames`` are for the page that says so."""

    frames: tuple[LogoutFrame, ...]


def log_out(services: IdpServices, *, session_token: str, everywhere: bool = False) -> SignedOut | None:
    """End the session of this token at once (ASVS 7.4.1, LO-01); None if there was none to end.

    One that idles ends, too: applications still hold of it.
    ``everywhere`` ends every other session of the person with it, her sign-ins under way, and what
    applications hold of her, offline access too (ASVS 7.4.3). Of two clicks the second finds it done; a
    session that ended otherwise, or ran out of time, proves nobody, and ends nothing elsewhere.
    """
    if not is_token(session_token):
        return None
    with services.store.write() as unit:
        found = _proved(unit, services, session_token) if everywhere else _standing(unit, session_token)
        if found is None:
            done = everywhere and ended_for(unit.connection, digest(session_token)) == _EVERYWHERE
            return SignedOut(()) if done else None
        actor = Actor("account", found.account.id, found.id)
        if everywhere:
            end_everywhere(
                unit,
                services,
                account_id=found.account.id,
                reason=_EVERYWHERE,
                actor=actor,
            )
        elif not end_session(
            unit, services, session_id=found.id, reason=EndReason.SIGNED_OUT.value, actor=actor
        ):
            return None
        return SignedOut(logout_frames(unit, services, session_id=found.id))


def _proved(unit: Unit, services: IdpServices, session_token: str) -> LiveSession | None:
    idle = services.settings.session_idle
    return find_live_within(unit.connection, digest(session_token), now=unit.now, idle=idle)


def _standing(unit: Unit, session_token: str) -> LiveSession | None:
    return find_standing_within(unit.connection, digest(session_token), now=unit.now)
