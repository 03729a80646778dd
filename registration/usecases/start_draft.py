"""Start a form on its way through a wizard; its id is the idempotency key of the confirm at its end."""

from __future__ import annotations

from collections.abc import Mapping

from kernel.audit import JsonValue
from registration.domain.authority import Caller
from registration.domain.draft import Draft
from registration.storage import drafts
from registration.usecases.services import RegistrationServices


def start_draft(
    services: RegistrationServices,
    *,
    caller: Caller,
    kind: str,
    organization_id: str | None = None,
    values: Mapping[str, JsonValue] | None = None,
) -> Draft:
    """Keep a new draft for the caller alone; of many the oldest go."""
    with services.store.write() as unit:
        return drafts.add(
            unit.connection,
            unit.sealer,
            identifier=unit.randomness.ulid(unit.now),
            account_id=caller.account_id,
            kind=kind,
            organization_id=organization_id,
            values=values or {},
            now=unit.now,
            expires_at=unit.now + services.settings.draft_lifetime,
        )
