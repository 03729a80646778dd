"""Who is signed in on the page being served, and what every page shows of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, cast
from urllib.parse import quote

import flask
from flask.typing import ResponseReturnValue

from kernel.translations import LANGUAGES
from kernel.web import csrf
from kernel.web.cookies import read_cookie
from kernel.web.errors import refuse
from kernel.web.language import gettext as _
from kernel.web.language import use_language
from kernel.web.links import this_page
from registration.domain.authority import Caller, Identity
from registration.domain.draft import Draft
from registration.usecases.keep_form import keep_form
from registration.usecases.read_session import SessionView, read_session
from registration.usecases.services import RegistrationServices

SERVICES = "registration.services"
_OPEN_TO_ALL = frozenset({"static", "language"})
P = ParamSpec("P")


def services() -> RegistrationServices:
    """Return what the use cases of this application work with."""
    return cast("RegistrationServices", flask.current_app.extensions[SERVICES])


def open_session() -> None:
    """Find the session of the request's cookie; a cookie that opens none means nobody (SE-10)."""
    flask.g.session = None
    if flask.request.endpoint in _OPEN_TO_ALL or flask.request.path in ("/healthz", "/readyz"):
        return
    token = read_cookie("session")
    if not token:
        return
    found = read_session(services(), token=token)
    flask.g.session = found
    if found is not None and read_cookie("language") not in LANGUAGES:
        use_language(found.identity.language)


def session() -> SessionView | None:
    """Return the session of the current request, or None."""
    return cast("SessionView | None", flask.g.get("session"))


def identity() -> Identity:
    """Return the person who is signed in; only for pages behind :func:`signed_in`."""
    found = session()
    if found is None:
        raise RuntimeError("a page that needs a person lacks @signed_in")
    return found.identity


def caller() -> Caller:
    """Return the caller that the use cases are asked as; only for pages behind :func:`signed_in`."""
    found = session()
    if found is None:
        raise RuntimeError("a page that needs a person lacks @signed_in")
    return found.caller


def signed_in(page: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Serve a page to signed-in people only: others sign in first and come back to it.

    A form that comes after its session has ended is kept for its owner meanwhile.
    """

    @wraps(page)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if session() is not None:
            return page(*args, **kwargs)
        if flask.request.method in ("GET", "HEAD"):
            return flask.redirect(_way_in(this_page()), 303)
        kept = _keep_what_was_sent()
        if kept is not None:
            return flask.redirect(_way_in(f"/kept/{kept.id}"), 303)
        return refuse(
            403,
            _("You are signed out"),
            _("Your session has ended. Nothing was changed."),
            back=_way_in(this_page()),
            back_text=_("Sign in again"),
        )

    return guarded


def _way_in(return_to: str) -> str:
    return f"/sign-in?return_to={quote(return_to, safe='')}"


def _keep_what_was_sent() -> Draft | None:
    token, sent = read_cookie("session"), flask.request
    fields = [pair for pair in sent.form.items(multi=True) if pair[0] != csrf.FIELD]
    return keep_form(services(), token=token, path=sent.path, fields=fields) if token else None


def page_facts() -> dict[str, Any]:
    """Return what every template can show: who is signed in."""
    found = session()
    return {"me": found.identity if found else None}
