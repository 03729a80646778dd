"""Signing in through the Gateway by OpenID Connect, signing out, and being signed out by the Gateway."""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue

from kernel.local_paths import local_path
from kernel.web.cookies import browser_token, clear_cookie, read_cookie, set_cookie
from kernel.web.errors import refuse
from kernel.web.language import gettext as _
from kernel.web.links import come_back_to
from registration.domain.outcomes import Refusal, Refused
from registration.usecases.backchannel_logout import backchannel_logout
from registration.usecases.end_session import end_session
from registration.usecases.finish_sign_in import finish_sign_in
from registration.usecases.start_sign_in import start_sign_in
from registration.web.current import services, session
from registration.web.words import refusal_text

PAGES = flask.Blueprint("sign_in", __name__)
_LONGEST_LOGOUT_TOKEN = 16_384


@PAGES.get("/sign-in")
def begin() -> ResponseReturnValue:
    """Send the person to the Gateway; the way back is bound to this browser (OIDC Core §3.1.2.1)."""
    return_to = local_path(flask.request.args.get("return_to", "/"))
    if session() is not None:
        return flask.redirect(return_to, 303)
    started = start_sign_in(services(), browser_token=browser_token(), return_to=return_to)
    if isinstance(started, Refused):
        return _not_signed_in(started)
    return flask.redirect(started.url, 303)


@PAGES.get("/callback")
def callback() -> ResponseReturnValue:
    """Take the Gateway's answer and start a session."""
    finished = finish_sign_in(
        services(),
        browser_token=browser_token(),
        parameters=flask.request.args.to_dict(flat=False),
    )
    if isinstance(finished, Refused):
        return _not_signed_in(finished)
    response = flask.redirect(local_path(finished.return_to), 303)
    set_cookie(response, "session", finished.token)
    return response


@PAGES.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session here, then at the Gateway (OIDC RP-Initiated Logout 1.0)."""
    token = read_cookie("session")
    target = end_session(services(), token=token).url if token else "/signed-out"
    response = flask.redirect(target, 303)
    clear_cookie(response, "session")
    return response


@PAGES.get("/signed-out")
def signed_out() -> ResponseReturnValue:
    """Say that nobody is signed in any more."""
    if session() is not None:
        return flask.redirect("/", 303)
    return flask.render_template("registration/signed_out.html")


@PAGES.post("/backchannel-logout")
def heard_logout() -> ResponseReturnValue:
    """End the sessions a logout token names (OIDC Back-Channel Logout 1.0 §2.5). No cookie, no page.

    Where the keys that would tell whether it is good cannot be had, it may come again: 503, and no refusal.
    """
    tokens = flask.request.form.getlist("logout_token")
    valid = len(tokens) == 1 and len(tokens[0]) <= _LONGEST_LOGOUT_TOKEN
    heard = backchannel_logout(services(), logout_token=tokens[0]) if valid else None
    if isinstance(heard, Refused) and heard.reason is Refusal.PROVIDER_UNREACHABLE:
        response = flask.jsonify(error="temporarily_unavailable")
        response.status_code = 503
        response.headers["Retry-After"] = "5"
    elif heard is None or isinstance(heard, Refused):
        response = flask.jsonify(error="invalid_request", error_description="The logout token is not valid.")
        response.status_code = 400
    else:
        response = flask.make_response("", 200)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


heard_logout.is_protocol = True  # type: ignore[attr-defined]  # the page kit asks it for no form token


def _not_signed_in(refused: Refused) -> ResponseReturnValue:
    come_back_to("/")
    status = 503 if refused.reason is Refusal.PROVIDER_UNREACHABLE else 403
    return refuse(
        status,
        _("You are not signed in"),
        refusal_text(refused),
        back="/sign-in",
        back_text=_("Sign in again"),
    )
