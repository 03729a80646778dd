"""The first page: who is it (gateway.md 6.2, G-26..G-28). Every refusal looks the same (EN-01)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Hashable

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web.context import fill, live_session, pages, render
from gateway_ui.web.flows import (
    Answer,
    address,
    flow_token,
    go,
    refused,
    session_had_ended,
    settled,
    standing,
    start,
)
from gateway_ui.web.messages import BAD_LOGIN, PASSWORD_MISSING, USERNAME_MISSING, complain, disclaimer
from gateway_ui.web.page_client import client_face, keep_opener
from idp.domain.login_flow import RESUME_PATH, Step
from idp.usecases.cancel_login import cancel_login
from idp.usecases.flow_outcomes import Done, FlowPage
from idp.usecases.present_password import present_password
from idp.usecases.restart_login import restart_login
from kernel.web.cookies import browser_token, clear_cookie, read_cookie, set_cookie
from kernel.web.forms import FormErrors, single

blueprint = flask.Blueprint("sign_in", __name__)
blueprint.after_request(keep_opener)

_LONGEST_NAME = 254


@blueprint.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Show the sign-in page, or the step at which the flow stands."""
    flow = flow_token()
    if not flow:
        return go("/") if live_session() else start()
    page = standing(flow, Step.IDENTIFY)
    return page if isinstance(page, Response) else sign_in_page(flow, page)


@blueprint.post("/sign-in")
def send_password() -> ResponseReturnValue:
    """Check user ID and password."""
    flow = flow_token()
    form = flask.request.form
    username = single(form, "username", longest=1000)
    password = single(form, "password")
    remember = single(form, "remember") == "yes"
    errors, answer = FormErrors(), Answer()
    if not username.strip() or not password:
        page = standing(flow, Step.IDENTIFY)
        if isinstance(page, Response):
            return page
        if not username.strip() and page.account is None:
            complain(errors, "username", USERNAME_MISSING)
        if not password:
            complain(errors, "password", PASSWORD_MISSING)
        if errors:
            return sign_in_page(flow, page, errors, answer, typed=(username, remember))
    outcome = present_password(
        pages().services, flow=flow, browser=browser_token(), identifier=username, password=password
    )
    way = settled(outcome, flow) or standing(flow, Step.IDENTIFY)
    if isinstance(way, Response):
        if isinstance(outcome, Done | FlowPage):
            _remember(way, username.strip() if remember else "")
        return way
    answer = refused(errors, outcome, BAD_LOGIN, "username")
    return sign_in_page(flow, way, errors, answer, typed=(username, remember))


@blueprint.post("/sign-in/cancel")
def cancel() -> ResponseReturnValue:
    """Go back to the application that waits, without a sign-in."""
    flow = flow_token()
    if cancel_login(pages().services, flow=flow, browser=browser_token()):
        return go(address(RESUME_PATH, flow))
    page = standing(flow, Step.IDENTIFY)
    return page if isinstance(page, Response) else sign_in_page(flow, page)


@blueprint.post("/sign-in/again")
def again() -> ResponseReturnValue:
    """Start a new sign-in with the goal of an old one of this browser, or towards the first page."""
    flow = restart_login(pages().services, flow=flow_token(), browser=browser_token(), session=None)
    return go(address("/sign-in", flow)) if flow else start()


def sign_in_page(
    flow: str,
    page: FlowPage,
    errors: FormErrors | None = None,
    answer: Answer | None = None,
    *,
    typed: tuple[str, bool] | None = None,
) -> Response:
    """Return the sign-in page of ``flow``; ``typed`` is what a refused form held, never the password."""
    kept = _remembered()
    username, remember = typed or (page.login_hint or kept, bool(kept))
    if page.account:
        username = page.account.user_name
    varies = {
        "client_name": page.client_name,
        "action": address("/sign-in", flow),
        "cancel_action": address("/sign-in/cancel", flow),
        "again": address("/sign-in/again", flow),
        "username": username,
        "passkey_action": address("/sign-in/passkey", flow),
        "passkey_options": address("/sign-in/passkey/options", flow),
    }
    constants: dict[str, Hashable] = {
        "client": client_face(),
        "cancels": bool(page.client_id),
        "username_is_fixed": page.account is not None,
        "remember": remember,
        "passkeys": page.passkeys_possible,
        "session_had_ended": session_had_ended(),
        "disclaimer": disclaimer(pages().operator),
    }
    if not errors and answer is None:
        return fill("sign_in.html", varies=varies, **constants)
    answer = answer or Answer(200)
    return render(
        "sign_in.html",
        status=answer.status,
        headers=answer.headers,
        errors=errors,
        **varies,
        **constants,
    )


def _remembered() -> str:
    """Return the user ID that this browser was asked to keep, or an empty text."""
    try:
        name = base64.urlsafe_b64decode(read_cookie("user").encode()).decode()
    except (binascii.Error, ValueError):
        return ""
    return name if len(name) <= _LONGEST_NAME and name.isprintable() else ""


def _remember(response: Response, username: str) -> None:
    """Keep ``username`` in this browser, or forget the one it keeps; asked only after a right password."""
    if 0 < len(username) <= _LONGEST_NAME:
        value = base64.urlsafe_b64encode(username.encode()).decode()
        set_cookie(response, "user", value, life=pages().settings.remembered_user_life)
    elif read_cookie("user"):
        clear_cookie(response, "user")
