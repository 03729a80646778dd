"""Token exchange (RFC 8693): a service calls the next one for the person, or the machine, that called it.

It is always delegation: the new token says who acts (``act``). It never holds more than the token it came
from, lives no longer, and dies with it and with the same grant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from idp.domain.client import AuthenticatedClient, Client, ProvenClient, Replayed
from idp.domain.confirmation import token_type
from idp.domain.oauth import ErrorCode, Fault, GrantType, unauthorized_grant
from idp.domain.scope import OFFLINE_ACCESS, OPENID, split_scope
from idp.domain.tokens import AccessTokenFacts, Authentication, TokenFacts
from idp.storage.access_tokens import NewAccessToken
from idp.storage.clients import admit
from idp.storage.exchanged_tokens import insert_exchanged_token
from idp.usecases.authenticate_bearer import bearer
from idp.usecases.minting import StaleClientError, TokenAnswer, record_issue, signed_access_token
from idp.usecases.services import IdpServices
from idp.usecases.token_refusals import refuse_grant, refuse_replay
from kernel.crypto import digest
from kernel.store import Unit

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the standard's word
_TYPES = frozenset({ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt"})
_MOST_ACTORS = 5
_NEVER_HANDED_ON = frozenset({OPENID, OFFLINE_ACCESS})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRequest:
    """What a client asks for. ``targets`` are the resources and audiences that it names."""

    subject_token: str = field(repr=False)
    subject_type: str
    actor_token: str = field(default="", repr=False)
    actor_type: str = ""
    requested_type: str = ""
    scope: str = ""
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Order:
    source: bytes = field(repr=False)
    subject: TokenFacts
    sign_in: Authentication | None
    scope: str
    audience: str
    actors: Mapping[str, object]


def exchange_token(
    services: IdpServices, proven: ProvenClient, request: ExchangeRequest
) -> TokenAnswer | Fault:
    """Issue a token for one of the client's resources, on the strength of a token that reached the client.

    The client has to be registered for the grant, and for what it asks: the permission is the operator's.

    Raises:
        StaleClientError: if the client or the token changed a moment ago; nothing was issued.
    """
    fault = _request_fault(proven.client, request)
    if fault is not None:
        return fault
    order = _order(services, proven, request)
    with services.store.write() as unit:
        client = admit(unit.connection, proven)
        if isinstance(client, Replayed):
            return refuse_replay(unit, proven.client, client)
        if isinstance(order, Fault):
            return refuse_grant(services, unit, client, order)
        return _issue(services, unit, client, order)


def _request_fault(client: Client, request: ExchangeRequest) -> Fault | None:
    if not client.may_use(GrantType.TOKEN_EXCHANGE) or client.is_public:
        return unauthorized_grant()
    rules = (
        (request.subject_type not in _TYPES, "subject_token_type is not supported."),
        (request.requested_type not in {"", ACCESS_TOKEN}, "requested_token_type is not supported."),
        (bool(request.actor_token) != bool(request.actor_type), "actor_token and its type belong together."),
        (bool(request.actor_type) and request.actor_type not in _TYPES, "actor_token_type is not supported."),
    )
    broken = next((sentence for wrong, sentence in rules if wrong), "")
    return Fault(ErrorCode.INVALID_REQUEST, broken) if broken else None


def _order(services: IdpServices, proven: ProvenClient, request: ExchangeRequest) -> _Order | Fault:
    """Return what is to be issued: of the subject's token, for the actor, to one of its resources."""
    client = proven.client
    subject = bearer(services, request.subject_token)
    if subject is None or not _reached(client, subject):
        return _refused("subject_token", "subject token: not live, or not for this client")
    if subject.client_id == client.id and subject.confirmation not in {None, proven.held}:
        return _refused("subject_token", "subject token: bound to another key")
    said = services.signing.said_by(request.subject_token)
    actor = _actor(services, client, request, said.get("may_act"))
    if isinstance(actor, Fault):
        return actor
    audience = _audience(client, request.targets)
    if not audience:
        return Fault(ErrorCode.INVALID_TARGET, "Name one target, and one of the client's.", reason="target")
    scope = _narrowed(client, subject, request.scope)
    if not scope:
        return Fault(
            ErrorCode.INVALID_SCOPE, "The scope is more than the token and the client have.", reason="scope"
        )
    actors = _actors(actor, said.get("act"))
    return (
        _Order(digest(request.subject_token), subject, _sign_in(said), scope, audience, actors)
        if actors
        else _refused("subject_token", "too many actors")
    )


def _actor(
    services: IdpServices, client: Client, request: ExchangeRequest, allowed: Mapping[str, object] | None
) -> str | Fault:
    """Return who acts: the client, or whom its own actor token is about; nobody but ``allowed`` (§4.4).

    What the client got by delegation is about whom it acts for itself: that is not who acts.
    """
    actor = client.id
    if request.actor_token:
        found = bearer(services, request.actor_token)
        if found is None or found.client_id != client.id:
            return _refused("actor_token", "actor token: not live, or not the client's")
        if "act" in services.signing.said_by(request.actor_token):
            return _refused("actor_token", "actor token: got by delegation")
        actor = found.subject
    if allowed is not None and allowed != {"sub": actor}:
        return _refused("subject_token", "subject token: another may act")
    return actor


def _sign_in(said: Mapping[str, Any]) -> Authentication | None:
    """Return how the person signed in, as the subject's token tells it (RFC 9470 §6); a machine never did."""
    if "auth_time" not in said:
        return None
    return Authentication("", said["auth_time"], said["acr"], tuple(said["amr"]), session_expiry=0)


def _refused(name: str, reason: str) -> Fault:
    """RFC 8693 §2.2.2: an unacceptable token is an invalid request; why is not told."""
    return Fault(ErrorCode.INVALID_REQUEST, f"{name} is not acceptable.", reason=reason)


def _reached(client: Client, subject: TokenFacts) -> bool:
    """A token that was made for others is none of the client's business, live or not."""
    return subject.client_id == client.id or not subject.audience.isdisjoint({client.id, *client.serves})


def _audience(client: Client, targets: tuple[str, ...]) -> str:
    if not targets:
        return client.only_resource
    return targets[0] if len(set(targets)) == 1 and targets[0] in client.resources else ""


def _narrowed(client: Client, subject: TokenFacts, asked: str) -> str:
    """Return the scope: what token and client both have, and of that what is asked for; all or nothing."""
    common = (subject.scope & client.scopes) - _NEVER_HANDED_ON
    if not asked:
        return " ".join(sorted(common))
    scopes = split_scope(asked)
    return " ".join(scopes) if scopes is not None and common.issuperset(scopes) else ""


def _actors(actor: str, former: dict[str, Any] | None) -> dict[str, object]:
    """Return the claim ``act``: who acts now, and within it who acted before (§4.1); empty if too long."""
    count, inner = 1, former
    while inner is not None:
        count, inner = count + 1, inner.get("act")
    if count > _MOST_ACTORS:
        return {}
    return {"sub": actor, "act": former} if former is not None else {"sub": actor}


def _issue(services: IdpServices, unit: Unit, client: AuthenticatedClient, order: _Order) -> TokenAnswer:
    subject = order.subject
    life = min(services.settings.access_token_life, subject.expires_at - unit.now)
    token = signed_access_token(
        services,
        AccessTokenFacts(
            issuer=services.issuer,
            subject=subject.subject,
            client_id=client.id,
            audience=order.audience,
            scope=order.scope,
            token_id=unit.randomness.token(16),
            issued_at=unit.now,
            life=life,
            authentication=order.sign_in,
            confirmation=client.held,
            actors=order.actors,
            may_act=client.client.may_act,
        ),
    )
    row = NewAccessToken(
        digest(token),
        subject.grant_id,
        client.id,
        subject.subject,
        order.scope,
        order.audience,
        unit.now + life,
        client.held,
    )
    if not insert_exchanged_token(
        unit.connection, row, source=order.source, client_version=client.client.version, now=unit.now
    ):
        raise StaleClientError(client=client.id)
    record_issue(
        unit,
        client,
        grant_type=GrantType.TOKEN_EXCHANGE,
        scope=order.scope,
        account_id=subject.account_id,
        family=subject.grant_id or "",
    )
    return TokenAnswer(
        token,
        int(life.total_seconds()),
        order.scope,
        token_type=token_type(client.held),
        issued_token_type=ACCESS_TOKEN,
    )
