"""The base Flask application of all pages: what every page of every system gets without asking for it.

Strict content policy, security headers on errors too, trusted host, bounded bodies, form tokens, two
languages, error pages with a reference, one log line per request, static files by content. Protocol faces
mounted on the same application (views marked ``is_protocol``) keep their own bytes and are left alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any

import flask
import jinja2
import structlog
from flask.sessions import NullSession, SessionInterface
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.routing import MapAdapter
from werkzeug.wrappers import Response

from kernel.errors import SwitchyardError
from kernel.origin import Origin, current_origin, origin, spoken
from kernel.randomness import Randomness
from kernel.sentences import turns_writing, without_turns
from kernel.translations import Translations
from kernel.web import errors
from kernel.web.assets import Assets
from kernel.web.compiled_once import CompiledOnce
from kernel.web.cookies import remember_browser
from kernel.web.csrf import csrf_field, refusal
from kernel.web.headers import nonce, secure
from kernel.web.http import TRANSPORT_SECURITY, promises_transport_security
from kernel.web.kit import EXTENSION, Installed, PageKit
from kernel.web.lane import Application, Environ, StartResponse
from kernel.web.language import (
    current_language,
    day_markup,
    moment_markup,
    other_languages,
    remember_asked_language,
    switch_language,
    template_gettext,
    template_ngettext,
    template_pgettext,
)
from kernel.web.links import this_page
from kernel.web.proxies import host_check, peer_address
from kernel.web.skeletons import Skeletons, varying
from kernel.web.telephones import telephone_link, telephones

__all__ = ["PageKit", "make_pages"]

_HERE = Path(__file__).parent
_HEALTH = ("/healthz", "/readyz")
_PROTOCOL_BODY = 2_097_152
_log = structlog.get_logger(__name__)


def make_pages(
    import_name: str,
    kit: PageKit,
    *,
    template_folders: tuple[Path, ...],
    static_folders: tuple[Path, ...] = (),
    error_layout: str = "kit/base.html",
) -> flask.Flask:
    """Return a Flask application that has everything a page needs; the system adds its routes.

    ``error_layout`` is what error pages are laid out by. It has to get by with what every page is given.
    """
    app = _Pages(import_name, static_folder=None, template_folder=None)
    app.jinja_environment = _Templates
    app.config.update(
        MAX_CONTENT_LENGTH=kit.max_body,
        MAX_FORM_MEMORY_SIZE=kit.max_body,
        MAX_FORM_PARTS=1000,
        SERVER_NAME=kit.origin.partition("://")[2],
        PREFERRED_URL_SCHEME="https" if kit.https else "http",
    )
    translations = Translations((_HERE / "translations", *kit.translations))
    app.extensions[EXTENSION] = Installed(kit, translations, Skeletons(kit.randomness))
    assets = Assets(static_folders)
    _prepare_templates(app, kit, assets, template_folders)
    app.jinja_env.globals["error_layout"] = error_layout
    app.add_url_rule("/static/<name>", "static", assets.serve, methods=["GET"])
    app.add_url_rule("/language", "language", switch_language, methods=["POST"])
    _stand_guard(app, kit)
    app.register_error_handler(HTTPException, errors.http_error)
    app.register_error_handler(SwitchyardError, errors.our_error)
    app.register_error_handler(Exception, errors.any_error)
    app.wsgi_app = _Door(app.wsgi_app, kit)  # type: ignore[method-assign]  # the way Flask documents
    return app


class _NoSessions(SessionInterface):
    """Flask's own sessions, of which we have none: every request gets the same one, which nobody can fill."""

    _none = NullSession()

    def open_session(self, app: flask.Flask, request: flask.Request) -> NullSession:
        """Return the session that holds nothing and is not stored."""
        del app, request
        return self._none


class _Pages(flask.Flask):
    """Flask, without what it finds out anew for each request though it is the same for all."""

    session_interface = _NoSessions()
    _outside: MapAdapter | None = None

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``func`` as it is: no view of ours is a coroutine."""
        return func

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """Return what builds addresses; the one that no request is behind is made once."""
        if request is not None:
            return super().create_url_adapter(request)
        if self._outside is None:
            self._outside = super().create_url_adapter(None)
        return self._outside


class _Templates(flask.templating.Environment):
    """Flask's templates, where every template has the same globals and none of its own.

    A macro compares its globals with the page's at every call, and with a chain of mappings that takes long.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return the globals of the environment itself, to which ``d`` adds nothing."""
        return super().make_globals(d) if d else self.globals


def _prepare_templates(app: flask.Flask, kit: PageKit, assets: Assets, folders: Iterable[Path]) -> None:
    app.jinja_loader = jinja2.ChoiceLoader(
        [
            jinja2.FileSystemLoader([*folders, _HERE / "templates"]),
            jinja2.PrefixLoader({"govuk_frontend_jinja": jinja2.PackageLoader("govuk_frontend_jinja")}),
        ]
    )
    environment = app.jinja_env
    if environment.loader is not None:
        environment.loader = CompiledOnce(environment.loader)
    environment.add_extension("jinja2.ext.i18n")
    environment.add_extension("jinja2.ext.do")
    environment.finalize = _shown
    environment.trim_blocks = True
    environment.lstrip_blocks = True
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # brought by the extension
        template_gettext, template_ngettext, newstyle=True, pgettext=template_pgettext
    )
    environment.filters.update(moment=moment_markup, day=day_markup, telephone=telephone_link)
    environment.globals.update(
        t=environment.globals["gettext"],
        product=kit.product,
        environment=kit.environment,
        version=kit.version,
        public_url=kit.public_url,
        support_email=kit.support_email,
        support_phones=telephones(kit.support_phone),
        static=assets.url,
        csrf_field=varying("csrf_field", csrf_field),
        nonce=varying("nonce", nonce),
        now=kit.clock.now,
        this_page=varying("this_page", this_page),
    )
    app.context_processor(
        lambda: {"current_language": current_language(), "other_languages": other_languages()}
    )


def _shown(value: Any) -> Any:  # noqa: ANN401 - whatever a template says
    """Return what a template shows as it is shown: no text turns round what stands beside it."""
    if not isinstance(value, str) or not turns_writing(value):
        return value
    return Markup(without_turns(value)) if isinstance(value, Markup) else without_turns(value)  # noqa: S704


def _stand_guard(app: flask.Flask, kit: PageKit) -> None:
    host_is_ours = host_check(kit.public_url)

    @app.before_request
    def check() -> Response | None:
        request = flask.request
        request.environ["kernel.route"] = _route()
        if request.path not in _HEALTH and not host_is_ours(request.environ.get("HTTP_HOST", "")):
            return errors.standard_page(400)
        if "\x00" in request.path:
            return errors.standard_page(404)
        if _is_protocol(app):
            request.max_content_length = _PROTOCOL_BODY
            return None
        if request.url_rule is None:
            return None
        if request.method == "HEAD":  # a page asks whether it was a GET; what is none is a form to it
            request.method = "GET"
        return _check_form()

    @app.after_request
    def finish(response: flask.Response) -> flask.Response:
        if not _is_protocol(app):
            remember_browser(response)
            remember_asked_language(response)
            secure(response, page=flask.request.endpoint != "static" or response.status_code >= 400)
            response.headers.setdefault("X-Request-Id", current_origin().request_id)
        return response


def _check_form() -> Response | None:
    """Refuse a body we do not read, and a form that is not ours."""
    request = flask.request
    if request.method in ("POST", "PUT", "PATCH", "DELETE") and request.mimetype == "application/json":
        return errors.standard_page(400)
    try:
        why = refusal()
    except RequestEntityTooLarge as error:
        return errors.http_error(error)
    if not why:
        return None
    _log.warning("page.form_refused", why=why, route=_route(), request_id=current_origin().request_id)
    return errors.csrf_page()


def _is_protocol(app: flask.Flask) -> bool:
    view = app.view_functions.get(flask.request.endpoint or "")
    return bool(getattr(view, "is_protocol", False))


def _route() -> str:
    """Return the pattern of the address: paths may carry secrets, so logs never hold the path itself."""
    rule = flask.request.url_rule
    return rule.rule if rule is not None else "unknown"


class _Door:
    """Stands in front of Flask: names each request, knows where it comes from, and logs its end.

    Every answer that passes over TLS says so, those of the protocols and of the health checks too.
    """

    def __init__(self, behind: Application, kit: PageKit) -> None:
        self._behind = behind
        self._kit = kit
        self._scheme = "https" if kit.https else "http"
        self._promises = promises_transport_security(kit.public_url)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.url_scheme"] = self._scheme
        began = time.monotonic()
        seen = {"status": "500"}

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:  # noqa: ANN401 - WSGI
            seen["status"] = status[:3]
            if self._promises:
                headers.append(TRANSPORT_SECURITY)
            return start_response(status, headers, *rest)

        asking = Origin(
            peer_address(environ, self._kit.trusted_proxies, self._kit.forwarded_header),
            new_reference(self._kit.randomness),
            environ.get("HTTP_USER_AGENT", "")[:256],
        )
        with origin(asking):
            body = self._behind(environ, start)
        _log.info(
            "request",
            method=environ.get("REQUEST_METHOD"),
            route=environ.get("kernel.route", "unknown"),
            status=int(seen["status"]),
            ms=round((time.monotonic() - began) * 1000, 1),
            request_id=asking.request_id,
            address=asking.address,
        )
        return body


def new_reference(randomness: Randomness) -> str:
    """Return a new request id that a person can read out: "7F3K-92QD"."""
    text = spoken(randomness.token_bytes(5))
    return f"{text[:4]}-{text[4:]}"
