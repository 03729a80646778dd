"""Keep a form that was sent after its session had ended, so that nobody types it twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from registration.domain.draft import Draft
from registration.storage import drafts, sessions
from registration.usecases.services import RegistrationServices

KEPT: Final = "kept-form"


def keep_form(
    services: RegistrationServices, *, token: str, path: str, fields: Sequence[tuple[str, str]]
) -> Draft | None:
    """Keep what was sent to ``path`` for the person whose session it was; None if the token never was one's.

    The token opens nothing any more: it only says whose form this is. Its owner finds it after the next
    sign-in, and nobody else does.
    """
    with services.store.write() as unit:
        owner = sessions.owner(unit.connection, token)
        if owner is None:
            return None
        return drafts.add(
            unit.connection,
            unit.sealer,
            identifier=unit.randomness.ulid(unit.now),
            account_id=owner,
            kind=KEPT,
            organization_id=None,
            values={"path": path, "fields": [list(pair) for pair in fields]},
            now=unit.now,
            expires_at=unit.now + services.settings.draft_lifetime,
        )
