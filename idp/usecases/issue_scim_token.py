"""Static bearer tokens of SCIM clients that know nothing else: shown once, kept as digests, two at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from idp.domain.scim_client import fingerprint
from idp.domain.scim_token import is_mistyped, with_check
from idp.storage.client_secrets import SecretOf
from idp.storage.scim_clients import (
    NewScimToken,
    add_scim_token,
    lock_scim_client,
    remove_expired_tokens,
    remove_other_tokens,
    static_tokens,
)
from idp.usecases.secrets_to_show import keep_for_its_page
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest

MOST_LIVE = 2
"""So many static tokens of one client may live at once, for rotation (O2)."""
LONGEST_LABEL = 60
_LONGEST_LIFE = dt.timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class ScimTokenIssued:
    """The token works from now on. It is shown this once; ``fingerprint`` names it afterwards."""

    token: str = field(repr=False)
    fingerprint: str = ""


class ScimTokenRefused(StrEnum):
    """Why no token was made."""

    UNKNOWN_CLIENT = "there is no such SCIM client"
    TWO_LIVE = "two tokens live already, the most there may be: revoke one first"
    LIFE = f"a token has to live some time, and {_LONGEST_LIFE.days} days at most"
    LABEL = f"a label may have {LONGEST_LABEL} characters that can be seen"
    MEANWHILE = "the client's tokens are no longer those that were known"
    FORM = "a token has to be text without spaces, and one with our prefix needs our check digits"


def issue_scim_token(
    services: IdpServices,
    client_id: str,
    *,
    actor: Actor,
    life: dt.timedelta | dt.datetime | None = None,
    label: str = "",
    beside: Collection[str] | None = None,
) -> ScimTokenIssued | ScimTokenRefused:
    """Make a token for the client beside the one it has, for rotation; a third is refused (O2).

    ``life`` is how long it lives, or the moment at which it ends. With ``beside`` it is refused unless these
    are the fingerprints of the client's tokens now: who asked twice gets one.
    """
    if len(label) > LONGEST_LABEL or not label.isprintable():
        return ScimTokenRefused.LABEL
    token = with_check(services.store.randomness.token(32))
    name = fingerprint(digest(token))
    with services.store.write() as unit:
        if not lock_scim_client(unit.connection, client_id):
            return ScimTokenRefused.UNKNOWN_CLIENT
        expires_at = unit.now + life if isinstance(life, dt.timedelta) else life
        if expires_at is not None and not unit.now < expires_at <= unit.now + _LONGEST_LIFE:
            return ScimTokenRefused.LIFE
        remove_expired_tokens(unit.connection, client_id, now=unit.now)
        live = {each.fingerprint for each in static_tokens(unit.connection, client_id, now=unit.now)}
        if len(live) >= MOST_LIVE:
            return ScimTokenRefused.TWO_LIVE
        if beside is not None and live != {*beside}:
            return ScimTokenRefused.MEANWHILE
        new = NewScimToken(digest(token), client_id, expires_at, label)
        add_scim_token(unit.connection, new, now=unit.now)
        keep_for_its_page(unit, actor, client_id, token, SecretOf.SCIM_CLIENT)
        unit.audit.record(
            "gateway:scim-token:issued",
            actor=actor,
            target=client_id,
            details={"fingerprint": name, "label": label},
        )
    return ScimTokenIssued(token, name)


def fix_scim_token(
    services: IdpServices, client_id: str, token: str, *, actor: Actor
) -> ScimTokenIssued | ScimTokenRefused:
    """Make ``token``, which somebody chose, the only one of the client, and of no other: for laboratories."""
    if not token or not token.isascii() or not token.isprintable() or " " in token or is_mistyped(token):
        return ScimTokenRefused.FORM
    name = fingerprint(digest(token))
    with services.store.write() as unit:
        if not lock_scim_client(unit.connection, client_id):
            return ScimTokenRefused.UNKNOWN_CLIENT
        add_scim_token(unit.connection, NewScimToken(digest(token), client_id, None), now=unit.now)
        remove_other_tokens(unit.connection, client_id, digest(token))
        unit.audit.record(
            "gateway:scim-token:fixed", actor=actor, target=client_id, details={"fingerprint": name}
        )
    return ScimTokenIssued(token, name)
