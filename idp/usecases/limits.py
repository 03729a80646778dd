"""How often strangers, clients and persons may ask the Gateway for something, in one window on all nodes.

Sign-ins are counted by address and in all (LK-07), each before its proof is looked at. What anybody may
fill a table with is counted by address, or by client if it comes from one that proved itself. The last three
bound how often a person is written to.
"""

from __future__ import annotations

import datetime as dt

from idp.usecases.services import IdpServices
from kernel.audit import SYSTEM, Actor
from kernel.origin import current_origin, place
from kernel.ratelimit import Limit, give_back_at_last, take
from kernel.store import Unit

WINDOW = dt.timedelta(minutes=5)
EVERYBODY = Limit("sign-in-everybody", 1_000, WINDOW)
CHALLENGES = Limit("passkey-challenges", 120, WINDOW)
FLOWS = Limit("flows", 2_000, WINDOW)
PUSHES = Limit("pushed-requests", 6_000, WINDOW)
SEALED_PUSHES = Limit("sealed-pushes", 6_000, WINDOW)
SEALED_REQUESTS = Limit("sealed-requests", 2_000, WINDOW)
REGISTRATIONS = Limit("client-registrations", 120, WINDOW)
MANAGED_REGISTRATIONS = Limit("managed-registrations", 600, WINDOW)
DEVICES = Limit("device-authorizations", 6_000, WINDOW)
DEVICES_OF_PLACE = Limit("device-authorizations-address", 300, WINDOW)
USER_CODES = Limit("user-codes", 20, WINDOW)
USER_CODES_OF_PLACE = Limit("user-codes-address", 200, WINDOW)
ACTIVATIONS = Limit("activations", 60, WINDOW)
MAILBOX_CODES = Limit("mailbox-codes", 5, dt.timedelta(hours=1))
LOCK_LETTERS = Limit("lock-letters", 3, dt.timedelta(days=1))
WHICH_ACCOUNT_LETTERS = Limit("which-account-letters", 1, dt.timedelta(days=1))


def _per_address(services: IdpServices) -> Limit:
    return Limit("sign-in-address", services.settings.sign_in_per_address, WINDOW)


def take_sign_in(unit: Unit, services: IdpServices, *, familiar: bool) -> dt.timedelta | None:
    """Count one try from this address and in all; return how long to wait if that is one too many.

    A browser that the account knows is bound by the account's own counter alone (``familiar``), so that a
    neighbour behind the same address cannot keep a person out (LK-05). What an address may no longer do does
    not count against everybody: else one address could use up the limit of all.
    """
    if not services.settings.limits or familiar:
        return None
    address = current_origin().address
    wait = _take(unit, _per_address(services), place(address)) if address else None
    return wait if wait is not None else _take(unit, EVERYBODY, "")


def _take(unit: Unit, limit: Limit, key: str) -> dt.timedelta | None:
    """Count one try against ``limit``; the first one too many of a window is written down."""
    taken = take(unit.connection, limit, key, now=unit.now)
    if taken.allowed:
        return None
    if taken.used == limit.count + 1:
        unit.audit.record(
            "gateway:sign-in:limited", actor=SYSTEM, outcome="refused", reason=limit.name, target=limit.name
        )
    return taken.retry_after


def refund_sign_in(unit: Unit, services: IdpServices, *, familiar: bool) -> None:
    """Take back the one try that turned out right; earlier failures of the address stay counted (LK-06)."""
    if not services.settings.limits or familiar:
        return
    address = current_origin().address
    # In the order in which the try was counted, so that two of them never wait for each other.
    if address:
        give_back_at_last(unit.transaction, _per_address(services), place(address), now=unit.now)
    give_back_at_last(unit.transaction, EVERYBODY, "", now=unit.now)


def take_from_place(unit: Unit, services: IdpServices, limit: Limit) -> dt.timedelta | None:
    """Count one use of ``limit`` from this address; return how long to wait if that is one too many."""
    address = current_origin().address
    if not services.settings.limits or not address:
        return None
    taken = take(unit.connection, limit, place(address), now=unit.now)
    return None if taken.allowed else taken.retry_after


def take_from_client(unit: Unit, services: IdpServices, limit: Limit, client_id: str) -> dt.timedelta | None:
    """Count one use of ``limit`` by a client that proved itself, wherever it asks from."""
    if not services.settings.limits:
        return None
    taken = take(unit.connection, limit, client_id, now=unit.now)
    return None if taken.allowed else taken.retry_after


def take_user_code(unit: Unit, services: IdpServices, account_id: str) -> dt.timedelta | None:
    """Count one look at a user code against a person, then against her address (RFC 8628 §5.1)."""
    if not services.settings.limits:
        return None
    taken = take(unit.connection, USER_CODES, account_id, now=unit.now)
    if taken.allowed:
        return take_from_place(unit, services, USER_CODES_OF_PLACE)
    if taken.used == USER_CODES.count + 1:
        actor = Actor("account", account_id)
        unit.audit.record("gateway:device:limited", actor=actor, outcome="refused", reason=USER_CODES.name)
    return taken.retry_after
