"""What registering oneself, looking at it and changing it have in common. Parts of deeds, never a deed."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from idp.domain.client_metadata import MetadataError, MetadataFault, metadata_faults
from idp.domain.client_profile import PROFILES
from idp.domain.oauth import SECRET_METHODS, ErrorCode, Fault
from idp.domain.self_registration import name_of, self_registration_faults, stated, statement_fault
from idp.domain.token_form import MANAGEMENT, is_mistyped
from idp.storage.clients import add_secret
from idp.storage.self_registered import SelfRegistered, find_self_registered
from idp.usecases.limits import MANAGED_REGISTRATIONS, take_from_place
from idp.usecases.register_client import ClientOrder, RegistrationRefused, order_faults
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.store import Unit

Reading = Callable[[Mapping[str, Any]], str]
"""A second reading of the standards: names the field of metadata that it finds wrong, or nothing."""

UNKNOWN_TOKEN = Fault(
    ErrorCode.INVALID_TOKEN, "The token is missing, expired, revoked or used up.", 401, "registration"
)
NOT_ANY_MORE = Fault(
    ErrorCode.ACCESS_DENIED, "The client is disabled: its operator decides.", 403, "registration"
)
LONGEST_REGISTRATION_TOKEN = 512
_BUSY = Fault(
    ErrorCode.TEMPORARILY_UNAVAILABLE,
    "Another document is being fetched. Try again.",
    503,
    "registration",
    dt.timedelta(seconds=2),
)
_FETCHING = threading.BoundedSemaphore(1)
"""One thread of this process at most waits for what a stranger publishes."""


@dataclass(frozen=True, slots=True)
class RegistrationShown:
    """What a client is told of its registration (RFC 7592 §3).

    ``secret`` stands there only when it was just made. ``secret_until`` is None for a client without one, and
    0 for a secret without an end.
    """

    client_id: str
    issued_at: dt.datetime
    metadata: Mapping[str, Any]
    management_token: str = field(repr=False)
    secret: str = field(default="", repr=False)
    secret_until: int | None = None


def too_many(wait: dt.timedelta) -> Fault:
    """Return the answer to a place that asks too often."""
    return Fault(
        ErrorCode.TEMPORARILY_UNAVAILABLE, "Too many requests.", 429, "registration", retry_after=wait
    )


def ordered(
    services: IdpServices,
    document: Mapping[str, Any],
    *,
    client_id: str,
    profile: str,
    application_key: str,
) -> ClientOrder:
    """Return the order that follows from what a client states: never the operator's own, never on a tile."""
    settings = services.settings
    metadata = stated(
        document,
        profile=profile,
        scopes=settings.registration_scopes,
        algorithms=services.signing.algorithms,
        usual=PROFILES[profile].default_algorithm or settings.signing_algorithm,
    )
    return ClientOrder(
        id=client_id,
        name=name_of(metadata, client_id),
        metadata=metadata,
        application_key=application_key,
        profile=profile,
        first_party=False,
    )


def refused(
    services: IdpServices, document: Mapping[str, Any], order: ClientOrder, reading: Reading
) -> RegistrationRefused | Fault | None:
    """Return why ``order`` is refused. What the client publishes is fetched last, if all else holds.

    A server that says nothing holds up one registration, and never all requests.
    """
    statement = statement_fault(document)
    if statement is not None:
        return RegistrationRefused((statement,))
    faults = _own_faults(services, order) or _read_again(order, reading)
    if faults:
        return RegistrationRefused(faults)
    fetches = "sector_identifier_uri" in order.metadata
    if fetches and not _FETCHING.acquire(blocking=False):
        return _BUSY
    try:
        faults = order_faults(services, order, order.metadata)
    finally:
        if fetches:
            _FETCHING.release()
    return RegistrationRefused(faults) if faults else None


def _own_faults(services: IdpServices, order: ClientOrder) -> tuple[MetadataFault, ...]:
    settings = services.settings
    loopback = settings.loopback_http_clients
    shapes = metadata_faults(order.metadata, profile=order.profile, loopback_http=loopback)
    scopes, issuer = settings.registration_scopes, services.issuer
    return shapes or tuple(self_registration_faults(order.metadata, scopes=scopes, issuer=issuer))


def _read_again(order: ClientOrder, reading: Reading) -> tuple[MetadataFault, ...]:
    name = reading(order.metadata)
    message = "is against the standard or not offered here"
    return (MetadataFault(MetadataError.METADATA, name, message),) if name else ()


def managed(services: IdpServices, client_id: str, token: str) -> SelfRegistered | Fault:
    """Return the client that ``token`` manages, looked at but not held (RFC 7592 §2).

    The place is counted before the token is looked at. An unknown client and a wrong token get one answer.
    """
    with services.store.write() as unit:
        wait = take_from_place(unit, services, MANAGED_REGISTRATIONS)
        if wait is not None:
            return too_many(wait)
        found = find_managed(unit, client_id, token)
        if isinstance(found, Fault):
            unit.audit.record(
                "gateway:registration:refused",
                actor=Actor("client", client_id if found is NOT_ANY_MORE else ""),
                outcome="refused",
                reason="disabled" if found is NOT_ANY_MORE else "management",
            )
        return found


def find_managed(unit: Unit, client_id: str, token: str, *, hold: bool = False) -> SelfRegistered | Fault:
    """Return the client that ``token`` manages, as it stands in this unit of work."""
    if not 0 < len(token) <= LONGEST_REGISTRATION_TOKEN or is_mistyped(MANAGEMENT, token):
        return UNKNOWN_TOKEN
    found = find_self_registered(unit.connection, client_id, digest(token), hold=hold)
    if found is None:
        return UNKNOWN_TOKEN
    return NOT_ANY_MORE if found.client.disabled else found


def give_secret(unit: Unit, client_id: str) -> str:
    """Make a secret for the client and return it, this once."""
    secret = unit.randomness.token(32)
    add_secret(unit.connection, client_id, digest(secret), now=unit.now)
    return secret


def needs_secret(metadata: Mapping[str, Any]) -> bool:
    """Tell whether a client of this metadata proves itself by a secret."""
    return metadata["token_endpoint_auth_method"] in SECRET_METHODS


def end_of(secrets: Collection[dt.datetime | None]) -> int | None:
    """Return when the last of a client's secrets ends, as ``client_secret_expires_at``: 0 is never."""
    if not secrets:
        return None
    moments = [moment for moment in secrets if moment is not None]
    return 0 if len(moments) < len(secrets) else int(max(moments).timestamp())
