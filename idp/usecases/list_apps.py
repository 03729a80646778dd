"""The applications an account may open: the dashboard's list, and no others (G-77, G-91)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from idp.domain.account import Account
from idp.domain.browser_addresses import login_start
from idp.domain.client import Client
from idp.storage.access import access_rows
from idp.storage.clients import clients_met_by
from idp.storage.consents import consents_of
from idp.usecases.services import IdpServices


@dataclass(frozen=True, slots=True)
class Application:
    """One tile; ``organizations`` are the short names of those it is opened for, none where it is for all.

    ``url`` is an address that the client registered: its start page, or where it begins a sign-in with us.
    """

    client_id: str
    name: str
    description: str
    url: str
    organizations: tuple[str, ...]
    words: Mapping[str, str] = field(default_factory=dict)
    """What the client says to people in their languages, as ``client_name#fr``."""


def list_apps(services: IdpServices, account: Account) -> tuple[Application, ...]:
    """Return the applications with a start page that some membership of the account opens, by name.

    A client with an ``initiate_login_uri`` is opened there (OIDC Core §4). If it has no start page of its own
    and is not the operator's, only who agreed to it sees it. A machine account has none (G-24).
    """
    if account.is_machine or not account.is_usable:
        return ()
    opened: dict[str, list[str]] = defaultdict(list)
    with services.store.read() as connection:
        for row in access_rows(connection, account.id):
            opened[row.application_key].append(row.org_name)
        clients = [client for client in clients_met_by(connection, account.id) if _is_offered(client)]
        agreed = set()
        if any(_needs_consent(client) for client in clients):
            agreed = {given.client_id for given in consents_of(connection, account.id)}
    found = [
        Application(
            client.id,
            client.name,
            client.description,
            opened_at(services, client),
            tuple(dict.fromkeys(opened.get(client.application_key, ()))),
            client.words,
        )
        for client in clients
        if not client.application_key or client.application_key in opened
        if not _needs_consent(client) or client.id in agreed
    ]
    return tuple(sorted(found, key=lambda each: (each.name.casefold(), each.client_id)))


def _is_offered(client: Client) -> bool:
    return bool(client.launch_url or client.initiate_login_uri)


def _needs_consent(client: Client) -> bool:
    """Tell whether the operator did not put the client on dashboards: none is to put itself there."""
    return not client.launch_url and not client.first_party


def opened_at(services: IdpServices, client: Client) -> str:
    """Return where a person opens the client: where it signs her in, or its start page; empty if unknown."""
    uri = client.initiate_login_uri
    return login_start(uri, issuer=services.issuer, target=client.launch_url) if uri else client.launch_url
