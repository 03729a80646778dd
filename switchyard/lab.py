"""The laboratory: a Gateway alone on 127.0.0.1, furnished by one file, for testing applications against it.

Owns its processes and its addresses. All it makes lies in a folder that is gone at the end, unless a database
was named. It is no place for anything real: the key that seals its database stands below, so that the next
laboratory can open it, and its passwords stand in its file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import signal
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click
import httpx
from sqlalchemy.exc import SQLAlchemyError

from kernel.audit import Actor
from kernel.clock import SystemClock
from kernel.errors import SpokenError
from kernel.randomness import SystemRandomness
from keys.domain.encryption import OPENED_BY
from keys.usecases.rotate import rotate_by_command
from switchyard import wiring
from switchyard.cli_options import SETTINGS
from switchyard.lab_file import LabFile, default_text, parse, read
from switchyard.lab_world import SOURCE, check_database, furnish
from switchyard.local import command_line, toml_lines, write_private
from switchyard.mailbox import Mailbox
from switchyard.operations import gateway_services
from switchyard.ports import free_port, is_free
from switchyard.settings import GatewaySettings, gateway_settings, read_settings
from switchyard.supervisor import Child, Supervisor, stop_on_signals
from switchyard.tls_front import TlsFront, TlsSettings

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_ENVIRONMENT = "SWITCHYARD_ENVIRONMENT"
_PRODUCTION = "production"
_READY_SECONDS = 120.0
_LOOK = 0.05
_IDLE = 0.2
_ALGORITHMS = ("ES256", "PS256", "EdDSA", "RS256")
_ROTATED = ("ES256", "PS256", "RS256")
"""What SIGUSR1 replaces: the foundation's suite takes a new key of any kind but RSA and EC for a fault."""
_KEY = hashlib.sha256(b"The key-encryption key of every laboratory; it protects nothing.").digest()


class LabRefusedError(SpokenError):
    """The laboratory does not start; the message says why."""

    code: ClassVar[str] = "lab_refused"
    public: ClassVar[str] = "The laboratory does not start."


@dataclass(frozen=True, slots=True)
class LabPlan:
    """What is asked for. Without a file it is the default world, without a database a new one."""

    file: Path | None = None
    port: int | None = None
    host: str = "127.0.0.1"
    tls: TlsSettings | None = None
    database: str = ""
    workers: int = 1


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Where the laboratory is: what people use, and the port its web server really listens on."""

    issuer: str
    port: int
    listening: int

    @property
    def behind(self) -> str:
        return f"http://127.0.0.1:{self.listening}"


def run_lab(plan: LabPlan, environ: MutableMapping[str, str]) -> None:
    """Run the laboratory until SIGTERM or SIGINT; one line of JSON on standard output says that it is ready.

    SIGUSR1 rotates the signing keys of RSA and EC: successors stand in the key set within seconds.
    Settings of an installation that stand in ``environ`` are taken out of it: a laboratory obeys its file.

    Raises:
        LabRefusedError: where the environment is production, or something it needs is not to be had.
        LabFileError: naming every key of the file that is wrong.
        TlsError: if certificate, key or ciphers cannot be used.
        NotALabError: if the database belongs to an installation.
    """
    refuse_production(environ)
    name = str(plan.file) if plan.file else "the default world"
    file = read(plan.file) if plan.file else parse(default_text(), name)
    context = plan.tls.context() if plan.tls else None
    addresses = _addresses(plan)
    for option in [key for key in environ if key.startswith("SWITCHYARD_") and "__" in key]:
        del environ[option]
    with (
        stop_on_signals() as stop,
        _rotation_on_signal() as asked,
        tempfile.TemporaryDirectory(prefix="switchyard-lab-") as folder,
        Mailbox(SystemClock()) as mailbox,
    ):
        header = f"XCertificate{SystemRandomness().token_bytes(16).hex()}"
        toml = _write_settings(Path(folder), plan, file, addresses, mailbox, header)
        settings = gateway_settings(toml, {})
        _prepare(settings, file, name, stop)
        if not stop.is_set():
            with _running(toml, addresses, context, header, stop):
                if not stop.is_set():  # else it is not ready, and nobody is told that it is
                    _say(plan, addresses, mailbox)
                while not stop.wait(_IDLE):
                    if asked.is_set():
                        asked.clear()
                        _rotate(settings)


@contextmanager
def _rotation_on_signal() -> Iterator[threading.Event]:
    """Give an event that SIGUSR1 sets. For the main thread only."""
    asked = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGUSR1, before)


def _rotate(settings: GatewaySettings) -> None:
    with gateway_services(settings) as services:
        rotate_by_command(services.store, settings.keys, actor=Actor("operator", "lab"), algorithms=_ROTATED)


def refuse_production(environ: MutableMapping[str, str]) -> None:
    """Refuse to go on where the environment, or the settings file it names, is that of production.

    Raises:
        LabRefusedError: naming what says so.
        SettingsError: if the settings that are there cannot be read.
    """
    if environ.get(_ENVIRONMENT, "").strip().casefold() == _PRODUCTION:
        raise LabRefusedError(f"a laboratory does not start in production, and {_ENVIRONMENT} says so")
    named = environ.get(SETTINGS)
    settings = read_settings(Path(named) if named else None, environ)
    for system, kernel in (
        ("gateway", settings.gateway.kernel),
        ("registration", settings.registration.kernel),
    ):
        if kernel.production or kernel.environment.strip().casefold() == _PRODUCTION:
            option = "production" if kernel.production else "environment"
            raise LabRefusedError(
                f"a laboratory does not start in production, and {system}.kernel.{option} says so"
            )


def _addresses(plan: LabPlan) -> _Addresses:
    port = plan.port or free_port()
    if plan.port and not is_free(port):
        raise LabRefusedError(f"port {port} is in use: choose another with --port, or none for a free one")
    scheme = "https" if plan.tls else "http"
    return _Addresses(f"{scheme}://{plan.host}:{port}", port, free_port() if plan.tls else port)


def _write_settings(
    folder: Path, plan: LabPlan, file: LabFile, addresses: _Addresses, mailbox: Mailbox, header: str
) -> Path:
    key_file = folder / "kek.txt"
    write_private(key_file, f"1:{base64.b64encode(_KEY).decode()}\n")
    kernel = {
        "environment": "Laboratory",
        "public_url": addresses.issuer,
        "database_url": plan.database or f"sqlite:///{folder / 'gateway.db'}",
        "key_file": str(key_file),
        "smtp_port": mailbox.smtp_port,
        "sms_webhook_url": mailbox.sms_url,
        "node": "lab",
        "workers": plan.workers,
        "log_level": "warning",
    }
    idp: dict[str, object] = {
        "policy": file.policy,
        "limits": file.limits == "on",
        "registration": file.registration,
        "registration_profile": file.registration_profile.value,
        "loopback_http_clients": True,
        "short_client_secrets": True,
        "fetch_loopback": list(file.fetch_loopback),
    }
    if file.fetch_authority is not None:
        idp["fetch_authority"] = str(file.fetch_authority.resolve())
    if plan.tls is not None and plan.tls.client_authorities is not None:
        idp["certificate_header"] = header  # known to the front and the Gateway, and to nobody else
        idp["certificate_proxies"] = ["127.0.0.1"]
        idp["certificate_authorities"] = str(plan.tls.client_authorities.resolve())
    toml = folder / "switchyard.toml"
    keys: dict[str, object] = {
        "algorithms": list(_ALGORITHMS),
        "encryption_algorithms": list(OPENED_BY),
    }
    # The groups of the file say who is staff, as those of the provisioning worker do elsewhere.
    pages: dict[str, object] = {"operator_source": SOURCE}
    parts: dict[str, dict[str, object]] = {"kernel": kernel, "idp": idp, "keys": keys, "gateway_ui": pages}
    lines = [line for name, part in parts.items() for line in (f"[gateway.{name}]", *toml_lines(part), "")]
    write_private(toml, "\n".join(lines) + "\n")
    return toml


def _prepare(settings: GatewaySettings, file: LabFile, name: str, stop: threading.Event) -> None:
    """Make the database what the file says, or part of it if told to stop, before anybody can ask."""
    wiring.set_up_logs(settings.kernel)
    try:
        _look_at_database(settings)
    except SQLAlchemyError as error:
        raise LabRefusedError(f"the database cannot be opened: {_reason(error)}") from None
    with gateway_services(settings) as services:
        furnish(services, file, name=name, stop=stop)


def _look_at_database(settings: GatewaySettings) -> None:
    database = wiring.open_database(settings.kernel)
    try:
        check_database(database)
    finally:
        database.dispose()


def _reason(error: SQLAlchemyError) -> str:
    """Return the first line of what the driver said, which knows best."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__


@contextmanager
def _running(
    toml: Path, addresses: _Addresses, context: ssl.SSLContext | None, header: str, stop: threading.Event
) -> Iterator[None]:
    """Keep the Gateway running as long as the block lasts, which begins once it is ready or told to stop."""
    environ = {SETTINGS: str(toml)}
    serving = command_line("gateway", "--only", "web", "--port", str(addresses.listening))
    web = Child("gateway", serving, environ, to_stderr=True)
    beside = command_line("gateway", "--only", "background")
    background = Child("background", beside, environ, to_stderr=True)
    supervisor = Supervisor([web, background], say=lambda line: click.echo(f"switchyard: {line}", err=True))
    halt = threading.Event()
    watching = threading.Thread(target=supervisor.run, args=(halt,), name="supervisor")
    with ExitStack() as stack:
        front: TlsFront | None = None
        if context is not None:
            front = stack.enter_context(
                TlsFront(context, port=addresses.port, to=addresses.listening, certificate_header=header)
            )
        watching.start()
        stack.callback(watching.join)
        stack.callback(halt.set)
        if front is not None:  # before all else: nobody new is led to a Gateway that ends
            stack.callback(front.stop_listening)
        _wait_until_ready(supervisor, web.name, addresses, stop)
        yield


def _wait_until_ready(supervisor: Supervisor, web: str, addresses: _Addresses, stop: threading.Event) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    headers = {"host": addresses.issuer.partition("//")[2]}
    with httpx.Client(base_url=addresses.behind, headers=headers, timeout=3, trust_env=False) as client:
        while not stop.is_set() and not _is_ready(client):
            if supervisor.deaths(web):
                raise LabRefusedError("the Gateway did not start; what it said stands above")
            if time.monotonic() > deadline:
                raise LabRefusedError(f"the Gateway is not ready at {addresses.issuer}")
            stop.wait(_LOOK)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def _say(plan: LabPlan, addresses: _Addresses, mailbox: Mailbox) -> None:
    """Say where everything is: a program reads standard output, a person may read standard error."""
    issuer = addresses.issuer
    found = {
        "issuer": issuer,
        "discovery": f"{issuer}/.well-known/openid-configuration",
        "scim": f"{issuer}/scim/v2",
        "mailbox": mailbox.url,
    }
    click.echo(json.dumps(found))
    if plan.file is None:
        click.echo(
            "The default world: `switchyard lab --example` prints its accounts, clients and tokens.\n"
            "Ctrl-C ends it.",
            err=True,
        )
