"""The userinfo endpoint (OIDC Core §5.3, RFC 6750)."""

from __future__ import annotations

from idp.domain.oauth import ErrorCode, Fault
from idp.usecases.services import IdpServices
from idp.usecases.user_info import INVALID_TOKEN, user_info
from idp.web.oidc.answers import bearer_error
from idp.web.oidc.possession import beside_token, token_of, with_nonce
from kernel.web.http import FORM, NO_STORE, Endpoint, Request, Response, json_response


def userinfo_endpoint(services: IdpServices) -> Endpoint:
    """Return the userinfo endpoint: GET and POST, the token in the header or a form, never in the query."""

    def endpoint(request: Request) -> Response:
        token = presented_token(request)
        if isinstance(token, Fault):
            return bearer_error(token, told=True)
        shown = beside_token(services, request)
        answer = user_info(services, token, shown) if token else INVALID_TOKEN
        if isinstance(answer, Fault):
            refused = bearer_error(answer, told=bool(token), scheme="DPoP" if shown.as_dpop else "Bearer")
            return with_nonce(services, request, refused)
        if isinstance(answer, str):
            said = Response(200, answer.encode(), (("Content-Type", "application/jwt"), *NO_STORE))
            return with_nonce(services, request, said)
        return with_nonce(services, request, json_response(200, answer, NO_STORE))

    return endpoint


def presented_token(request: Request) -> str | Fault:
    """Return the access token of a request, or an empty text; two are refused (RFC 6750 §2, RFC 9449 §7)."""
    in_header = token_of(request)
    if request.method == "POST" and request.media_type == FORM:
        in_body = request.form.get("access_token", [])
        if len(in_body) > 1 or (in_body and in_header):
            return Fault(ErrorCode.INVALID_REQUEST, "More than one access token.")
        return in_header or (in_body[0] if in_body else "")
    return in_header
