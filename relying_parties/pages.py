"""What all pages of the applications share: language, templates, security headers, error pages.

Owns nothing of signing in. Every answer, errors too, leaves through :func:`_finish`.
"""

import hashlib
import logging
import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, current_app, g, make_response, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from relying_parties.http import ProviderFaultError, ProviderUnreachableError
from relying_parties.ports import Chance
from relying_parties.sentences import LANGUAGES, MEANS, day, moment, say
from relying_parties.sessions import Session
from relying_parties.settings import ApplicationSettings, ApplicationsSettings

LOG = logging.getLogger("relying_parties")
LANGUAGE_COOKIE = "applications_language"
STATIC = Path(__file__).parent / "static"
ACCEPTED = re.compile(r"\s*([A-Za-z]{2})[A-Za-z-]{0,16}\s*(?:;\s*q=(0(?:\.\d{1,3})?|1(?:\.0{1,3})?))?\s*")
ERRORS = {
    400: (
        "This page cannot be used like that",
        "The address or the form was not complete.",
        "Go back and try again, or start from the first page.",
    ),
    403: (
        "You may not do this",
        "Your access roles do not allow it.",
        "Ask the Rights Administrator of your organization for the access role you need.",
    ),
    404: (
        "Page not found",
        "There is nothing at this address.",
        "Check the address, or start from the first page.",
    ),
    413: (
        "Too much was sent",
        "The form was larger than this page accepts.",
        "Go back and try again, or start from the first page.",
    ),
    500: (
        "Something went wrong here",
        "The mistake is ours. What you did last may not have been saved.",
        "Try again. If it happens again, tell Customer Relations the reference below.",
    ),
    502: (
        "The sign-in service refused {name}",
        "Something is set up wrongly between {name} and the sign-in service. It is not your fault.",
        "Tell Customer Relations what you wanted to open, and the reference below.",
    ),
    503: (
        "The sign-in service cannot be reached",
        "{name} is running, but the service that signs you in does not answer.",
        "Try again in a minute. If it lasts, call Customer Relations.",
    ),
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def prepare_pages(app: Flask, settings: ApplicationsSettings, chance: Chance) -> None:
    """Give the Flask application its language, headers, host check and error pages."""
    app.extensions["applications_settings"] = settings
    app.extensions["sheet_marks"] = {sheet.name: _mark(sheet) for sheet in STATIC.iterdir()}
    hosts = frozenset(urlsplit(each.public_url).netloc.lower() for each in settings.mounted)

    @app.before_request
    def know_the_request() -> Response | None:
        g.reference = chance.token()[:12]
        if request.path != "/healthz" and request.headers.get("Host", "").lower() not in hosts:
            return error_page(400)
        return None

    app.after_request(_finish)
    app.jinja_env.globals.update(t=_say, when=_moment, day=_day, sheet=_sheet, languages=LANGUAGES)
    app.jinja_env.globals.update(strength=_strength, means=_means)
    app.register_error_handler(ProviderUnreachableError, _unreachable)
    app.register_error_handler(ProviderFaultError, _faulty)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(Exception, _broken)


def page(template: str, *, status: int = 200, **values: object) -> Response:
    """Render one page in the reader's language, in the dress of the application it belongs to."""
    application = g.get("application") or application_at(request.path)
    context: dict[str, Any] = {
        "application": application,
        "session": g.get("session"),
        "environment": _settings().environment,
        "language": language(),
        "language_links": _language_links(application, status),
        **values,
    }
    return make_response(render_template(template, **context), status)


def error_page(status: int, *, texts: tuple[str, str, str] | None = None) -> Response:
    """Render an error page: what happened, and what to do."""
    title, happened, advice = texts or ERRORS.get(status, ERRORS[400 if status < 500 else 500])
    application = g.get("application") or application_at(request.path)
    name = application.name_in(language()) if application else _say("Applications")
    return page(
        "error.html",
        status=status,
        title=_say(title, name=name),
        happened=_say(happened, name=name),
        advice=_say(advice, name=name),
        reference=g.get("reference", "") if status >= 500 else "",
        name=name,
    )


def application_at(path: str) -> ApplicationSettings | None:
    """Return the application that lives at ``path``."""
    return next((each for each in _settings().applications if path.startswith(each.path)), None)


def language() -> str:
    """Return the reader's language: asked for in the address, kept in the cookie, or the browser's choice."""
    for wish in (request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if wish in LANGUAGES:
            return wish
    return _preferred(request.headers.get("Accept-Language", ""))


def _preferred(header: str) -> str:
    """Return the best language of an Accept-Language header, of which only the beginning is read."""
    best, weight = "en", 0.0
    for entry in header[:256].split(",")[:10]:
        match = ACCEPTED.fullmatch(entry)
        if match and match[1].lower() in LANGUAGES and float(match[2] or 1) > weight:
            best, weight = match[1].lower(), float(match[2] or 1)
    return best


def _finish(response: Response) -> Response:
    """Put the security headers on every answer, and keep a language that was asked for."""
    secure = _secure()
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", _content_policy())
    response.headers.setdefault("Cache-Control", "no-store")
    if secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    wish = request.args.get("lang")
    if wish in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, wish, max_age=31_536_000, secure=secure, httponly=True, samesite="Lax"
        )
    return response


def _content_policy() -> str:
    """Return the policy: own style sheets and forms only; sign-out forms lead on to the provider."""
    application = application_at(request.path)
    parts = urlsplit(application.issuer) if application else None
    provider = f" {parts.scheme}://{parts.netloc}" if parts else ""
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self'{provider}"
    )


def _secure() -> bool:
    return any(each.public_url.startswith("https://") for each in _settings().applications)


def _settings() -> ApplicationsSettings:
    settings: ApplicationsSettings = current_app.extensions["applications_settings"]
    return settings


def _language_links(application: ApplicationSettings | None, status: int) -> Mapping[str, str]:
    """Return where each other language is found; a page that opens only once leads to the first page."""
    repeatable = request.method == "GET" and status == 200
    path = request.path if repeatable else (application.path if application else "/")
    kept = {name: value for name, value in request.args.items() if repeatable and name == "org"}
    return {each: f"{path}?{urlencode({**kept, 'lang': each})}" for each in LANGUAGES if each != language()}


def _say(sentence: str, **values: object) -> str:
    return say(language(), sentence, **values)


def _moment(at: datetime) -> str:
    return moment(language(), at)


def _day(on: date) -> str:
    return day(language(), on)


def _strength(session: Session, application: ApplicationSettings) -> str:
    """Return what the authentication context means to a reader."""
    if session.identity.acr in ("phr", "phrh"):
        return "Passkey"
    return "Two factors" if session.identity.acr in application.second_factor_acr else "One factor"


def _means(session: Session) -> list[str]:
    """Return what the authentication methods mean to a reader, each once (RFC 8176 §2)."""
    return list(dict.fromkeys(MEANS[name] for name in session.identity.amr if name in MEANS))


def _mark(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def _sheet(name: str) -> str:
    return url_for("static", filename=name, v=current_app.extensions["sheet_marks"][name])


def _unreachable(error: ProviderUnreachableError) -> Response:
    LOG.warning("provider unreachable at %s: %s [%s]", request.path, error, g.get("reference", ""))
    response = error_page(503)
    response.headers["Retry-After"] = "30"
    return response


def _faulty(error: ProviderFaultError) -> Response:
    LOG.error("provider at fault at %s: %s [%s]", request.path, error, g.get("reference", ""))
    return error_page(502)


def _refused(error: HTTPException) -> Response:
    status = error.code or 500
    response = error_page(status)
    if status == 405 and error.get_headers():
        allowed = dict(error.get_headers()).get("Allow", "")
        response.headers["Allow"] = allowed
    return response


def _broken(error: Exception) -> Response:
    LOG.error("failure at %s [%s]", request.path, g.get("reference", ""), exc_info=error)
    return error_page(500)
