"""Looking at an activation link: mail scanners do, many times, and nothing happens (RC-08, G-16)."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.one_time import Purpose, is_token
from idp.domain.password_policy import Requirement, requirements
from idp.storage.one_time import find_live
from idp.usecases.dispatcher import policy
from idp.usecases.flow_outcomes import LinkDead
from idp.usecases.services import IdpServices
from kernel.crypto import digest


@dataclass(frozen=True, slots=True)
class ActivationPage:
    """The link works. The page names nobody: whoever sees it has proved nothing yet (EN-09)."""

    requirements: tuple[Requirement, ...]
    repeat: bool


def look_at_activation(services: IdpServices, *, token: str) -> ActivationPage | LinkDead:
    """Tell whether the link works; looking changes nothing."""
    if not is_token(token):
        return LinkDead()
    now = services.store.clock.now()
    with services.store.read() as connection:
        if find_live(connection, digest(token), purpose=Purpose.ACTIVATION, now=now) is None:
            return LinkDead()
    profile = policy(services)
    return ActivationPage(requirements(profile), profile.repeat)
