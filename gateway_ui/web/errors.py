"""Pages that protocol endpoints show: request errors, no access, and the question before signing out.

The endpoints know no framework, so they get plain functions (:class:`ProtocolPages`) from the wiring. The
authorization endpoint must not redirect when it cannot trust the address (RFC 6749 §4.1.2.1), and it tells a
person without access whom to ask. No text that came with a request is ever shown (AZ-15).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

import flask
from flask.typing import ResponseReturnValue

from gateway_ui.web.client_names import name_here
from gateway_ui.web.context import render
from gateway_ui.web.messages import LOGOUT_ERRORS, REQUEST_ERRORS, REQUEST_REFUSED, say
from gateway_ui.web.page_client import keep_opener, lead_to
from gateway_ui.web.signed_out import signed_out
from idp.usecases.front_channel import LogoutFrame
from kernel.origin import current_origin
from kernel.translations import first_known
from kernel.web.cookies import remember_browser
from kernel.web.headers import secure
from kernel.web.http import Request, Response
from kernel.web.kit import current_kit
from kernel.web.language import gettext as _
from kernel.web.language import suggest_language

Fields = Iterable[tuple[str, str]]


class ProtocolPages:
    """The Gateway's pages for endpoints that have no Flask around them."""

    def __init__(self, app: flask.Flask, public_url: str) -> None:
        self._app = app
        self._public = urlsplit(public_url)

    def error_page(self, request: Request, status: int, code: str, language: str = "") -> Response:
        """Return the page for a request of an application that cannot be answered to it.

        ``code`` is ours or the protocol's; an unknown one gets the general words.
        """
        return self._rendered(request, language, lambda: _request_error(status, code))

    def no_access_page(
        self, request: Request, application: str, language: str = "", *, client_id: str = ""
    ) -> Response:
        """Return the page for a person who may not open ``application`` (the client's registered name)."""
        return self._rendered(request, language, lambda: _no_access(name_here(client_id, application)))

    def logout_page(
        self,
        request: Request,
        *,
        action: str,
        fields: Fields = (),
        client_name: str = "",
        client_id: str = "",
        language: str = "",
        onward: str = "",
    ) -> Response:
        """Return the question whether to sign out (RP-Initiated Logout §2); it posts ``fields``."""

        def make() -> ResponseReturnValue:
            lead_to(onward)
            name = name_here(client_id, client_name)
            return render("logout_confirm.html", action=action, fields=tuple(fields), client_name=name)

        return self._rendered(request, language, make, led_on=bool(onward))

    def signed_out_page(
        self,
        request: Request,
        language: str = "",
        *,
        frames: Sequence[LogoutFrame] = (),
        onward: str = "",
        client_name: str = "",
        client_id: str = "",
    ) -> Response:
        """Return the page that says that one is signed out, holds ``frames``, and leads ``onward``."""

        def make() -> ResponseReturnValue:
            return signed_out(frames, onward=onward, application=name_here(client_id, client_name))

        return self._rendered(request, language, make, led_on=bool(onward))

    def _rendered(
        self,
        request: Request,
        language: str,
        make: Callable[[], ResponseReturnValue],
        *,
        led_on: bool = False,
    ) -> Response:
        with self._app.request_context(self._environ(request)):
            suggest_language(first_known(language))
            answer = self._app.make_response(make())
            remember_browser(answer)
            if led_on:
                keep_opener(answer)
            secure(answer, page=True)
            answer.headers.setdefault("X-Request-Id", current_origin().request_id)
            headers = tuple(
                (name, value) for name, value in answer.headers if name.lower() != "content-length"
            )
            return Response(answer.status_code, answer.get_data(), headers)

    def _environ(self, request: Request) -> dict[str, Any]:
        """Return what Flask needs to know of the request: its address, its cookies, its languages."""
        default_port = "443" if self._public.scheme == "https" else "80"
        return {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query if request.method in ("GET", "HEAD") else "",
            "SERVER_NAME": self._public.hostname or "localhost",
            "SERVER_PORT": str(self._public.port or default_port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": self._public.netloc,
            "HTTP_COOKIE": request.header("cookie"),
            "HTTP_ACCEPT_LANGUAGE": request.header("accept-language"),
            "REMOTE_ADDR": request.address,
            "wsgi.url_scheme": self._public.scheme,
        }


def _request_error(status: int, code: str) -> ResponseReturnValue:
    known = {**REQUEST_ERRORS, **LOGOUT_ERRORS}
    sign_out = code in LOGOUT_ERRORS
    return render(
        "request_error.html",
        status=status,
        heading=_("We could not sign you out") if sign_out else _("We could not open the application"),
        lines=(say(known.get(code, REQUEST_REFUSED)),),
        code=code if code in known else "",
        reference=current_origin().request_id,
    )


def _no_access(application: str) -> ResponseReturnValue:
    return render(
        "no_access.html",
        status=403,
        application=application,
        reference=current_origin().request_id,
        product=current_kit().product,
    )
