"""Keep what was typed on one page of a wizard. Going back and forth never commits anything (I-22)."""

from __future__ import annotations

from collections.abc import Mapping

from kernel.audit import JsonValue
from registration.domain.authority import Caller
from registration.domain.draft import Draft
from registration.domain.outcomes import Refusal, Refused
from registration.storage import drafts
from registration.usecases.services import RegistrationServices


def save_draft(
    services: RegistrationServices,
    *,
    caller: Caller,
    draft_id: str,
    values: Mapping[str, JsonValue],
    version: int | None = None,
) -> Draft | Refused:
    """Merge ``values`` into the caller's draft.

    With ``version`` the draft has to be still the one the page was made from; otherwise the latest is taken.
    """
    with services.store.write() as unit:
        current = drafts.find(
            unit.connection,
            unit.sealer,
            identifier=draft_id,
            account_id=caller.account_id,
            now=unit.now,
        )
        if current is None:
            return Refused(Refusal.NOT_FOUND)
        if version is not None and version != current.version:
            return Refused(Refusal.STALE_PLAN)
        saved = drafts.save(
            unit.connection,
            unit.sealer,
            current=current,
            account_id=caller.account_id,
            values=values,
            now=unit.now,
        )
        return saved or Refused(Refusal.STALE_PLAN)
