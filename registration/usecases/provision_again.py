"""Tell the Gateway everything once more, as it should be now: after it alone came back from a backup."""

from __future__ import annotations

from registration.domain.authority import Caller
from registration.domain.outcomes import Refusal, Refused
from registration.storage import identities, outbox
from registration.usecases.actors import actor_of
from registration.usecases.services import RegistrationServices


def provision_again(services: RegistrationServices, *, caller: Caller) -> int | Refused:
    """Make due every account, group and membership that the Gateway was ever told of; return how many.

    What ended is among them, so that what came back with the backup is taken away again, and goes first.
    """
    with services.store.write() as unit:
        if not identities.staff_rights(unit.connection, caller).is_staff:
            return Refused(Refusal.NOT_ALLOWED)
        told = outbox.all_again(unit.connection, now=unit.now)
        unit.audit.record(
            "registration:delivery:everything-again",
            actor=actor_of(caller),
            target="gateway",
            details={"rows": told},
        )
        return told
