"""What a sign-in asks after its proofs: a password that is due, the mailbox before a first factor."""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web.codes import code_refused, read_code, way_on
from gateway_ui.web.context import pages, render
from gateway_ui.web.flows import Answer, address, flow_token, go, settled, standing, wait_seconds
from gateway_ui.web.messages import CODE_JUST_SENT, complain_count
from gateway_ui.web.page_client import keep_opener
from gateway_ui.web.passwords import add_faults, reason_to_change, requirement_lines
from idp.domain.login_flow import Step
from idp.usecases.flow_outcomes import CodeSent, FlowPage, PasswordRefused, SlowDown
from idp.usecases.present_mailbox_code import present_mailbox_code
from idp.usecases.send_mailbox_code import send_mailbox_code
from idp.usecases.set_new_password import set_new_password
from kernel.web.cookies import browser_token
from kernel.web.forms import FormErrors, single

blueprint = flask.Blueprint("overdue", __name__)
blueprint.after_request(keep_opener)


# --- a password that is due (G-37, G-68) ----------------------------------------------------------


@blueprint.get("/sign-in/new-password")
def new_password() -> ResponseReturnValue:
    """Ask for a new password before anything else."""
    flow = flow_token()
    page = standing(flow, Step.CHANGE_PASSWORD)
    return page if isinstance(page, Response) else _new_password_page(flow, page)


@blueprint.post("/sign-in/new-password")
def send_new_password() -> ResponseReturnValue:
    """Set the new password."""
    flow = flow_token()
    page = standing(flow, Step.CHANGE_PASSWORD)
    if isinstance(page, Response):
        return page
    form = flask.request.form
    outcome = set_new_password(
        pages().services,
        flow=flow,
        browser=browser_token(),
        password=single(form, "password"),
        repeat=single(form, "repeat"),
    )
    if isinstance(outcome, PasswordRefused):
        errors = FormErrors()
        add_faults(errors, outcome.faults)
        return _new_password_page(flow, page, errors)
    return settled(outcome, flow) or _new_password_page(flow, page)


def _new_password_page(flow: str, page: FlowPage, errors: FormErrors | None = None) -> Response:
    return render(
        "change_password.html",
        errors=errors,
        reason=reason_to_change(page.password_due),
        rules=requirement_lines(page.requirements),
        action=address("/sign-in/new-password", flow),
    )


# --- a proof of the mailbox (MF-14) ---------------------------------------------------------------


@blueprint.get("/sign-in/mailbox")
def mailbox() -> ResponseReturnValue:
    """Offer to send a code to the account's mailbox, or ask for the one that was sent."""
    flow = flow_token()
    page = standing(flow, Step.PROVE_MAILBOX)
    return page if isinstance(page, Response) else _mailbox_page(flow, page)


@blueprint.post("/sign-in/mailbox/send")
def send_to_mailbox() -> ResponseReturnValue:
    """Send a code to the account's mailbox."""
    flow = flow_token()
    page = standing(flow, Step.PROVE_MAILBOX)
    if isinstance(page, Response):
        return page
    outcome = send_mailbox_code(pages().services, flow=flow, browser=browser_token())
    if isinstance(outcome, SlowDown):
        errors = FormErrors()
        seconds = wait_seconds(outcome.retry_after)
        complain_count(errors, "", CODE_JUST_SENT, seconds)
        return _mailbox_page(flow, page, errors, Answer(429, {"Retry-After": str(seconds)}))
    if isinstance(outcome, CodeSent):
        return go(address("/sign-in/mailbox", flow))
    return settled(outcome, flow) or _mailbox_page(flow, page)


@blueprint.post("/sign-in/mailbox")
def send_mailbox_proof() -> ResponseReturnValue:
    """Check the code that came by e-mail."""
    flow = flow_token()
    page = standing(flow, Step.PROVE_MAILBOX)
    if isinstance(page, Response):
        return page
    errors = FormErrors()
    code = read_code(errors)
    if errors:
        return _mailbox_page(flow, page, errors, Answer())
    outcome = present_mailbox_code(pages().services, flow=flow, browser=browser_token(), code=code)
    way = way_on(outcome, flow, Step.PROVE_MAILBOX)
    return way or _mailbox_page(flow, page, errors, code_refused(errors, outcome))


def _mailbox_page(
    flow: str, page: FlowPage, errors: FormErrors | None = None, answer: Answer | None = None
) -> Response:
    answer = answer or Answer(200)
    return render(
        "mailbox.html",
        status=answer.status,
        headers=answer.headers,
        errors=errors,
        mailbox=page.mailbox,
        sent=page.code_sent,
        action=address("/sign-in/mailbox", flow),
        send_action=address("/sign-in/mailbox/send", flow),
        again=address("/sign-in/again", flow),
    )
