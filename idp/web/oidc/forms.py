"""Reading the form of a token-like endpoint, and authenticating its client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

from idp.domain.client import ProvenClient
from idp.domain.client_authentication import presented
from idp.domain.oauth import ErrorCode, Fault, GrantType, invalid_grant
from idp.usecases.authenticate_client import authenticate_client
from idp.usecases.minting import StaleClientError
from idp.usecases.prove_possession import NOTHING, judge_shown, with_possession
from idp.usecases.services import IdpServices
from idp.usecases.spend_proofs import spend_proofs
from idp.web.oidc.answers import oauth_error
from idp.web.oidc.possession import certificate_of, shown_by, with_nonce
from kernel.web.http import NO_STORE, Request, Response, json_response

_BASIC = 'Basic realm="Gateway", charset="UTF-8"'


_REPEATABLE = frozenset({"resource", "audience"})
"""What RFC 8707 §2 and RFC 8693 §2.1 let stand several times."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a request: each once, except those that name whom a token is for."""

    fields: dict[str, list[str]]

    def value(self, name: str) -> str:
        """Return a field, or an empty text."""
        values = self.fields.get(name)
        return values[0] if values else ""

    @property
    def resource(self) -> tuple[str, ...]:
        """The resources that were named (RFC 8707)."""
        return tuple(value for value in self.fields.get("resource", ()) if value)

    @property
    def targets(self) -> tuple[str, ...]:
        """The resources and audiences that were named (RFC 8693 §2.1)."""
        return (*self.resource, *(value for value in self.fields.get("audience", ()) if value))

    @property
    def repeats(self) -> bool:
        """Tell whether a field stands twice (RFC 6749 §3.2)."""
        return any(len(values) > 1 and name not in _REPEATABLE for name, values in self.fields.items())


Deed = Callable[[IdpServices, ProvenClient, Form], Response]


def serve_client(services: IdpServices, request: Request, deed: Deed, *, binds: bool = False) -> Response:
    """Authenticate the client of ``request`` and let ``deed`` answer it.

    Only POST with a form body is served, and parameters of the query are not looked at (TK-08). A client
    that changed between our last look and the deed is looked at again, once. ``binds`` reads what the client
    proves to possess, too.
    """
    if request.method != "POST":
        return json_response(405, {"error": "invalid_request"}, (("Allow", "POST"), *NO_STORE))
    form = Form(request.form)
    if form.repeats:
        return oauth_error(Fault(ErrorCode.INVALID_REQUEST, "A parameter stands twice."))
    try:
        answer = _serve(services, request, form, deed, binds=binds)
    except StaleClientError as stale:
        services.clients.forget(str(stale.context["client"]))
        answer = _serve(services, request, form, deed, binds=binds)
    return with_nonce(services, request, answer) if binds else answer


def _serve(services: IdpServices, request: Request, form: Form, deed: Deed, *, binds: bool) -> Response:
    # A proof without the nonce is refused before the client's own proof is looked at: the client asks again
    # with the same assertion, which works once (RFC 9449 §8).
    shown = shown_by(services, request) if binds else NOTHING
    proof = judge_shown(services, shown)
    if isinstance(proof, Fault):
        return refusal(proof)
    proven = _proven(services, request, form)
    if isinstance(proven, Fault):
        return refusal(proven)
    proven = with_possession(proven, shown, proof)
    answer = deed(services, proven, form)
    if answer.status >= HTTPStatus.BAD_REQUEST:
        spend_proofs(services, proven)
    return answer


def _proven(services: IdpServices, request: Request, form: Form) -> ProvenClient | Fault:
    said = presented(request.header("authorization"), form.fields)
    if isinstance(said, Fault):
        return said
    certificate = certificate_of(services, request)
    if certificate is not None:
        said = replace(said, certificate=certificate)
    found = authenticate_client(services, said)
    return of_grant(form, found) if said.grant and isinstance(found, Fault) else found


def of_grant(form: Form, fault: Fault) -> Fault:
    """Return the fault of an assertion that is proof and grant at once as that of a grant (RFC 7523 §3.1)."""
    if fault.code is not ErrorCode.INVALID_CLIENT or not form.value("assertion"):
        return fault
    if form.value("grant_type") != GrantType.JWT_BEARER:
        return fault
    return invalid_grant(fault.reason)


def refusal(fault: Fault) -> Response:
    """Return a refusal; a 401 always says which scheme it would take (CA-01), and what the body says.

    Libraries that find a challenge show it, and leave the body unread.
    """
    told = f'error="{fault.code.value}", error_description="{fault.description}"'
    return oauth_error(fault, challenge=f"{_BASIC}, {told}")
