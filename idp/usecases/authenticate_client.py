"""Authenticating the client of a request: by secret, by signed assertion, or, if public, by name only."""

from __future__ import annotations

import datetime as dt

from idp.domain.certificate_chain import distrusted
from idp.domain.client import Assertion, KnownClient, ProvenClient
from idp.domain.client_assertion import Expected, judged, named_client
from idp.domain.client_authentication import Presented
from idp.domain.client_certificate import ClientCertificate, is_of_keys, names
from idp.domain.networks import is_within
from idp.domain.oauth import (
    CERTIFICATE_METHODS,
    SECRET_METHODS,
    AuthMethod,
    Fault,
    invalid_client,
    slow_down,
    wrong_way,
)
from idp.usecases.client_keys import keys_of
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest, same
from kernel.origin import current_origin, place
from kernel.ratelimit import Limit, take
from kernel.store import Unit

_NOBODY = digest("no client has this secret")
_LONGEST_ID = 64
_STRANGERS = Limit("unknown-clients-noted", 60, dt.timedelta(minutes=1))
_NAMED_ENDPOINTS = ("/oauth2/token", "/oauth2/par")
"""Endpoints whose addresses name us as the issuer does (OIDC Core §9, RFC 9126 §2)."""


def authenticate_client(services: IdpServices, presented: Presented) -> ProvenClient | Fault:
    """Return the client whose proof is right, or the refusal (CA-01..CA-13).

    The client's row is remembered for at most a second; before a refusal it is always read anew. Whoever
    fails too often waits, per client and address, so that others and the client's own address go on. A
    client that is registered for some networks proves itself from nowhere else (G-38).
    """
    client_id = presented.client_id or named_client(presented.assertion)
    if not client_id or len(client_id) > _LONGEST_ID or not client_id.isprintable():
        return invalid_client("no client named")
    now = services.store.clock.now()
    wait = services.failures.closed_for(failure_key(client_id), now=now) if services.settings.limits else None
    if wait is not None:
        return slow_down(wait)
    known, fresh = services.clients.recall(services.store, client_id)
    found = _prove(services, known, presented, now)
    if not isinstance(found, ProvenClient) and not fresh:
        known = services.clients.look_up(services.store, client_id)
        found = _prove(services, known, presented, now)
    if isinstance(found, ProvenClient):
        return found
    fault = found if isinstance(found, Fault) else invalid_client(found)
    return _refuse(services, client_id, fault, known=known is not None)


def failure_key(client_id: str) -> str:
    """Return the key under which failures of a client from the present place are counted."""
    return f"{client_id}\n{place(current_origin().address)}"


def _prove(
    services: IdpServices, known: KnownClient | None, presented: Presented, now: dt.datetime
) -> ProvenClient | Fault | str:
    turned_away = _turned_away(known)
    if known is None or turned_away:
        same(digest(presented.secret), _NOBODY)
        return turned_away
    if presented.method is AuthMethod.NONE and known.client.auth_method in CERTIFICATE_METHODS:
        return _prove_by_certificate(services, known, presented.certificate, now)
    if presented.method != known.client.auth_method:
        return _by_another_method(known, presented, now)
    if presented.method is AuthMethod.NONE:
        return ProvenClient(known.client, presented.method)
    if presented.method is AuthMethod.PRIVATE_KEY_JWT:
        return _prove_by_assertion(services, known, presented, now)
    return _prove_by_secret(known, presented, now)


def _turned_away(known: KnownClient | None) -> str:
    """Return why no proof is looked at, or nothing: from a foreign network even the right one is refused."""
    if known is None or known.client.disabled:
        return "unknown or disabled client"
    networks = known.client.allowed_addresses
    return "address" if networks and not is_within(current_origin().address, networks) else ""


def _by_another_method(known: KnownClient, presented: Presented, now: dt.datetime) -> Fault | str:
    """Refuse another method; only whoever knows the secret is told which method is registered."""
    both = {presented.method.value, known.client.auth_method}
    if both == SECRET_METHODS and isinstance(_prove_by_secret(known, presented, now), ProvenClient):
        return wrong_way(known.client.auth_method)
    return "another method is registered"


def _prove_by_assertion(
    services: IdpServices, known: KnownClient, presented: Presented, now: dt.datetime
) -> ProvenClient | str:
    rules = known.client.rules
    audiences = () if rules.exact_audience else [f"{services.issuer}{path}" for path in _NAMED_ENDPOINTS]
    expected = Expected(
        known.client.id,
        (services.issuer, *audiences),
        now,
        exact=rules.exact_audience,
        barred=known.client.barred_algorithms,
        grant=presented.grant,
    )
    spent = judged(presented.assertion, keys_of(services, known, presented.assertion), expected)
    if isinstance(spent, Assertion):
        return ProvenClient(known.client, AuthMethod.PRIVATE_KEY_JWT, assertion=spent)
    return f"assertion: {spent}"


def _prove_by_certificate(
    services: IdpServices, known: KnownClient, given: ClientCertificate | None, now: dt.datetime
) -> ProvenClient | str:
    """The connection proved the key; the certificate is the client's by subject or by key (RFC 8705 §2)."""
    if given is None:
        return "no certificate"
    if known.client.auth_method == AuthMethod.SELF_SIGNED_TLS:
        if not is_of_keys(given, keys_of(services, known, "")):
            return "certificate: another key"
        return ProvenClient(known.client, AuthMethod.SELF_SIGNED_TLS)
    lists = services.revocations.current() if services.revocations else {}
    fault = distrusted(given.certificate, services.certificate_authorities, lists, now=now)
    if fault:
        return f"certificate: {fault}"
    if not names(given, *known.client.certificate_subject):
        return "certificate: another subject"
    return ProvenClient(known.client, AuthMethod.TLS)


def _prove_by_secret(known: KnownClient, presented: Presented, now: dt.datetime) -> ProvenClient | str:
    given = digest(presented.secret)
    # Every secret is compared, so that the time tells neither which one matched nor how far (CA-10).
    matches = [secret for secret in known.secrets if same(secret.digest, given) & secret.lives(now)]
    if not matches:
        return "wrong secret"
    former = all(secret.former for secret in matches)
    return ProvenClient(known.client, presented.method, used_former_secret=former)


def _refuse(services: IdpServices, client_id: str, fault: Fault, *, known: bool) -> Fault:
    with services.store.write() as unit:
        wait = (
            services.failures.count(unit.connection, failure_key(client_id), now=unit.now)
            if services.settings.limits
            else None
        )
        if wait is not None:
            return slow_down(wait)
        if known or _is_written_down(unit):
            unit.audit.record(
                "gateway:client:refused",
                actor=Actor("client", client_id if known else "unknown"),
                outcome="refused",
                reason=fault.reason,
            )
    return fault


def _is_written_down(unit: Unit) -> bool:
    """Tell whether to audit an unknown client: anybody can invent names, and the audit is kept for good."""
    return take(unit.connection, _STRANGERS, place(current_origin().address), now=unit.now).allowed
