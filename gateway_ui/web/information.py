"""Pages that tell and change nothing: help, the legal text, supported browsers, privacy, accessibility.

Who reads one on the way through a sign-in goes back to it: they leave its window to whoever opened it.
"""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue

from gateway_ui.web.context import pages, render
from gateway_ui.web.messages import disclaimer
from gateway_ui.web.page_client import keep_opener

blueprint = flask.Blueprint("information", __name__)
blueprint.after_request(keep_opener)


@blueprint.get("/help")
def show_help() -> ResponseReturnValue:
    """Tell what to do if one cannot sign in, and whom to ask (G-28, G-93)."""
    return render("help.html", lock_after=pages().services.settings.lock_after)


@blueprint.get("/legal")
def legal() -> ResponseReturnValue:
    """Show the legal disclaimer in full (G-27)."""
    return render("legal.html", operator=pages().operator, disclaimer=disclaimer(pages().operator))


@blueprint.get("/supported-browsers")
def supported_browsers() -> ResponseReturnValue:
    """Tell which browsers are tested (G-39)."""
    return render("supported_browsers.html")


@blueprint.get("/privacy")
def privacy() -> ResponseReturnValue:
    """Tell what is kept about a person."""
    return render("privacy.html")


@blueprint.get("/accessibility")
def accessibility() -> ResponseReturnValue:
    """Tell what is done so that everyone can use the service."""
    return render("accessibility.html")
