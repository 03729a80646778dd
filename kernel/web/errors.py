"""Error pages: what happened, what to do next, and a reference to tell Customer Relations."""

from __future__ import annotations

from dataclasses import dataclass

import flask
import structlog
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from kernel.errors import BusyError, SwitchyardError, UncertainError
from kernel.origin import current_origin
from kernel.translations import mark
from kernel.web.language import gettext as _

_log = structlog.get_logger(__name__)

_WORDS = {
    400: (
        mark("We could not read that"),
        mark("It was not complete, or part of it was too long. Go back and try again."),
    ),
    403: (mark("You cannot do that"), mark("You do not have permission for this page.")),
    404: (mark("Page not found"), mark("Check the address, or start again from the first page.")),
    405: (mark("You cannot open this page like that"), mark("Start again from the first page.")),
    413: (mark("That is too large"), mark("What you sent is larger than this page accepts.")),
    429: (mark("Too many attempts"), mark("Wait a moment, then try again.")),
    500: (mark("Sorry, something went wrong"), mark("Nothing was changed. Try again in a moment.")),
    503: (mark("The service is busy"), mark("Nothing was changed. Try again in a moment.")),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What an error page says. ``back`` is an address of ours to go on from, with its link text."""

    heading: str
    lines: tuple[str, ...]
    back: str = ""
    back_text: str = ""


def problem_page(status: int, problem: Problem) -> Response:
    """Return an error page with the given words; they are shown as they are."""
    page = flask.render_template("kit/error.html", problem=problem, reference=current_origin().request_id)
    return flask.make_response(page, status)


def refuse(status: int, heading: str, *lines: str, back: str = "", back_text: str = "") -> Response:
    """Return an error page that says in its own words why, and whom to ask or where to go on."""
    return problem_page(status, Problem(heading, lines, back, back_text))


def standard_page(status: int) -> Response:
    """Return the error page for ``status`` with the standing words."""
    heading, line = _WORDS.get(status, _WORDS[400 if status < 500 else 500])
    return problem_page(status, Problem(_(heading), (_(line),), "/", _("Go to the first page")))


def csrf_page() -> Response:
    """Return the page for a form that did not come from a page of ours, or from one that is too old."""
    return refuse(
        403,
        _("We could not accept that form"),
        _("The form was too old, or your browser does not keep cookies. Nothing was changed."),
        _("Go back, reload the page and send it again."),
        back="/",
        back_text=_("Go to the first page"),
    )


def http_error(error: HTTPException) -> Response:
    """Answer an HTTP error with its page; redirects and ready answers pass as they are."""
    code = error.code or 500
    if error.response is not None or code < 400:
        return flask.make_response(error.get_response(flask.request.environ))
    response = standard_page(code)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def our_error(error: SwitchyardError) -> Response:
    """Answer one of our own errors: its public sentence, never its context."""
    if error.status >= 500 and not isinstance(error, BusyError):
        _log.error("page.failed", code=error.code, request_id=current_origin().request_id, exc_info=error)
    heading, standing = _WORDS.get(error.status, _WORDS[500])
    told = error.status < 500 or isinstance(error, UncertainError)
    line = error.public if told else standing
    response = problem_page(error.status, Problem(_(heading), (_(line),), "/", _("Go to the first page")))
    if isinstance(error, BusyError):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def any_error(error: Exception) -> Response:
    """Answer an error nobody foresaw: everything to the log, a reference to the person."""
    code, reference = type(error).__name__, current_origin().request_id
    _log.error("page.failed", code=code, request_id=reference, exc_info=error)
    return standard_page(500)
