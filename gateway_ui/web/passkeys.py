"""Passkeys in a sign-in, alone or as the second step: options for the script, and its answer as a form.

The script asks for options only when it is about to use them, so that no challenge lies in a page.
"""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web.context import pages
from gateway_ui.web.flows import flow_token, refused, settled, standing, wait_seconds
from gateway_ui.web.messages import BAD_FACTOR_PASSKEY, BAD_PASSKEY
from gateway_ui.web.page_client import keep_opener
from gateway_ui.web.second_step import second_step_page
from gateway_ui.web.sign_in import sign_in_page
from idp.domain.login_flow import Step
from idp.usecases.begin_passkey import begin_passkey
from idp.usecases.flow_outcomes import PasskeyOptions, SlowDown
from idp.usecases.present_passkey import present_passkey
from kernel.web.cookies import browser_token
from kernel.web.forms import FormErrors, single

blueprint = flask.Blueprint("passkeys", __name__)
blueprint.after_request(keep_opener)

_LONGEST = 60_000


@blueprint.post("/sign-in/passkey/options")
def sign_in_options() -> ResponseReturnValue:
    """Answer the script with a fresh challenge; it names nobody (EN-05)."""
    return options_answer(begin_passkey(pages().services, flow=flow_token(), browser=browser_token()))


@blueprint.post("/sign-in/passkey")
def send_passkey() -> ResponseReturnValue:
    """Check what a passkey answered."""
    flow = flow_token()
    page = standing(flow, Step.IDENTIFY, Step.SECOND_FACTOR)
    if isinstance(page, Response):
        return page
    outcome = present_passkey(
        pages().services, flow=flow, browser=browser_token(), credential=read_credential()
    )
    way = settled(outcome, flow)
    if way is not None:
        return way
    errors = FormErrors()
    alone = page.step is Step.IDENTIFY
    answer = refused(errors, outcome, BAD_PASSKEY if alone else BAD_FACTOR_PASSKEY)
    return (sign_in_page if alone else second_step_page)(flow, page, errors, answer)


def read_credential() -> str:
    """Return the JSON text that the script sent."""
    return single(flask.request.form, "credential", longest=_LONGEST)


def options_answer(outcome: object) -> Response:
    """Return a ceremony's options as JSON, or the status that tells the script to stop."""
    if isinstance(outcome, PasskeyOptions):
        return Response(outcome.json, content_type="application/json")
    if isinstance(outcome, SlowDown):
        headers = {"Retry-After": str(wait_seconds(outcome.retry_after))}
        return Response("{}", status=429, content_type="application/json", headers=headers)
    return Response("{}", status=409, content_type="application/json")
