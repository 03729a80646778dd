"""Setting up the second step: question, passkey or authenticator app, then check and finish (G-18..G-22)."""

from __future__ import annotations

from dataclasses import dataclass

import flask
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.wrappers import Response

from gateway_ui.web.codes import code_refused, read_code, way_on
from gateway_ui.web.context import pages, render
from gateway_ui.web.flows import (
    STEP_PAGES,
    Answer,
    address,
    flow_token,
    go,
    refused,
    settled,
    standing,
)
from gateway_ui.web.messages import METHOD_MISSING, PASSKEY_NOT_MADE, complain
from gateway_ui.web.page_client import keep_opener
from gateway_ui.web.passkeys import options_answer, read_credential
from gateway_ui.web.questions import add_answer_fault
from gateway_ui.web.wizard import wizard_steps
from idp.domain.factors import FactorKind, FactorSummary
from idp.domain.login_flow import ENROLLING_STEPS, FlowKind, Step
from idp.domain.security_question import SHORTEST_ANSWER
from idp.domain.totp import TotpEnrolment
from idp.usecases.enrol_passkey import begin_passkey_enrolment, confirm_passkey_enrolment
from idp.usecases.enrol_totp import begin_totp_enrolment, confirm_totp_enrolment, look_at_totp_enrolment
from idp.usecases.finish_login import finish_login
from idp.usecases.flow_outcomes import AnswerRefused, FlowPage
from idp.usecases.set_security_question import set_security_question
from kernel.web.cookies import browser_token
from kernel.web.forms import FormErrors, single
from kernel.web.language import current_language
from kernel.web.language import gettext as _

blueprint = flask.Blueprint("enrolment", __name__)
blueprint.after_request(keep_opener)


# --- the security question ------------------------------------------------------------------------


@blueprint.get("/enrol/question")
def question() -> ResponseReturnValue:
    """Offer the short list that was drawn for this account (G-34)."""
    flow = flow_token()
    page = standing(flow, Step.SET_QUESTION)
    return page if isinstance(page, Response) else _question_page(flow, page)


@blueprint.post("/enrol/question")
def save_question() -> ResponseReturnValue:
    """Save question and answer (G-20)."""
    flow = flow_token()
    page = standing(flow, Step.SET_QUESTION)
    if isinstance(page, Response):
        return page
    form = flask.request.form
    chosen = single(form, "question", longest=100)
    outcome = set_security_question(
        pages().services,
        flow=flow,
        browser=browser_token(),
        question=chosen,
        answer=single(form, "answer", longest=1000),
    )
    errors = FormErrors()
    if isinstance(outcome, AnswerRefused):
        add_answer_fault(errors, outcome.fault)
        return _question_page(flow, page, errors, chosen)
    return settled(outcome, flow) or _question_page(flow, page)


def _question_page(flow: str, page: FlowPage, errors: FormErrors | None = None, chosen: str = "") -> Response:
    language = current_language()
    return render(
        "enrol_question.html",
        errors=errors,
        step=_step(page),
        questions=[{"value": one.key, "text": one.text(language)} for one in page.questions],
        question=chosen,
        shortest_answer=SHORTEST_ANSWER,
        action=address("/enrol/question", flow),
    )


# --- which second step ----------------------------------------------------------------------------


@blueprint.get("/enrol")
def method() -> ResponseReturnValue:
    """Offer the second steps one may set up."""
    flow = flow_token()
    page = standing(flow, Step.ENROL_FACTOR)
    return page if isinstance(page, Response) else _method_page(flow, page)


@blueprint.post("/enrol")
def choose_method() -> ResponseReturnValue:
    """Go on with the chosen second step."""
    flow = flow_token()
    page = standing(flow, *ENROLLING_STEPS)
    if isinstance(page, Response):
        return page
    match single(flask.request.form, "method", longest=20):
        case "passkey" if page.passkeys_possible:
            return go(address("/enrol/passkey", flow))
        case "app":
            outcome = begin_totp_enrolment(pages().services, flow=flow, browser=browser_token())
            if isinstance(outcome, TotpEnrolment):
                return go(address("/enrol/app", flow))
            return settled(outcome, flow) or _method_page(flow, page)
    errors = FormErrors()
    complain(errors, "method", METHOD_MISSING)
    return _method_page(flow, page, errors)


def _method_page(flow: str, page: FlowPage, errors: FormErrors | None = None) -> Response:
    return render(
        "enrol.html",
        errors=errors,
        step=_step(page),
        steps=wizard_steps() if page.kind is FlowKind.ACTIVATION else (),
        has_question=page.has_question,
        passkeys=page.passkeys_possible,
        action=address("/enrol", flow),
    )


# --- an authenticator app -------------------------------------------------------------------------


@blueprint.get("/enrol/app")
def app() -> ResponseReturnValue:
    """Show the picture and the key of the enrolment that has begun."""
    flow = flow_token()
    page = standing(flow, *ENROLLING_STEPS)
    return page if isinstance(page, Response) else _app_page(flow, page)


@blueprint.post("/enrol/app")
def verify_app() -> ResponseReturnValue:
    """Take the app over if it shows the right code."""
    flow = flow_token()
    page = standing(flow, *ENROLLING_STEPS)
    if isinstance(page, Response):
        return page
    errors = FormErrors()
    code = read_code(errors)
    if errors:
        return _app_page(flow, page, errors, Answer())
    outcome = confirm_totp_enrolment(pages().services, flow=flow, browser=browser_token(), code=code)
    way = way_on(outcome, flow, *ENROLLING_STEPS)
    return way or _app_page(flow, page, errors, code_refused(errors, outcome))


def _app_page(
    flow: str, page: FlowPage, errors: FormErrors | None = None, answer: Answer | None = None
) -> Response:
    answer = answer or Answer(200)
    found = look_at_totp_enrolment(pages().services, flow=flow, browser=browser_token())
    if found is None:
        return go(address(STEP_PAGES[page.step], flow))
    return render(
        "enrol_app.html",
        status=answer.status,
        headers=answer.headers,
        errors=errors,
        step=_step(page),
        qr=Markup(found.qr_svg),  # noqa: S704 - drawn by our own QR code writer
        secret=found.secret,
        label=page.account.user_name if page.account else "",
        action=address("/enrol/app", flow),
        back=address(STEP_PAGES[page.step], flow),
    )


# --- a passkey ------------------------------------------------------------------------------------


@blueprint.get("/enrol/passkey")
def passkey() -> ResponseReturnValue:
    """Offer to create a passkey."""
    flow = flow_token()
    page = standing(flow, *ENROLLING_STEPS)
    return page if isinstance(page, Response) else _passkey_page(flow, page)


@blueprint.post("/enrol/passkey/options")
def enrolment_options() -> ResponseReturnValue:
    """Answer the script with what the new passkey is made for."""
    return options_answer(
        begin_passkey_enrolment(pages().services, flow=flow_token(), browser=browser_token())
    )


@blueprint.post("/enrol/passkey")
def save_passkey() -> ResponseReturnValue:
    """Keep the new passkey."""
    flow = flow_token()
    page = standing(flow, *ENROLLING_STEPS)
    if isinstance(page, Response):
        return page
    outcome = confirm_passkey_enrolment(
        pages().services, flow=flow, browser=browser_token(), credential=read_credential()
    )
    way = settled(outcome, flow)
    if way is not None:
        return way
    errors = FormErrors()
    return _passkey_page(flow, page, errors, refused(errors, outcome, PASSKEY_NOT_MADE))


def _passkey_page(
    flow: str, page: FlowPage, errors: FormErrors | None = None, answer: Answer | None = None
) -> Response:
    if not page.passkeys_possible:
        return go(address(STEP_PAGES[page.step], flow))
    answer = answer or Answer(200)
    return render(
        "enrol_passkey.html",
        status=answer.status,
        headers=answer.headers,
        errors=errors,
        step=_step(page),
        action=address("/enrol/passkey", flow),
        passkey_options=address("/enrol/passkey/options", flow),
        back=address(STEP_PAGES[page.step], flow),
    )


# --- check and finish -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the summary."""

    key: str
    value: str


@blueprint.get("/enrol/finish")
def review() -> ResponseReturnValue:
    """Show what was set up, offer the other way as well, and Finish (G-18, G-21).

    Who came to add one chooses which first (G-33).
    """
    flow = flow_token()
    page = standing(flow, Step.REVIEW)
    if isinstance(page, Response):
        return page
    kinds = {factor.kind for factor in page.factors}
    return render(
        "enrol_finish.html" if page.has_added or not page.adds else "enrol_add.html",
        step=_("Step 3 of 3") if page.kind is FlowKind.ACTIVATION else "",
        steps=wizard_steps() if page.kind is FlowKind.ACTIVATION else (),
        rows=[_factor_row(factor) for factor in page.factors] if page.adds else _summary(page),
        adds=page.adds,
        offers_passkey=page.passkeys_possible and (page.adds or FactorKind.PASSKEY not in kinds),
        offers_app=FactorKind.TOTP not in kinds,
        action=address("/enrol/finish", flow),
        method_action=address("/enrol", flow),
    )


@blueprint.post("/enrol/finish")
def finish() -> ResponseReturnValue:
    """End the set-up signed in."""
    flow = flow_token()
    outcome = finish_login(pages().services, flow=flow, browser=browser_token())
    return settled(outcome, flow) or go("/")


def _summary(page: FlowPage) -> list[Row]:
    rows = [Row(_("User ID"), page.account.user_name)] if page.account else []
    rows.append(Row(_("Password"), _("Set")))
    if page.has_question:
        rows.append(Row(_("Security question"), _("Set")))
    rows += [_factor_row(factor) for factor in page.factors]
    return rows


def _factor_row(factor: FactorSummary) -> Row:
    name = _("Passkey") if factor.kind is FactorKind.PASSKEY else _("Authenticator app")
    return Row(name, factor.label or _("Set up"))


def _step(page: FlowPage) -> str:
    """Return the caption above the heading while an account is being activated."""
    return _("Step 2 of 3") if page.kind is FlowKind.ACTIVATION else ""
