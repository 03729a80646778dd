"""The command line's SCIM clients, their static tokens, and the accounts that none of them may touch."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from switchyard.cli_client_words import moment, tell
from switchyard.cli_options import (
    DAYS,
    Commands,
    as_json,
    fail,
    read_gateway,
    settings_option,
)

if TYPE_CHECKING:
    from idp.domain.scim_client import StoredScimClient, StoredToken

_PROFILES = ("rfc", "strict", "entra", "okta")


@click.group("scim-client", cls=Commands)
def scim_client() -> None:
    """SCIM clients: who provisions into the Gateway, how it is read, and its static tokens."""


@scim_client.command("list")
@settings_option
@as_json
def list_clients(settings: Path | None, *, as_json: bool) -> None:
    """Show every SCIM client, and its live static tokens by their fingerprints."""
    from idp.usecases.list_scim_clients import list_scim_clients  # noqa: PLC0415
    from switchyard.operations import gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        found = list_scim_clients(services)
    lines = []
    for view in found:
        lines += [_client_line(view.client), *(f"  {_token_line(token)}" for token in view.tokens)]
    told = [{**_client_facts(view.client), "tokens": [*map(_token_facts, view.tokens)]} for view in found]
    tell(told, *lines, as_json=as_json, none="There are no SCIM clients yet: `switchyard scim-client set`.")


@scim_client.command("set")
@settings_option
@click.argument("client_id")
@click.option("--name", default="", help="What operators see. [default: the id]")
@click.option("--profile", type=click.Choice(_PROFILES), default="rfc", show_default=True)
@click.option(
    "--scope", default="scim.read scim.write", show_default=True, help="What its static tokens may do."
)
@click.option("--extension", is_flag=True, help="It may use Switchyard's own extension.")
@click.option(
    "--leave-out-unknown-members",
    is_flag=True,
    help="Do without the members of a group that nobody knows; else one of them refuses the change.",
)
@click.option("--require-match", is_flag=True, help="Answer 428 to a write that names no version.")
@click.option(
    "--requests-per-second", type=int, help="Its own limit, on all nodes together. [default: the settings']"
)
@click.option(
    "--allow-address",
    "allowed_addresses",
    multiple=True,
    metavar="CIDR",
    help="A network it may ask from, such as 192.0.2.0/24; may be repeated. [default: anywhere]",
)
@click.option("--disable", is_flag=True, help="Let it in no more; what it made stays.")
def set_client(  # noqa: PLR0913 - one for each option
    settings: Path | None,
    client_id: str,
    *,
    name: str,
    profile: str,
    scope: str,
    extension: bool,
    leave_out_unknown_members: bool,
    require_match: bool,
    requests_per_second: int | None,
    allowed_addresses: tuple[str, ...],
    disable: bool,
) -> None:
    """Register a SCIM client, or state anew all that it is, and show it.

    CLIENT_ID is the source of what the client makes. An OAuth client of that id is the same client; one that
    knows nothing but a static token needs no OAuth client.
    """
    from idp.usecases.list_scim_clients import list_scim_clients  # noqa: PLC0415
    from idp.usecases.store_scim_client import (  # noqa: PLC0415
        ScimClientOrder,
        ScimClientStored,
        store_scim_client,
    )
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    order = ScimClientOrder(
        client_id,
        name,
        profile=profile,
        scopes=frozenset(scope.split()),
        disabled=disable,
        require_match=require_match,
        extension=extension,
        leave_out_unknown_members=leave_out_unknown_members,
        requests_per_second=requests_per_second,
        allowed_addresses=allowed_addresses,
    )
    with gateway_services(read_gateway(settings)) as services:
        outcome = store_scim_client(services, order, actor=at_console())
        if not isinstance(outcome, ScimClientStored):
            fail(outcome.value, 1)
        stored = [view.client for view in list_scim_clients(services) if view.client.id == client_id]
    click.echo(f"{client_id} is registered:")
    for each in stored:
        click.echo(_client_line(each))


@scim_client.command()
@settings_option
@click.argument("client_id")
@click.option("--days", type=DAYS, help="How long it lives. [default: until it is revoked]")
@click.option("--label", default="", help="Where it is used, for operators.")
@as_json
def token(settings: Path | None, client_id: str, days: int | None, label: str, *, as_json: bool) -> None:
    """Make a static token, beside the one the client has: two may live at once, for rotation."""
    from idp.usecases.issue_scim_token import ScimTokenIssued, issue_scim_token  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    life = dt.timedelta(days=days) if days else None
    with gateway_services(read_gateway(settings)) as services:
        outcome = issue_scim_token(services, client_id, actor=at_console(), life=life, label=label)
    if not isinstance(outcome, ScimTokenIssued):
        fail(outcome.value, 1)
    told = {"client_id": client_id, "fingerprint": outcome.fingerprint, "token": outcome.token}
    tell(
        told,
        f"The token {outcome.fingerprint} of {client_id}, shown this once: {outcome.token}",
        as_json=as_json,
    )


@scim_client.command("revoke-token")
@settings_option
@click.argument("client_id")
@click.argument("fingerprint")
def revoke_token(settings: Path | None, client_id: str, fingerprint: str) -> None:
    """End a static token, named by its fingerprint or the beginning of it; it opens nothing more at once."""
    from idp.usecases.revoke_scim_token import ScimTokenRevoked, revoke_scim_token  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        outcome = revoke_scim_token(services, client_id, fingerprint, actor=at_console())
    if not isinstance(outcome, ScimTokenRevoked):
        fail(outcome.value, 1)
    click.echo(f"The token {fingerprint} of {client_id} is revoked")


@scim_client.command()
@settings_option
@click.argument("client_id")
@click.option("--reason", default="", help="Why, for the audit.")
def disable(settings: Path | None, client_id: str, reason: str) -> None:
    """Let a SCIM client in no more; what it made stays, and so does all else that it is."""
    _switch(settings, client_id, enabled=False, reason=reason)
    click.echo(f"{client_id} is disabled")


@scim_client.command()
@settings_option
@click.argument("client_id")
def enable(settings: Path | None, client_id: str) -> None:
    """Let a disabled SCIM client in again, by the tokens it has."""
    _switch(settings, client_id, enabled=True)
    click.echo(f"{client_id} is enabled")


@scim_client.command()
@settings_option
@click.argument("user_name")
def protect(settings: Path | None, user_name: str) -> None:
    """Put an account out of every SCIM client's reach: those of operators, and those for emergencies."""
    _protect(settings, user_name, protected=True)
    click.echo(f"{user_name} is protected from every SCIM client")


@scim_client.command()
@settings_option
@click.argument("user_name")
def unprotect(settings: Path | None, user_name: str) -> None:
    """Give an account back into the hands of the SCIM client that made it."""
    _protect(settings, user_name, protected=False)
    click.echo(f"{user_name} is no longer protected")


@scim_client.command()
@settings_option
@as_json
def protected(settings: Path | None, *, as_json: bool) -> None:
    """Show the accounts that no SCIM client may touch."""
    from idp.usecases.protect_account import protected_accounts  # noqa: PLC0415
    from switchyard.operations import gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        found = protected_accounts(services)
    told = [
        {
            "user_name": account.user_name,
            "protected_at": moment(account.protected_at),
            "source": account.source,
        }
        for account in found
    ]
    lines = [
        f"{account.user_name}  since {_moment(account.protected_at)}  made by {account.source}"
        for account in found
    ]
    tell(told, *lines, as_json=as_json, none="No account is protected: `switchyard scim-client protect`.")


def _switch(settings: Path | None, client_id: str, *, enabled: bool, reason: str = "") -> None:
    from idp.usecases.switch_scim_client import switch_scim_client  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        done = switch_scim_client(services, client_id, enabled=enabled, actor=at_console(), reason=reason)
    if not done:
        fail(f"no SCIM client called {client_id} is {'disabled' if enabled else 'enabled'}", 1)


def _protect(settings: Path | None, user_name: str, *, protected: bool) -> None:
    from idp.usecases.protect_account import AccountProtected, protect_account  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        outcome = protect_account(services, user_name, actor=at_console(), protected=protected)
    if not isinstance(outcome, AccountProtected):
        fail(f"no account is called {user_name}", 1)


def _client_line(client: StoredScimClient) -> str:
    rate = client.requests_per_second
    words = [
        client.id,
        client.name,
        client.profile,
        "disabled" if client.disabled else "enabled",
        f"static tokens may {' '.join(sorted(client.scopes))}",
        *(["may use our extension"] if client.extension else []),
        *(["leaves out unknown members"] if client.leave_out_unknown_members else []),
        *(["needs If-Match"] if client.require_match else []),
        *([f"{rate} requests per second"] if rate is not None else []),
        *([f"from {' '.join(client.allowed_addresses)} alone"] if client.allowed_addresses else []),
    ]
    return "  ".join(words)


def _client_facts(client: StoredScimClient) -> dict[str, object]:
    return {
        "client_id": client.id,
        "name": client.name,
        "profile": str(client.profile),
        "disabled": client.disabled,
        "scopes": sorted(client.scopes),
        "extension": client.extension,
        "leave_out_unknown_members": client.leave_out_unknown_members,
        "require_match": client.require_match,
        "requests_per_second": client.requests_per_second,
        "allowed_addresses": [*map(str, client.allowed_addresses)],
    }


def _token_facts(token: StoredToken) -> dict[str, object]:
    return {
        "fingerprint": token.fingerprint,
        "label": token.label,
        "created_at": moment(token.created_at),
        "expires_at": moment(token.expires_at),
        "last_used_at": moment(token.last_used_at),
    }


def _token_line(token: StoredToken) -> str:
    ends = f"expires {_moment(token.expires_at)}" if token.expires_at else "until it is revoked"
    used = f"used {_moment(token.last_used_at)}"
    label = f"  {token.label}" if token.label else ""
    return f"token {token.fingerprint}{label}  made {_moment(token.created_at)}  {ends}  {used}"


def _moment(at: dt.datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC") if at else "never"
