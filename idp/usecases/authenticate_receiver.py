"""Who asks for security events: a client by the token it provisions with, or by one made for events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from idp.domain.oauth import Fault
from idp.domain.scim_scopes import READ, may
from idp.domain.signal_scopes import SIGNALS_READ, may_signal
from idp.usecases.authenticate_provisioner import provisioner
from idp.usecases.prove_possession import NOTHING, Shown
from idp.usecases.services import IdpServices


class ReceiverRefused(StrEnum):
    """Why a token opens no stream."""

    UNKNOWN = "The token is not valid here."
    ADDRESS = "The client may not ask from this address."
    SCOPE = "The token lacks the scope for this."


@dataclass(frozen=True, slots=True)
class Receiver:
    """The client whose stream it is; ``per_second`` is how often it may ask, None where the settings say."""

    client_id: str
    per_second: int | None


def receiver(
    services: IdpServices,
    token: str,
    shown: Shown = NOTHING,
    *,
    scope: str = SIGNALS_READ,
    provisions: bool = True,
) -> Receiver | ReceiverRefused | Fault:
    """Return whose token this is; the fault is that of a bound token without what it is bound to.

    A token for the resource ``<issuer>/ssf`` needs ``scope``. One for SCIM, static ones too, needs to read
    everything, because events tell of everything; it opens what ``provisions`` allows and nothing else.
    """
    found = provisioner(services, token, shown)
    if isinstance(found, Fault):
        return found
    if found is None:
        return ReceiverRefused.UNKNOWN
    if found.is_outside:
        return ReceiverRefused.ADDRESS
    if found.audience is not None and found.may_reach(f"{services.issuer}/ssf"):
        allowed = may_signal(found.scope, scope)
    elif provisions and found.may_reach(f"{services.issuer}/scim/v2"):
        allowed = may(found.scope, READ)
    else:
        return ReceiverRefused.UNKNOWN
    return Receiver(found.client_id, found.requests_per_second) if allowed else ReceiverRefused.SCOPE
