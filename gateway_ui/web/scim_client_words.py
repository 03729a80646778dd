"""What stands on the pages of SCIM clients beside their forms: deeds, ends of tokens, what to paste where."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from gateway_ui.web.client_words import who
from idp.domain.recorded_deed import RecordedDeed
from idp.domain.scim_client import StoredToken
from idp.domain.security_events import Payload, StreamStatus
from kernel.translations import mark
from kernel.web.language import gettext as _

__all__ = [
    "DONE",
    "ENDS",
    "STATES",
    "TOLD",
    "changed",
    "deed",
    "ends_soon",
    "one_ends_soon",
    "pasted",
    "reading",
    "who",
]

_SOON = dt.timedelta(days=14)
_DEEDS: Mapping[str, str] = MappingProxyType(
    {
        "gateway:scim-client:registered": mark("Registered"),
        "gateway:scim-client:changed": mark("Changed"),
        "gateway:scim-client:stored": mark("Stated anew"),
        "gateway:scim-client:disabled": mark("Disabled"),
        "gateway:scim-client:enabled": mark("Enabled"),
        "gateway:scim-token:issued": mark("Token %(name)s made"),
        "gateway:scim-token:fixed": mark("Token %(name)s fixed"),
        "gateway:scim-token:revoked": mark("Token %(name)s revoked"),
        "gateway:event-stream:stored": mark("Events switched on or changed"),
        "gateway:event-stream:enabled": mark("Events let go on"),
        "gateway:event-stream:paused": mark("Events paused"),
        "gateway:event-stream:disabled": mark("Events switched off"),
        "gateway:event-stream:removed": mark("Events taken away"),
    }
)
_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "name": mark("Name"),
        "profile": mark("Profile"),
        "scopes": mark("What its static tokens may do"),
        "require_match": mark("Versions"),
        "extension": mark("Switchyard's own extension"),
        "leave_out_unknown_members": mark("Unknown members of groups"),
        "requests_per_second": mark("Requests per second"),
        "allowed_addresses": mark("Addresses it asks from"),
    }
)
ENDS: Mapping[str, tuple[dt.timedelta | None, str]] = MappingProxyType(
    {
        "year": (dt.timedelta(days=365), mark("In a year")),
        "quarter": (dt.timedelta(days=90), mark("In 90 days")),
        "day": (None, mark("After the day that you enter below")),
        "never": (None, mark("Only when somebody revokes it")),
    }
)
DONE: Mapping[str, str] = MappingProxyType(
    {
        "registered": mark("The SCIM client is registered. Now make the token that it is to show."),
        "changed": mark("The SCIM client is changed."),
        "same": mark("Nothing was different, so nothing was changed."),
        "disabled": mark("The SCIM client is disabled. No token of it opens the SCIM service."),
        "enabled": mark("The SCIM client is enabled. Its tokens are good again."),
        "revoked": mark("The token is revoked. Whoever still shows it is refused."),
        "told": mark("The events of this client are switched on."),
        "paused": mark("The events of this client are paused, and wait until you let them go on."),
        "resumed": mark("The events of this client go on."),
        "silenced": mark("This client hears of nothing any more."),
        "gone": mark("That token was no longer good, so there was nothing to revoke."),
    }
)
"""What a page says after a deed, by the word in its address."""
_PASTED: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "entra": (
            mark(
                "In the enterprise application of Entra, open Provisioning, choose Automatic and paste both "
                "under Admin Credentials. Then choose Test Connection."
            ),
            mark("Tenant URL"),
            mark("Secret Token"),
        ),
        "okta": (
            mark(
                "In the application of Okta, open Provisioning, then Integration. The unique identifier "
                "field for users is userName, and the authentication mode is HTTP Header."
            ),
            mark("SCIM connector base URL"),
            mark("Authorization (Bearer)"),
        ),
    }
)
_PASTED_ELSEWHERE = (
    mark(
        "Paste both into the client. It sends the token with every request, in the header Authorization "
        "after the word Bearer."
    ),
    mark("Base address"),
    mark("Token"),
)
STATES: Mapping[StreamStatus, tuple[str, str]] = MappingProxyType(
    {
        StreamStatus.ENABLED: (mark("Switched on"), "green"),
        StreamStatus.PAUSED: (mark("Paused"), "yellow"),
        StreamStatus.DISABLED: (mark("Switched off"), "red"),
    }
)
"""What becomes of events, in one word, and its colour."""
TOLD: Mapping[Payload, str] = MappingProxyType(
    {
        Payload.NONE: mark("None of what it provisions"),
        Payload.NOTICE: mark("Names of what changed (notice)"),
        Payload.FULL: mark("The values, too (full)"),
    }
)
_READINGS: Mapping[str, str] = MappingProxyType(
    {
        "rfc": mark("Standard (rfc)"),
        "entra": mark("Microsoft Entra ID (entra)"),
        "okta": mark("Okta (okta)"),
        "strict": mark("Strict (strict)"),
    }
)


def deed(done: RecordedDeed) -> str:
    """Return what was done, in the language of the page."""
    return _(_DEEDS.get(done.tag, done.tag), name=str(done.details.get("fingerprint", "")))


def changed(done: RecordedDeed) -> str:
    """Return the names of the fields that a change changed, in the language of the page."""
    names = done.details.get("changed") or ()
    return ", ".join(_(_COLUMNS.get(name, name)) for name in names)


def reading(profile: str) -> str:
    """Return what a profile is called, in the language of the page."""
    return _(_READINGS.get(profile, profile))


def ends_soon(token: StoredToken, now: dt.datetime) -> bool:
    """Tell whether somebody should make the next token by now."""
    return token.expires_at is not None and token.expires_at - now <= _SOON


def one_ends_soon(tokens: Iterable[StoredToken], now: dt.datetime) -> bool:
    """Tell whether one of the tokens ends soon."""
    return any(ends_soon(each, now) for each in tokens)


def pasted(profile: str) -> tuple[str, str, str]:
    """Return what to do with a new token, and what the client calls the base address and the token."""
    advice, address, token = _PASTED.get(profile, _PASTED_ELSEWHERE)
    return _(advice), _(address), _(token)
