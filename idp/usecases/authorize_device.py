"""A device asks to be let in by a person at another screen (RFC 8628 §3.1, §3.2)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from idp.domain.authorize_checks import is_max_age
from idp.domain.client import AuthenticatedClient, Client, ProvenClient, Replayed
from idp.domain.device_code import DeviceRequest, Pace, new_user_code, shown
from idp.domain.oauth import ErrorCode, Fault, GrantType, slow_down, unauthorized_grant
from idp.domain.scope import granted_at_sign_in, split_scope
from idp.domain.session import Acr
from idp.storage.clients import admit
from idp.storage.device_authorizations import Codes, DeviceAuthorization, add_device_authorization
from idp.usecases.limits import DEVICES, DEVICES_OF_PLACE, take_from_client, take_from_place
from idp.usecases.services import IdpServices
from idp.usecases.token_refusals import refuse_replay
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.store import Unit

_DRAWS = 5
_NO_CODE = Fault(
    ErrorCode.TEMPORARILY_UNAVAILABLE,
    "No user code is free at this moment. Try again.",
    503,
    retry_after=dt.timedelta(seconds=1),
)


@dataclass(frozen=True, slots=True)
class DeviceAsked:
    """The parameters of a device's request as they came; ``acr_values`` and ``max_age`` as in a sign-in."""

    scope: str = ""
    resource: tuple[str, ...] = ()
    acr_values: str = ""
    max_age: str = ""


@dataclass(frozen=True, slots=True)
class DeviceWaits:
    """Both codes, each told to nobody else, and for how long they last."""

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)
    life: dt.timedelta
    interval: int


def authorize_device(services: IdpServices, proven: ProvenClient, asked: DeviceAsked) -> DeviceWaits | Fault:
    """Keep the request of a device until a person answers it; both codes are kept as digests.

    A key that the device proves here is the only one that may redeem the device code (RFC 9449 §10). Nobody
    fills the table: whoever needs no secret is counted by place, everybody else by client.
    """
    judged = _judged(proven.client, asked)
    if isinstance(judged, Fault):
        return judged
    scope, request = judged
    with services.store.write() as unit:
        client = admit(unit.connection, proven)
        if isinstance(client, Replayed):
            return refuse_replay(unit, proven.client, client)
        if client.client.is_public:
            wait = take_from_place(unit, services, DEVICES_OF_PLACE)
        else:
            wait = take_from_client(unit, services, DEVICES, client.id)
        if wait is not None:
            return slow_down(wait)
        return _kept(services, unit, client, scope, request)


def _kept(
    services: IdpServices, unit: Unit, client: AuthenticatedClient, scope: str, request: DeviceRequest
) -> DeviceWaits | Fault:
    """Store the request under a user code that nobody has: the unique column decides, and chance helps."""
    settings = services.settings
    interval = int(settings.device_poll_interval.total_seconds())
    new = DeviceAuthorization(
        client_id=client.id,
        scope=scope,
        request=request,
        bound_to=str(client.held) if client.held is not None else "",
        asked_at=unit.now,
        expires_at=unit.now + settings.device_code_life,
        pace=Pace(unit.now, interval),
    )
    for _ in range(_DRAWS):
        device_code, user_code = unit.randomness.token(32), new_user_code(unit.randomness)
        codes = Codes(digest(device_code), digest(user_code))
        if add_device_authorization(unit.connection, codes, new):
            unit.audit.record(
                "gateway:device:asked", actor=Actor("client", client.id), details={"scope": scope}
            )
            return DeviceWaits(device_code, shown(user_code), settings.device_code_life, interval)
    return _NO_CODE


def _judged(client: Client, asked: DeviceAsked) -> tuple[str, DeviceRequest] | Fault:
    """Return what the client may have of what it asks, and how: by the authorization endpoint's rules."""
    if not client.may_use(GrantType.DEVICE_CODE):
        return unauthorized_grant()
    granted = granted_at_sign_in(
        split_scope(asked.scope) or (),
        allowed=client.scopes,
        may_refresh=client.may_use(GrantType.REFRESH_TOKEN),
    )
    if not granted:
        return Fault(ErrorCode.INVALID_SCOPE, "Nothing of the scope can be granted.")
    if len(asked.resource) > 1 or not set(asked.resource) <= set(client.resources):
        return Fault(ErrorCode.INVALID_TARGET, "The resource is not one of the client's.")
    if asked.max_age and not is_max_age(asked.max_age):
        return Fault(ErrorCode.INVALID_REQUEST, "max_age has to be whole seconds.")
    known = [acr for acr in asked.acr_values.split() if acr in tuple(Acr)]  # others ask for nothing
    acr = tuple(dict.fromkeys(known)) if asked.acr_values else client.default_acr
    max_age = int(asked.max_age) if asked.max_age else client.default_max_age
    resource = client.resource_for(next(iter(asked.resource), ""), granted)
    return " ".join(granted), DeviceRequest(resource, acr, max_age)
