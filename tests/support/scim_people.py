"""People whom a SCIM client made, and who sign in themselves."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import insert, update

from idp.storage.tables import access_token, account, grant
from kernel.crypto import digest
from tests.support.scim import BASE

if TYPE_CHECKING:
    from tests.support.scim import ScimWorld


def activated(world: ScimWorld, path: str) -> None:
    """Let the user at ``path`` have activated the account."""
    own_id = path.rpartition("/")[2]
    with world.services.store.write() as unit:
        unit.connection.execute(update(account).where(account.c.id == own_id).values(activated_at=unit.now))


def signed_in(
    world: ScimWorld, path: str, scope: str = "openid scim.users.write", audience: str = BASE
) -> str:
    """Return an access token that the person at ``path`` got by signing in to an application."""
    account_id = path.rpartition("/")[2]
    token = world.token("emi", scope=scope, account_id=account_id, audience=audience)
    with world.services.store.write() as unit:
        grant_id = unit.randomness.ulid(unit.now)
        unit.connection.execute(
            insert(grant).values(
                id=grant_id,
                client_id="emi",
                account_id=account_id,
                scope=scope,
                subject=account_id,
                created_at=unit.now,
                revoked_reason="",
                expires_at=unit.now + dt.timedelta(days=1),
            )
        )
        unit.connection.execute(
            update(access_token).where(access_token.c.digest == digest(token)).values(grant_id=grant_id)
        )
    return token
