"""A client's own access token: by its credentials, or by its assertion (RFC 6749 §4.4, RFC 7523 §2.1)."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from idp.domain.client import Client, ProvenClient, Replayed
from idp.domain.confirmation import token_type
from idp.domain.oauth import ErrorCode, Fault, GrantType, unauthorized_grant
from idp.domain.scope import granted_to_machine, split_scope
from idp.domain.tokens import AccessTokenFacts
from idp.storage.access_tokens import NewAccessToken, insert_machine_token, of_nobody
from idp.storage.clients import admit
from idp.usecases.minting import StaleClientError, TokenAnswer, record_issue, signed_access_token
from idp.usecases.services import IdpServices
from idp.usecases.token_refusals import refuse_replay
from kernel.crypto import digest


def issue_machine_token(
    services: IdpServices,
    proven: ProvenClient,
    *,
    scope: str,
    resource: tuple[str, ...],
    grant_type: GrantType = GrantType.CLIENT_CREDENTIALS,
) -> TokenAnswer | Fault:
    """Issue an access token to the client itself: its own scopes at most, one audience of its own (TK-07).

    The subject is the client's id, which never has the form of an account's (TK-15). An assertion of the
    client about itself (RFC 7523 §2.1) brings the same as its credentials do.

    Raises:
        StaleClientError: if the client changed a moment ago; nothing was issued.
    """
    asked = _granted(proven.client, grant_type, scope, resource)
    if isinstance(asked, Fault):
        return asked
    granted, audience = asked
    now, life = services.store.clock.now(), services.settings.access_token_life
    # Signed before the unit: the line of those who write is no longer for it, and a token that is not stored
    # is worth nothing.
    token = signed_access_token(
        services,
        AccessTokenFacts(
            issuer=services.issuer,
            subject=proven.client.id,
            client_id=proven.client.id,
            audience=audience,
            scope=granted,
            token_id=services.store.randomness.token(16),
            issued_at=now,
            life=life,
            confirmation=proven.held,
            may_act=proven.client.may_act,
        ),
    )
    row = NewAccessToken(
        digest(token), None, proven.client.id, proven.client.id, granted, audience, now + life, proven.held
    )
    try:
        with services.store.write() as unit:
            client = admit(unit.connection, proven)
            if isinstance(client, Replayed):
                return refuse_replay(unit, proven.client, client)
            insert_machine_token(unit.transaction, row, client_version=client.client.version, now=now)
            record_issue(unit, client, grant_type=grant_type, scope=granted)
    except IntegrityError as error:
        if of_nobody(error):
            raise StaleClientError(client=proven.client.id) from None
        raise
    return TokenAnswer(token, int(life.total_seconds()), granted, token_type=token_type(client.held))


def _granted(
    client: Client, grant_type: GrantType, scope: str, resource: tuple[str, ...]
) -> tuple[str, str] | Fault:
    if not client.may_use(grant_type):
        return unauthorized_grant()
    asked = split_scope(scope) if scope else None
    if scope and asked is None:
        return Fault(ErrorCode.INVALID_SCOPE, "The scope is malformed.")
    granted = granted_to_machine(asked, allowed=client.scopes)
    if granted is None:
        return Fault(ErrorCode.INVALID_SCOPE, "The scope is not one of the client's.")
    audience = _audience(client, resource)
    if not audience:
        return Fault(ErrorCode.INVALID_TARGET, "Name one resource, and one of the client's.")
    return " ".join(granted), audience


def _audience(client: Client, resource: tuple[str, ...]) -> str:
    """Return the one audience of the token, or an empty text; a client with one resource need not name it."""
    if not resource:
        return client.only_resource
    return resource[0] if len(resource) == 1 and resource[0] in client.resources else ""
