"""Finish signing somebody in: every check of the answer, then a session for a person the registry knows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from kernel.audit import SYSTEM, Actor
from registration.domain.outbox import Aggregate
from registration.domain.outcomes import Refusal, Refused
from registration.domain.sign_in import ProviderUnreachableError, SignInRefusedError, VerifiedSignIn
from registration.storage import identities, outbox, sessions
from registration.usecases.services import RegistrationServices


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """A new session: its token goes into the browser's cookie and nowhere else."""

    token: str = field(repr=False)
    return_to: str
    expires_at: dt.datetime


def finish_sign_in(
    services: RegistrationServices, *, browser_token: str, parameters: Mapping[str, list[str]]
) -> SessionStarted | Refused:
    """Spend the attempt, redeem the code and start a session.

    The attempt is spent first, so that one answer of the Gateway is looked at once whatever comes of it. The
    subject has to be the Gateway's id of an active account of the registry; anybody else is turned away. So
    is who was signed out there meanwhile: the notice of that may come before there is a session to end.
    """
    states = parameters.get("state", [])
    if len(states) != 1 or not states[0]:
        return Refused(Refusal.SIGN_IN_FAILED)
    with services.store.write() as unit:
        attempt = sessions.spend_attempt(
            unit.connection, unit.sealer, state=states[0], browser=browser_token, now=unit.now
        )
    if attempt is None:
        return Refused(Refusal.SIGN_IN_EXPIRED)
    try:
        verified = services.provider.redeem(
            parameters,
            attempt,
            redirect_uri=services.callback_url,
            now=services.store.clock.now(),
        )
    except ProviderUnreachableError:
        return Refused(Refusal.PROVIDER_UNREACHABLE)
    except SignInRefusedError as refused:
        _record_refusal(services, refused.check)
        return Refused(Refusal.SIGN_IN_FAILED)
    return _start_session(services, verified, attempt.return_to)


def _start_session(
    services: RegistrationServices, verified: VerifiedSignIn, return_to: str
) -> SessionStarted | Refused:
    with services.store.write() as unit:
        account_id = outbox.local_id(unit.connection, Aggregate.USER, verified.subject)
        identity = identities.identity(unit.connection, account_id) if account_id else None
        if identity is None:
            unit.audit.record(
                "registration:session:started",
                actor=SYSTEM,
                target=f"subject:{verified.subject}"[:64],
                outcome="refused",
                reason=Refusal.NO_ACCOUNT.value,
            )
            return Refused(Refusal.NO_ACCOUNT)
        if sessions.has_ended(unit.connection, verified):
            unit.audit.record(
                "registration:session:started",
                actor=Actor("account", identity.account_id),
                outcome="refused",
                reason="gateway",
            )
            return Refused(Refusal.SIGN_IN_FAILED)
        token, identifier = unit.randomness.token(), unit.randomness.ulid(unit.now)
        expires_at = unit.now + services.settings.session_lifetime
        sessions.add(
            unit.connection,
            unit.sealer,
            verified,
            identifier=identifier,
            token=token,
            account_id=identity.account_id,
            now=unit.now,
            expires_at=expires_at,
        )
        unit.audit.record(
            "registration:session:started",
            actor=Actor("account", identity.account_id, identifier),
            target=f"session:{identifier}",
            details={"acr": verified.acr},
        )
        return SessionStarted(token, return_to, expires_at)


def _record_refusal(services: RegistrationServices, check: str) -> None:
    with services.store.write() as unit:
        unit.audit.record("registration:session:started", actor=SYSTEM, outcome="refused", reason=check[:64])
