"""The command line's streams of security events: who hears of what, and what waits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from switchyard.cli_client_words import moment, tell
from switchyard.cli_options import Commands, as_json, fail, read_gateway, settings_option

if TYPE_CHECKING:
    from idp.domain.security_events import Stream

_STATUSES = ("enabled", "paused", "disabled")


@click.group("events", cls=Commands)
def events() -> None:
    """Streams of security events: one a receiver, and what waits in it."""


@events.command("list")
@settings_option
@as_json
def list_streams(settings: Path | None, *, as_json: bool) -> None:
    """Show every stream, and how many events wait in it."""
    from idp.usecases.manage_event_streams import event_streams  # noqa: PLC0415
    from switchyard.operations import gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        found = event_streams(services)
    tell(
        [_facts(*each) for each in found],
        *(_line(*each) for each in found),
        as_json=as_json,
        none="There are no streams of events yet: `switchyard events set`.",
    )


@events.command("set")
@settings_option
@click.argument("client_id")
@click.option("--provisioning", type=click.Choice(("notice", "full")), default="notice", show_default=True)
@click.option("--algorithm", default="", help="What its tokens are signed with. [default: the settings']")
@click.option("--description", default="", help="What operators see.")
@click.option("--push", default="", help="Where events are pushed, https only. [default: they are polled]")
@click.option(
    "--authorization-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the Authorization header of the push, as in `Bearer ...`.",
)
def set_stream(
    settings: Path | None,
    client_id: str,
    *,
    provisioning: str,
    algorithm: str,
    description: str,
    push: str,
    authorization_file: Path | None,
) -> None:
    """Give a SCIM client the stream of what it provisions, or state anew what it is.

    A notice names what changed; a full event carries the values too, which are personal data.
    """
    from idp.domain.security_events import Payload  # noqa: PLC0415
    from idp.usecases.store_event_stream import (  # noqa: PLC0415
        StreamOrder,
        StreamStored,
        store_event_stream,
    )
    from kernel.private_files import read_secret  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    authorization = read_secret(authorization_file, "file").strip() if authorization_file else ""
    order = StreamOrder(client_id, Payload(provisioning), description, algorithm, push, authorization)
    with gateway_services(read_gateway(settings)) as services:
        outcome = store_event_stream(services, order, actor=at_console())
        where = f"{services.issuer}/events/poll"
    if not isinstance(outcome, StreamStored):
        fail(outcome.value, 1)
    click.echo(f"events are pushed to {push}" if push else f"{client_id} polls its events at {where}")


@events.command("status")
@settings_option
@click.argument("client_id")
@click.argument("status", type=click.Choice(_STATUSES))
@click.option("--reason", default="", help="Why; the receiver may read it.")
def set_status(settings: Path | None, client_id: str, status: str, reason: str) -> None:
    """Pause a stream, disable it, or let it go on. A disabled stream forgets what waits in it."""
    from idp.domain.security_events import StreamStatus  # noqa: PLC0415
    from idp.usecases.manage_event_streams import set_stream_status  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        done = set_stream_status(services, client_id, StreamStatus(status), reason=reason, actor=at_console())
    if not done:
        fail(f"{client_id} has no stream", 1)
    click.echo(f"the stream of {client_id} is {status}")


@events.command("remove")
@settings_option
@click.argument("client_id")
def remove(settings: Path | None, client_id: str) -> None:
    """Take a stream away, with what waits in it."""
    from idp.usecases.manage_event_streams import remove_event_stream  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        done = remove_event_stream(services, client_id, actor=at_console())
    if not done:
        fail(f"{client_id} has no stream", 1)
    click.echo(f"the stream of {client_id} is gone")


def _facts(stream: Stream, waiting: int) -> dict[str, object]:
    return {
        "client_id": stream.client_id,
        "status": stream.status.value,
        "reason": stream.reason,
        "provisioning": stream.provisioning.value,
        "algorithm": stream.algorithm,
        "push": stream.endpoint_url or None,
        "waiting": waiting,
        "reached_at": moment(stream.reached_at),
        "last_error": stream.last_error,
        "description": stream.description,
    }


def _line(stream: Stream, waiting: int) -> str:
    words = [
        stream.client_id,
        stream.status.value,
        *([f"because {stream.reason}"] if stream.reason else []),
        f"provisioning {stream.provisioning.value}",
        stream.algorithm,
        f"pushed to {stream.endpoint_url}" if stream.is_pushed else "polled",
        f"{waiting} waiting",
        f"reached {stream.reached_at:%Y-%m-%d %H:%M UTC}" if stream.reached_at else "never reached",
        *([stream.last_error] if stream.last_error else []),
        *([stream.description] if stream.description else []),
    ]
    return "  ".join(words)
