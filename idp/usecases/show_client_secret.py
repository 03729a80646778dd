"""The way of a new client secret to the one page that shows it: sealed, for one session, once (CA-09).

An operator's form is answered with a redirect, so the secret waits for the page that follows. It is in no
address, no cookie and no log; nobody else's session finds it. Static tokens of SCIM clients go the same way,
and so do the temporary passwords of accounts, whose id stands for that of the client.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy.exc import IntegrityError

from idp.domain.session import LiveSession
from idp.storage.client_secrets import SecretOf, keep_to_show, take_to_show, waits_to_show
from idp.usecases.services import IdpServices

WAITS = dt.timedelta(minutes=5)
_COLUMN = "sealed"

__all__ = ["WAITS", "SecretOf", "put_secret_by", "secret_waits", "take_secret_up"]


def put_secret_by(
    services: IdpServices,
    session: LiveSession,
    *,
    client_id: str,
    secret: str,
    of: SecretOf = SecretOf.CLIENT,
) -> None:
    """Keep a new secret for the page that the operator's browser opens next.

    It is dropped where its client or account, or the session, was deleted meanwhile: it opens nothing then.
    """
    try:
        with services.store.write() as unit:
            row = f"{session.id}/{client_id}"
            sealed = unit.sealer.seal(secret.encode(), table=of.value, column=_COLUMN, row=row)
            keep_to_show(unit.connection, of, session.id, client_id, sealed, until=unit.now + WAITS)
    except IntegrityError:
        return


def secret_waits(
    services: IdpServices, session: LiveSession, *, client_id: str, of: SecretOf = SecretOf.CLIENT
) -> bool:
    """Tell whether a secret that this session asked for still waits to be shown.

    After a double click a browser shows the answer to the second click, which makes no secret.
    """
    with services.store.read() as connection:
        return waits_to_show(connection, of, session.id, client_id, now=services.store.clock.now())


def take_secret_up(
    services: IdpServices, session: LiveSession, *, client_id: str, of: SecretOf = SecretOf.CLIENT
) -> str:
    """Return the secret that waits for this session, once; empty if none does."""
    with services.store.write() as unit:
        sealed = take_to_show(unit.connection, of, session.id, client_id, now=unit.now)
        if sealed is None:
            return ""
        row = f"{session.id}/{client_id}"
        return unit.sealer.open(sealed, table=of.value, column=_COLUMN, row=row).decode()
