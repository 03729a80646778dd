"""The last step of an authorization response: its tokens encrypted, and the whole as one JWT where asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from idp.domain.oauth import Fault
from idp.domain.tokens import ID_TOKEN_TYPE, seconds
from idp.usecases.answer_authorization import ToClient
from idp.usecases.encrypt_answers import recipient_of
from idp.usecases.minting import response_algorithm
from idp.usecases.services import IdpServices

_SIGNED_LIFE = dt.timedelta(minutes=10)
"""How long a signed response may be taken: no more than this (JARM §2.1)."""


def carried(services: IdpServices, answer: ToClient) -> Mapping[str, str] | Fault:
    """Return the parameters as they travel, or why they cannot: no key of the client fits its encryption.

    A signed answer is one parameter that holds them all (JARM §2). What the client wants encrypted is signed
    first (OIDC Core §16.14, JARM §2.2). It may wait for the client's server: never within a unit of work.
    """
    client, parameters = answer.client, dict(answer.parameters)
    if client.id_token_encryption is not None and "id_token" in parameters:
        recipient = recipient_of(services, client, client.id_token_encryption)
        if isinstance(recipient, Fault):
            return recipient
        parameters["id_token"] = recipient.sealed(parameters["id_token"])
    if not answer.signed:
        return parameters
    response = signed(services, answer, parameters)
    if client.response_encryption is None:
        return response
    recipient = recipient_of(services, client, client.response_encryption)
    if isinstance(recipient, Fault):
        return recipient
    return {name: recipient.sealed(value) for name, value in response.items()}


def signed(services: IdpServices, answer: ToClient, parameters: Mapping[str, str]) -> dict[str, str]:
    """Return ``parameters`` as one, a JWT for this client; it names nobody: no ID token (JARM §2.1)."""
    client, now = answer.client, seconds(services.store.clock.now())
    claims = {**parameters, "aud": client.id, "iat": now, "exp": now + int(_SIGNED_LIFE.total_seconds())}
    algorithm = response_algorithm(services, client, client.response_algorithm)
    return {"response": services.signing.sign(claims, algorithm=algorithm, typ=ID_TOKEN_TYPE)}
