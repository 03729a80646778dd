"""Offer the participations an organization can be registered for (R-113, R-114)."""

from __future__ import annotations

from dataclasses import dataclass

from registration.domain.authority import Caller
from registration.domain.outcomes import Refusal, Refused
from registration.storage import catalogues, identities
from registration.usecases.services import RegistrationServices


@dataclass(frozen=True, slots=True)
class ParticipationOffer:
    """A participation; ``category`` is market, program or service-provider."""

    key: str
    name: str
    description: str
    category: str


def offer_participations(
    services: RegistrationServices, *, caller: Caller
) -> tuple[ParticipationOffer, ...] | Refused:
    """Return the catalogue's participations in its order, to staff."""
    with services.store.read() as connection:
        if not identities.staff_rights(connection, caller).is_staff:
            return Refused(Refusal.NOT_ALLOWED)
        catalogue = catalogues.current(connection)
    if catalogue is None:
        return Refused(Refusal.NO_CATALOGUE)
    return tuple(
        ParticipationOffer(key, entry.name, entry.description, entry.category)
        for key, entry in catalogue.participations.items()
    )
