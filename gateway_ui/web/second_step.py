"""The second step of a sign-in: a code from an authenticator app, or a passkey (G-29..G-32)."""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web.codes import code_refused, read_code, way_on
from gateway_ui.web.context import pages, render
from gateway_ui.web.flows import Answer, address, flow_token, standing
from gateway_ui.web.page_client import keep_opener
from idp.domain.login_flow import ProofKind, Step
from idp.usecases.flow_outcomes import FlowPage
from idp.usecases.present_totp import present_totp
from kernel.web.cookies import browser_token
from kernel.web.forms import FormErrors

blueprint = flask.Blueprint("second_step", __name__)
blueprint.after_request(keep_opener)


@blueprint.get("/sign-in/second-step")
def second_step() -> ResponseReturnValue:
    """Ask for the second step the account has; nothing of it is told before the password (EN-04)."""
    flow = flow_token()
    page = standing(flow, Step.SECOND_FACTOR)
    return page if isinstance(page, Response) else second_step_page(flow, page)


@blueprint.post("/sign-in/second-step")
def send_code() -> ResponseReturnValue:
    """Check a code from an authenticator app."""
    flow = flow_token()
    page = standing(flow, Step.SECOND_FACTOR)
    if isinstance(page, Response):
        return page
    errors = FormErrors()
    code = read_code(errors)
    if errors:
        return second_step_page(flow, page, errors, Answer())
    outcome = present_totp(pages().services, flow=flow, browser=browser_token(), code=code)
    way = way_on(outcome, flow, Step.SECOND_FACTOR)
    return way or second_step_page(flow, page, errors, code_refused(errors, outcome))


def second_step_page(
    flow: str, page: FlowPage, errors: FormErrors | None = None, answer: Answer | None = None
) -> Response:
    """Return the page of the second step; the code comes first, because it works everywhere."""
    answer = answer or Answer(200)
    by_code = ProofKind.TOTP in page.second_factors
    return render(
        "code.html" if by_code else "passkey.html",
        status=answer.status,
        headers=answer.headers,
        errors=errors,
        client_name=page.client_name,
        action=address("/sign-in/second-step", flow),
        has_passkey=ProofKind.PASSKEY in page.second_factors and page.passkeys_possible,
        passkey_action=address("/sign-in/passkey", flow),
        passkey_options=address("/sign-in/passkey/options", flow),
        again=address("/sign-in/again", flow),
    )
