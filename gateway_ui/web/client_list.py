"""A list of clients, of either kind, as operators look through it: words, a state, one page at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import flask

from gateway_ui.web.client_words import SHOWN
from idp.domain.client_record import ClientState
from idp.domain.page_by_id import PageById
from kernel.web.forms import single
from kernel.web.language import gettext as _


def looked_through(search: Callable[..., PageById[Any]], address: str) -> dict[str, Any]:
    """Return what the page of a list shows: those that ``search`` finds by the request, and its neighbours.

    ``search`` takes ``words``, ``state``, and the id ``after`` or ``before`` which the page stands.
    """
    words, wish = (single(flask.request.args, name, longest=200).strip() for name in ("q", "show"))
    state = ClientState(wish) if wish in set(ClientState) else ClientState.ALL
    ends = {name: single(flask.request.args, name, longest=100) for name in ("after", "before")}
    found = search(words=words, state=state, **ends)
    asked = {"q": words, "show": state.value}

    def neighbour(end: str, place: str) -> str:
        kept = {name: value for name, value in {"q": words, "show": wish, end: place}.items() if value}
        return f"{address}?{urlencode(kept)}" if place else ""

    return {
        "found": found.found,
        "asked": asked,
        "is_narrowed": bool(words) or state is not ClientState.ALL,
        "shown": [{"value": each.value, "text": _(text)} for each, text in SHOWN.items()],
        "previous": neighbour("before", found.before),
        "next": neighbour("after", found.after),
    }
