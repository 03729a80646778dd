"""The applications an account may open: the dashboard's list, and no others (G-77, G-91)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from idp.domain.account import Account
from idp.storage.access import access_rows
from idp.storage.clients import list_clients
from idp.usecases.services import IdpServices


@dataclass(frozen=True, slots=True)
class Application:
    """One tile; ``organizations`` are the short names of those it is opened for, none where it is for all."""

    client_id: str
    name: str
    description: str
    url: str
    organizations: tuple[str, ...]


def list_apps(services: IdpServices, account: Account) -> tuple[Application, ...]:
    """Return the applications with a start page that some membership of the account opens, by name.

    A machine account has none (G-24).
    """
    if account.is_machine or not account.is_usable:
        return ()
    opened: dict[str, list[str]] = defaultdict(list)
    with services.store.read() as connection:
        for row in access_rows(connection, account.id):
            opened[row.application_key].append(row.org_name)
        clients = list_clients(connection)
    found = [
        Application(
            client.id,
            client.name,
            client.description,
            client.launch_url,
            tuple(dict.fromkeys(opened.get(client.application_key, ()))),
        )
        for client in clients
        if client.launch_url and not client.disabled
        if not client.application_key or client.application_key in opened
    ]
    return tuple(sorted(found, key=lambda each: (each.name.casefold(), each.client_id)))
