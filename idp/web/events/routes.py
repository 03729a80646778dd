"""The table of the addresses of security events."""

from __future__ import annotations

from idp.usecases.provisioning_rate import ProvisioningRate
from idp.usecases.services import IdpServices
from idp.web.events.door import Door
from idp.web.events.poll import POLL_PATH, PollEndpoint
from kernel.web.http import Route

_ANY = ("POST", "GET", "PUT", "PATCH", "DELETE")


def event_routes(services: IdpServices, *, requests_per_second: int = 250) -> tuple[Route, ...]:
    """Return the routes of polling; ``requests_per_second`` is what a receiver may ask that has no rate."""
    door = Door(services, ProvisioningRate(services, requests_per_second))
    return (Route(_ANY, POLL_PATH, PollEndpoint(services, door), "events_poll", hot=True),)
