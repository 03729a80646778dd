"""The files with which the foundation's own suite runs its plans of FAPI 2.0 against a laboratory.

``python -m tests.support.foundation.fapi_files FOLDER`` draws keys and certificates and writes them anew:
``lab.json`` and what ``switchyard lab`` is started with, a configuration of the suite for each variant, and
``plans.txt``, which says what runs with which.
"""

from __future__ import annotations

import argparse
import datetime as dt
import ipaddress
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509

from tests.support.certificates import a_holder
from tests.support.foundation.automation import SUITE
from tests.support.foundation.fapi_variants import (
    OWN_SCOPE,
    WHO,
    Certificates,
    Variant,
    certificates_in,
    fapi_clients,
)
from tests.support.signatures import algorithm_of
from tests.support.tls_world import PASSWORD, Keys, a_world

if TYPE_CHECKING:
    from tests.support.signatures import SigningKey

ISSUER = "https://127.0.0.1:9443"
ALGORITHM = "PS256"
"""Keys of RSA, since modules try RS256 with them and are skipped without."""
NOTHING_OPENS = "We could not open the application"
"""The heading of the page that says so."""
LIFE = dt.timedelta(days=30)
"""How long certificates hold."""
_PREFIX = "fapi2-security-profile-final-"
_PLAIN = "fapi2-security-profile-final-test-plan"
_SIGNED = "fapi2-message-signing-final-test-plan"
_MACHINES = "fapi2-security-profile-final-client-credentials-grant-test-plan"


@dataclass(frozen=True)
class Run:
    """One plan in one variant, and the file that configures it."""

    plan: str
    variant: Variant

    @property
    def machine(self) -> bool:
        """Nobody signs in: clients ask for themselves."""
        return self.plan == _MACHINES

    @property
    def file(self) -> str:
        """The name of the configuration."""
        words = ("machine",) if self.machine else ()
        chosen = (self.variant.auth, self.variant.constrain)
        if self.plan == _SIGNED:
            chosen = (*chosen, self.variant.request, self.variant.response)
        return "-".join((*words, *chosen, *(() if self.variant.signs_in else ("plain_oauth",)))) + ".json"


def runs() -> list[Run]:
    """Return every plan in every variant: what is signed is of Message Signing, and machines have no OpenID Connect."""
    told = [
        Variant(*words, signs_by=ALGORITHM)
        for words in itertools.product(
            ("private_key_jwt", "mtls"),
            ("dpop", "mtls"),
            ("unsigned", "signed_non_repudiation"),
            ("plain_response", "jarm"),
            ("openid_connect", "plain_oauth"),
        )
    ]
    plain = [each for each in told if not (each.signs or each.jarm)]
    return [
        *(Run(_PLAIN, each) for each in plain),
        *(Run(_SIGNED, each) for each in told if each not in plain),
        *(Run(_MACHINES, each) for each in plain if each.signs_in),
    ]


def write(folder: Path, *, issuer: str = ISSUER, suite: str = SUITE) -> None:
    """Write every file; ``suite`` is where the suite listens, with its alias at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    a_holder("CN=laboratory", names=(address, x509.DNSName("localhost")), life=LIFE).write(folder, "lab")
    certificates = certificates_in(folder, of_rsa=WHO, life=LIFE)
    keys = Keys()
    among = {run.variant.client_id(WHO[0]): run.variant for run in runs()}.values()
    clients = fapi_clients(keys, certificates, f"{issuer}/scim/v2", callback=f"{suite}/callback", among=among)
    world = a_world(clients, registration="closed", registration_profile="default")
    _put(folder / "lab.json", world)
    for run in runs():
        _put(folder / run.file, configuration(run, keys, certificates, issuer, suite))
    lines = [f"{plan_with(run)} {run.file}\n" for run in runs()]
    (folder / "plans.txt").write_text("".join(lines), encoding="utf-8")


def plan_with(run: Run) -> str:
    """Return a plan as the suite's own script takes it, with what the person who runs it would choose.

    Newer releases have no plan for machines: it is a profile of the other one.
    """
    variant = run.variant
    chosen = {
        "client_auth_type": variant.auth,
        "sender_constrain": variant.constrain,
        "fapi_profile": "fapi_client_credentials_grant" if run.machine else "plain_fapi",
        "openid": "plain_oauth" if run.machine else variant.openid,
        "authorization_request_type": "simple",
        "grant_management": "disabled",
    }
    if run.plan == _SIGNED:
        chosen |= {"fapi_request_method": variant.request, "fapi_response_mode": variant.response}
    return (_PLAIN if run.machine else run.plan) + "".join(
        f"[{name}={value}]" for name, value in chosen.items()
    )


def configuration(
    run: Run, keys: Keys, certificates: Certificates, issuer: str, suite: str
) -> dict[str, Any]:
    """Return what the suite is told for one variant."""
    variant = run.variant
    signs_in = variant.signs_in and not run.machine
    scope = "openid email offline_access" if signs_in else "scim.read" if run.machine else OWN_SCOPE
    own = "oauth2/userinfo" if signs_in else f"scim/v2/{'Users' if run.machine else 'Me'}"
    document = "openid-configuration" if signs_in else "oauth-authorization-server"
    told: dict[str, Any] = {
        "alias": suite.rpartition("/")[2],
        "description": f"Switchyard, {variant.auth} and {variant.constrain}",
        "server": {"discoveryUrl": f"{issuer}/.well-known/{document}"},
        "resource": {"resourceUrl": f"{issuer}/{own}"},
        "browser": [_visit(issuer, suite, _sign_in(issuer), _allow(issuer))],
        "override": {
            f"{_PREFIX}{name}": {"browser": each} for name, each in _overrides(issuer, suite).items()
        },
    }
    for who, suffix in zip(WHO, ("", "2"), strict=True):
        held = certificates.holders[variant.certificate(who)]
        told[f"client{suffix}"] = {
            "client_id": variant.client_id(who),
            "scope": scope,
            "jwks": {"keys": [_private(keys.of(who, ALGORITHM))]},
            "dpop_signing_alg": ALGORITHM,
        }
        told[f"mtls{suffix}"] = {"cert": held.certificate_pem, "key": held.key_pem}
    return told


def _private(key: SigningKey) -> dict[str, Any]:
    return {**key.as_dict(private=True), "use": "sig", "alg": algorithm_of(key)}


def _visit(issuer: str, suite: str, *tasks: dict[str, Any]) -> dict[str, Any]:
    """Return what the browser does once it is sent to the authorization endpoint, the suite's page at the end."""
    return _entry(issuer, *tasks, _arrives(suite))


def _arrives(suite: str) -> dict[str, Any]:
    return {
        "task": "The suite has the answer",
        "match": f"{suite}/callback*",
        "commands": [["wait", "id", "submission_complete", 10]],
    }


def _entry(issuer: str, *tasks: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"match": f"{issuer}/oauth2/authorize*", **more, "tasks": list(tasks)}


def _sign_in(issuer: str) -> dict[str, Any]:
    return {
        "task": "Sign in",
        "optional": True,
        "match": f"{issuer}/sign-in*",
        "commands": [
            ["text", "id", "username", "alice"],
            ["text", "id", "password", PASSWORD],
            ["click", "id", "login-submit"],
            ["wait", "match", "^https://[^?]*/(consent|callback)", 10],
        ],
    }


def _allow(issuer: str) -> dict[str, Any]:
    return {
        "task": "Allow",
        "optional": True,
        "match": f"{issuer}/consent*",
        "commands": [["click", "id", "consent-allow"], ["wait", "match", "^https://[^?]*/callback", 10]],
    }


def _overrides(issuer: str, suite: str) -> dict[str, list[dict[str, Any]]]:
    """Return what the browser does otherwise in a module: goes back, only looks at first, is told that nothing opens."""
    usual = _visit(issuer, suite, _sign_in(issuer), _allow(issuer))
    back = {
        "task": "Go back",
        "match": f"{issuer}/sign-in*",
        "commands": [["click", "id", "login-cancel"], ["wait", "match", "^https://[^?]*/callback", 10]],
    }
    look = {
        "task": "Look",
        "match": f"{issuer}/sign-in*",
        "commands": [["wait", "xpath", "//*", 10, "Sign in"]],
    }
    told = {
        "task": "A page says it",
        "optional": True,
        "match": f"{issuer}/oauth2/authorize*",
        "commands": [["wait", "xpath", "//*", 10, NOTHING_OPENS, "update-image-placeholder"]],
    }
    opens_nothing = _entry(issuer, told, _arrives(suite) | {"optional": True})
    return {
        "user-rejects-authentication": [_visit(issuer, suite, back)],
        "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds": [
            _entry(issuer, look, **{"match-limit": 1}),
            usual,
        ],
        "par-attempt-reuse-request_uri": [usual | {"match-limit": 1}, opens_nothing],
        "par-attempt-to-use-expired-request_uri": [opens_nothing],
        "par-attempt-to-use-request_uri-for-different-client": [opens_nothing],
        "ensure-unsigned-authorization-request-without-using-par-fails": [opens_nothing],
    }


def _put(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Write the files where the command line says."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--issuer", default=ISSUER, help="where the laboratory will be")
    asked.add_argument("--suite", default=SUITE, help="where the suite listens, with the alias at the end")
    given = asked.parse_args()
    write(given.folder, issuer=given.issuer, suite=given.suite)


if __name__ == "__main__":
    main()
