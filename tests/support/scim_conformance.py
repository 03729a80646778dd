"""The page on the conformance of the SCIM service, written from a real run: ``make conformance``.

The run's figures stand beside the page as JSON; the page is made of nothing else, and a test proves it.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from kernel.clock import SystemClock
from tests.support.lab import running_lab
from tests.support.postgresql import PostgresqlServer, create_database
from tests.support.scim_lines import ROOT, lines, named_by_line
from tests.support.scim_live import KNOWN_DEVIATIONS, LEAVES_OUT, Probed, relay, scim2_tester, scim_sanity

PAGE = ROOT / "docs/conformance/scim.md"
FIGURES = ROOT / "docs/conformance/scim.json"
PEERS = ("scim2-tester", "scim-sanity", "scim2-server", "scim2-client", "scim2-models")
TOKEN, TOLERANT_TOKEN = (
    "the-token-of-the-probes",
    "the-token-of-the-probes-whose-unknown-members-are-left-out",
)

PROBES = {
    "scim2-tester": frozenset[str](),
    "scim-sanity, strict": frozenset(KNOWN_DEVIATIONS),
    "scim-sanity, lenient": frozenset(KNOWN_DEVIATIONS),
    "scim-sanity, strict, unknown members left out": frozenset[str](),
    "scim-sanity, lenient, unknown members left out": frozenset[str](),
}
"""Run against `switchyard lab` in a process of its own, by HTTP, on either database; with what is known of each."""

SUITES: dict[str, tuple[str, ...]] = {
    "scim2-tester, in process": ("tests/conformance/test_scim_tester.py",),
    "scim2-server's contract of storages (`ScimStorageContract`)": (
        "tests/conformance/test_scim_storage_contract.py",
    ),
    "Examples of RFC 7643 and RFC 7644": ("tests/web/scim/test_scim_samples.py",),
    "Interoperability profile (client profile `strict`)": ("tests/web/scim/test_profile_strict.py",),
    "Client profile `rfc`": ("tests/web/scim/test_profile_rfc.py",),
    "Microsoft Entra (client profile `entra`)": ("tests/web/scim/test_profile_entra.py",),
    "Okta (client profile `okta`)": ("tests/web/scim/test_profile_okta.py",),
    "Broken services that the suite has to notice": ("tests/conformance/test_scim_mutants.py",),
    "A foreign SCIM server (scim2-server) as target of our own provisioning": (
        "tests/conformance/test_foreign_scim_server.py",
    ),
}
"""Our suites and those that run within pytest: name and where they are."""


_DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "either": "SQLite, or none"}


@dataclass
class Count:
    """What became of the checks of one suite on one database."""

    suite: str
    database: str
    passed: int = 0
    failed: int = 0
    deviations: int = 0
    skipped: int = 0


def _suites() -> list[Count]:
    """Run every suite once, and count its tests by database."""
    places = sorted({place for suite in SUITES.values() for place in suite})
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-q", "-n", "2", "--show-capture=no", "--no-header", f"--junit-xml={report}"]
        subprocess.run([sys.executable, "-m", "pytest", *options, *places], cwd=ROOT, check=False)
        cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 - pytest wrote it just now
    return [count for suite, files in SUITES.items() for count in _counted(suite, files, cases)]


def _counted(suite: str, files: tuple[str, ...], cases: list[ET.Element]) -> list[Count]:
    """Return the counts of the suite that is in these files."""
    modules = {file.removesuffix(".py").replace("/", ".") for file in files}
    counts = {each: Count(suite, each) for each in _DATABASES}
    for case in cases:
        place, name = case.get("classname", ""), case.get("name", "")
        if any(place == module or place.startswith(f"{module}.") for module in modules):
            count = counts[next((each for each in _DATABASES if each in name), "either")]
            outcome = {each.tag for each in case}
            count.failed += bool(outcome & {"failure", "error"})
            count.skipped += "skipped" in outcome
            count.passed += not outcome & {"failure", "error", "skipped"}
    return [each for each in counts.values() if each.passed + each.failed + each.skipped]


def _probe(name: str, database: str, found: Probed) -> Count:
    known = found.blamed.keys() & PROBES[name]
    failed = len(found.blamed) - len(known)
    return Count(name, database, found.passed, failed, len(known), len(found.skipped))


def _laboratory(database: str, address: str) -> list[Count]:
    """Have the probes look at a laboratory on the database at ``address``."""
    default = {"name": "probes", "token": TOKEN, "profile": "rfc"}
    tolerant = {"name": "tolerated probes", "token": TOLERANT_TOKEN, "profile": "rfc"} | LEAVES_OUT
    file = {"scim_clients": [default, tolerant]}
    with tempfile.TemporaryDirectory() as folder:
        where = address or f"sqlite:///{folder}/lab.db"
        with running_lab(Path(folder), file, "--database", where) as lab:
            base, application = lab.said["scim"], relay(lab.issuer)
            found = (
                scim2_tester(application, base, TOKEN),
                *(scim_sanity(base, TOKEN, strict=each) for each in (True, False)),
                *(scim_sanity(base, TOLERANT_TOKEN, strict=each) for each in (True, False)),
            )
            application.close()  # type: ignore[attr-defined]
    return [_probe(name, database, each) for name, each in zip(PROBES, found, strict=True)]


def run() -> dict[str, Any]:
    """Run everything and return the figures of the page."""
    counts = _laboratory("sqlite", "")
    with PostgresqlServer() as server:
        create_database(server.admin, "lab")
        counts += _laboratory("postgresql", server.url("lab"))
    counts += _suites()
    return {
        "date": f"{SystemClock().now():%Y-%m-%d}",
        "versions": versions(),
        "counts": [dataclasses.asdict(each) for each in counts],
        "lines": places(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the community's suites and libraries that are installed."""
    return {name: metadata.version(name) for name in PEERS}


def places() -> dict[str, list[str]]:
    """Return for each line the files whose tests name it."""
    return {
        line: sorted({each.partition(":")[0] for each in tests}) for line, tests in named_by_line().items()
    }


def render(figures: dict[str, Any]) -> str:
    """Return the page for these figures."""
    counts = [Count(**each) for each in figures["counts"]]
    said = ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
    rows = [
        f"| {each.suite} | {_DATABASES[each.database]} | {each.passed} | {each.failed} | {each.deviations} "
        f"| {each.skipped} |"
        for each in counts
    ]
    head = [
        "| Suite | Database | Passed | Failed | Known deviations | Skipped |",
        "|---|---|---:|---:|---:|---:|",
    ]
    probes = [row for row, each in zip(rows, counts, strict=True) if each.suite in PROBES]
    suites = [row for row, each in zip(rows, counts, strict=True) if each.suite not in PROBES]
    return "\n".join(
        [
            "# Conformance of the SCIM service",
            "",
            f"Run on {figures['date']} with {said}. `make conformance` runs it all again and writes this page;",
            "a test proves that the page says what the run found, of the versions that are in use.",
            "",
            "## From outside",
            "",
            "`switchyard lab` as a process of its own, over HTTP, with a static token of the client profile `rfc`. The",
            "runs that say so are those of a client whose unknown members are",
            "[left out](../scim-clients.md#members-that-nobody-knows), which is nobody's default.",
            "",
            *head,
            *probes,
            "",
            "### Known deviations",
            "",
            "| Check of scim-sanity | Why it is not met |",
            "|---|---|",
            *(f"| {name} | {reason} |" for name, reason in KNOWN_DEVIATIONS.items()),
            "",
            "Where unknown members are left out there is none.",
            "",
            "scim-sanity skips its checks of agents, a resource type of a draft that is not served.",
            "scim2-tester knows neither `securityEvents` (RFC 9967) nor `interopProfileConformant` in the",
            "ServiceProviderConfig, and refuses the documents of clients that are told them: those whose events are",
            "switched on, and those of the profile `strict`. It goes by the schemas that it discovers; as a client that",
            "may state our own extension (`extension` in the laboratory) it gives that random values, too, which meet what",
            "it says: a `sourceVersion` neither falls nor goes, and an `add` to `accountKinds` keeps what is there; and it",
            "has no values for a dateTime, so that it stops at `deactivation.at` itself. The value it patches a whole",
            "extension with names `schemas`, which the profile `strict` refuses as an attribute that there is not. scim-sanity",
            "expects a body where the profile `entra` answers the PATCH of a group with 204.",
            "",
            "## Suites",
            "",
            *head,
            *suites,
            "",
            "Each broken service is the right one with one behaviour broken; a check of a compact suite has to fail.",
            "The tests of the checklist are part of `make test`.",
            "",
            "## What is asked, and where it is tested",
            "",
            "The id is quoted by the tests; [scim.md](../scim.md) says what was decided where the standard leaves it open.",
            *_checklist(figures["lines"]),
            "",
        ]
    )


def _checklist(found: dict[str, list[str]]) -> list[str]:
    rows: list[str] = []
    for area, asked in lines().items():
        rows += ["", f"### {area}", "", "| Line | What | Tests in |", "|---|---|---|"]
        for line, what in asked.items():
            shown = ", ".join(f"`{Path(each).stem.removeprefix('test_')}`" for each in found.get(line, []))
            rows.append(f"| {line} | {what.replace('|', chr(92) + '|')} | {shown} |")
    return rows


def main() -> None:
    """Run everything, or with ``--lines`` only look again which test names which line, and write the page."""
    if "--lines" in sys.argv[1:]:
        figures = json.loads(FIGURES.read_text(encoding="utf-8")) | {"lines": places()}
    else:
        figures = run()
    PAGE.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(render(figures), encoding="utf-8")
    if failed := [each for each in figures["counts"] if each["failed"]]:
        raise SystemExit(f"not everything passed: {failed}")


if __name__ == "__main__":
    main()
