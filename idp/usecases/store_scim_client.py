"""An operator registers a client of SCIM, or changes how its requests are read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from idp.domain.networks import network
from idp.domain.scim_scopes import READ, SCOPES, WRITE
from idp.storage.scim_clients import StoredScimClient, save_scim_client
from idp.usecases.provisioning_rate import FLOOR
from idp.usecases.services import IdpServices
from kernel.audit import Actor

PROFILES = ("rfc", "strict", "entra", "okta")
_LONGEST = 64
_MOST_NETWORKS = 100
_HIGHEST = 1_000_000


@dataclass(frozen=True, slots=True)
class ScimClientOrder:
    """What is to be registered. ``id`` is the source of all it makes; an OAuth client of that id is the same.

    ``scopes`` bound its static tokens; access tokens bring their own. ``require_match`` refuses its writes of
    what exists unless they name a version; without ``requests_per_second`` the settings say how many.
    It may ask from ``allowed_addresses`` alone (CIDR notation), or from anywhere if there are none.
    """

    id: str
    name: str
    profile: str = "rfc"
    scopes: frozenset[str] = frozenset({READ, WRITE})
    disabled: bool = False
    require_match: bool = False
    requests_per_second: int | None = None
    allowed_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScimClientStored:
    """The client stands."""


class ScimClientRefused(StrEnum):
    """Why an order was refused; nothing was stored."""

    ID = "the id has to have 1 to 64 characters that can be seen"
    PROFILE = "the profile has to be rfc, strict, entra or okta"
    SCOPES = f"the scopes have to be some of {', '.join(SCOPES)}"
    RATE = f"a client may make {FLOOR} requests per second at least"
    ADDRESSES = f"up to {_MOST_NETWORKS} networks may be allowed, each like 192.0.2.0/24 or 2001:db8::/32"


def store_scim_client(
    services: IdpServices, order: ScimClientOrder, *, actor: Actor
) -> ScimClientStored | ScimClientRefused:
    """Store the client, or change the one that has its id; what it made stays its own."""
    refused = _refusal(order)
    if refused is not None:
        return refused
    client = StoredScimClient(
        id=order.id,
        name=order.name or order.id,
        profile=order.profile,
        scopes=order.scopes,
        disabled=order.disabled,
        require_match=order.require_match,
        requests_per_second=order.requests_per_second,
        allowed_addresses=order.allowed_addresses,
    )
    with services.store.write() as unit:
        save_scim_client(unit.connection, client, now=unit.now)
        unit.audit.record(
            "gateway:scim-client:stored",
            actor=actor,
            target=order.id,
            details={
                "profile": order.profile,
                "disabled": order.disabled,
                "scopes": [*sorted(order.scopes)],
                "requireMatch": order.require_match,
                "allowedAddresses": [*order.allowed_addresses],
            },
        )
    return ScimClientStored()


def _refusal(order: ScimClientOrder) -> ScimClientRefused | None:
    if not 0 < len(order.id) <= _LONGEST or not order.id.isprintable() or order.id != order.id.strip():
        return ScimClientRefused.ID
    if order.profile not in PROFILES:
        return ScimClientRefused.PROFILE
    if not order.scopes or order.scopes - set(SCOPES):
        return ScimClientRefused.SCOPES
    if order.requests_per_second is not None and not FLOOR <= order.requests_per_second <= _HIGHEST:
        return ScimClientRefused.RATE
    if len(order.allowed_addresses) > _MOST_NETWORKS or None in map(network, order.allowed_addresses):
        return ScimClientRefused.ADDRESSES
    return None
