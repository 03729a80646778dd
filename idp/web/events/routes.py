"""The table of the addresses of security events."""

from __future__ import annotations

from idp.usecases.provisioning_rate import ProvisioningRate
from idp.usecases.services import IdpServices
from idp.web.events.door import Door
from idp.web.events.poll import POLL_PATH, PollEndpoint
from idp.web.events.streams import (
    CONFIGURATION_PATH,
    STATUS_PATH,
    STREAM_PATH,
    VERIFY_PATH,
    Streams,
    configuration,
)
from kernel.web.dispatch import ANY_METHOD
from kernel.web.http import Request, Response, Route, json_response

JWKS_PATH = "/oauth2/jwks"
_ANY = (ANY_METHOD,)


def event_routes(services: IdpServices, *, requests_per_second: int = 250) -> tuple[Route, ...]:
    """Return the routes of receivers; ``requests_per_second`` is what one may ask that has no rate."""
    door = Door(services, ProvisioningRate(services, requests_per_second))
    streams = Streams(services, door)
    document = json_response(
        200, configuration(services, JWKS_PATH), (("Cache-Control", "public, max-age=300"),)
    )

    def metadata(_request: Request) -> Response:
        return document

    return (
        Route(_ANY, POLL_PATH, PollEndpoint(services, door), "events_poll", hot=True),
        Route(_ANY, STREAM_PATH, streams.stream(), "ssf_stream", hot=True),
        Route(_ANY, STATUS_PATH, streams.status(), "ssf_status", hot=True),
        Route(_ANY, VERIFY_PATH, streams.verify(), "ssf_verify", hot=True),
        Route(("GET",), CONFIGURATION_PATH, metadata, "ssf_configuration", hot=True),
    )
