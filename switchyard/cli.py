"""The command line: serve, look after, demonstrate.

Owns words and options only; each command loads what it needs when it runs, so that `--help` is quick.
Refusals and mistakes in the settings end with one sentence and the code 2, failed checks with 1, and what may
go well another time with 75.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from switchyard.cli_accounts import account
from switchyard.cli_client_deeds import DEEDS
from switchyard.cli_clients import client
from switchyard.cli_events import events
from switchyard.cli_lab import lab
from switchyard.cli_operations import COMMANDS
from switchyard.cli_options import APPS_SETTINGS, SETTINGS, Commands, fail, settings_option
from switchyard.cli_policy import policy
from switchyard.cli_registration import registration_token
from switchyard.cli_scim import scim_client
from switchyard.exit_codes import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel.settings import KernelSettings
    from switchyard.background import Background


def _server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--only",
            type=click.Choice(["web", "background"]),
            help="Run this half alone; without it both run, supervised.",
        ),
        click.option(
            "--port", type=click.IntRange(1, 65535), help="Port to listen on. [default: of public_url]"
        ),
        click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
    ):
        command = option(command)
    return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="switchyard", message="switchyard %(version)s")
def main() -> None:
    """Identity gateway for organisations that serve many other organisations.

    Start with `switchyard demo`. An installation runs `gateway`, `registration` and `worker`.
    """
    import structlog  # noqa: PLC0415 - whoever asks for help needs none

    # A command says what it has to say itself, and other programs read it; servers set up logs of their own.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


# --- serving


@main.command()
@click.option(
    "--once", is_flag=True, help="Walk the story and end: 0 if each step held, 1 naming the one that did not."
)
@click.option(
    "--base-port", default=8000, show_default=True, type=click.IntRange(1024, 65000), help="First port."
)
@click.option(
    "--host-name",
    default="127.0.0.1",
    show_default=True,
    type=click.Choice(["127.0.0.1", "localhost"]),
    help="Name in every address. Browsers offer passkeys under localhost only.",
)
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep databases, keys and logs here.",
)
@click.option(
    "--keep", is_flag=True, help="Do not remove the directory at the end, so that the next start finds it."
)
def demo(*, once: bool, base_port: int, host_name: str, directory: Path | None, keep: bool) -> None:
    """Start everything on 127.0.0.1, walk the first story, print addresses and accounts, stay up."""
    from switchyard.demo import run_demo  # noqa: PLC0415

    sys.exit(run_demo(once=once, base_port=base_port, host=host_name, directory=directory, keep=keep))


@main.command()
@click.argument("user_name")
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the demonstration. [default: the one started last]",
)
def code(user_name: str, directory: Path | None) -> None:
    """Print the second factor of a sample account of the demonstration, as its authenticator app would."""
    from switchyard.demo import code_of, newest_directory  # noqa: PLC0415

    folder = directory or newest_directory()
    found = code_of(folder, user_name) if folder else None
    if found is None:
        fail(f"no demonstration with an account {user_name} is there; start one with `switchyard demo`", 1)
    click.echo(found)


@main.command()
@settings_option
@_server_options
def gateway(settings: Path | None, host: str, port: int | None, only: str | None) -> None:
    """Run the Gateway: sign-in, OpenID Connect, SCIM, and its background deeds."""
    _remember(settings)
    if only is None:
        _supervise("gateway", host=host, port=port)
        return
    from switchyard import settings as configuration  # noqa: PLC0415

    read = configuration.gateway_settings(settings, os.environ)
    if only == "background":
        from switchyard.background import gateway_background  # noqa: PLC0415

        _run_background(read.kernel, lambda: gateway_background(read))
        return
    _serve("switchyard.gateway_app:application", read.kernel, host=host, port=port)


@main.command()
@settings_option
@_server_options
def registration(settings: Path | None, host: str, port: int | None, only: str | None) -> None:
    """Run Registration: its pages and its own mail."""
    _remember(settings)
    if only is None:
        _supervise("registration", host=host, port=port)
        return
    from switchyard import settings as configuration  # noqa: PLC0415

    read = configuration.registration_settings(settings, os.environ)
    if only == "background":
        from switchyard.background import registration_background  # noqa: PLC0415

        _run_background(read.kernel, lambda: registration_background(read))
        return
    _serve("switchyard.registration_app:application", read.kernel, host=host, port=port)


@main.command()
@settings_option
def worker(settings: Path | None) -> None:
    """Run the worker that provisions from Registration into the Gateway. Several may run at once."""
    from switchyard.background import worker_background  # noqa: PLC0415
    from switchyard.settings import registration_settings  # noqa: PLC0415

    read = registration_settings(settings, os.environ)
    _run_background(read.kernel, lambda: worker_background(read))


@main.command()
@click.option(
    "--settings",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar=APPS_SETTINGS,
    required=True,
    help=f"The applications' own file. [env: {APPS_SETTINGS}]",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8002, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on."
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Worker processes.")
def apps(settings: Path, host: str, port: int, workers: int) -> None:
    """Run the stand-in applications, which know the Gateway only by its standards."""
    from switchyard.server import serve  # noqa: PLC0415

    os.environ[APPS_SETTINGS] = str(settings.resolve())
    serve("switchyard.apps_app:application", host=host, port=port, workers=workers)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8003, show_default=True, type=click.IntRange(0, 65535), help="Port of the page."
)
@click.option(
    "--smtp-port", default=8025, show_default=True, type=click.IntRange(0, 65535), help="Port of SMTP."
)
def mailbox(host: str, port: int, smtp_port: int) -> None:
    """Run a local mailbox that takes every e-mail and text message and shows them on a page."""
    from kernel.clock import SystemClock  # noqa: PLC0415
    from switchyard.mailbox import Mailbox  # noqa: PLC0415
    from switchyard.ports import look_at_address  # noqa: PLC0415
    from switchyard.supervisor import follow_parent, stop_on_signals, wait_for_end  # noqa: PLC0415

    for wanted in (port, smtp_port):
        look_at_address(host, wanted)
    follow_parent()
    with (
        stop_on_signals() as stop,
        Mailbox(SystemClock(), host=host, port=port, smtp_port=smtp_port) as running,
    ):
        click.echo(
            f"Mailbox: {running.url} (SMTP on port {running.smtp_port}, text messages at {running.sms_url})"
        )
        wait_for_end(stop)


def _remember(settings: Path | None) -> None:
    """Let the processes started from here read the same file."""
    if settings is not None:
        os.environ[SETTINGS] = str(settings.resolve())


def _supervise(system: str, *, host: str, port: int | None) -> None:
    from kernel.counters import HANDLE, shared_file  # noqa: PLC0415
    from switchyard.supervisor import Child, Supervisor, stop_on_signals  # noqa: PLC0415

    listen = ("--port", str(port)) if port else ()
    command = (sys.executable, "-m", "switchyard", system, "--host", host, *listen)
    with stop_on_signals() as stop, shared_file() as counters:
        environ, handles = {HANDLE: str(counters)}, (counters,)
        children = [
            Child(f"{system} {half}", (*command, "--only", half), environ, handles=handles)
            for half in ("web", "background")
        ]
        supervisor = Supervisor(children, say=lambda line: click.echo(line, err=True), final=REFUSED)
        supervisor.run(stop)
    sys.exit(supervisor.refused)


def _serve(target: str, kernel: KernelSettings, *, host: str, port: int | None) -> None:
    from kernel.web.http import promises_transport_security  # noqa: PLC0415
    from switchyard.server import serve  # noqa: PLC0415

    address = urlsplit(kernel.public_url)
    listen = port or address.port or (443 if address.scheme == "https" else 80)
    serve(
        target,
        host=host,
        port=listen,
        workers=kernel.workers,
        threads=kernel.serving_threads,
        proxies=(kernel.trusted_proxies, kernel.forwarded_header),
        https=promises_transport_security(kernel.public_url),
    )


def _run_background(kernel: KernelSettings, deeds: Callable[[], Mapping[str, Background]]) -> None:
    from switchyard.server import loading, run_background  # noqa: PLC0415
    from switchyard.supervisor import stop_on_signals  # noqa: PLC0415
    from switchyard.wiring import set_up_logs  # noqa: PLC0415

    set_up_logs(kernel)
    with stop_on_signals() as stop:
        with loading():
            made = deeds()
        run_background(made, stop)


for _deed in (*DEEDS, registration_token):
    client.add_command(_deed)
for _command in (lab, client, scim_client, events, account, policy, *COMMANDS):
    main.add_command(_command)
