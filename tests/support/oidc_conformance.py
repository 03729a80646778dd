"""The pages on the conformance of the OpenID provider, written from a real run: ``make conformance``.

The run's figures stand beside the page as JSON; the page is made of nothing else, and a test proves it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import yaml

from kernel.clock import SystemClock
from tests.support.foundation import earlier
from tests.support.foundation.fapi_variants import variant_of
from tests.support.foundation.registry import plans, walked
from tests.support.peers import node_versions

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/conformance/oidc.md"
FIGURES = ROOT / "docs/conformance/oidc.json"
EVIDENCE = ROOT / "docs/conformance/ipsie-sl1.md"
_FEATURES = ROOT / "tests/samples/oidc_features.yaml"
_MUSTS = ROOT / "tests/samples/ipsie_sl1.yaml"
_PLACES = (
    "tests/conformance/clients",
    *(
        f"tests/conformance/test_foundation_{each}.py"
        for each in ("core", "logout", "dynamic", "fapi", "earlier")
    ),
)

CLIENTS: dict[str, tuple[str, str]] = {
    "openid-client": (
        "test_openid_client",
        "code with PKCE and max_age, userinfo, refresh, introspection, revocation, sign-out; client credentials with private_key_jwt",
    ),
    "oauth4webapi": (
        "test_oauth4webapi",
        "the same plain; with PAR, private_key_jwt and DPoP; with signed requests, JARM and signed introspection too",
    ),
    "jose": ("test_jose", "verifies ID and access tokens against the published keys, refuses changed ones"),
    "express-openid-connect": (
        "test_express",
        "an Express application behind a sign-in: userinfo, refresh, sign-out",
    ),
    "Authlib": ("test_authlib", "its Flask client: code with PKCE and nonce, refresh, userinfo, sign-out"),
    "idpyoidc": ("test_idpyoidc", "discovery, code with PKCE and nonce, userinfo, refresh, sign-out"),
    "mod_auth_openidc": (
        "test_mod_auth_openidc",
        "a page of Apache behind a sign-in: userinfo, refresh, sign-out",
    ),
}
"""The relying parties of others: which tests are theirs, and what these do."""

DEVIATIONS: dict[str, str] = {
    "oidcc-idtoken-unsigned, oidcc-request-uri-unsigned": "ask for `none`, which nobody gets here; the suite skips them where it is not offered.",
    "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported, oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported, oidcc-ensure-request-object-with-redirect-uri": "ask for `none` again, so the suite skips them; walked here as refusals.",
    "oidcc-codereuse-30seconds": "walked without the wait: a code that comes again is refused, and its tokens are dead, from the first moment on.",
    "fapi2-security-profile-final-refresh-token": "walked without the half minute before a token comes again; `tests/web/oidc/test_client_profiles.py` lets months go by.",
    "FAPI 2.0 with authorization_request_type=rar, client_attestation": "not walked: rich requests and attestations are not offered.",
}
"""What is not walked as the suite does it, and why."""


EARLIER_DEVIATIONS: dict[str, str] = {
    "OP-OAuth-2nd-30s": "run without the half minute: a code that comes again is refused, and its tokens are dead, from the first moment on.",
    "OP-Discovery-WebFinger, OP-Discovery-WebFinger-Email": "not run: WebFinger is not offered.",
    "OP-IDToken-none": "not run: asks for ID tokens without a signature, which no client gets here.",
    "OP-IDToken-HS256, OP-ClientAuth-SecretJWT": "not run: nothing is signed with a client's secret here, of which only a digest is kept.",
    "OP-IDToken-SigEnc, OP-UserInfo-Enc, OP-UserInfo-SigEnc, OP-request_uri-Enc, OP-request_uri-SigEnc, OP-Rotation-RP-Enc": "not run: ask for RSA1_5, which is not offered (RFC 8725 §3.2); the ways that are offered are tested in `tests/web/oidc/test_encrypted_answers.py`.",
    "OP-Rotation-OP-Sig, OP-Rotation-OP-Enc": "not run: a laboratory replaces its keys once, for `oidcc-server-rotate-keys` above; `tests/usecases/keys` has the rest.",
    "OP-claims-acr=1": "not run: asks for the class `1`, which is not offered.",
    "tests on signing out and sessions": "not run: the newer suite's plans on them are walked above.",
}
"""What the earlier suite has and is not run as its makers meant it, and why."""


def run() -> dict[str, Any]:
    """Let the relying parties of others, the foundation's modules and its earlier suite run once, and return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-q", "--show-capture=no", "--no-header", f"--junit-xml={report}"]
        subprocess.run([sys.executable, "-m", "pytest", *options, *_PLACES], cwd=ROOT, check=False)
        cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 - pytest wrote it just now
    outcomes = {f"{each.get('classname')}::{each.get('name')}": _outcome(each) for each in cases}
    return {
        "date": f"{SystemClock().now():%Y-%m-%d}",
        "versions": versions(),
        "apache": _apache(),
        "clients": {name: _counted(outcomes, f"::{prefix}") for name, (prefix, _) in CLIENTS.items()},
        "plans": {name: _walked(outcomes, name) for name in plans()},
        "earlier": {"date": f"{SystemClock().now():%Y-%m-%d}", "profiles": _earlier(outcomes)},
        "variants": {
            name: {variant: _walked(outcomes, name, variant) for variant in plan["variants"]}
            for name, plan in plans().items()
            if name.startswith("fapi2")
        },
    }


def _outcome(case: ET.Element) -> str:
    found = {each.tag for each in case}
    return "failed" if found & {"failure", "error"} else "skipped" if "skipped" in found else "passed"


def _counted(outcomes: dict[str, str], mark: str) -> dict[str, int]:
    """Count the outcomes of the tests whose names hold ``mark``."""
    found = [outcome for name, outcome in outcomes.items() if mark in name]
    return {each: found.count(each) for each in ("passed", "failed", "skipped")}


def _walked(outcomes: dict[str, str], plan: str, variant: str = "") -> dict[str, int]:
    """Count the outcomes of a plan's modules, in one of its variants or in all."""
    area = "fapi" if plan.startswith("fapi2") else "dynamic" if "dynamic" in plan else "core"
    if "logout" in plan or "3rdparty" in plan:
        area = "logout"
    usual = "query" if area == "core" else ""
    test = "test_the_module_of_the_foundation_finds_nothing"
    if "client-credentials" in plan:
        test += "_for_machines"
    wanted = {
        f"{test}[{each or usual}-{name}]" if each or usual else f"{test}[{name}]"
        for each, name in walked(plan)
        if variant in {"", each}
    }
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name, outcome in outcomes.items():
        place, _, case = name.partition("::")
        if place.endswith(f"test_foundation_{area}") and case in wanted:
            counts[outcome] += 1
    return counts


def _earlier(outcomes: dict[str, str]) -> dict[str, dict[str, int]]:
    """Count the outcomes of the earlier suite's tests, by profile; what deviates for a reason is not counted as passed."""
    counts = {
        name: dict.fromkeys(("tests", "passed", "deviating", "failed", "skipped"), 0)
        for name in earlier.PROFILES
    }
    for answer, name in earlier.runs():
        count = counts[earlier.profile_of(answer, name)]
        case = f"test_the_earlier_suite_finds_nothing[{answer}-{name}]"
        outcome = next((each for found, each in outcomes.items() if found.endswith(f"::{case}")), "skipped")
        deviates = outcome == "passed" and earlier.deviation(answer, name)
        count["deviating" if deviates else outcome] += 1
        count["tests"] += 1
    return counts


def versions() -> dict[str, str]:
    """Return the versions of the relying parties and of the earlier suite that are pinned here."""
    found = {name: version for name, version in node_versions().items() if name in CLIENTS}
    found |= {name: metadata.version(name) for name in ("Authlib", "idpyoidc")}
    return found | earlier.versions()


def _apache() -> str:
    """Return the versions of Apache and its module that this machine has."""
    query = shutil.which("dpkg-query")
    if query is None:
        return ""
    asked = [query, "-W", "-f", "${Package} ${Version}\\n", "libapache2-mod-auth-openidc", "apache2-bin"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines()
    found = dict(line.split(" ") for line in said)
    if len(found) < 2:
        return ""
    return f"{found['libapache2-mod-auth-openidc']} under Apache {found['apache2-bin']}"


def features() -> dict[str, list[list[str]]]:
    """Return what is served, by area: what, by which document, tested where."""
    found: dict[str, list[list[str]]] = yaml.safe_load(_FEATURES.read_text(encoding="utf-8"))
    return found


def musts() -> list[dict[str, Any]]:
    """Return what IPSIE SL1 asks, each with the tests that show it."""
    found: list[dict[str, Any]] = yaml.safe_load(_MUSTS.read_text(encoding="utf-8"))
    return found


def _stem(place: str) -> str:
    return Path(place.partition("::")[0]).stem.removeprefix("test_")


def render(figures: dict[str, Any]) -> str:
    """Return the page for these figures."""
    said = figures["versions"] | {"mod_auth_openidc": figures["apache"]}
    lines = [
        "# Conformance of the OpenID provider",
        "",
        f"Run on {figures['date']}. `make conformance` runs it all again and writes this page; a test proves that the page says",
        "what the run found, of the versions that are in use. All of it is part of `make test`.",
        "",
        "## Relying parties of others",
        "",
        "Each as its makers ship it, against `switchyard lab` over TLS, with a person who uses the plain pages.",
        "",
        "| Client | Version | What it does | Passed | Failed | Missing here |",
        "|---|---|---|---:|---:|---:|",
    ]
    for name, (_, what) in CLIENTS.items():
        count = figures["clients"][name]
        shown = said.get(name, "")
        lines.append(
            f"| {name} | {shown} | {what} | {count['passed']} | {count['failed']} | {count['skipped']} |"
        )
    lines += [
        "",
        "## The foundation's plans",
        "",
        "The OpenID Foundation's conformance suite is a program of its own. Its modules are walked here by name: what each does",
        "and checks is done and checked in `tests/support/foundation`, what it warns of fails, and the name of the module stands in",
        "the name of the test. Basic, Form Post Basic and the plans on signing out are walked twice: with clients of the laboratory,",
        "and with clients that register themselves; Implicit, Hybrid and their Form Post plans with the latter, once for each response",
        "type. It is no certification. How the suite itself is run against a laboratory:",
        "[Running the foundation's suite](foundation.md).",
        "",
        "| Plan | Modules walked | Passed | Failed | Shown elsewhere | Left out |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, plan in plans().items():
        count = figures["plans"][name]
        walked = len(plan["walked"])
        beside = f"{len(plan.get('elsewhere', {}))} | {len(plan.get('left_out', {}))}"
        lines.append(f"| {name} | {walked} | {count['passed']} | {count['failed']} | {beside} |")
    lines += [
        "",
        "### Variants of FAPI 2.0",
        "",
        "In the suite's words: client_auth_type/sender_constrain, and behind them /fapi_request_method/fapi_response_mode and /openid",
        "where they are not the usual ones. What the suite leaves out of a variant is left out here: modules on proofs where tokens",
        "are bound to certificates, modules on assertions where a certificate proves the client, modules on request objects where",
        "nothing signs, modules on nonces and claims without OpenID Connect, where the resource is `/scim/v2/Me`.",
        "",
        "| Plan | Variant | Keys of clients | Passed | Failed |",
        "|---|---|---|---:|---:|",
    ]
    lines += [
        f"| {name} | {variant} | {variant_of(variant).algorithm} | {count['passed']} | {count['failed']} |"
        for name, counts in figures["variants"].items()
        for variant, count in counts.items()
    ]
    lines += ["", "### Known deviations", "", "| What | Why |", "|---|---|"]
    lines += [f"| {name} | {why} |" for name, why in DEVIATIONS.items()]
    lines += _earlier_section(figures)
    for area, rows in features().items():
        lines += ["", f"## {area}", "", "| What | Document | Tests in |", "|---|---|---|"]
        lines += [f"| {what} | {document} | `{_stem(place)}` |" for what, document, place in rows]
    return "\n".join([*lines, ""])


def _earlier_section(figures: dict[str, Any]) -> list[str]:
    """Return the section on the earlier suite."""
    said = figures["versions"]
    lines = [
        "",
        "## The foundation's earlier suite",
        "",
        f"The program on which the foundation's certifications stood until 2020 is run itself: oidctest {said['oidctest']} with otest",
        f"{said['otest']} and pyoidc {said['oic']}, in an environment of its own (`requirements/oidctest.txt`). Its relying party speaks, its",
        "checks judge, what it warns of fails; a person uses the plain pages. `tests/samples/foundation_earlier.yaml` lists its",
        "tests, each of which is run with every response type that it is for; those that were in no certification, Extra, with",
        f"`code` alone. Last run on {figures['earlier']['date']}. It is no certification.",
        "",
        "| Profile | Runs | Passed | Deviating | Failed | Missing here |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, count in figures["earlier"]["profiles"].items():
        shown = (count[each] for each in ("tests", "passed", "deviating", "failed", "skipped"))
        lines.append(f"| {name} | {' | '.join(map(str, shown))} |")
    deviations = {
        f"{name} ({', '.join(test['deviates']['types'].split())})": f"{test['deviates']['why']}."
        for name, test in earlier.tests().items()
        if "deviates" in test
    }
    pages = ", ".join(f"`{name}`" for name, test in earlier.tests().items() if test.get("page"))
    return [
        *lines,
        "",
        f"The suite says of {pages}",
        "that it cannot see their right end, a page for the person; here it is looked at.",
        "",
        "| Deviation | Why |",
        "|---|---|",
        *(f"| {name} | {why} |" for name, why in (deviations | EARLIER_DEVIATIONS).items()),
    ]


def render_evidence() -> str:
    """Return the page on IPSIE SL1."""
    lines = [
        "# IPSIE SL1: the evidence",
        "",
        "The enterprise profile of the OpenID Foundation for sessions (OpenID Connect, level 1), as clients of the profile",
        "`ipsie-sl1` meet it. Each demand on the provider stands beside the tests that show it; a test keeps this page true.",
        "",
        "| What is asked | Shown by |",
        "|---|---|",
    ]
    for each in musts():
        shown = "<br>".join(
            f"[{_stem(test)}](../../{test.partition('::')[0]}): `{test.partition('::')[2].removeprefix('test_')}`"
            for test in each["tests"]
        )
        lines.append(f"| {each['must']} | {shown} |")
    lines += [
        "",
        "Clients in browsers and native clients without a secret may have the profile, too; a draft of the profile asked for",
        "confidential ones alone. ES256 is what our own tokens carry unless the settings and a client ask for PS256 or EdDSA. The",
        "account side (AL1) is SCIM: [what it does](../scim.md), [what was found](scim.md).",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Run everything, or with ``--lines`` only write the pages anew, and tell what failed."""
    again = "--lines" in sys.argv[1:]
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if again else run()
    FIGURES.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(render(figures), encoding="utf-8")
    EVIDENCE.write_text(render_evidence(), encoding="utf-8")
    counts = {**figures["clients"], **figures["plans"], **figures["earlier"]["profiles"]}
    if failed := [name for name, count in counts.items() if count["failed"]]:
        raise SystemExit(f"not everything passed: {failed}")


if __name__ == "__main__":
    main()
