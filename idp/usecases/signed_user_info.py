"""Userinfo as a JWT, for clients that registered it so (OIDC Core §5.3.2). Part of a deed."""

from __future__ import annotations

import json
from collections.abc import Mapping

from idp.domain.oauth import Fault
from idp.domain.tokens import ID_TOKEN_TYPE
from idp.usecases.encrypt_answers import recipient_of
from idp.usecases.services import IdpServices


def signed_user_info(
    services: IdpServices, client_id: str, claims: Mapping[str, object]
) -> Mapping[str, object] | str | Fault:
    """Return the claims signed, encrypted, or signed and encrypted then, as the client registered it.

    Signed claims say who says them and to whom. A client that registered neither gets them as they are.

    Raises:
        BusyError: if another request waits for the client's server, and only its answer could tell.
    """
    known, _ = services.clients.recall(services.store, client_id)
    if known is None:
        return claims
    client = known.client
    token = ""
    if client.userinfo_algorithm:
        whole = {**claims, "iss": services.issuer, "aud": client_id}
        token = services.signing.sign(whole, algorithm=client.userinfo_algorithm, typ=ID_TOKEN_TYPE)
    if client.userinfo_encryption is None:
        return token or claims
    recipient = recipient_of(services, client, client.userinfo_encryption)
    if isinstance(recipient, Fault):
        return recipient
    return (
        recipient.sealed(token)
        if token
        else recipient.sealed(json.dumps(dict(claims), ensure_ascii=False), nested=False)
    )
