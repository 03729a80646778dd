"""The page where a person who is signed in changes the password (G-73); and where machines are told of it."""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web.context import live_session, pages, render
from gateway_ui.web.flows import Answer, go, sign_in_first, slow_down
from gateway_ui.web.messages import CURRENT_MISSING, CURRENT_WRONG, complain
from gateway_ui.web.passwords import add_faults, requirement_lines
from idp.usecases.change_password import (
    NoPassword,
    PasswordChanged,
    change_password,
    has_password,
    own_requirements,
)
from idp.usecases.flow_outcomes import SlowDown
from kernel.web.errors import refuse
from kernel.web.forms import FormErrors, single
from kernel.web.language import gettext as _

blueprint = flask.Blueprint("own_password", __name__)
ADDRESS = "/change-password"


@blueprint.get("/.well-known/change-password")
def well_known() -> Response:
    """Lead password managers to the page (A Well-Known URL for Changing Passwords, W3C)."""
    return go(ADDRESS)


@blueprint.get(ADDRESS)
def show() -> ResponseReturnValue:
    """Ask for the present password and a new one."""
    session = live_session()
    if session is None:
        return sign_in_first(ADDRESS)
    return _page() if has_password(pages().services, session) else _nothing_to_change()


@blueprint.post(ADDRESS)
def change() -> ResponseReturnValue:
    """Change the password; what was typed is never sent back."""
    session = live_session()
    if session is None:
        return sign_in_first(ADDRESS)
    form, errors = flask.request.form, FormErrors()
    current = single(form, "current")
    if not current:
        complain(errors, "current", CURRENT_MISSING)
        return _page(errors)
    outcome = change_password(
        pages().services,
        session,
        current=current,
        password=single(form, "password"),
        repeat=single(form, "repeat"),
    )
    if isinstance(outcome, PasswordChanged):
        return go(f"{ADDRESS}?done=changed")
    if isinstance(outcome, NoPassword):
        return _nothing_to_change()
    if isinstance(outcome, SlowDown):
        return _page(errors, slow_down(errors, outcome))
    if outcome.wrong:
        complain(errors, "current", CURRENT_WRONG)
    add_faults(errors, outcome.faults)
    return _page(errors)


def _page(errors: FormErrors | None = None, answer: Answer | None = None) -> Response:
    session = live_session()
    answer = answer or Answer(422 if errors else 200)
    return render(
        "own_password.html",
        status=answer.status,
        headers=answer.headers,
        errors=errors,
        rules=requirement_lines(own_requirements(pages().services)),
        user_name=session.account.user_name if session else "",
        is_done=single(flask.request.args, "done", longest=20) == "changed",
        action=ADDRESS,
    )


def _nothing_to_change() -> Response:
    return refuse(
        404,
        _("There is no password to change"),
        _("Your account has no password."),
        back="/",
        back_text=_("Go to your applications"),
    )
