"""What stands on the pages of clients beside their forms: deeds, states, spans of a rotation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType

from idp.domain.client_record import ClientState
from idp.domain.recorded_deed import RecordedDeed
from kernel.translations import mark
from kernel.web.language import gettext as _

SHOWN: Mapping[ClientState, str] = MappingProxyType(
    {
        ClientState.ALL: mark("All"),
        ClientState.ENABLED: mark("Enabled"),
        ClientState.DISABLED: mark("Disabled"),
    }
)
_DEEDS: Mapping[str, str] = MappingProxyType(
    {
        "gateway:client:registered": mark("Registered"),
        "gateway:client:changed": mark("Changed"),
        "gateway:client:credential-rotated": mark("New secret"),
        "gateway:client:credential-retired": mark("Former secret retired"),
        "gateway:client:disabled": mark("Disabled"),
        "gateway:client:enabled": mark("Enabled"),
    }
)
OVERLAPS: Mapping[str, tuple[dt.timedelta, str]] = MappingProxyType(
    {
        "day": (dt.timedelta(days=1), mark("One day")),
        "week": (dt.timedelta(days=7), mark("One week")),
        "hour": (dt.timedelta(hours=1), mark("One hour")),
        "none": (dt.timedelta(0), mark("Not at all: it stops now, because it leaked")),
    }
)
DONE: Mapping[str, str] = MappingProxyType(
    {
        "registered": mark("The client is registered."),
        "changed": mark("The client is changed."),
        "same": mark("Nothing was different, so nothing was changed."),
        "disabled": mark("The client is disabled. What it held has ended."),
        "enabled": mark("The client is enabled."),
        "retired": mark("The former secret works no more."),
        "deleted": mark("The client is deleted."),
    }
)
"""What a page says after a deed, by the word in its address."""


def deed(done: RecordedDeed) -> str:
    """Return what was done, in the language of the page."""
    return _(_DEEDS.get(done.tag, done.tag))


def who(done: RecordedDeed) -> str:
    """Return who did it, in the language of the page."""
    if done.actor_kind == "operator":
        return _("%(name)s at the command line", name=done.who)
    if done.actor_kind == "client":
        return _("the client itself")
    return _("the Gateway itself") if done.actor_kind == "system" else done.who
