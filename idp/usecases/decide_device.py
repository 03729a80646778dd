"""A person answers a device: looks at who asks, and allows or denies it, once (RFC 8628 §3.3, §5.1, §5.4)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from idp.domain.client import Client
from idp.domain.device_code import read_user_code, shown
from idp.domain.factors import FactorKind
from idp.domain.interaction import Wanted
from idp.domain.login_flow import Demands, within_reach
from idp.domain.session import LiveSession, satisfies
from idp.storage.clients import find_client
from idp.storage.consents import keep_consent
from idp.storage.device_authorizations import (
    DeviceAuthorization,
    allow,
    client_allowed_in,
    decide,
    find_waiting,
)
from idp.storage.factors import confirmed_factors
from idp.usecases.entrance import may_enter
from idp.usecases.limits import take_user_code
from idp.usecases.services import IdpServices
from idp.usecases.sign_in_grants import authentication_in, grant_of_session, store_grant
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class DeviceQuestion:
    """Who asks, for what, and the code as the device has to show it."""

    client: Client
    scope: tuple[str, ...]
    user_code: str


@dataclass(frozen=True, slots=True)
class TooManyCodes:
    """Too many codes were tried."""

    retry_after: dt.timedelta


@dataclass(frozen=True, slots=True)
class StrongerSignIn:
    """A stronger or fresher sign-in than the session's is asked for."""

    demands: Demands


@dataclass(frozen=True, slots=True)
class NoAccessForDevice:
    """The account has no access to the client's application."""

    client: Client


@dataclass(frozen=True, slots=True)
class NoSuchCode:
    """Nothing waits under this code: mistyped, expired, or answered. It is never told which."""


@dataclass(frozen=True, slots=True)
class DeviceDecided:
    """The answer is kept."""

    client: Client
    allowed: bool


Refused = TooManyCodes | StrongerSignIn | NoAccessForDevice | NoSuchCode


def look_at_device(services: IdpServices, *, typed: str, session: LiveSession) -> DeviceQuestion | Refused:
    """Return what waits under a user code. Every look counts against the person and her address."""
    with services.store.write() as unit:
        found = _found(services, unit, typed, session)
    if not isinstance(found, _Waiting):
        return found
    return DeviceQuestion(found.client, tuple(found.asked.scope.split()), shown(found.user_code))


def decide_device(
    services: IdpServices, *, typed: str, session: LiveSession, allowed: bool
) -> DeviceDecided | Refused:
    """Allow or deny a device once, by one conditional statement.

    A yes is a grant of this session, and a consent that the person can take back like any other. Who sends
    the same yes again is told that it is kept.

    Raises:
        StaleClientError: if client or account were switched off a moment ago; nothing was decided.
    """
    with services.store.write() as unit:
        found = _found(services, unit, typed, session)
        if allowed and isinstance(found, NoSuchCode):
            return _allowed_before(unit, typed, session)
        if not isinstance(found, _Waiting):
            return found
        if not decide(unit.connection, digest(found.user_code), now=unit.now):
            return _allowed_before(unit, typed, session) if allowed else NoSuchCode()
        family = _allow(services, unit, found, session) if allowed else ""
        unit.audit.record(
            "gateway:device:allowed" if allowed else "gateway:device:denied",
            actor=Actor("account", session.account.id, session.id),
            target=found.client.id,
            details={"scope": found.asked.scope, **({"family": family} if family else {})},
        )
    return DeviceDecided(found.client, allowed)


@dataclass(frozen=True, slots=True)
class _Waiting:
    asked: DeviceAuthorization
    client: Client
    user_code: str


def _found(services: IdpServices, unit: Unit, typed: str, session: LiveSession) -> _Waiting | Refused:
    wait = take_user_code(unit, services, session.account.id)
    if wait is not None:
        return TooManyCodes(wait)
    code = read_user_code(typed)
    asked = find_waiting(unit.connection, digest(code), now=unit.now) if code else None
    client = find_client(unit.connection, asked.client_id) if asked else None
    if asked is None or client is None or client.disabled:
        return NoSuchCode()
    if not _is_strong_enough(unit, asked, session):
        return StrongerSignIn(asked.request.wanted.demands)
    if not may_enter(unit, client, session.account):
        unit.audit.record(
            "gateway:device:refused",
            actor=Actor("account", session.account.id, session.id),
            target=client.id,
            outcome="refused",
            reason="no access",
        )
        return NoAccessForDevice(client)
    return _Waiting(asked, client, code)


def _allowed_before(unit: Unit, typed: str, session: LiveSession) -> DeviceDecided | NoSuchCode:
    """Tell of a yes that this very session gave: the button was pressed twice, or the page sent again."""
    user_digest = digest(read_user_code(typed) or "")
    client_id = client_allowed_in(unit.connection, user_digest, session_id=session.id, now=unit.now)
    client = find_client(unit.connection, client_id) if client_id is not None else None
    return NoSuchCode() if client is None else DeviceDecided(client, allowed=True)


def _is_strong_enough(unit: Unit, asked: DeviceAuthorization, session: LiveSession) -> bool:
    """Tell whether the session is as fresh and as strong as the device asks (OIDC Core §3.1.2.1).

    A sign-in after the device asked is fresh enough in any case, and a class that the account cannot reach
    counts as the best it can: nobody is sent in circles.
    """
    wanted: Wanted = asked.request.wanted
    stale = wanted.demands.wants_fresh(authenticated_at=session.authenticated_at, now=unit.now)
    if stale and session.authenticated_at < asked.asked_at:
        return False
    if satisfies(session.acr, wanted.acr):
        return True
    factors = confirmed_factors(unit.connection, session.account.id)
    passkey = any(factor.kind is FactorKind.PASSKEY for factor in factors)
    return satisfies(session.acr, within_reach(wanted.acr, passkey=passkey))


def _allow(services: IdpServices, unit: Unit, found: _Waiting, session: LiveSession) -> str:
    """Give the device a grant of this session, with the consent that goes with it; return its id."""
    scope = tuple(found.asked.scope.split())
    new = grant_of_session(services, unit, found.client, session, scope=scope)
    store_grant(unit, new, session)
    keep_consent(unit.connection, new.account_id, new.client_id, scope, now=unit.now)
    how = authentication_in(session, acr=session.acr)
    allow(unit.connection, digest(found.user_code), grant_id=new.id, authentication=how.to_json())
    return new.id
