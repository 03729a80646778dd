"""Requests: every change has a number, and a page that shows what is registered and what is live."""

from __future__ import annotations

from urllib.parse import urlencode

import flask
from flask.typing import ResponseReturnValue

from kernel.web.forms import single
from registration.domain.outcomes import Refusal, Refused
from registration.domain.request import (
    NEEDS_SOMEBODY,
    RequestItemView,
    RequestView,
    Shown,
    WaitReason,
)
from registration.usecases.list_requests import list_requests
from registration.usecases.send_again import send_again
from registration.usecases.show_request import show_request
from registration.web.current import caller, identity, services, signed_in
from registration.web.refusals import refusal_page, staff_only
from registration.web.words import KINDS, WAITING

PAGES = flask.Blueprint("requests", __name__)
REFRESH_SECONDS = 5
HIGHEST_NUMBER = 2_147_483_647
_FIRST, _LAST = 1, 10_000
_SHOWN = {each.value: each for each in Shown}


def page_number() -> int:
    """Return the page of a list that was asked for; anything that is no number is the first."""
    asked = flask.request.args.get("page", "1")
    sound = asked.isascii() and asked.isdigit() and len(asked) < 6
    return min(max(int(asked), _FIRST), _LAST) if sound else _FIRST


@PAGES.get("/requests")
@signed_in
def all_requests() -> ResponseReturnValue:
    """List the requests the person may see, newest first: of one organization, or all of them for staff."""
    me = identity()
    chosen = single(flask.request.args, "organization", longest=40)
    if not chosen and not me.is_staff and me.organizations:
        chosen = me.organizations[0].organization_id
    show = _SHOWN.get(single(flask.request.args, "show", longest=20), Shown.ALL)
    found = list_requests(
        services(), caller=caller(), organization_id=chosen or None, page=page_number(), show=show
    )
    return flask.render_template(
        "registration/requests.html",
        found=None if isinstance(found, Refused) else found,
        chosen=chosen,
        show=show,
        kinds=KINDS,
    )


@PAGES.get("/requests/<int:number>")
@signed_in
def one_request(number: int) -> ResponseReturnValue:
    """Show one request; the page reloads itself while something is on its way (R-237, decision C-09)."""
    view: RequestView | Refused = Refused(Refusal.NOT_FOUND)
    if number <= HIGHEST_NUMBER:
        view = show_request(services(), caller=caller(), number=number)
    if isinstance(view, Refused):
        return refusal_page(view, back="/requests")
    waiting = tuple(item for item in view.items if item.live_at is None and item.waiting is not None)
    return flask.render_template(
        "registration/request.html",
        view=view,
        waiting=waiting,
        refresh=REFRESH_SECONDS if waiting else 0,
        kinds=KINDS,
        reasons=WAITING,
        sent_about=_sent_about(view) if identity().is_staff else "",
        may_send_again=identity().is_staff and any(_waits_for_a_try(item) for item in waiting),
    )


def _waits_for_a_try(item: RequestItemView) -> bool:
    tried = {*NEEDS_SOMEBODY, WaitReason.RETRYING}
    return item.waiting is not None and item.waiting.reason in tried


@PAGES.post("/requests/<int:number>/send-again")
@signed_in
def again(number: int) -> ResponseReturnValue:
    """Send what the Gateway refused once more, now that its cause is mended; for Customer Relations."""
    sent = send_again(services(), caller=caller(), number=min(number, HIGHEST_NUMBER))
    if isinstance(sent, Refused):
        return staff_only() if sent.reason is Refusal.NOT_ALLOWED else refusal_page(sent, back="/requests")
    return flask.redirect(f"/requests/{number}", 303)


def _sent_about(view: RequestView) -> str:
    """Return the address where the Gateway tells its own staff what was sent about the account, if any."""
    if not view.external_id:
        return ""
    base = services().settings.gateway_issuer
    return f"{base}/operator/provisioning?{urlencode({'q': view.external_id})}"
