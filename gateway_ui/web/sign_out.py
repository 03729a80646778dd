"""Signing out here: a question first, so that no link can sign a person out (G-84, SE-05)."""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue

from gateway_ui.web import signed_out as page
from gateway_ui.web.context import live_session, pages, render
from gateway_ui.web.flows import go, sign_in_first
from idp.usecases.log_out import log_out
from idp.usecases.sessions import find_session_to_end
from kernel.web.cookies import clear_cookie, read_cookie
from kernel.web.forms import single

blueprint = flask.Blueprint("sign_out", __name__)
ADDRESS = "/sign-out"


@blueprint.get(ADDRESS)
def sign_out() -> ResponseReturnValue:
    """Ask whether to sign out, also whoever's session idled: applications still hold of it."""
    token = read_cookie("session")
    signed_in = live_session() or find_session_to_end(pages().services, token)
    return render("sign_out.html") if signed_in else go(page.ADDRESS)


@blueprint.post(ADDRESS)
def confirm_sign_out() -> ResponseReturnValue:
    """End the session here and at every application it opened, or all sessions of the person.

    Applications that hear of it through the browser do so in frames of the answer itself. Whose session had
    ended before is signed out nowhere else, and is not told so: she signs in, and finds the button again.
    """
    everywhere = single(flask.request.form, "everywhere", longest=10) == "yes"
    ended = log_out(pages().services, session_token=read_cookie("session"), everywhere=everywhere)
    if ended is None and everywhere:
        response = sign_in_first(ADDRESS)
    else:
        response = page.signed_out(ended.frames) if ended and ended.frames else go(page.ADDRESS)
    clear_cookie(response, "session")
    return response


@blueprint.get(page.ADDRESS)
def signed_out() -> ResponseReturnValue:
    """Say that one is signed out, or show the dashboard to whoever is not."""
    return go("/") if live_session() else page.signed_out()
