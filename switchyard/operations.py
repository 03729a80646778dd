"""Deeds at the operator's own command line: the catalogue, the first staff, the clients.

Each opens the services of one system, does one use case, and closes them. A refusal is raised as an error with a
sentence, because a command line has nobody to show a page to.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from kernel.errors import SwitchyardError
from registration.domain.authority import Caller
from registration.domain.outcomes import Refused
from registration.domain.person import NewPerson, PersonForm
from registration.storage.catalogue_files import read_catalogue
from registration.usecases.add_operator_staff import add_operator_staff
from registration.usecases.load_catalogue import load_catalogue
from switchyard import wiring

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registration.domain.plan import RequestMade
    from registration.usecases.load_catalogue import CatalogueLoaded
    from registration.usecases.services import RegistrationServices
    from switchyard.settings import RegistrationSystemSettings


Made = TypeVar("Made")


class RefusedError(SwitchyardError):
    """The deed was refused; nothing was changed. ``message`` says why."""

    code: ClassVar[str] = "refused"
    public: ClassVar[str] = "This was refused; nothing was changed."

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message=message)

    def __str__(self) -> str:
        return self.message


@contextmanager
def registration_services(settings: RegistrationSystemSettings) -> Iterator[RegistrationServices]:
    """Open Registration's services for one command; its database is brought up to date first."""
    services = wiring.registration_services(settings)
    try:
        wiring.prepare_schema(services.store, "registration", settings.kernel)
        yield services
    finally:
        services.store.database.dispose()


def load_operator_catalogue(settings: RegistrationSystemSettings) -> CatalogueLoaded:
    """Put the catalogue of the settings' folder into force.

    Raises:
        RefusedError: if it may not be; CatalogueError names what is wrong in the files.
    """
    catalogue = read_catalogue(Path(settings.registration.catalogue_folder))
    with registration_services(settings) as services:
        return _done(load_catalogue(services, caller=Caller.console(), catalogue=catalogue))


def add_operator(settings: RegistrationSystemSettings, values: Mapping[str, object]) -> RequestMade:
    """Register a person and give Customer Relations functions; the same e-mail address twice is one request.

    Raises:
        RefusedError: naming what is wrong.
    """
    form = PersonForm.of(values)
    with registration_services(settings) as services:
        return _done(
            add_operator_staff(
                services,
                caller=Caller.console(),
                person=NewPerson(form),
                idempotency_key=f"console:{form.main_email.casefold()}"[:64],
            )
        )


def _done(outcome: Made | Refused) -> Made:
    if isinstance(outcome, Refused):
        faults = "; ".join(f"{fault.field}: {fault.code}" for fault in outcome.faults)
        raise RefusedError(f"refused: {outcome.reason}{f' ({faults})' if faults else ''}")
    return outcome
