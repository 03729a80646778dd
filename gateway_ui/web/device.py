"""Letting a device in: type its code, see who asks for what, allow or deny (RFC 8628 §3.3).

An address that brings the code along saves typing and nothing else: the code is shown and compared, and
allowed by a button, because whoever sends such an address may be somebody else (§5.4).
"""

from __future__ import annotations

from urllib.parse import urlencode

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web.consent import scope_words
from gateway_ui.web.context import live_session, pages, render
from gateway_ui.web.flows import Answer, sign_in_first, start, wait_seconds
from gateway_ui.web.messages import (
    DEVICE_CODE,
    DEVICE_CODE_MISSING,
    TOO_MANY,
    Message,
    complain,
    complain_count,
)
from gateway_ui.web.page_client import about_client, client_face
from idp.domain.client import Client
from idp.domain.client_face import face_of
from idp.domain.session import LiveSession
from idp.usecases.decide_device import (
    DeviceDecided,
    DeviceQuestion,
    NoAccessForDevice,
    StrongerSignIn,
    TooManyCodes,
    decide_device,
    look_at_device,
)
from kernel.origin import current_origin
from kernel.web.forms import FormErrors, single
from kernel.web.language import current_language
from kernel.web.links import come_back_to, this_page

blueprint = flask.Blueprint("device", __name__)

DEVICE = "/device"
"""Where a person brings the code of a device; the device authorization endpoint tells this address."""

_LONGEST = 1000
"""Of what is typed as a code: who pastes the whole address is told that it is none."""


@blueprint.get(DEVICE)
def enter() -> ResponseReturnValue:
    """Ask for the code, or, if the address names one, show who asks."""
    session = live_session()
    if session is None:
        return start(this_page())
    typed = single(flask.request.args, "user_code", longest=_LONGEST)
    if not typed:
        return _entry("")
    return _page(look_at_device(pages().services, typed=typed, session=session), typed, session)


@blueprint.post(DEVICE)
def answer() -> ResponseReturnValue:
    """Show who asks under the code that was typed, or keep the answer."""
    session = live_session()
    form = flask.request.form
    typed = single(form, "user_code", longest=_LONGEST)
    if session is None:
        return sign_in_first(_with(typed) if typed else DEVICE)
    decision = single(form, "decision", longest=10)
    if not typed:
        return _refused(typed, DEVICE_CODE_MISSING)
    asked = single(form, "session", longest=_LONGEST) == session.id  # not somebody else, in another tab
    if not asked or decision not in ("allow", "deny"):
        return _page(look_at_device(pages().services, typed=typed, session=session), typed, session)
    allowed = decision == "allow"
    return _page(
        decide_device(pages().services, typed=typed, session=session, allowed=allowed), typed, session
    )


def _page(outcome: object, typed: str, session: LiveSession) -> Response:
    if isinstance(outcome, DeviceQuestion):
        about_client(outcome.client, leads=False)
        come_back_to(_with(outcome.user_code))
        return render(
            "device_confirm.html",
            client=client_face(),
            words=scope_words(outcome.scope),
            user_code=outcome.user_code,
            session=session.id,
        )
    if isinstance(outcome, DeviceDecided):
        return render("device_done.html", application=_name(outcome.client), allowed=outcome.allowed)
    if isinstance(outcome, StrongerSignIn):
        return start(_with(typed), demands=outcome.demands)
    if isinstance(outcome, NoAccessForDevice):
        return render(
            "no_access.html",
            status=403,
            application=_name(outcome.client),
            reference=current_origin().request_id,
        )
    if isinstance(outcome, TooManyCodes):
        errors, seconds = FormErrors(), wait_seconds(outcome.retry_after)
        complain_count(errors, "user_code", TOO_MANY, seconds)
        return _entry(typed, errors, Answer(429, {"Retry-After": str(seconds)}))
    return _refused(typed, DEVICE_CODE)


def _with(user_code: str) -> str:
    """Return the address of the page for this code."""
    return f"{DEVICE}?{urlencode({'user_code': user_code})}"


def _name(client: Client) -> str:
    return face_of(client, current_language()).name


def _refused(typed: str, message: Message) -> Response:
    errors = FormErrors()
    complain(errors, "user_code", message)
    return _entry(typed, errors, Answer())


def _entry(typed: str, errors: FormErrors | None = None, answer: Answer | None = None) -> Response:
    answer = answer or Answer(200)
    return render("device.html", status=answer.status, headers=answer.headers, errors=errors, user_code=typed)
