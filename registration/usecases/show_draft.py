"""Show a form on its way: to its owner only (RG-19)."""

from __future__ import annotations

from registration.domain.authority import Caller
from registration.domain.draft import Draft
from registration.storage import drafts
from registration.usecases.services import RegistrationServices


def show_draft(services: RegistrationServices, *, caller: Caller, draft_id: str) -> Draft | None:
    """Return the caller's draft, or None for an expired one, somebody else's, or none at all."""
    with services.store.read() as connection:
        return drafts.find(
            connection,
            services.store.sealer,
            identifier=draft_id,
            account_id=caller.account_id,
            now=services.store.clock.now(),
        )
