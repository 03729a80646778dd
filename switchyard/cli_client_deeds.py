"""What the command line does to a registered client: the deeds of the operator's pages, one command each."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import click

from switchyard.cli_client_options import describing, metadata_fields, own_fields
from switchyard.cli_client_words import tell
from switchyard.cli_options import (
    as_json,
    fail,
    nobody_answers,
    read_gateway,
    settings_option,
    was_interrupted,
)

_SPAN = re.compile(r"([0-9]{1,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LONGEST = dt.timedelta(days=90)


class _Span(click.ParamType[dt.timedelta]):
    """A span of time such as 30m, 12h or 7d; 0 is none."""

    name = "span"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> dt.timedelta:
        """Return the span."""
        if isinstance(value, dt.timedelta):
            return value
        if value == "0":
            return dt.timedelta(0)
        found = _SPAN.fullmatch(value)
        span = dt.timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
        if span is None or span > _LONGEST:
            self.fail(f"{value} is not a span such as 30m, 12h or 7d, of 90 days at most", param, ctx)
        return span


@click.command()
@settings_option
@click.argument("client_id")
@describing(new=False)
@click.option("--version", type=click.IntRange(1), help="Refuse if the client is at another version by now.")
@as_json
def change(
    settings: Path | None,
    client_id: str,
    *,
    version: int | None,
    as_json: bool,
    **given: Any,  # noqa: ANN401 - click hands over what it parsed
) -> None:
    """Change what the options name; all else stays. A disabled client stays disabled."""
    from idp.usecases.change_client import (  # noqa: PLC0415
        ClientChanged,
        ClientOutdated,
        NoSuchClient,
        change_client,
    )
    from idp.usecases.register_client import ClientOrder  # noqa: PLC0415
    from idp.usecases.show_client import show_client  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        detail = show_client(services, client_id)
        if detail is None:
            fail(f"no client is called {client_id}", 1)
        known = detail.registration.client
        own = {
            "name": known.name,
            "description": known.description,
            "application_key": known.application_key,
            "launch_url": known.launch_url,
            "profile": known.profile,
            "first_party": known.first_party,
            **own_fields(given),
        }
        stated = metadata_fields(given, grants=tuple(known.grant_types))
        if "grant_types" in stated and "response_types" not in stated:
            stated["response_types"] = None  # they follow the grants
        order = ClientOrder(id=client_id, metadata={**detail.registration.metadata, **stated}, **own)
        at = version or known.version
        outcome = change_client(services, order, version=at, actor=at_console())
    if isinstance(outcome, NoSuchClient):
        fail(f"no client is called {client_id}", 1)
    if isinstance(outcome, ClientOutdated):
        fail(f"{client_id} is at version {outcome.version} by now: somebody else changed it", 1)
    if not isinstance(outcome, ClientChanged):
        fail("; ".join(f"{fault.name} {fault.message}" for fault in outcome.faults), 1)
    told: dict[str, object] = {
        "client_id": client_id,
        "version": outcome.client.version,
        "changed": list(outcome.changed),
    }
    lines = [
        f"{client_id} is changed: {', '.join(outcome.changed)}"
        if outcome.changed
        else f"{client_id} is so already; nothing was changed"
    ]
    if outcome.secret:
        told["client_secret"] = outcome.secret
        lines.append(f"Its secret, shown this once: {outcome.secret}")
    tell(told, *lines, as_json=as_json)


@click.command("rotate-secret")
@settings_option
@click.argument("client_id")
@click.option(
    "--overlap",
    type=_Span(),
    default="1d",
    show_default=True,
    help="How long the former secret works on: 30m, 12h, 7d; 0 if it leaked.",
)
@as_json
def rotate_secret(settings: Path | None, client_id: str, *, overlap: dt.timedelta, as_json: bool) -> None:
    """Give a client a new secret; the former one works on for a while, a day unless told otherwise."""
    from idp.usecases.rotate_client_secret import SecretRotated, rotate_client_secret  # noqa: PLC0415
    from idp.usecases.secret_renewal import StillRotating  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        outcome = rotate_client_secret(services, client_id, actor=at_console(), overlap=overlap)
    if isinstance(outcome, StillRotating):
        until = outcome.former_until.astimezone(dt.UTC).isoformat(timespec="minutes")
        fail(
            f"{client_id} has two secrets that work, the former until {until}: end it with "
            f"`switchyard client retire-secret {client_id}`, or replace both at once with --overlap 0",
            1,
        )
    if not isinstance(outcome, SecretRotated):
        fail(f"no client with a secret is called {client_id}", 1)
    told = {"client_id": client_id, "client_secret": outcome.secret}
    tell(told, f"The new secret of {client_id}, shown this once: {outcome.secret}", as_json=as_json)


@click.command("retire-secret")
@settings_option
@click.argument("client_id")
@as_json
def retire_secret(settings: Path | None, client_id: str, *, as_json: bool) -> None:
    """Let the secret that a newer one replaced stop working now."""
    from idp.usecases.retire_client_secret import retire_client_secret  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        done = retire_client_secret(services, client_id, actor=at_console())
    if not done:
        fail(f"no client with a former secret is called {client_id}", 1)
    tell({"client_id": client_id}, f"The former secret of {client_id} works no more", as_json=as_json)


@click.command()
@settings_option
@click.argument("client_id")
@click.option("--reason", default="", help="Why, for the audit.")
@as_json
def disable(settings: Path | None, client_id: str, reason: str, *, as_json: bool) -> None:
    """Disable a client: it gets nothing more, and what it has is dead at once."""
    from idp.usecases.disable_client import disable_client  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        done = disable_client(services, client_id, actor=at_console(), reason=reason)
    if not done:
        fail(f"no enabled client is called {client_id}", 1)
    tell({"client_id": client_id, "disabled": True}, f"{client_id} is disabled", as_json=as_json)


@click.command()
@settings_option
@click.argument("client_id")
@as_json
def enable(settings: Path | None, client_id: str, *, as_json: bool) -> None:
    """Enable a disabled client; what it had before stays dead."""
    from idp.usecases.enable_client import enable_client  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        done = enable_client(services, client_id, actor=at_console())
    if not done:
        fail(f"no disabled client is called {client_id}", 1)
    tell({"client_id": client_id, "disabled": False}, f"{client_id} is enabled", as_json=as_json)


@click.command()
@settings_option
@click.argument("client_id")
@click.option("--reason", default="", help="Why, for the audit.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def delete(settings: Path | None, client_id: str, reason: str, *, yes: bool, as_json: bool) -> None:
    """Delete a client with its secrets, consents, grants and tokens; this cannot be undone."""
    from idp.usecases.delete_client import delete_client  # noqa: PLC0415
    from idp.usecases.show_client import show_client  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        if not yes and show_client(services, client_id) is not None:
            question = f"Delete {client_id} with everything it holds? This cannot be undone"
            try:
                click.confirm(question, abort=True, err=True)
            except click.Abort as error:
                if was_interrupted(error):
                    raise
                click.echo(err=True)
                raise click.UsageError(nobody_answers("--yes")) from None
        done = delete_client(services, client_id, actor=at_console(), reason=reason)
    if not done:
        fail(f"no client is called {client_id}", 1)
    tell({"client_id": client_id, "deleted": True}, f"{client_id} is deleted", as_json=as_json)


DEEDS = (change, rotate_secret, retire_secret, disable, enable, delete)
"""The commands, in the order of the help."""
