"""Sign somebody out here, and tell where to sign out of the Gateway (OIDC RP-Initiated Logout 1.0)."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.audit import Actor
from registration.domain.sign_in import ProviderUnreachableError
from registration.storage import sessions
from registration.usecases.services import RegistrationServices


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """Where to send the browser next."""

    url: str


def end_session(services: RegistrationServices, *, token: str) -> SessionEnded:
    """End the session of a token; without one there is nothing to end and the first page is next."""
    with services.store.write() as unit:
        ended = sessions.end(unit.connection, unit.sealer, token, now=unit.now, reason="signed-out")
        if ended is not None:
            session, _hint = ended
            unit.audit.record(
                "registration:session:ended",
                actor=Actor("account", session.account_id, session.id),
                target=f"session:{session.id}",
                reason="signed-out",
            )
    if ended is None:
        return SessionEnded(services.signed_out_url)
    try:
        url = services.provider.end_session_url(id_token=ended[1], return_to=services.signed_out_url)
    except ProviderUnreachableError:
        url = services.signed_out_url
    return SessionEnded(url)
