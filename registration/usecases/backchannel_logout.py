"""End sessions because the Gateway says so (OIDC Back-Channel Logout 1.0)."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.audit import Actor
from registration.domain.outcomes import Refusal, Refused
from registration.domain.sign_in import ProviderUnreachableError, SignInRefusedError
from registration.storage import sessions
from registration.usecases.services import RegistrationServices


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """How many sessions the notice ended; a repeated notice ends none and is answered alike."""

    sessions: int


def backchannel_logout(services: RegistrationServices, *, logout_token: str) -> LoggedOut | Refused:
    """Check a logout token and end the sessions it names, once."""
    try:
        notice = services.provider.check_logout_token(logout_token, now=services.store.clock.now())
    except ProviderUnreachableError:
        return Refused(Refusal.PROVIDER_UNREACHABLE)
    except SignInRefusedError:
        return Refused(Refusal.SIGN_IN_FAILED)
    with services.store.write() as unit:
        if not sessions.take_notice(unit.connection, notice, now=unit.now):
            return LoggedOut(0)
        ended = sessions.end_of_gateway(unit.connection, sid=notice.sid, subject=notice.subject, now=unit.now)
        if ended:
            unit.audit.record(
                "registration:session:ended",
                actor=Actor("client", "gateway"),
                target=f"session:{ended[0]}",
                reason="gateway",
                details={"sessions": len(ended)},
            )
    return LoggedOut(len(ended))
