"""Start signing somebody in through the Gateway (OIDC Core §3.1.2, PKCE RFC 7636)."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from kernel.errors import BusyError
from kernel.local_paths import local_path
from kernel.origin import current_origin, place
from kernel.ratelimit import Limit, take
from registration.domain.outcomes import Refusal, Refused
from registration.domain.sign_in import Attempt, ProviderUnreachableError
from registration.storage import sessions
from registration.usecases.services import RegistrationServices

ATTEMPTS = Limit("sign-in-attempts", 2_000, dt.timedelta(minutes=5))
"""From one address: what a company behind it needs on its busiest morning, and far from filling a disk."""


@dataclass(frozen=True, slots=True)
class SignInStarted:
    """Where to send the browser."""

    url: str


def start_sign_in(
    services: RegistrationServices, *, browser_token: str, return_to: str = "/"
) -> SignInStarted | Refused:
    """Keep an attempt bound to this browser and return the Gateway's address for it.

    ``return_to`` is where the person wanted to go; only a path of our own is kept.

    Raises:
        BusyError: if more attempts began at this address than people make: anybody may begin one.
    """
    randomness = services.store.randomness
    state = randomness.token()
    attempt = Attempt(randomness.token(), randomness.token(48), local_path(return_to))
    try:
        url = services.provider.authorization_url(attempt, state=state, redirect_uri=services.callback_url)
    except ProviderUnreachableError:
        return Refused(Refusal.PROVIDER_UNREACHABLE)
    with services.store.write() as unit:
        taken = take(unit.connection, ATTEMPTS, place(current_origin().address), now=unit.now)
        if not taken.allowed:
            raise BusyError(retry_after=math.ceil(taken.retry_after.total_seconds()))
        sessions.add_attempt(
            unit.connection,
            unit.sealer,
            state=state,
            browser=browser_token,
            attempt=attempt,
            now=unit.now,
            expires_at=unit.now + services.settings.sign_in_lifetime,
        )
    return SignInStarted(url)
