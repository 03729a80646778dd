"""One address of the SCIM face: who may ask, in which words, and that every answer is SCIM (N5).

The order is that of RFC 9110: the method, who asks, what may be answered with, what was sent; then the
handler of the method.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import ValidationError
from scim2_models import SCIMException

from idp.domain.oauth import Fault
from idp.domain.security_events import Payload
from idp.usecases.authenticate_provisioner import Provisioner, provisioner
from idp.usecases.prove_possession import Shown
from idp.usecases.provisioning_log import Announce, forgetting_undone, note_client
from idp.usecases.provisioning_rate import ProvisioningRate
from idp.usecases.services import IdpServices
from idp.web.oidc.answers import challenge, either_scheme
from idp.web.oidc.possession import beside_token, scheme_of, token_of, with_nonce
from kernel.errors import BusyError, SwitchyardError, UndoneError
from kernel.origin import current_origin
from kernel.web.dispatch import ANY_METHOD
from kernel.web.http import BadRequestError, Request, Response
from scim.domain.accept import SCIM, accepts
from scim.domain.bulk import LARGEST_PAYLOAD
from scim.domain.documents import read_object, write
from scim.domain.errors import error_document, of_exception, of_validation
from scim.domain.prefer import asks_async
from scim.domain.profile import Profile
from scim.usecases.client import GROUPS_WRITE, READ, USERS_WRITE, WRITE, ScimClient
from scim.web.recording import note_names, serve_recorded

MEDIA_TYPE = SCIM
NOT_FOUND = "There is no such resource."
BASE_PATH = "/scim/v2"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", ANY_METHOD)
_SENT = frozenset({"application/json", MEDIA_TYPE})
_CODINGS = frozenset({"", "identity"})
_UNCOMPRESSED = (("Accept-Encoding", "identity"),)  # RFC 9110 §12.5.3: which coding would have done
_TYPE = (("Content-Type", f"{MEDIA_TYPE}; charset=utf-8"),)
_NO_STORE = (("Cache-Control", "no-store"),)
_WRITING = frozenset({WRITE, USERS_WRITE, GROUPS_WRITE})
_CHANGING = frozenset({"PUT", "PATCH", "DELETE"})
_AGAIN = 2
OUTSIDE = "The client may not ask from this network."
TOO_MANY = "Too many requests; try again later."
IN_ADDRESS = "A token belongs in the header, never in the address."
_log = structlog.get_logger(__name__)

Defer = Callable[[Request, ScimClient], Response | None]
Handler = Callable[[Request, ScimClient], Response]


@dataclass(frozen=True, slots=True)
class Method:
    """What an address does on one method; ``scope`` is what the token must allow, empty for anybody.

    ``any_type`` says that the scope for one type of resource is enough: the parts of the request are judged
    one by one.

    A token that is shown where none is needed says who asks, so it has to be a good one. ``too_large`` is
    the sentence for a body beyond the limit; ``media_type`` what is answered, errors aside.
    """

    handler: Handler
    scope: str = READ
    reads_body: bool = False
    any_type: bool = False
    media_type: str = MEDIA_TYPE
    too_large: str = f"A request may have {LARGEST_PAYLOAD} bytes at most."


def scim_answer(status: int, text: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return prepared JSON text as a SCIM answer (B1)."""
    return Response(status, text.encode(), (*_TYPE, *(headers or _NO_STORE)))


def refusal(
    status: int, detail: str, scim_type: str = "", headers: tuple[tuple[str, str], ...] = ()
) -> Response:
    """Return an error as SCIM words it (N1)."""
    return _error(status, error_document(status, detail, scim_type), headers)


def _error(status: int, document: Mapping[str, Any], headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, write(document).encode(), (*_TYPE, *_NO_STORE, *headers))


def host_refusal() -> Response:
    """Refuse a request for a host that is not ours, or for none (RFC 9112 §3.2, N5); it is not looked at."""
    return refusal(400, "The Host header does not name this service.")


def misused(fault: Fault, shown: Shown) -> Response:
    """Refuse a token that comes without what it is bound to; perhaps a nonce is missing (RFC 9449 §9)."""
    return _challenge(401, fault.description, f'error="{fault.code.value}"', as_dpop=shown.as_dpop)


def body_object(request: Request) -> dict[str, Any]:
    """Return the JSON object of the request's body.

    Raises:
        InvalidSyntaxException: if it is none.
    """
    body = read_object(request.body)
    note_names(body)
    return body


class ScimEndpoint:
    """A callable for the routing table.

    ``checks_size`` says that it words its own 413; ``misdirected`` is what it says to a foreign ``Host``.

    ``announce`` tells of deeds to clients that hear of theirs; ``defer`` takes in what is done later.
    """

    checks_size = True
    misdirected = staticmethod(host_refusal)

    def __init__(
        self,
        services: IdpServices,
        audience: str,
        methods: Mapping[str, Method],
        rate: ProvisioningRate,
        *,
        announce: Announce,
        defer: Defer,
    ) -> None:
        self._services = services
        self._announce = announce
        self._defer = defer
        self._rate = rate
        self._audience = audience
        self._methods = methods
        names = [*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"]
        self._allowed = (("Allow", ", ".join(names)),)

    def __call__(self, request: Request) -> Response:
        """Answer one request and record it; nothing that goes wrong inside is shown."""
        return with_nonce(self._services, request, serve_recorded(self._services, request, self._answer))

    def _answer(self, request: Request) -> Response:
        try:
            return self._serve(request)
        except Exception as error:  # noqa: BLE001 - SCIM words everything, the last resort too
            return _of_error(error, request)

    def _serve(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(204, b"", self._allowed)
        method = self._methods.get("GET" if request.method == "HEAD" else request.method)
        if method is None:
            return refusal(405, f"{request.method} is not possible here.", "", self._allowed)
        client, refused = self._authenticate(request, method)
        refused = refused or _refusal_of_address(request)
        if refused is not None:
            return refused
        later = self._defer if method.scope in _WRITING and request.header("prefer") else None
        if later is not None and client.events is not Payload.NONE and asks_async(request.header("prefer")):
            # What is answered then has no body, so nothing has to be acceptable (RFC 9967 §2.5.1.1).
            request = dataclasses.replace(request, headers={**request.headers, "accept": ""})
        return (
            _refusal_of(request, method, client)
            or (later(request, client) if later is not None else None)
            or _do(method, request, client)
        )

    def _authenticate(self, request: Request, method: Method) -> tuple[ScimClient, Response | None]:
        """Return who asks, or the refusal; a request counts against a rate only once its client is known."""
        nobody = ScimClient("")
        if not method.scope and not request.header("authorization"):
            return nobody, None
        token = token_of(request)
        if not token:
            return nobody, _challenge(401, "An access token is needed.")
        shown = beside_token(self._services, request)
        found = provisioner(self._services, token, shown)
        if isinstance(found, Provisioner):
            note_client(found.client_id, None if found.events == Payload.NONE else self._announce)
        if not isinstance(found, Provisioner) or not found.may_reach(self._audience):
            return nobody, _refusal_of_token(found, shown)
        seconds = self._rate.wait(found.client_id, found.requests_per_second)
        if seconds:
            return nobody, refusal(429, TOO_MANY, "", (("Retry-After", str(seconds)),))
        return client_of(found), None


def _refusal_of_address(request: Request) -> Response | None:
    """Refuse a token in the address, beside one where it belongs (RFC 6750 §2.3, RFC 7644 §7.5.2)."""
    shown = request.header("authorization") and "access_token" in request.query
    if shown and "access_token" in request.query_values:
        return refusal(403, IN_ADDRESS, "sensitive")
    return None


def _refusal_of_token(found: Provisioner | Fault | None, shown: Shown) -> Response:
    """Refuse a token that is not good, or not here, or not from there."""
    if isinstance(found, Fault):
        return misused(found, shown)
    if found is not None and found.is_outside:
        return refusal(403, OUTSIDE)
    said = "The token is not valid here."
    return _challenge(401, said, 'error="invalid_token"', as_dpop=shown.as_dpop)


def answer_operation(services: IdpServices, method: Method, request: Request, client: ScimClient) -> Response:
    """Answer and record one operation of a bulk job as the request of the same words is alone (K1)."""
    return serve_recorded(services, request, answering(method, client))


def answering(method: Method, client: ScimClient) -> Callable[[Request], Response]:
    """Return what answers a request of a client that is known already; it never raises."""

    def answer(request: Request) -> Response:
        try:
            return _refusal_of(request, method, client) or _do(method, request, client)
        except Exception as error:  # noqa: BLE001 - an operation fails alone
            return _of_error(error, request)

    return answer


def _do(method: Method, request: Request, client: ScimClient) -> Response:
    """Do what the request asks; if it was undone for another's sake, which leaves nothing done, try again."""
    for _ in range(_AGAIN):
        with suppress(UndoneError), forgetting_undone():
            return method.handler(request, client)
    return method.handler(request, client)


def client_of(found: Provisioner) -> ScimClient:
    """Return the client whose token was found to be good."""
    return ScimClient(
        found.client_id,
        Profile(found.profile),
        found.require_match,
        found.scope,
        found.requests_per_second,
        Payload(found.events),
        found.extension,
        found.leave_out_unknown_members,
    )


def _refusal_of(request: Request, method: Method, client: ScimClient) -> Response | None:
    """Refuse what a known client may not ask, or not in this form, alone or in a bulk job."""
    if method.scope and not client.may(method.scope, any_type=method.any_type):
        parts = f'error="insufficient_scope", scope="{method.scope}"'
        said = f"The token lacks the scope {method.scope}."
        return _challenge(403, said, parts, as_dpop=scheme_of(request) == "dpop")
    return _refusal_of_form(request, method) or _refusal_without_version(request, client)


def _refusal_without_version(request: Request, client: ScimClient) -> Response | None:
    """Refuse a write of an existing resource that does not say which version it changes (RFC 6585 §3)."""
    if client.require_match and request.method in _CHANGING and not request.header("if-match"):
        return refusal(428, "The request needs If-Match with the version of the resource.")
    return None


def _refusal_of_form(request: Request, method: Method) -> Response | None:
    """Refuse what cannot be answered or read, whatever it says (B2, B3, B8)."""
    if not accepts(request.header("accept"), method.media_type):
        return refusal(406, f"Answers here are {method.media_type}.")
    if len(request.body) > LARGEST_PAYLOAD:
        return refusal(413, method.too_large)
    if method.reads_body and request.media_type not in _SENT:
        return refusal(415, f"Requests here are {MEDIA_TYPE} or application/json.")
    if method.reads_body and request.header("content-encoding").lower() not in _CODINGS:
        return refusal(415, "Requests here are not compressed.", "", _UNCOMPRESSED)
    return None


def _of_error(error: Exception, request: Request) -> Response:
    match error:
        case SCIMException():
            return _error(*of_exception(error))
        case ValidationError():
            return _error(*of_validation(error))
        case BadRequestError():
            return refusal(400, f"The request cannot be read: {error.message}.", "invalidSyntax")
        case BusyError():
            return refusal(error.status, error.public, "", (("Retry-After", str(error.retry_after)),))
        case SwitchyardError():
            return refusal(error.status, error.public)
    _log.error(
        "scim.failed",
        path=request.path,
        request_id=current_origin().request_id,
        error=type(error).__name__,
        exc_info=error,
    )
    return refusal(500, SwitchyardError.public)


def _challenge(status: int, detail: str, *parts: str, as_dpop: bool = False) -> Response:
    """Refuse a token in the scheme that it came in, or ask for one (RFC 6750 §3, RFC 9449 §7)."""
    scheme = "DPoP" if as_dpop else "Bearer"
    said = challenge("scim", *parts, scheme=scheme) if parts else either_scheme("scim")
    return refusal(status, detail, "", (("WWW-Authenticate", said),))
