"""What deeds that make a secret have in common: its way to the one page that shows it (CA-09). No deed.

An operator's form is answered with a redirect, so the secret waits for the page that follows. It is in no
address, no cookie and no log; nobody else's session finds it. Static tokens of SCIM clients and temporary
passwords of accounts go the same way as secrets of clients.
"""

from __future__ import annotations

import datetime as dt

from idp.storage.client_secrets import SecretOf, keep_to_show
from kernel.audit import Actor
from kernel.crypto import Sealer
from kernel.store import Unit

WAITS = dt.timedelta(minutes=5)
_COLUMN = "sealed"


def keep_for_its_page(unit: Unit, actor: Actor, owner_id: str, secret: str, of: SecretOf) -> None:
    """Keep a new secret for the page that its maker's browser opens next.

    In the unit that makes it: whoever finds it made, by the other of two clicks, finds it waiting. Who acts
    in no session has it from the deed alone, and where the session has ended meanwhile it is dropped.
    """
    if actor.session and secret:
        row = _row(actor.session, owner_id)
        sealed = unit.sealer.seal(secret.encode(), table=of.value, column=_COLUMN, row=row)
        keep_to_show(unit.connection, of, actor.session, owner_id, sealed, until=unit.now + WAITS)


def opened(sealer: Sealer, sealed: bytes, session_id: str, owner_id: str, of: SecretOf) -> str:
    """Return the secret that was kept."""
    return sealer.open(sealed, table=of.value, column=_COLUMN, row=_row(session_id, owner_id)).decode()


def _row(session_id: str, owner_id: str) -> str:
    return f"{session_id}/{owner_id}"
