"""An operator registers a client of SCIM, or changes how its requests are read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from idp.domain.networks import network
from idp.domain.scim_client import StoredScimClient
from idp.domain.scim_scopes import READ, SCOPES, WRITE
from idp.storage.scim_clients import save_scim_client
from idp.usecases.provisioning_rate import FLOOR
from idp.usecases.services import IdpServices
from kernel.audit import Actor, JsonValue

PROFILES = ("rfc", "strict", "entra", "okta")
_LONGEST = 64
_LONGEST_NAME = 100
_MOST_NETWORKS = 100
_HIGHEST = 1_000_000


@dataclass(frozen=True, slots=True)
class ScimClientOrder:
    """What is to be registered. ``id`` is the source of all it makes; an OAuth client of that id is the same.

    ``scopes`` bound its static tokens; access tokens bring their own. ``require_match`` refuses its writes of
    what exists unless they name a version; without ``requests_per_second`` the settings say how many.
    It may ask from ``allowed_addresses`` alone (CIDR notation), or from anywhere if there are none.
    Without ``extension`` it is told of the standard's schemas alone, and may state nothing of ours. With
    ``leave_out_unknown_members`` one member that nobody knows does not stop the change of a group.
    """

    id: str
    name: str
    profile: str = "rfc"
    scopes: frozenset[str] = frozenset({READ, WRITE})
    disabled: bool = False
    require_match: bool = False
    requests_per_second: int | None = None
    allowed_addresses: tuple[str, ...] = ()
    extension: bool = False
    leave_out_unknown_members: bool = False


@dataclass(frozen=True, slots=True)
class ScimClientStored:
    """The client stands."""


class ScimClientRefused(StrEnum):
    """Why an order was refused; nothing was stored."""

    ID = f"the id has to have 1 to {_LONGEST} characters that can be seen"
    NAME = f"the name may have {_LONGEST_NAME} characters that can be seen"
    PROFILE = "the profile has to be rfc, strict, entra or okta"
    SCOPES = f"the scopes have to be some of {', '.join(SCOPES)}"
    RATE = f"a client may make {FLOOR} requests per second at least"
    ADDRESSES = f"up to {_MOST_NETWORKS} networks may be allowed, each like 192.0.2.0/24 or 2001:db8::/32"


def store_scim_client(
    services: IdpServices, order: ScimClientOrder, *, actor: Actor
) -> ScimClientStored | ScimClientRefused:
    """Store the client, or change the one that has its id; what it made stays its own."""
    refused = refusals(order)
    if refused:
        return refused[0]
    with services.store.write() as unit:
        save_scim_client(unit.connection, ordered(order), now=unit.now)
        unit.audit.record("gateway:scim-client:stored", actor=actor, target=order.id, details=told_of(order))
    return ScimClientStored()


def ordered(order: ScimClientOrder) -> StoredScimClient:
    """Return the client that an order makes; without a name it is called by its id."""
    return StoredScimClient(
        id=order.id,
        name=order.name or order.id,
        profile=order.profile,
        scopes=order.scopes,
        disabled=order.disabled,
        require_match=order.require_match,
        requests_per_second=order.requests_per_second,
        allowed_addresses=order.allowed_addresses,
        extension=order.extension,
        leave_out_unknown_members=order.leave_out_unknown_members,
    )


def told_of(order: ScimClientOrder) -> dict[str, JsonValue]:
    """Return what the audit tells of an order."""
    return {
        "profile": order.profile,
        "disabled": order.disabled,
        "scopes": [*sorted(order.scopes)],
        "requireMatch": order.require_match,
        "requestsPerSecond": order.requests_per_second,
        "allowedAddresses": [*order.allowed_addresses],
        "extension": order.extension,
        "leaveOutUnknownMembers": order.leave_out_unknown_members,
    }


def refusals(order: ScimClientOrder) -> tuple[ScimClientRefused, ...]:
    """Return everything that is wrong with an order, in the order of its fields."""
    rate, addresses = order.requests_per_second, order.allowed_addresses
    sound = {
        ScimClientRefused.ID: bool(order.id) and _is_readable(order.id, _LONGEST),
        ScimClientRefused.NAME: _is_readable(order.name, _LONGEST_NAME),
        ScimClientRefused.PROFILE: order.profile in PROFILES,
        ScimClientRefused.SCOPES: bool(order.scopes) and order.scopes <= set(SCOPES),
        ScimClientRefused.RATE: rate is None or FLOOR <= rate <= _HIGHEST,
        ScimClientRefused.ADDRESSES: len(addresses) <= _MOST_NETWORKS and None not in map(network, addresses),
    }
    return tuple(each for each, is_sound in sound.items() if not is_sound)


def _is_readable(text: str, longest: int) -> bool:
    return len(text) <= longest and text.isprintable() and text == text.strip()
