"""The pushed authorization request endpoint (RFC 9126 §2)."""

from __future__ import annotations

from idp.domain.client import ProvenClient
from idp.domain.oauth import Fault
from idp.usecases.push_request import push_request
from idp.usecases.services import IdpServices
from idp.web.oidc.forms import Form, refusal, serve_client
from kernel.web.http import NO_STORE, Endpoint, Request, Response, json_response


def push_endpoint(services: IdpServices) -> Endpoint:
    """Return the endpoint: a client authenticates as at the token endpoint and leaves its request."""

    def deed(services: IdpServices, proven: ProvenClient, form: Form) -> Response:
        pushed = push_request(services, proven, form.fields)
        if isinstance(pushed, Fault):
            return refusal(pushed)
        body = {"request_uri": pushed.request_uri, "expires_in": int(pushed.life.total_seconds())}
        return json_response(201, body, NO_STORE)

    def endpoint(request: Request) -> Response:
        return serve_client(services, request, deed, binds=True)

    return endpoint
