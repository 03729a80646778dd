"""An operator lets somebody register clients by themselves: a token that is shown once (RFC 7591 §3)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

from idp.domain.client_profile import PROFILES
from idp.domain.token_form import INITIAL, is_mistyped, with_check
from idp.storage.registration_tokens import NewRegistrationToken, add_registration_token
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest


@dataclass(frozen=True, slots=True)
class RegistrationTokenOrder:
    """What a token is to allow. ``uses`` and ``life`` are empty where there is no end.

    Its clients have ``profile``, or the settings' one; people who hold a role of the application
    ``application_key`` are let in to them, or everybody.
    """

    name: str
    uses: int | None = 1
    life: dt.timedelta | None = dt.timedelta(days=7)
    profile: str = ""
    application_key: str = ""


@dataclass(frozen=True, slots=True)
class RegistrationTokenIssued:
    """The token works from now on, and is shown this once; ``id`` names it afterwards."""

    id: str
    token: str = field(repr=False)


class RegistrationTokenRefused(StrEnum):
    """Why no token was made."""

    NAME = "a token needs a name that says whom it is for"
    USES = "a token has to work at least once"
    LIFE = "a token has to live some time"
    PROFILE = "there is no such profile of clients"
    FORM = "a token has to be text without spaces, and one with our prefix needs our check digits"


def issue_registration_token(
    services: IdpServices, order: RegistrationTokenOrder, *, actor: Actor, chosen: str = ""
) -> RegistrationTokenIssued | RegistrationTokenRefused:
    """Make a token; ``chosen`` is one that somebody knows already, which laboratories have.

    A chosen token that is there stays as it is.
    """
    refusal = _refusal(order, chosen)
    if refusal is not None:
        return refusal
    token = chosen or with_check(INITIAL, services.store.randomness.token(32))
    with services.store.write() as unit:
        new = NewRegistrationToken(
            id=unit.randomness.ulid(unit.now),
            digest=digest(token),
            name=order.name.strip(),
            profile=order.profile,
            application_key=order.application_key,
            most_uses=order.uses,
            expires_at=unit.now + order.life if order.life is not None else None,
        )
        if add_registration_token(unit.connection, new, now=unit.now):
            unit.audit.record(
                "gateway:registration:opened",
                actor=actor,
                target=new.id,
                details={"name": new.name, "uses": order.uses, "profile": order.profile},
            )
    return RegistrationTokenIssued(new.id, token)


def _refusal(order: RegistrationTokenOrder, chosen: str) -> RegistrationTokenRefused | None:
    if not order.name.strip() or not order.name.isprintable():
        return RegistrationTokenRefused.NAME
    if order.uses is not None and order.uses < 1:
        return RegistrationTokenRefused.USES
    if order.life is not None and order.life <= dt.timedelta(0):
        return RegistrationTokenRefused.LIFE
    if order.profile and order.profile not in PROFILES:
        return RegistrationTokenRefused.PROFILE
    plain = chosen.isascii() and chosen.isprintable() and " " not in chosen
    return None if plain and not is_mistyped(INITIAL, chosen) else RegistrationTokenRefused.FORM
