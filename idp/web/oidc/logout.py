"""The end-session endpoint (RP-Initiated Logout 1.0 §2)."""

from __future__ import annotations

from idp.usecases.leave import UNREADABLE, ConfirmLogout, LoggedOut, leave
from idp.usecases.services import IdpServices
from idp.usecases.sessions import find_session_to_end
from idp.web.oidc.answers import back_as_get, see_other
from idp.web.oidc.cookies import CookieNames
from idp.web.oidc.pages import OidcPages
from kernel.web.http import NO_STORE, BadRequestError, Endpoint, Request, Response, json_response


def logout_endpoint(services: IdpServices, cookies: CookieNames, pages: OidcPages, path: str) -> Endpoint:
    """Return the end-session endpoint: GET and POST, and the answer of its own question."""

    def endpoint(request: Request) -> Response:
        if request.method not in ("GET", "POST"):
            return json_response(405, {"error": "invalid_request"}, (("Allow", "GET, POST"), *NO_STORE))
        try:
            parameters = request.form if request.method == "POST" else request.query_values
        except BadRequestError:
            return pages.error_page(request, 400, UNREADABLE)
        token = cookies.session_of(request)
        if request.method == "POST" and not token:  # of another site, or without a session
            again = back_as_get(f"{services.issuer}{path}", parameters)
            return again or pages.error_page(request, 400, UNREADABLE)
        session = find_session_to_end(services, token)
        outcome = leave(services, parameters, session=session)
        if isinstance(outcome, LoggedOut):
            return _gone(request, outcome, cookies, pages)
        if isinstance(outcome, ConfirmLogout):
            return pages.logout_page(
                request,
                action=path,
                fields=outcome.fields,
                client_name=outcome.client_name,
                client_id=outcome.client_id,
                language=outcome.language,
                onward=outcome.onward,
            )
        return pages.error_page(request, outcome.fault.status, outcome.fault.reason, outcome.language)

    return endpoint


def _gone(request: Request, outcome: LoggedOut, cookies: CookieNames, pages: OidcPages) -> Response:
    """Lead on to the client, but let the other clients hear of the end first."""
    if outcome.redirect_to and not outcome.frames:
        return see_other(outcome.redirect_to, cookies.clear_session())
    page = pages.signed_out_page(
        request,
        outcome.language,
        frames=outcome.frames,
        onward=outcome.redirect_to,
        client_name=outcome.client_name,
        client_id=outcome.client_id,
    )
    return Response(page.status, page.body, (*page.headers, cookies.clear_session()))
