"""The command line's clients: applications that sign people in through the Gateway, and machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from switchyard.cli_client_options import describing, metadata_fields, own_fields
from switchyard.cli_client_words import detail_lines, detail_of, facts_of, lines_of, tell
from switchyard.cli_options import Commands, as_json, fail, read_gateway, settings_option

_STATES = ("all", "enabled", "disabled")


@click.group(cls=Commands)
def client() -> None:
    """Clients of the Gateway: applications (relying parties) and machines."""


@client.command("list")
@settings_option
@click.option("--search", default="", help="Only clients whose id or name holds every one of these words.")
@click.option("--state", type=click.Choice(_STATES), default="all", show_default=True)
@as_json
def list_clients(settings: Path | None, search: str, state: str, *, as_json: bool) -> None:
    """Show every client with how it proves itself and what it may ask for."""
    from idp.domain.client_record import ClientState  # noqa: PLC0415
    from idp.usecases.show_client import search_clients  # noqa: PLC0415
    from switchyard.operations import gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        page = search_clients(services, words=search, state=ClientState(state))
        found = [*page.found]
        while page.after:
            page = search_clients(services, words=search, state=ClientState(state), after=page.after)
            found += page.found
    lines = [line for each in found for line in lines_of(each.client)]
    picked = search or state != "all"
    none = "No client is like that." if picked else "There are no clients yet: `switchyard client add`."
    tell([facts_of(each) for each in found], *lines, as_json=as_json, none=none)


@client.command()
@settings_option
@click.argument("client_id")
@as_json
def show(settings: Path | None, client_id: str, *, as_json: bool) -> None:
    """Show one client whole: its metadata, the ages of its secrets, what lives of it, what was done to it."""
    from idp.usecases.show_client import show_client  # noqa: PLC0415
    from switchyard.operations import gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        found = show_client(services, client_id)
    if found is None:
        fail(f"no client is called {client_id}", 1)
    tell(detail_of(found), *detail_lines(found), as_json=as_json)


@client.command()
@settings_option
@click.argument("client_id")
@describing(new=True)
@click.option("--replace", is_flag=True, help="Change the client that has this id, and enable it.")
@as_json
def add(
    settings: Path | None,
    client_id: str,
    *,
    replace: bool,
    as_json: bool,
    **given: Any,  # noqa: ANN401 - click hands over what it parsed
) -> None:
    """Register a client. A secret that the Gateway makes is printed this once."""
    from idp.usecases.register_client import ClientOrder, Registered, register_client  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    order = ClientOrder(id=client_id, metadata=metadata_fields(given), **own_fields(given))
    with gateway_services(read_gateway(settings)) as services:
        outcome = register_client(services, order, actor=at_console(), replace=replace)
    if not isinstance(outcome, Registered):
        fail("; ".join(f"{fault.name} {fault.message}" for fault in outcome.faults), 1)
    told = {"client_id": client_id} | ({"client_secret": outcome.secret} if outcome.secret else {})
    lines = [f"{client_id} is registered"]
    if outcome.secret:
        lines.append(f"Its secret, shown this once: {outcome.secret}")
    tell(told, *lines, as_json=as_json)
