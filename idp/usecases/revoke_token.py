"""Revocation (RFC 7009): a client gives a token back."""

from __future__ import annotations

from idp.domain.client import ProvenClient, Replayed
from idp.domain.oauth import Fault
from idp.storage.access_tokens import revoke_access_token
from idp.storage.clients import admit
from idp.storage.exchanged_tokens import revoke_exchanged
from idp.storage.grants import revoke_grant
from idp.storage.refresh_tokens import find_refresh_token
from idp.usecases.authenticate_bearer import can_be_token
from idp.usecases.services import IdpServices
from idp.usecases.token_refusals import refuse_replay
from kernel.audit import Actor
from kernel.crypto import digest


def revoke_token(services: IdpServices, proven: ProvenClient, *, token: str) -> bool | Fault:
    """Revoke an access token, or with a refresh token its whole family; tell whether anything ended (IR-06).

    What others got in exchange for the access token ends with it, though they got it for themselves.
    A token of another client stays as it is, and the answer does not tell it from an unknown one.
    """
    with services.store.write() as unit:
        client = admit(unit.connection, proven)
        if isinstance(client, Replayed):
            return refuse_replay(unit, proven.client, client)
        if not can_be_token(token):
            return False
        value = digest(token)
        if revoke_access_token(unit.connection, value, client.id, now=unit.now):
            ended, kind, target = True, "access", client.id
            revoke_exchanged(unit.connection, value, now=unit.now)
        else:
            found = find_refresh_token(unit.connection, value)
            kind, target = "family", found.grant_id if found else ""
            ended = (
                found is not None
                and found.client_id == client.id
                and revoke_grant(unit.connection, found.grant_id, reason="revoked", now=unit.now)
            )
        if ended:
            unit.audit.record(
                "gateway:token:revoked",
                actor=Actor("client", client.id),
                target=target,
                details={"kind": kind},
            )
        return ended
