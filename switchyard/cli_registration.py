"""The command line's registration tokens: who may let clients register themselves."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from switchyard.cli_client_words import moment, tell
from switchyard.cli_options import (
    CLIENT_PROFILES,
    DAYS,
    Commands,
    as_json,
    fail,
    read_gateway,
    settings_option,
)

if TYPE_CHECKING:
    from idp.storage.registration_tokens import RegistrationToken


@click.group("registration-token", cls=Commands)
def registration_token() -> None:
    """Tokens that let applications register themselves (RFC 7591), where the settings have it."""


@registration_token.command()
@settings_option
@click.option("--name", required=True, help="Whom it is for, as you will find it again.")
@click.option(
    "--uses", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="Clients it registers."
)
@click.option("--unlimited", is_flag=True, help="Any number of clients.")
@click.option("--days", type=DAYS, default=7, show_default=True, help="How long it lives.")
@click.option(
    "--profile", default="", type=click.Choice(("", *CLIENT_PROFILES)), help="Its clients' profile."
)
@click.option(
    "--application-key", default="", help="Whose role people need for its clients. [default: everybody's]"
)
@as_json
def issue(
    settings: Path | None,
    *,
    name: str,
    uses: int,
    unlimited: bool,
    days: int,
    profile: str,
    application_key: str,
    as_json: bool,
) -> None:
    """Make a token, which is printed this once."""
    from idp.usecases.issue_registration_token import (  # noqa: PLC0415
        RegistrationTokenIssued,
        RegistrationTokenOrder,
        issue_registration_token,
    )
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    order = RegistrationTokenOrder(
        name=name,
        uses=None if unlimited else uses,
        life=dt.timedelta(days=days),
        profile=profile,
        application_key=application_key,
    )
    read = read_gateway(settings)
    with gateway_services(read) as services:
        outcome = issue_registration_token(services, order, actor=at_console())
    if not isinstance(outcome, RegistrationTokenIssued):
        fail(outcome.value, 1)
    told = {"id": outcome.id, "token": outcome.token}
    tell(told, f"The registration token {outcome.id}, shown this once: {outcome.token}", as_json=as_json)
    if read.idp.registration == "closed":
        click.echo("It works once idp.registration is `token`.", err=True)


@registration_token.command("list")
@settings_option
@as_json
def list_tokens(settings: Path | None, *, as_json: bool) -> None:
    """Show every registration token: whom it is for, and what it may still do."""
    from idp.usecases.list_registration_tokens import list_registration_tokens  # noqa: PLC0415
    from switchyard.operations import gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        found = list_registration_tokens(services)
        now = services.store.clock.now()
    tell(
        [_facts(each, now) for each in found],
        *(_line(each, now) for each in found),
        as_json=as_json,
        none="There are no registration tokens yet: `switchyard client registration-token issue`.",
    )


@registration_token.command()
@settings_option
@click.argument("token_id")
def revoke(settings: Path | None, token_id: str) -> None:
    """End a token at once; the clients that it registered stay."""
    from idp.usecases.revoke_registration_token import revoke_registration_token  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        done = revoke_registration_token(services, token_id, actor=at_console())
    if not done:
        fail(f"no registration token {token_id} is there to be revoked", 1)
    click.echo(f"The registration token {token_id} is revoked")


def _state(token: RegistrationToken, now: dt.datetime) -> str:
    return "live" if token.lives(now) else "revoked" if token.revoked_at else "over"


def _facts(token: RegistrationToken, now: dt.datetime) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "state": _state(token, now),
        "uses": token.uses,
        "most_uses": token.most_uses,
        "expires_at": moment(token.expires_at),
        "last_used_at": moment(token.last_used_at),
        "profile": token.profile,
        "application_key": token.application_key,
    }


def _line(token: RegistrationToken, now: dt.datetime) -> str:
    most = "any number" if token.most_uses is None else str(token.most_uses)
    words = [
        token.id,
        token.name,
        _state(token, now),
        f"registered {token.uses} of {most}",
        f"expires {_moment(token.expires_at)}",
        f"used {_moment(token.last_used_at)}",
        *([f"profile {token.profile}"] if token.profile else []),
        *([f"application {token.application_key}"] if token.application_key else []),
    ]
    return "  ".join(words)


def _moment(at: dt.datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC") if at else "never"
