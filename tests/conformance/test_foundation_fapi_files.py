"""The files with which the foundation's suite runs FAPI 2.0: the laboratory starts with them, and each configuration is enough.

Clients, keys, certificates and the browser's commands are taken from the configuration alone.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from joserfc.jwk import JWKRegistry

from tests.support.foundation import fapi, fapi_machine
from tests.support.foundation.automation import SUITE, Automation
from tests.support.foundation.fapi_files import ALGORITHM, Run, plan_with, runs, write
from tests.support.foundation.fapi_party import FapiParty
from tests.support.foundation.fapi_variants import variant_of
from tests.support.foundation.registry import plans
from tests.support.lab import running_lab
from tests.support.person import Arrival, Person
from tests.support.ports import server_port
from tests.support.tls_world import QUERY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from switchyard.visitor import Page
    from tests.support.signatures import SigningKey
    from tests.support.tls_lab import TlsLab

PREFIX = "fapi2-security-profile-final-"
PLAYED = (
    "happy-flow",
    "refresh-token",
    "user-rejects-authentication",
    "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds",
    "par-attempt-reuse-request_uri",
    "par-attempt-to-use-request_uri-for-different-client",
    "ensure-unsigned-authorization-request-without-using-par-fails",
)
"""What uses all that a configuration holds, and what differs by what the browser is told."""
ON_A_PAGE = PLAYED[-3:-1]
"""These end on our page, unless the suite says beside the name of a request where to answer."""
RUNS = {f"{run.plan[6:-16]}-{run.file}": run for run in runs()}
OF_PEOPLE = [name for name, run in RUNS.items() if not run.machine]
PLAYS = [
    *((name, PLAYED[0]) for name in OF_PEOPLE),
    *((name, module) for name in (OF_PEOPLE[0], OF_PEOPLE[-2]) for module in PLAYED[1:]),
]
"""Every configuration once; all modules with the plainest and with the one that signs everything."""


@dataclass(frozen=True)
class Reached:
    """A laboratory as the suite reaches it."""

    issuer: str
    folder: Path
    trust: ssl.SSLContext
    http: httpx.Client

    def config(self, run: Run) -> dict[str, Any]:
        """Return the configuration of a run."""
        found: dict[str, Any] = json.loads((self.folder / run.file).read_text(encoding="utf-8"))
        return found


class Driven(Person):
    """Who does what the suite's browser is told."""

    def __init__(self, automation: Automation) -> None:
        self.automation = automation

    def go(self, url: str) -> Arrival | Page:
        """Visit ``url``, and return the page at the end or the answer that the suite has."""
        arrived, posted = self.automation.visit(url)
        return self.automation.page or Arrival(arrived, posted)


@dataclass
class ToldParty(FapiParty):
    """A client that is what a configuration says, and asks for what it says."""

    reached: Reached = field(kw_only=True)
    config: dict[str, Any] = field(kw_only=True)

    def become(self, who: str) -> None:
        """Go on as one of the two clients."""
        client = self.config["client" if who == "first" else "client2"]
        (jwk,) = client["jwks"]["keys"]
        self.who, self.client_id, self.scope = who, client["client_id"], client["scope"]
        self.algorithm, self.beside = jwk["alg"], frozenset()
        self.key = cast("SigningKey", JWKRegistry.import_key(jwk))
        assert client["dpop_signing_alg"] == self.algorithm
        self.redirect_uri = f"{SUITE}/callback{QUERY if who == 'second' else ''}"
        self.dpop_key = self.another_key()

    def request(self, **changes: str | None) -> dict[str, str]:
        """Return a good request for the scope of the configuration."""
        return super().request(**{"scope": self.scope, **changes})

    def line(self, *, bound: bool = True) -> httpx.Client:
        """Return what speaks with the provider, by the certificate of the configuration where one is to be shown."""
        shows = self.variant.by_certificate or not self.variant.by_proof
        return self.showing[self.who] if shows and (bound or self.variant.by_proof) else self.http

    @cached_property
    def showing(self) -> dict[str, httpx.Client]:
        """What shows a certificate, by client."""
        return {who: self._showing(f"mtls{suffix}") for who, suffix in (("first", ""), ("second", "2"))}

    def _showing(self, name: str) -> httpx.Client:
        folder = self.reached.folder
        files = [folder / f"{self.client_id}-{name}-{part}.pem" for part in ("cert", "key")]
        for file, part in zip(files, ("cert", "key"), strict=True):
            file.write_text(self.config[name][part], encoding="utf-8")
        context = ssl.create_default_context(cafile=folder / "lab.pem")
        context.load_cert_chain(*files)
        return httpx.Client(verify=context, timeout=30)

    @cached_property
    def op(self) -> dict[str, Any]:
        """The document that the configuration names."""
        return dict(self.http.get(self.config["server"]["discoveryUrl"]).json())

    @property
    def own(self) -> str:
        """The resource that the configuration names."""
        return str(self.config["resource"]["resourceUrl"])

    @property
    def resource(self) -> str:
        """The same for machines."""
        return self.own


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    """Give the laboratory of the files, started as the page says but for its port."""
    folder = tmp_path_factory.mktemp("fapi-files")
    port = server_port()
    write(folder, issuer=f"https://127.0.0.1:{port}")
    trust = ssl.create_default_context(cafile=folder / "lab.pem")
    options = {
        "--file": folder / "lab.json",
        "--port": port,
        "--tls-cert": folder / "lab.pem",
        "--tls-key": folder / "lab-key.pem",
        "--tls-client-ca": folder / "trusted.pem",
    }
    words = [str(each) for pair in options.items() for each in pair]
    with running_lab(folder, None, *words, verify=trust) as lab, httpx.Client(verify=trust) as http:
        yield Reached(lab.issuer, folder, trust, http)


@pytest.mark.parametrize(("name", "module"), PLAYS)
def test_the_configuration_is_enough(reached: Reached, name: str, module: str) -> None:
    """Modules find nothing with what it says."""
    run = RUNS[name]
    config = reached.config(run)
    with Automation(config, PREFIX + module, reached.trust, reached.issuer) as browser:
        party = _party(reached, run, config, Driven(browser))
        fapi.module.checks[PREFIX + module](party, PREFIX + module)
        assert not browser.pictures


@pytest.mark.parametrize("module", ON_A_PAGE)
def test_where_nothing_opens_a_picture_is_left(reached: Reached, module: str) -> None:
    """A request that names nothing but itself and its client leads to a page."""
    run = runs()[0]
    config = reached.config(run)
    with Automation(config, PREFIX + module, reached.trust, reached.issuer) as browser:
        party = _party(reached, run, config, Driven(browser))
        party.repeats = False
        fapi.module.checks[PREFIX + module](party, PREFIX + module)
        assert len(browser.pictures) == 1


@pytest.mark.parametrize("name", [name for name, run in RUNS.items() if run.machine])
def test_the_configuration_is_enough_for_machines(reached: Reached, name: str) -> None:
    """The same with the client credentials grant."""
    run = RUNS[name]
    config = reached.config(run)
    with Automation(config, "", reached.trust, reached.issuer) as browser:
        party = _party(reached, run, config, Driven(browser))
        fapi_machine.module.checks[f"{PREFIX}happy-flow"](party, f"{PREFIX}happy-flow")


def test_the_files_name_what_is_there(reached: Reached) -> None:
    """Each plan has its file, and what is done otherwise is done in modules of the plans."""
    lines = (reached.folder / "plans.txt").read_text(encoding="utf-8").splitlines()
    assert lines == [f"{plan_with(run)} {run.file}" for run in runs()]
    assert len({line.split()[1] for line in lines}) == len(lines)
    found = {(run.plan, run.variant) for run in runs()}
    for plan, called in plans().items():
        if plan.startswith("fapi2"):
            walked = {(plan, replace(variant_of(text), signs_by=ALGORITHM)) for text in called["variants"]}
            assert walked <= found
    for run in runs():
        modules = {*plans()[run.plan]["walked"], *plans()[run.plan].get("elsewhere", {})}
        assert run.machine or reached.config(run)["override"].keys() <= modules


def _party(reached: Reached, run: Run, config: dict[str, Any], person: Person) -> ToldParty:
    lab = cast("TlsLab", reached)
    return ToldParty(lab, person, variant=run.variant, reached=reached, config=config)
