"""The userinfo endpoint (OIDC Core §5.3, RFC 6750)."""

from __future__ import annotations

from idp.domain.oauth import ErrorCode, Fault
from idp.usecases.services import IdpServices
from idp.usecases.user_info import INVALID_TOKEN, user_info
from idp.web.oidc.answers import bearer_error
from kernel.web.http import FORM, NO_STORE, Endpoint, Request, Response, json_response


def userinfo_endpoint(services: IdpServices) -> Endpoint:
    """Return the userinfo endpoint: GET and POST, the token in the header or a form, never in the query."""

    def endpoint(request: Request) -> Response:
        token = presented_token(request)
        if isinstance(token, Fault):
            return bearer_error(token, told=True)
        answer = user_info(services, token) if token else INVALID_TOKEN
        if isinstance(answer, Fault):
            return bearer_error(answer, told=bool(token))
        return json_response(200, answer, NO_STORE)

    return endpoint


def presented_token(request: Request) -> str | Fault:
    """Return the bearer token of a request, or an empty text; two are refused (RFC 6750 §2, UI-01)."""
    scheme, _, token = request.header("authorization").partition(" ")
    in_header = token.strip() if scheme.lower() == "bearer" else ""
    if request.method == "POST" and request.media_type == FORM:
        in_body = request.form.get("access_token", [])
        if len(in_body) > 1 or (in_body and in_header):
            return Fault(ErrorCode.INVALID_REQUEST, "More than one access token.")
        return in_header or (in_body[0] if in_body else "")
    return in_header
