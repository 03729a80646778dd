"""A whole installation in one folder of this machine: settings, keys, databases, clients and processes.

Owns the layout of that folder and the list of processes. The demonstration and the journeys of the tests
stand on it; an installation for real writes its own settings, and this can be read as an example of how.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from joserfc.jwk import ECKey

from idp.usecases.register_client import ClientOrder
from kernel.randomness import SystemRandomness
from registration.outbound.keys import create_key_file
from switchyard import operations
from switchyard.cli_options import APPS_SETTINGS, SETTINGS
from switchyard.connection import registration_orders
from switchyard.settings import read_settings
from switchyard.supervisor import Child

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CATALOGUE = Path(__file__).resolve().parent.parent / "catalogue" / "ieso"
_EMI, _REPORTS = "/apps/emi/", "/apps/reports/private/"
_READY_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a local installation is told: where it lives and what differs from the defaults."""

    directory: Path
    base_port: int = 8000
    host: str = "127.0.0.1"
    gateway_database: str = ""
    registration_database: str = ""
    gateway_workers: int = 1
    environ: Mapping[str, str] = field(default_factory=dict)


class Site:
    """A prepared local installation: its addresses and what runs in it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.directory = plan.directory.resolve()
        self.gateway, self.registration, self.apps, self.mailbox = (
            f"http://{plan.host}:{plan.base_port + offset}" for offset in range(4)
        )
        self.smtp_port = plan.base_port + 25
        self.emi = self.apps + _EMI
        self.reports = self.apps + _REPORTS
        self.settings = self.directory / "switchyard.toml"
        self.apps_settings = self.directory / "apps.toml"

    @property
    def environ(self) -> dict[str, str]:
        """What the processes' environment adds."""
        return {
            SETTINGS: str(self.settings),
            APPS_SETTINGS: str(self.apps_settings),
            **self.plan.environ,
        }

    def children(self) -> list[Child]:
        """Return every process of the installation, in the order in which they start."""
        base = self.plan.base_port
        return [
            self.child("mailbox", "--port", str(base + 3), "--smtp-port", str(self.smtp_port)),
            self.child("gateway", "--only", "web", "--port", str(base), name="gateway"),
            self.child("gateway", "--only", "background", name="gateway-background"),
            self.child("registration", "--only", "web", "--port", str(base + 1), name="registration"),
            self.child("registration", "--only", "background", name="registration-background"),
            self.child("worker"),
            self.child("apps", "--port", str(base + 2)),
        ]

    def child(self, command: str, *options: str, name: str = "") -> Child:
        """Return the process `switchyard <command>` of this installation."""
        shown = name or command
        log = self.directory / "logs" / f"{shown}.log"
        return Child(shown, command_line(command, *options), self.environ, log)

    def wait_until_ready(
        self, *, seconds: float = _READY_SECONDS, stop: threading.Event | None = None
    ) -> None:
        """Return as soon as every web server says that it is ready, or `stop` is set.

        Raises:
            TimeoutError: naming the one that does not, and the end of its log.
        """
        deadline = time.monotonic() + seconds
        for name, url in (
            ("mailbox", f"{self.mailbox}/readyz"),
            ("gateway", f"{self.gateway}/readyz"),
            ("registration", f"{self.registration}/readyz"),
            ("apps", f"{self.apps}/healthz"),
        ):
            while not is_ready(url):
                if stop is not None and stop.is_set():
                    return
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{name} is not ready at {url}: {self.last_lines(name)}")
                time.sleep(0.1)

    def last_lines(self, name: str, count: int = 12) -> str:
        """Return the end of a process's log."""
        log = self.directory / "logs" / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join(lines[-count:])


def command_line(command: str, *options: str) -> tuple[str, ...]:
    """Return how `switchyard <command>` is called from here."""
    return (sys.executable, "-m", "switchyard", command, *options)


def is_ready(url: str) -> bool:
    """Tell whether a server answers at `url` and says that all is well."""
    try:
        return httpx.get(url, timeout=3).status_code == 200
    except httpx.HTTPError:
        return False


def prepare(plan: Plan) -> Site:
    """Write settings and keys, make both databases, and register the clients; repeating changes nothing."""
    site = Site(plan)
    for folder in (site.directory, site.directory / "logs"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    emi_key = create_key_file(site.directory / "emi.jwk")
    write_private(site.directory / "emi.pem", _key_as_pem(site.directory / "emi.jwk"))
    write_private(site.settings, _switchyard_toml(site))
    secret_file = site.directory / "reports.secret"
    if not secret_file.exists():
        write_private(secret_file, SystemRandomness().token(32) + "\n")
    write_private(site.apps_settings, _apps_toml(site))
    settings = read_settings(site.settings, site.environ)
    operations.upgrade_databases(settings)
    orders = _application_orders(site, emi_key, secret_file.read_text().strip())
    operations.register_clients(settings.gateway, [*registration_orders(settings.registration), *orders])
    return site


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _key_as_pem(path: Path) -> str:
    """Return a private key in the form that applications read."""
    pem: bytes = ECKey.import_key(json.loads(path.read_text())).as_pem(private=True)
    return pem.decode()


def toml_lines(values: Mapping[str, object]) -> Iterable[str]:
    """Return options as lines of TOML."""
    # Texts, whole numbers, truths and lists of texts are written alike in JSON and TOML.
    return (f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())


def _switchyard_toml(site: Site) -> str:
    def kernel(system: str, url: str, database: str) -> dict[str, object]:
        return {
            "environment": "Sandbox",
            "public_url": url,
            "database_url": database or f"sqlite:///{site.directory / system}.db",
            "key_file": str(site.directory / f"{system}-kek.txt"),
            "smtp_port": site.smtp_port,
            "sms_webhook_url": f"{site.mailbox}/sms",
            "node": system,
        }

    plan = site.plan
    gateway = kernel("gateway", site.gateway, plan.gateway_database) | {"workers": plan.gateway_workers}
    registration = {
        "catalogue_folder": str(_CATALOGUE),
        "gateway_issuer": site.gateway,
        "client_key_file": str(site.directory / "registration.jwk"),
        "worker_key_file": str(site.directory / "registration-worker.jwk"),
    }
    lines = [
        "# Written for a local installation; `switchyard settings example` shows every option.",
        "[gateway.kernel]",
        *toml_lines(gateway),
        "",
        "[gateway.idp]",
        "loopback_http_clients = true",
        "",
        "[registration.kernel]",
        *toml_lines(kernel("registration", site.registration, plan.registration_database)),
        "",
        "[registration.registration]",
        *toml_lines(registration),
    ]
    return "\n".join(lines) + "\n"


def _apps_toml(site: Site) -> str:
    common = {"issuer": site.gateway, "public_url": site.apps}
    emi = common | {
        "client_id": "emi",
        "path": _EMI,
        "name": "Energy Market Interface",
        "description": "Bids and offers of your organization.",
        "name_fr": "Interface du marché de l’énergie",  # noqa: RUF001 - the French apostrophe
        "description_fr": "Les offres de votre organisation.",
        "kind": "energy-market",
        "key_file": "emi.pem",
    }
    reports = common | {
        "client_id": "reports-confidential",
        "path": _REPORTS,
        "name": "Reports",
        "description": "Confidential reports of your organization.",
        "name_fr": "Rapports",
        "description_fr": "Les rapports confidentiels de votre organisation.",
        "kind": "reports",
        "client_secret_file": "reports.secret",
    }
    lines = [
        'database = "apps.db"',
        'environment = "Sandbox"',
        "",
        "[[applications]]",
        *toml_lines(emi),
        "",
        "[[applications]]",
        *toml_lines(reports),
    ]
    return "\n".join(lines) + "\n"


def _application_orders(site: Site, emi_key: dict[str, Any], reports_secret: str) -> list[ClientOrder]:
    """Return the stand-in applications: RFC 7591 metadata, and what the dashboard shows of each."""

    def relying_party(base: str) -> dict[str, Any]:
        return {
            "redirect_uris": [f"{base}callback"],
            "post_logout_redirect_uris": [f"{base}signed-out"],
            "backchannel_logout_uri": f"{base}backchannel-logout",
            "scope": "openid profile email access",
        }

    return [
        ClientOrder(
            id="emi",
            name="Energy Market Interface",
            description="Bids and offers of your organization.",
            application_key="emi",
            launch_url=site.emi,
            metadata=relying_party(site.emi)
            | {
                "initiate_login_uri": f"{site.emi}start",
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": [emi_key]},
            },
        ),
        ClientOrder(
            id="reports-confidential",
            name="Reports",
            description="Confidential reports of your organization.",
            application_key="reports-confidential",
            # The catalogue keeps it off the dashboard: it is opened by its own address.
            launch_url="",
            metadata=relying_party(site.reports) | {"token_endpoint_auth_method": "client_secret_basic"},
            secret=reports_secret,
        ),
    ]
