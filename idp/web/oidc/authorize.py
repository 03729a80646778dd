"""The authorization endpoint, and where a login flow comes back to it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from idp.domain.oauth import Fault
from idp.domain.redirects import origin_of
from idp.domain.session import LiveSession
from idp.usecases.answer_authorization import ToClient
from idp.usecases.authorize import (
    AuthorizeOutcome,
    ConsentNeeded,
    ErrorPage,
    SignInNeeded,
    authorize,
)
from idp.usecases.carry_answer import carried
from idp.usecases.judge_authorization import NoAccess
from idp.usecases.resume_authorization import resume_after_consent, resume_authorization
from idp.usecases.services import IdpServices
from idp.usecases.sessions import find_session
from idp.usecases.start_login import start_login
from idp.web.oidc.answers import back_as_form, back_as_get, see_other, to_client
from idp.web.oidc.cookies import CookieNames
from idp.web.oidc.pages import OidcPages
from kernel.translations import first_known
from kernel.web.http import NO_STORE, BadRequestError, Request, Response, json_response

_ONCE_MORE = "once-more"
"""Query of our own form: what is still foreign then (a sandboxed window) is not sent round again."""


class AuthorizeFace:
    """Reads requests and cookies, asks the use cases, and renders what they decide."""

    def __init__(self, services: IdpServices, cookies: CookieNames, pages: OidcPages, path: str) -> None:
        self._services = services
        self._cookies = cookies
        self._pages = pages
        self._path = path

    def authorize(self, request: Request) -> Response:
        """Serve an authorization request by GET or POST (OIDC Core §3.1.2.1)."""
        if request.method not in ("GET", "POST"):
            return json_response(405, {"error": "invalid_request"}, (("Allow", "GET, POST"), *NO_STORE))
        try:
            parameters = request.form if request.method == "POST" else request.query_values
        except BadRequestError:
            return self._pages.error_page(request, 400, "invalid_request")
        token = self._cookies.session_of(request)
        if request.method == "POST" and not token:
            address = f"{self._services.issuer}{self._path}"
            again = back_as_get(address, parameters)
            if again is not None:
                return again
            if _is_foreign(request, origin_of(address)):
                if request.query == _ONCE_MORE:
                    return self._pages.error_page(request, 400, "invalid_request")
                return back_as_form(f"{address}?{_ONCE_MORE}", parameters)
        session = find_session(self._services, token) if token else None
        outcome = authorize(self._services, parameters, session=session)
        return self._render(request, outcome, session)

    def resume(self, request: Request) -> Response:
        """Go on with the request of a login flow that ended in this browser."""
        if request.method != "GET":
            return json_response(405, {"error": "invalid_request"}, (("Allow", "GET"), *NO_STORE))
        try:
            values = request.query_values
        except BadRequestError:
            return self._pages.error_page(request, 400, "invalid_request")
        token = self._cookies.session_of(request)
        session = find_session(self._services, token) if token else None
        question = values.get("consent", [""])[0]
        if question:
            outcome = resume_after_consent(self._services, question=question, session=session)
            return self._render(request, outcome, session)
        outcome = resume_authorization(
            self._services,
            flow=values.get("flow", [""])[0],
            browser=self._cookies.browser_of(request),
            session=session,
        )
        return self._render(request, outcome, session)

    def _render(self, request: Request, outcome: AuthorizeOutcome, session: LiveSession | None) -> Response:
        if isinstance(outcome, ToClient):
            parameters = carried(self._services, outcome)
            if not isinstance(parameters, Fault):
                return to_client(outcome.redirect_uri, outcome.mode, parameters)
            outcome = ErrorPage(parameters)
        if isinstance(outcome, ErrorPage):
            code = outcome.fault.reason or outcome.fault.code.value
            return self._pages.error_page(request, outcome.fault.status, code, outcome.language)
        if isinstance(outcome, NoAccess):
            return self._pages.no_access_page(
                request, outcome.client_name, outcome.language, client_id=outcome.client_id
            )
        if isinstance(outcome, ConsentNeeded):
            return see_other(self._page("/consent", {"request": outcome.token}, outcome.language))
        return self._sign_in(request, outcome, session)

    def _sign_in(self, request: Request, needed: SignInNeeded, session: LiveSession | None) -> Response:
        """Start the login flow, bound to this browser, and send the person to its first page."""
        known = self._cookies.browser_of(request)
        browser = known or self._services.store.randomness.token(32)
        flow = start_login(
            self._services,
            browser=browser,
            request=needed.request,
            client_id=needed.client_id,
            client_name=needed.client_name,
            demands=needed.demands,
            session=session if needed.step_up else None,
            login_hint=needed.login_hint,
        )
        headers = () if known else (self._cookies.set_browser(browser),)
        return see_other(self._page("/sign-in", {"flow": flow}, needed.language), *headers)

    def _page(self, path: str, values: Mapping[str, str], language: str) -> str:
        """Return the address of a page of ours, which speaks ``language`` where nobody chose another."""
        known = first_known(language)
        query = urlencode({**values, **({"ui_locales": known} if known else {})})
        return f"{self._services.public_url}{path}?{query}"


def _is_foreign(request: Request, own: str) -> bool:
    """Tell whether a form is another site's, as :mod:`kernel.web.csrf` does; browsers vouch for ``null``."""
    origin = request.header("origin")
    vouched = origin == "null" and request.header("sec-fetch-site") == "same-origin"
    return bool(origin) and origin != own and not vouched
