"""Deeds at the operator's own command line: the catalogue, the first staff, the clients.

Each opens the services of one system, does one use case, and closes them. A refusal is raised as an error
with a sentence, because a command line has nobody to show a page to.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from idp.storage.clients import find_client
from idp.usecases.register_client import Registered, RegistrationRefused, register_client
from kernel.audit import Actor
from kernel.errors import SpokenError
from registration.domain.authority import Caller
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import NewPerson, PersonForm
from registration.storage.catalogue_files import read_catalogue
from registration.usecases.add_operator_staff import add_operator_staff
from registration.usecases.load_catalogue import load_catalogue
from registration.usecases.provision_again import provision_again
from switchyard import registration_wiring, schema, wiring

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from idp.domain.client import Client
    from idp.usecases.register_client import ClientOrder
    from idp.usecases.services import IdpServices
    from registration.domain.plan import RequestMade
    from registration.usecases.load_catalogue import CatalogueLoaded
    from registration.usecases.services import RegistrationServices
    from switchyard.revisions import System
    from switchyard.settings import GatewaySettings, RegistrationSystemSettings, Settings


Made = TypeVar("Made")


class RefusedError(SpokenError):
    """The deed was refused; nothing was changed. ``message`` says why."""

    code: ClassVar[str] = "refused"
    public: ClassVar[str] = "This was refused; nothing was changed."


def upgrade_databases(settings: Settings) -> None:
    """Bring the schema of both databases up to date."""
    for system, kernel in (
        ("gateway", settings.gateway.kernel),
        ("registration", settings.registration.kernel),
    ):
        store = wiring.open_store(kernel)
        try:
            schema.upgrade(store.database, cast("System", system))
        finally:
            store.database.dispose()


@contextmanager
def gateway_services(settings: GatewaySettings) -> Iterator[IdpServices]:
    """Open the Gateway's services for one command; its database is brought up to date first."""
    services = wiring.gateway_services(settings)
    try:
        wiring.prepare_schema(services.store, "gateway", settings.kernel)
        services.signing.ensure()
        yield services
    finally:
        services.store.database.dispose()


def register_clients(settings: GatewaySettings, orders: Sequence[ClientOrder]) -> list[Registered]:
    """Register clients, or change those that have the ids; a secret that we made is in the answer once.

    Raises:
        RefusedError: naming every field that is wrong.
    """
    with gateway_services(settings) as services:
        return [
            _registered(register_client(services, order, actor=at_console(), replace=True))
            for order in orders
        ]


def beside_former_keys(settings: GatewaySettings, orders: Sequence[ClientOrder]) -> list[ClientOrder]:
    """Return the orders with the keys that the Gateway knows of these clients now, after the new ones."""
    with gateway_services(settings) as services, services.store.read() as connection:
        return [_with_keys(order, find_client(connection, order.id)) for order in orders]


def _with_keys(order: ClientOrder, known: Client | None) -> ClientOrder:
    new = order.metadata["jwks"]["keys"]
    kids = {key["kid"] for key in new}
    former = [dict(key) for key in known.jwks if key.get("kid") not in kids] if known else []
    return replace(order, metadata={**order.metadata, "jwks": {"keys": [*new, *former]}})


def at_console() -> Actor:
    """Return who acts at this command line, for the audit."""
    return Actor("operator", os.environ.get("SUDO_USER") or os.environ.get("USER") or "console")


def _registered(outcome: Registered | RegistrationRefused) -> Registered:
    if isinstance(outcome, RegistrationRefused):
        raise RefusedError("; ".join(f"{fault.name} {fault.message}" for fault in outcome.faults))
    return outcome


@contextmanager
def registration_services(settings: RegistrationSystemSettings) -> Iterator[RegistrationServices]:
    """Open Registration's services for one command; its database is brought up to date first."""
    services = registration_wiring.registration_services(settings)
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


def tell_everything_again(settings: RegistrationSystemSettings) -> int:
    """Let the worker tell the Gateway everything once more; return of how much.

    Raises:
        RefusedError: if it may not be.
    """
    with registration_services(settings) as services:
        return _done(provision_again(services, caller=Caller.console()))


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
        raise RefusedError(_why(outcome))
    return outcome


def _why(refused: Refused) -> str:
    """Return a refusal in words, the fields of a form by the options of the command line."""
    from registration.web import words  # noqa: PLC0415 - only for whoever is refused

    if refused.reason is Refusal.NO_CATALOGUE:
        return "no catalogue is in force: run `switchyard catalogue load` first"
    faults = "; ".join(
        words.FAULTS[fault.code] % {"field": _OPTIONS.get(fault.field) or _option(fault.field)}
        for fault in refused.faults
    )
    return faults or words.REFUSALS[refused.reason]


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"


_OPTIONS = {"main_email": "--email", "main_phone": "--phone", "address_1": "--address"}
