"""The command line's clients: applications that sign people in through the Gateway, and machines."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switchyard.cli_options import Commands, fail, settings_option

if TYPE_CHECKING:
    from switchyard.settings import GatewaySettings

_PROFILES = ("default", "compat", "ipsie-sl1", "fapi2")
_METHODS = (
    "private_key_jwt",
    "client_secret_basic",
    "client_secret_post",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
)


def _read(settings: Path | None) -> GatewaySettings:
    from switchyard.settings import gateway_settings  # noqa: PLC0415 - loaded when needed

    return gateway_settings(settings, os.environ)


@click.group(cls=Commands)
def client() -> None:
    """Clients of the Gateway: applications (relying parties) and machines."""


@client.command("list")
@settings_option
def list_clients(settings: Path | None) -> None:
    """Show every client with how it proves itself and what it may ask for."""
    from idp.usecases import list_clients as deeds  # noqa: PLC0415
    from switchyard.operations import gateway_services  # noqa: PLC0415

    with gateway_services(_read(settings)) as services:
        found = deeds.list_clients(services)
    for each in found:
        state = "disabled" if each.disabled else "enabled"
        click.echo(f"{each.id}  {each.name}  {each.auth_method}  {each.profile}  {state}")
        click.echo(
            f"  grants {' '.join(sorted(each.grant_types))}  scopes {' '.join(sorted(each.scopes)) or '-'}"
        )
        for uri in each.redirect_uris:
            click.echo(f"  {uri}")


@client.command()
@settings_option
@click.argument("client_id")
@click.option("--name", required=True, help="What people see.")
@click.option("--description", default="", help="One sentence for the dashboard.")
@click.option(
    "--application-key", default="", help="Application of the catalogue whose access roles open it."
)
@click.option("--launch-url", default="", help="Where the dashboard's tile leads; none without it.")
@click.option(
    "--redirect-uri", "redirect_uris", multiple=True, help="Exactly as the application sends it; repeatable."
)
@click.option("--post-logout-redirect-uri", "post_logout_redirect_uris", multiple=True, help="Repeatable.")
@click.option("--backchannel-logout-uri", default="", help="Where logout tokens are sent.")
@click.option("--auth-method", default="private_key_jwt", show_default=True, type=click.Choice(_METHODS))
@click.option(
    "--jwks",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Public keys (JWK set) for private_key_jwt.",
)
@click.option("--jwks-uri", default="", help="Where the application publishes them instead (https).")
@click.option("--scope", default="openid profile email access", show_default=True)
@click.option("--resource", "resources", multiple=True, help="Audience it may ask tokens for; repeatable.")
@click.option(
    "--profile",
    default="default",
    show_default=True,
    type=click.Choice(_PROFILES),
    help="What is asked of the client, and what it may do.",
)
@click.option(
    "--metadata",
    "stated",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file with any metadata of RFC 7591; it goes before the options.",
)
@click.option("--dpop", is_flag=True, help="It has to prove a key (DPoP), to which its tokens are bound.")
@click.option("--third-party", is_flag=True, help="Not the operator's own: people are asked for consent.")
@click.option(
    "--tls-subject-dn", default="", help="Subject of its certificate (RFC 4514), for tls_client_auth."
)
@click.option("--tls-bound", is_flag=True, help="Its tokens are bound to the certificate it presents.")
@click.option("--exchange", is_flag=True, help="It may exchange tokens that reach it, for its resources.")
@click.option("--serves", multiple=True, help="Audience it stands for itself; repeatable.")
@click.option("--machine", is_flag=True, help="No people: client credentials only.")
@click.option("--replace", is_flag=True, help="Change the client that has this id.")
def add(
    settings: Path | None,
    client_id: str,
    *,
    jwks: Path | None,
    stated: Path | None,
    machine: bool,
    third_party: bool,
    replace: bool,
    **given: Any,  # noqa: ANN401 - click hands over what it parsed
) -> None:
    """Register a client. A secret that the Gateway makes is printed this once."""
    from idp.usecases.register_client import ClientOrder, Registered, register_client  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    metadata = {
        "token_endpoint_auth_method": given["auth_method"],
        "grant_types": [
            *(["client_credentials"] if machine else ["authorization_code", "refresh_token"]),
            *(["urn:ietf:params:oauth:grant-type:token-exchange"] if given["exchange"] else []),
        ],
        "serves": list(given["serves"]),
        "scope": given["scope"],
        "redirect_uris": list(given["redirect_uris"]),
        "post_logout_redirect_uris": list(given["post_logout_redirect_uris"]),
        "backchannel_logout_uri": given["backchannel_logout_uri"],
        "resources": list(given["resources"]),
        "jwks_uri": given["jwks_uri"],
        "dpop_bound_access_tokens": given["dpop"] or None,
        "tls_client_auth_subject_dn": given["tls_subject_dn"],
        "tls_client_certificate_bound_access_tokens": given["tls_bound"] or None,
        "jwks": json.loads(jwks.read_text()) if jwks else None,
        **_stated(stated),
    }
    order = ClientOrder(
        id=client_id,
        name=given["name"],
        metadata=metadata,
        description=given["description"],
        application_key=given["application_key"],
        launch_url=given["launch_url"],
        profile=given["profile"],
        first_party=not third_party,
    )
    with gateway_services(_read(settings)) as services:
        outcome = register_client(services, order, actor=at_console(), replace=replace)
    if not isinstance(outcome, Registered):
        fail("; ".join(f"{fault.name} {fault.message}" for fault in outcome.faults), 1)
    click.echo(f"{client_id} is registered")
    if outcome.secret:
        click.echo(f"Its secret, shown this once: {outcome.secret}")


def _stated(file: Path | None) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file else {}
    except ValueError as error:
        fail(f"{file} is not JSON: {error}", 2)
    if not isinstance(found, dict):
        fail(f"{file} has to hold one object", 2)
    return found


@client.command("rotate-secret")
@settings_option
@click.argument("client_id")
def rotate_secret(settings: Path | None, client_id: str) -> None:
    """Give a client a new secret; the former one works for another day."""
    from idp.usecases.rotate_client_secret import SecretRotated, rotate_client_secret  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(_read(settings)) as services:
        outcome = rotate_client_secret(services, client_id, actor=at_console())
    if not isinstance(outcome, SecretRotated):
        fail(f"no client with a secret is called {client_id}", 1)
    click.echo(f"The new secret of {client_id}, shown this once: {outcome.secret}")


@client.command()
@settings_option
@click.argument("client_id")
@click.option("--reason", default="", help="Why, for the audit.")
def disable(settings: Path | None, client_id: str, reason: str) -> None:
    """Disable a client: it gets nothing more, and what it has is dead at once."""
    from idp.usecases.disable_client import disable_client  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(_read(settings)) as services:
        done = disable_client(services, client_id, actor=at_console(), reason=reason)
    if not done:
        fail(f"no enabled client is called {client_id}", 1)
    click.echo(f"{client_id} is disabled")
