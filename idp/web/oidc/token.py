"""The token, introspection and revocation endpoints."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from idp.domain.client import ProvenClient
from idp.domain.oauth import ErrorCode, Fault, GrantType, unauthorized_grant
from idp.domain.sender_constraint import binding_fault
from idp.domain.tokens import INTROSPECTION_TYPE
from idp.usecases.encrypt_answers import recipient_of
from idp.usecases.exchange_code import exchange_code
from idp.usecases.exchange_device_code import exchange_device_code
from idp.usecases.exchange_token import ExchangeRequest, exchange_token
from idp.usecases.introspect_token import introspect_token, signed_introspection
from idp.usecases.issue_machine_token import issue_machine_token
from idp.usecases.minting import TokenAnswer
from idp.usecases.refresh_tokens import refresh_tokens
from idp.usecases.revoke_token import revoke_token
from idp.usecases.services import IdpServices
from idp.web.oidc.answers import oauth_error
from idp.web.oidc.forms import Form, of_grant, refusal, serve_client
from kernel.web.http import NO_STORE, Endpoint, Request, Response, json_response

_SIGNED = f"application/{INTROSPECTION_TYPE}"
_NO_WEIGHT = re.compile(r"q=0(\.0*)?")

Grant = Callable[[IdpServices, ProvenClient, Form], TokenAnswer | Fault]


_TWO_PROOFS = Fault(ErrorCode.INVALID_REQUEST, "The assertion proves its client: no other proof beside it.")


def _missing(name: str) -> Fault:
    return Fault(ErrorCode.INVALID_REQUEST, f"{name} is missing.")


def _code(services: IdpServices, proven: ProvenClient, form: Form) -> TokenAnswer | Fault:
    code = form.value("code")
    if not code:
        return _missing("code")
    return exchange_code(
        services,
        proven,
        code=code,
        redirect_uri=form.value("redirect_uri"),
        verifier=form.value("code_verifier"),
        resource=form.resource,
    )


def _refresh(services: IdpServices, proven: ProvenClient, form: Form) -> TokenAnswer | Fault:
    token = form.value("refresh_token")
    if not token:
        return _missing("refresh_token")
    return refresh_tokens(
        services, proven, refresh_token=token, scope=form.value("scope"), resource=form.resource
    )


def _machine(services: IdpServices, proven: ProvenClient, form: Form) -> TokenAnswer | Fault:
    return issue_machine_token(services, proven, scope=form.value("scope"), resource=form.resource)


def _assertion(services: IdpServices, proven: ProvenClient, form: Form) -> TokenAnswer | Fault:
    if not form.value("assertion"):
        return _missing("assertion")
    if not proven.client.may_use(GrantType.JWT_BEARER):
        return unauthorized_grant()
    if form.value("client_assertion"):
        return _TWO_PROOFS
    return issue_machine_token(
        services,
        proven,
        scope=form.value("scope"),
        resource=form.resource,
        grant_type=GrantType.JWT_BEARER,
    )


def _exchange(services: IdpServices, proven: ProvenClient, form: Form) -> TokenAnswer | Fault:
    token = form.value("subject_token")
    if not token:
        return _missing("subject_token")
    request = ExchangeRequest(
        subject_token=token,
        subject_type=form.value("subject_token_type"),
        actor_token=form.value("actor_token"),
        actor_type=form.value("actor_token_type"),
        requested_type=form.value("requested_token_type"),
        scope=form.value("scope"),
        targets=form.targets,
    )
    return exchange_token(services, proven, request)


def _device(services: IdpServices, proven: ProvenClient, form: Form) -> TokenAnswer | Fault:
    code = form.value("device_code")
    if not code:
        return _missing("device_code")
    return exchange_device_code(services, proven, device_code=code, resource=form.resource)


def encrypting(grant: Grant) -> Grant:
    """Return ``grant`` with its ID token encrypted for clients that registered it so (OIDC Core §16.14).

    Nothing is spent or issued for a client none of whose keys fits.
    """

    def served(services: IdpServices, proven: ProvenClient, form: Form) -> TokenAnswer | Fault:
        encryption = proven.client.id_token_encryption
        if encryption is None:
            return grant(services, proven, form)
        recipient = recipient_of(services, proven.client, encryption)
        if isinstance(recipient, Fault):
            return recipient
        answer = grant(services, proven, form)
        if isinstance(answer, Fault) or not answer.id_token:
            return answer
        return replace(answer, id_token=recipient.sealed(answer.id_token))

    return served


GRANTS: dict[str, Grant] = {
    GrantType.AUTHORIZATION_CODE.value: encrypting(_code),
    GrantType.REFRESH_TOKEN.value: encrypting(_refresh),
    GrantType.CLIENT_CREDENTIALS.value: _machine,
    GrantType.JWT_BEARER.value: _assertion,
    GrantType.TOKEN_EXCHANGE.value: _exchange,
    GrantType.DEVICE_CODE.value: encrypting(_device),
}
"""What the token endpoint does by grant type; discovery lists exactly these (DJ-06)."""


def token_endpoint(services: IdpServices) -> Endpoint:
    """Return the token endpoint (RFC 6749 §3.2)."""

    def deed(services: IdpServices, proven: ProvenClient, form: Form) -> Response:
        kind = form.value("grant_type")
        if not kind:
            return oauth_error(_missing("grant_type"))
        grant = GRANTS.get(kind)
        if grant is None:
            return oauth_error(Fault(ErrorCode.UNSUPPORTED_GRANT_TYPE, "The grant type is not supported."))
        unbound = binding_fault(proven.client, proven.held)
        answer = unbound or grant(services, proven, form)
        if isinstance(answer, Fault):
            return refusal(of_grant(form, answer))
        return json_response(200, answer.to_json(), NO_STORE)

    def endpoint(request: Request) -> Response:
        return serve_client(services, request, deed, binds=True)

    return endpoint


def introspection_endpoint(services: IdpServices) -> Endpoint:
    """Return the introspection endpoint (RFC 7662 §2), whose answer is signed on demand (RFC 9701 §4)."""

    def plain(services: IdpServices, proven: ProvenClient, form: Form) -> Response:
        answer = asked(services, proven, form)
        return refusal(answer) if isinstance(answer, Fault) else json_response(200, answer, NO_STORE)

    def signed(services: IdpServices, proven: ProvenClient, form: Form) -> Response:
        answer = asked(services, proven, form)
        if isinstance(answer, Fault):
            return refusal(answer)
        body = signed_introspection(services, proven.client, answer)
        if isinstance(body, Fault):
            return refusal(body)
        return Response(200, body.encode(), (("Content-Type", _SIGNED), *NO_STORE))

    def asked(services: IdpServices, proven: ProvenClient, form: Form) -> dict[str, object] | Fault:
        token = form.value("token")
        return introspect_token(services, proven, token=token) if token else _missing("token")

    def endpoint(request: Request) -> Response:
        return serve_client(services, request, signed if _wants_signed(request) else plain)

    return endpoint


def _wants_signed(request: Request) -> bool:
    """Tell whether the signed form is accepted by its name (RFC 9110 §12.5.1); a wildcard means the other."""
    for each in request.header("accept").lower().split(","):
        media_type, *parameters = (part.strip() for part in each.split(";"))
        if media_type == _SIGNED:
            return not any(_NO_WEIGHT.fullmatch(parameter) for parameter in parameters)
    return False


def revocation_endpoint(services: IdpServices) -> Endpoint:
    """Return the revocation endpoint (RFC 7009 §2): the answer never tells whether anything ended."""

    def deed(services: IdpServices, proven: ProvenClient, form: Form) -> Response:
        token = form.value("token")
        if not token:
            return oauth_error(_missing("token"))
        answer = revoke_token(services, proven, token=token)
        return refusal(answer) if isinstance(answer, Fault) else Response(200, b"", NO_STORE)

    def endpoint(request: Request) -> Response:
        return serve_client(services, request, deed)

    return endpoint
