"""Who provisions: by an access token of ours, or by a static token."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from dataclasses import dataclass

from idp.domain.confirmation import Confirmation
from idp.domain.networks import is_within
from idp.domain.oauth import Fault
from idp.domain.scim_client import StoredScimClient
from idp.domain.scim_token import is_mistyped
from idp.domain.security_events import Payload
from idp.domain.tokens import ACCESS_TOKEN_TYPE
from idp.storage.access_tokens import find_bearer_with_scim_client
from idp.storage.scim_clients import TokenUse, find_by_token, note_use
from idp.usecases.authenticate_bearer import can_be_token
from idp.usecases.prove_possession import NOTHING, Shown, may_use_token
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.errors import BusyError
from kernel.origin import current_origin
from kernel.ratelimit import Limit, take

_NOTED_EVERY = dt.timedelta(minutes=1)
_TOLD = Limit("scim-outsider", 1, dt.timedelta(hours=1))
_DEFAULT_PROFILE = "rfc"


@dataclass(frozen=True, slots=True)
class Provisioner:
    """A client whose token is good; ``audience`` is None where it is good for SCIM and nothing else.

    ``extension`` says whether it may state our own extension of the schemas, and
    ``leave_out_unknown_members`` that members which are none of its resources are left out.
    ``events`` is how it hears of what it provisions (:class:`idp.domain.security_events.Payload`), and
    ``is_outside`` says that it asks from where it may not, so that the token is good for nothing (SA-11).
    """

    client_id: str
    profile: str
    scope: frozenset[str]
    audience: frozenset[str] | None
    extension: bool
    require_match: bool = False
    requests_per_second: int | None = None
    events: str = Payload.NONE
    is_outside: bool = False
    bound_to: Confirmation | None = None
    leave_out_unknown_members: bool = False

    def may_reach(self, audience: str) -> bool:
        """Tell whether the token was made for ``audience`` (RFC 8707), and is shown where it may be."""
        return not self.is_outside and (self.audience is None or audience in self.audience)


def provisioner(services: IdpServices, token: str, shown: Shown = NOTHING) -> Provisioner | Fault | None:
    """Return whose token this is, or None; a person's token is nobody's here.

    A token that is bound to a key or a certificate needs the proof of it (RFC 9449 §7, RFC 8705 §3): the
    fault is that of a request that lacks it.

    A client that has an access token needs no registration as a SCIM client: it is read by the default
    profile and may state our extension. For one that is registered its registration says how it is read, and
    it is let in no more once it is disabled.
    """
    if not can_be_token(token):
        return None
    name, now = digest(token), services.store.clock.now()
    if services.signing.is_ours(token, typ=ACCESS_TOKEN_TYPE):
        found = _by_access_token(services, name, now)
        return found and (may_use_token(services, token, found.bound_to, shown) or found)
    return None if shown.as_dpop or is_mistyped(token) else _by_static_token(services, name, now)


def provisioner_since(services: IdpServices, token_digest: bytes, at: dt.datetime) -> Provisioner | None:
    """Return who showed a token at ``at``, by what it may today; None if today it would not be let in.

    That the token has expired since does not matter, nor what it is bound to, which was proved when it was
    shown. That it was revoked, or its client disabled, does.
    """
    found = _by_access_token(services, token_digest, at) or _by_static_token(services, token_digest, at)
    return None if found is None or found.is_outside else found


def _by_access_token(services: IdpServices, name: bytes, now: dt.datetime) -> Provisioner | None:
    """Find who it is, and what it is registered as, by one statement; as for every other bearer."""
    found = find_bearer_with_scim_client(services.store.database, name, now=now)
    if found is None:
        return None
    facts, stored = found
    bound_to = facts.confirmation
    if stored is None:
        return Provisioner(
            facts.client_id, _DEFAULT_PROFILE, facts.scope, facts.audience, extension=True, bound_to=bound_to
        )
    return None if stored.disabled else _registered(services, stored, facts.scope, facts.audience, bound_to)


def _by_static_token(services: IdpServices, name: bytes, now: dt.datetime) -> Provisioner | None:
    found = find_by_token(services.store.database, name, now=now)
    if found is None:
        return None
    registered = _registered(services, found.client, found.client.scopes, None)
    if not registered.is_outside:
        _note(services, found, name, now)
    return registered


def _registered(
    services: IdpServices,
    stored: StoredScimClient,
    scope: frozenset[str],
    audience: frozenset[str] | None,
    bound_to: Confirmation | None = None,
) -> Provisioner:
    address = current_origin().address
    is_outside = bool(stored.allowed_addresses) and not is_within(address, stored.allowed_addresses)
    if is_outside:
        _record_outsider(services, stored.id, address)
    return Provisioner(
        stored.id,
        stored.profile,
        scope,
        audience,
        stored.extension,
        stored.require_match,
        stored.requests_per_second,
        stored.events,
        is_outside,
        bound_to,
        stored.leave_out_unknown_members,
    )


def _record_outsider(services: IdpServices, client_id: str, address: str) -> None:
    """Tell the audit that a client's token is used from elsewhere: of each address once in an hour."""
    with suppress(BusyError), services.store.write() as unit:
        if take(unit.connection, _TOLD, f"{client_id} {address}", now=unit.now).allowed:
            unit.audit.record(
                "gateway:scim-client:refused",
                actor=Actor("client", client_id),
                target=client_id,
                outcome="refused",
                reason="address",
            )


def _note(services: IdpServices, found: TokenUse, name: bytes, now: dt.datetime) -> None:
    """Note the use, at most once a minute: a read must neither cost a write each time nor fail by one."""
    before = now - _NOTED_EVERY
    if found.last_used_at is None or found.last_used_at < before:
        with suppress(BusyError), services.store.database.write() as connection:
            note_use(connection, name, now=now, before=before)
