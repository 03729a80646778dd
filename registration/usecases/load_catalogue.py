"""Put a catalogue into force: the operator's deed."""

from __future__ import annotations

from dataclasses import dataclass

from registration.domain.authority import Caller
from registration.domain.catalogue import Catalogue
from registration.domain.outcomes import Refused
from registration.storage import catalogues, identities
from registration.usecases.actors import actor_of, not_allowed
from registration.usecases.services import RegistrationServices


@dataclass(frozen=True, slots=True)
class CatalogueLoaded:
    """The version in force now; ``changed`` is False if it was this very catalogue before."""

    version: int
    changed: bool


def load_catalogue(
    services: RegistrationServices, *, caller: Caller, catalogue: Catalogue
) -> CatalogueLoaded | Refused:
    """Store ``catalogue`` as the version in force, unless it is already."""
    with services.store.write() as unit:
        if not identities.staff_rights(unit.connection, caller).is_staff:
            return not_allowed(unit, caller, "registration:catalogue:loaded")
        version, digest = catalogues.version_of(unit.connection)
        if digest == catalogue.digest:
            return CatalogueLoaded(version, changed=False)
        version = catalogues.store(unit.connection, catalogue, now=unit.now, loaded_by=caller.account_id)
        unit.audit.record(
            "registration:catalogue:loaded",
            actor=actor_of(caller),
            target=f"catalogue:{version}",
            details={"tenant": catalogue.tenant, "digest": catalogue.digest, "replaces": digest},
        )
        return CatalogueLoaded(version, changed=True)
