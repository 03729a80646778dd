"""Putting the Gateway's two faces together from the settings: for whoever wires a process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kernel.clock import Clock
from kernel.randomness import Randomness
from registration.outbound.access_token import AccessTokens
from registration.outbound.discovery import Discovery
from registration.outbound.http import Event, Outbound
from registration.outbound.keys import ClientKey
from registration.outbound.oidc_client import GatewayProvider
from registration.outbound.scim_client import ScimDirectory
from registration.settings import RegistrationSettings


@dataclass(frozen=True, slots=True)
class Gateway:
    """The Gateway as Registration reaches it."""

    provider: GatewayProvider
    directory: ScimDirectory
    tokens: AccessTokens
    outbound: Outbound


def connect_gateway(
    settings: RegistrationSettings, clock: Clock, randomness: Randomness, *, event: Event | None = None
) -> Gateway:
    """Return both faces of the Gateway. Nothing is fetched and no key is read before it is needed.

    ``event`` is told when a connection stands and when a request is sent; tests stop the process there.
    """
    outbound = Outbound(
        settings.allowed_targets or (settings.gateway_issuer, settings.scim_url),
        timeout=settings.http_timeout,
        ca_file=settings.gateway_ca_file,
        event=event,
    )
    discovery = Discovery(outbound, settings.gateway_issuer, clock)
    people = ClientKey(Path(settings.client_key_file), settings.client_id, randomness)
    worker = ClientKey(Path(settings.worker_key_file), settings.worker_client_id, randomness)
    tokens = AccessTokens(outbound, discovery, worker, clock, resource=settings.scim_url)
    return Gateway(
        provider=GatewayProvider(outbound, discovery, people),
        directory=ScimDirectory(outbound, tokens, clock, base_url=settings.scim_url),
        tokens=tokens,
        outbound=outbound,
    )
