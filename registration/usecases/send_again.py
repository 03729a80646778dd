"""Send again what the Gateway refused, once its cause is mended: for Customer Relations."""

from __future__ import annotations

from registration.domain.authority import Caller
from registration.domain.outcomes import Refusal, Refused
from registration.storage import identities, outbox, requests
from registration.usecases.actors import actor_of
from registration.usecases.services import RegistrationServices


def send_again(services: RegistrationServices, *, caller: Caller, number: int) -> int | Refused:
    """Make due whatever of a request is not live yet, and what it waits for; return how many rows that were.

    What is sent is what should be now, as always: a request that later ones overtook brings nothing back.
    """
    with services.store.write() as unit:
        if not identities.staff_rights(unit.connection, caller).is_staff:
            return Refused(Refusal.NOT_ALLOWED)
        found = requests.by_number(unit.connection, number)
        if found is None:
            return Refused(Refusal.NOT_FOUND)
        items = requests.items_of(unit.connection, found.id)
        waiting = [
            (item.aggregate_kind, item.aggregate_id)
            for item in items
            if item.aggregate_kind and item.provisioned_at is None
        ]
        needed = outbox.dependencies(outbox.deliveries(unit.connection, waiting).values())
        sent = outbox.send_again(unit.connection, [*waiting, *needed], now=unit.now)
        unit.audit.record(
            "registration:delivery:sent-again",
            actor=actor_of(caller),
            target=f"request:{number}",
            details={"rows": sent},
        )
        return sent
