"""The device authorization endpoint (RFC 8628 §3.1)."""

from __future__ import annotations

from idp.domain.client import ProvenClient
from idp.domain.oauth import Fault
from idp.usecases.authorize_device import DeviceAsked, authorize_device
from idp.usecases.services import IdpServices
from idp.web.oidc.forms import Form, refusal, serve_client
from kernel.web.http import NO_STORE, Endpoint, Request, Response, json_response

VERIFICATION_PATH = "/device"


def device_endpoint(services: IdpServices) -> Endpoint:
    """Return the endpoint: a client authenticates as at the token endpoint and gets its two codes."""

    def deed(services: IdpServices, proven: ProvenClient, form: Form) -> Response:
        asked = DeviceAsked(
            form.value("scope"), form.resource, form.value("acr_values"), form.value("max_age")
        )
        waits = authorize_device(services, proven, asked)
        if isinstance(waits, Fault):
            return refusal(waits)
        address = services.public_url + VERIFICATION_PATH
        body = {
            "device_code": waits.device_code,
            "user_code": waits.user_code,
            "verification_uri": address,
            "verification_uri_complete": f"{address}?user_code={waits.user_code}",
            "expires_in": int(waits.life.total_seconds()),
            "interval": waits.interval,
        }
        return json_response(200, body, NO_STORE)

    def endpoint(request: Request) -> Response:
        return serve_client(services, request, deed, binds=True)

    return endpoint
