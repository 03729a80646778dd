"""Activation: the page behind the link of the activation e-mail (gateway.md 6.5, G-11..G-25).

Opening the link changes nothing and names nobody, however often scanners do it; only the button spends it.
A link that is used, expired or made up looks the same (EN-09).
"""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web.context import pages, render
from gateway_ui.web.flows import Answer, address, flow_token, go, slow_down, standing
from gateway_ui.web.passwords import add_faults, requirement_lines
from gateway_ui.web.wizard import wizard_steps
from idp.usecases.activate_account import Activated, activate_account
from idp.usecases.flow_outcomes import LinkDead, PasswordRefused, SlowDown
from idp.usecases.look_at_activation import look_at_activation
from kernel.web.cookies import browser_token
from kernel.web.forms import FormErrors, single

blueprint = flask.Blueprint("activation", __name__)


@blueprint.get("/activate/<token>")
def activate(token: str) -> ResponseReturnValue:
    """Show the requirements and the form, or that the link is dead."""
    return _page(token)


@blueprint.post("/activate/<token>")
def create_account(token: str) -> ResponseReturnValue:
    """Spend the link and create the password; the rest of the set-up follows in the flow that begins here."""
    form = flask.request.form
    outcome = activate_account(
        pages().services,
        token=token,
        browser=browser_token(),
        password=single(form, "password"),
        repeat=single(form, "repeat"),
    )
    errors = FormErrors()
    if isinstance(outcome, Activated):
        return go(address("/enrol/next", outcome.flow))
    if isinstance(outcome, SlowDown):
        return _page(token, errors, slow_down(errors, outcome))
    if isinstance(outcome, PasswordRefused):
        add_faults(errors, outcome.faults)
    return _page(token, errors, Answer())


@blueprint.get("/enrol/next")
def next_page() -> ResponseReturnValue:
    """Go to where the flow stands."""
    way = standing(flow_token())
    return way if isinstance(way, Response) else flask.abort(404)


def _page(token: str, errors: FormErrors | None = None, answer: Answer | None = None) -> Response:
    answer = answer or Answer(200)
    found = look_at_activation(pages().services, token=token)
    if isinstance(found, LinkDead):
        return render("activate_dead.html", status=410, account_name="")
    return render(
        "activate.html",
        status=answer.status,
        headers=answer.headers,
        errors=errors,
        account_name="",
        rules=requirement_lines(found.requirements),
        repeat=found.repeat,
        action=f"/activate/{token}",
        steps=wizard_steps(),
    )
