"""Introspection (RFC 7662): what a token is worth, told only to those it concerns."""

from __future__ import annotations

from collections.abc import Mapping

from idp.domain.client import Client, ProvenClient, Replayed
from idp.domain.confirmation import token_type
from idp.domain.grant import Inspected
from idp.domain.oauth import Fault, invalid_client
from idp.domain.tokens import ACCESS_TOKEN_TYPE, INTROSPECTION_TYPE, seconds
from idp.storage.access_tokens import inspect_access_token
from idp.storage.clients import admit
from idp.storage.refresh_tokens import inspect_refresh_token
from idp.usecases.authenticate_bearer import can_be_token
from idp.usecases.encrypt_answers import recipient_of
from idp.usecases.minting import response_algorithm
from idp.usecases.services import IdpServices
from idp.usecases.token_refusals import refuse_replay
from kernel.crypto import digest

_DEFAULT_ALGORITHM = "RS256"  # RFC 9701 §6
INACTIVE: dict[str, object] = {"active": False}
_OF_SIGN_IN = ("acr", "auth_time")
"""What a resource judges a sign-in by (RFC 9470 §6.2); a machine's token has neither."""


def introspect_token(services: IdpServices, proven: ProvenClient, *, token: str) -> dict[str, object] | Fault:
    """Return the introspection answer: ``active`` false and nothing else for whatever is not the caller's.

    A client sees the tokens it was issued, and those whose audience it is (IR-02). Public clients see none
    (CA-02). Nothing is cached, so a revocation is seen at once on every node (IR-04).
    """
    if proven.client.is_public:
        return invalid_client("public client")
    if proven.assertion is not None:
        with services.store.write() as unit:
            admitted = admit(unit.connection, proven)
            if isinstance(admitted, Replayed):
                return refuse_replay(unit, proven.client, admitted)
    found = _inspect(services, token)
    if found is None or not _concerns(proven.client, found):
        return INACTIVE
    return _answer(services, found, token)


def signed_introspection(services: IdpServices, client: Client, answer: Mapping[str, object]) -> str | Fault:
    """Return the answer as a token for this client alone, which it can keep as evidence (RFC 9701 §5).

    A client that registered it so gets it encrypted, too (§6), or is told that none of its keys fits.

    Raises:
        BusyError: if another request waits for the client's server, and only its answer could tell.
    """
    claims = {
        "iss": services.issuer,
        "aud": client.id,
        "iat": seconds(services.store.clock.now()),
        "token_introspection": answer,
    }
    algorithm = client.introspection_algorithm or _DEFAULT_ALGORITHM
    if algorithm in client.rules.barred_algorithms:
        algorithm = response_algorithm(services, client, "")
    token = services.signing.sign(claims, algorithm=algorithm, typ=INTROSPECTION_TYPE)
    if client.introspection_encryption is None:
        return token
    recipient = recipient_of(services, client, client.introspection_encryption)
    return recipient if isinstance(recipient, Fault) else recipient.sealed(token)


def _inspect(services: IdpServices, token: str) -> Inspected | None:
    if not can_be_token(token):
        return None
    now = services.store.clock.now()
    is_access_token = "." in token
    if is_access_token and not services.signing.is_ours(token, typ=ACCESS_TOKEN_TYPE):
        return None
    look = inspect_access_token if is_access_token else inspect_refresh_token
    return look(services.store.database, digest(token), now=now)


def _concerns(client: Client, found: Inspected) -> bool:
    if found.facts.client_id == client.id:
        return True
    return not found.facts.audience.isdisjoint({client.id, *client.serves})


def _answer(services: IdpServices, found: Inspected, token: str) -> dict[str, object]:
    facts = found.facts
    answer: dict[str, object] = {
        "active": True,
        "iss": services.issuer,
        "client_id": facts.client_id,
        "sub": facts.subject,
        "scope": " ".join(sorted(facts.scope)),
        "iat": seconds(facts.issued_at),
        "exp": seconds(facts.expires_at),
    }
    if found.kind == "access_token":
        answer["token_type"] = token_type(facts.confirmation)
        if facts.confirmation is not None:
            answer["cnf"] = facts.confirmation.to_json()
        answer["aud"] = next(iter(facts.audience)) if len(facts.audience) == 1 else sorted(facts.audience)
        said = services.signing.said_by(token)
        answer |= {name: said[name] for name in _OF_SIGN_IN if name in said}
    if found.user_name and facts.subject == facts.account_id:  # a pairwise subject is not undone by a name
        answer["username"] = found.user_name
    return answer
