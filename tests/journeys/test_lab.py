"""The laboratory as a stranger uses it: the real command, over real HTTP and TLS, on both databases."""

from __future__ import annotations

import copy
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

from idp.domain.claims import CLAIMS_OF_SCOPE
from switchyard.lab_file import default_world
from switchyard.people import current_code
from switchyard.visitor import Page
from tests.support.certificates import a_certificate
from tests.support.lab import Lab, begin, command, follow, redeem, running_lab, sign_in, submit
from tests.support.ports import free_port
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from tests.support.databases import Databases

pytestmark = pytest.mark.journey

ROOT = Path(__file__).resolve().parents[2]
SEED = "JBSWY3DPEHPK3PXP"
SCIM = {"Authorization": "Bearer fixed-token", "Content-Type": "application/scim+json"}
EVERY_CLAIM = default_world().accounts[0].claims.model_dump(exclude_none=True)
WORLD: dict[str, Any] = {
    "accounts": [
        {
            "userName": "jdoe",
            "password": "secret",
            "second_factor": "none",
            "claims": EVERY_CLAIM,
            "groups": ["Traders"],
        },
        {
            "userName": "carol",
            "password": "secret",
            "second_factor": "required",
            "totp_secret": SEED,
            "claims": {"name": "Carol", "email": "carol@lab.example"},
        },
        {
            "userName": "dave",
            "password": "secret",
            "second_factor": "required",
            "claims": {"name": "Dave", "email": "dave@lab.example"},
        },
    ],
    "groups": [{"displayName": "Traders", "application_key": "trading", "organization_id": "10001"}],
    "clients": [
        {
            "client_id": "rp1",
            "client_secret": "short",
            "redirect_uris": ["http://127.0.0.1:9000/callback"],
            "token_endpoint_auth_method": "client_secret_basic",
            "jwks": {"keys": []},
            "profile": "default",
        },
        {
            "client_id": "trading",
            "application_key": "trading",
            "client_secret": "short",
            "redirect_uris": ["http://127.0.0.1:9000/callback"],
        },
    ],
    "scim_clients": [{"name": "idp", "token": "fixed-token", "profile": "rfc"}],
    "policy": "ieso-2025",
    "limits": "off",
    "consent": "skip",
}


def test_a_stranger_signs_in_provisions_and_stops_it(tmp_path: Path) -> None:
    """Ready with one line of JSON; password alone, app's code, all claims, SCIM, mail; SIGTERM ends it with 0."""
    with running_lab(tmp_path, WORLD) as lab:
        assert set(lab.said) == {"issuer", "discovery", "scim", "mailbox"}
        assert httpx.get(lab.said["discovery"]).json()["issuer"] == lab.issuer
        _a_password_alone_signs_in_with_all_claims(lab)
        _memberships_open_applications(lab)
        _an_app_is_asked_for_its_code(lab)
        _a_missing_factor_is_set_up_with_a_code_from_the_mailbox(lab)
        _a_fixed_token_provisions(lab)
        assert lab.stop() == (0, "")
    assert (tmp_path / "errors").read_text() == ""


def _a_password_alone_signs_in_with_all_claims(lab: Lab) -> None:
    with lab.browser() as browser:
        back = sign_in(browser, "jdoe", "secret")
        assert isinstance(back, dict), back
        assert (back["state"], back["iss"]) == ("st", lab.issuer)
        tokens = redeem(browser, back["code"], client_id="rp1", secret="short")
        assert "refresh_token" in tokens
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        claims = browser.get("/oauth2/userinfo", headers=bearer).json()
    assert claims.pop("sub")
    expected = {name for names in CLAIMS_OF_SCOPE.values() for name in names}
    assert set(claims) == expected
    assert claims == EVERY_CLAIM


def _memberships_open_applications(lab: Lab) -> None:
    """Who is in a group of the application comes in; who is not, is told so by a page."""
    for user_name, enters in (("jdoe", True), ("carol", False)):
        with lab.browser() as browser:
            _enter(browser, user_name)
            answer = begin(browser, "trading", "openid access")
            assert isinstance(answer, dict) == enters, answer
            if isinstance(answer, dict):
                assert "code" in answer
            else:
                assert answer.status == 403


def _enter(browser: httpx.Client, user_name: str) -> dict[str, str]:
    """Sign in, with the app's next code where one is asked for."""
    page = sign_in(browser, user_name, "secret")
    if isinstance(page, Page):
        page = follow(browser, submit(browser, page, code=current_code(SEED)))
    assert isinstance(page, dict), page
    return page


def _an_app_is_asked_for_its_code(lab: Lab) -> None:
    with lab.browser() as browser:
        page = sign_in(browser, "carol", "secret")
        assert isinstance(page, Page)
        assert page.heading == "Enter your code"
        wrong = submit(browser, page, code="000000")
        assert isinstance(follow(browser, wrong), Page)


def _a_missing_factor_is_set_up_with_a_code_from_the_mailbox(lab: Lab) -> None:
    """An account that lacks its factor proves its mailbox, which the mailbox of the laboratory shows."""
    with lab.browser() as browser:
        page = sign_in(browser, "dave", "secret")
        assert isinstance(page, Page)
        page = follow(browser, submit(browser, page, press="Send code"))
        assert isinstance(page, Page)
        code = re.search(r"\b[0-9]{6,8}\b", _newest_mail(lab, "dave@lab.example")["text"])
        assert code is not None
        page = follow(browser, submit(browser, page, code=code.group()))
        assert isinstance(page, Page)
        assert page.heading == "Set up two-step verification"


def _newest_mail(lab: Lab, address: str) -> dict[str, Any]:
    """Return the newest message to an address; the mailbox waits for one to arrive."""
    query = {"to": address, "wait": 25}
    answer = httpx.get(f"{lab.said['mailbox']}/messages.json", params=query, timeout=30)
    newest: dict[str, Any] = answer.json()["messages"][0]
    return newest


def _a_fixed_token_provisions(lab: Lab) -> None:
    """SCIM: the token of the file creates a user, who is invited by mail; without it nothing is told."""
    users = f"{lab.said['scim']}/Users"
    assert httpx.get(users).status_code == 401
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "erin",
        "emails": [{"value": "erin@lab.example", "primary": True}],
    }
    made = httpx.post(users, headers=SCIM, content=json.dumps(body))
    assert made.status_code == 201, made.text
    found = httpx.get(users, headers=SCIM).json()
    assert [each["userName"] for each in found["Resources"]] == ["erin"]
    assert any("/activate/" in link for link in _newest_mail(lab, "erin@lab.example")["links"])


def test_two_workers_on_postgresql_behind_tls_and_again_on_the_same_database(
    tmp_path: Path, postgresql_databases: Databases
) -> None:
    """--workers, --database and --tls-*: the second start finds what the first one made, ids and all."""
    certificate, key, pem = a_certificate(tmp_path)
    trust = ssl.create_default_context(cadata=pem)
    port = free_port()
    options = (
        *("--database", postgresql_databases.url("empty"), "--workers", "2", "--port", str(port)),
        *("--tls-cert", str(certificate), "--tls-key", str(key)),
    )
    subjects = set()
    for world in (WORLD, _with_another_password(WORLD)):
        with running_lab(tmp_path, world, *options, verify=trust) as lab:
            assert lab.issuer == f"https://127.0.0.1:{port}"
            with lab.browser() as browser:
                back = sign_in(browser, "jdoe", world["accounts"][0]["password"])
                assert isinstance(back, dict), back
                tokens = redeem(browser, back["code"], client_id="rp1", secret="short")
                bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
                subjects.add(browser.get("/oauth2/userinfo", headers=bearer).json()["sub"])
                assert browser.cookies.get("__Host-gateway_session")
                _every_answer_promises_transport_security(browser)
            _old_versions_and_weak_ciphers_are_refused(port, trust)
            assert lab.stop(signal.SIGINT) == (0, "")
    assert len(subjects) == 1


def _every_answer_promises_transport_security(browser: httpx.Client) -> None:
    """RFC 6797 §7.1: pages, protocols in front of them and behind, refusals, and the health checks."""
    paths = ("/sign-in", "/nowhere", "/healthz", "/.well-known/openid-configuration", "/oauth2/jwks")
    for path in (*paths, "/oauth2/token", "/oauth2/userinfo", "/oauth2/authorize", "/scim/v2/Users"):
        said = browser.get(path).headers.get_list("Strict-Transport-Security")
        assert said == ["max-age=63072000; includeSubDomains"], path


def _with_another_password(world: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(world)
    changed["accounts"][0]["password"] = "another"
    return changed


def _old_versions_and_weak_ciphers_are_refused(port: int, trust: ssl.SSLContext) -> None:
    """RFC 9325 §3.1, §4.2: TLS 1.2 with forward secrecy and AEAD at least."""
    ca = trust.get_ca_certs(binary_form=True)[0]

    def handshake(ciphers: str) -> str:
        context = ssl.create_default_context(cadata=ca)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
        ):
            return str(secured.version())

    assert handshake("ECDHE-ECDSA-AES128-GCM-SHA256") == "TLSv1.2"
    with pytest.raises(ssl.SSLError):
        handshake("ECDHE-ECDSA-AES128-SHA")
    with pytest.raises(ssl.SSLError):
        handshake("ECDHE-ECDSA-CHACHA20-POLY1305")


def test_who_stops_it_before_it_is_ready_is_not_told_that_it_is(tmp_path: Path) -> None:
    """SIGTERM while the Gateway starts ends all of it with 0, without the line of JSON."""
    (tmp_path / "lab.json").write_text("{}")
    asked = command("--file", str(tmp_path / "lab.json"))
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_until(
            lambda: process.poll() is not None or psutil.Process(process.pid).children(), "the Gateway"
        )
        process.terminate()
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


def test_staff_of_the_file_see_why_somebody_was_not_provisioned(tmp_path: Path, databases: Databases) -> None:
    """O11: requests of every client are found by a name, with outcome and scimType; by staff alone."""
    staff = {"displayName": "Staff", "access_role_key": "registration-customer-relations"}
    world = copy.deepcopy(WORLD) | {"groups": [*WORLD["groups"], staff]}
    for account in world["accounts"]:
        account["groups"] = ["Staff"]
    with running_lab(tmp_path, world, "--database", databases.url("empty"), "--workers", "2") as lab:
        body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "erin"}
        statuses = [
            httpx.post(f"{lab.said['scim']}/Users", headers=SCIM, json=body).status_code for _ in range(2)
        ]
        assert statuses == [201, 409]
        with lab.browser() as browser:
            _enter(browser, "jdoe")
            assert browser.get("/operator/provisioning").status_code == 403, "one factor is not enough"
        with lab.browser() as browser:
            _enter(browser, "carol")
            page = _told(browser, "/operator/provisioning?q=ERIN&show=refused", "409")
            assert "uniqueness" in page
            assert "idp" in page
            assert _told(browser, "/operator/provisioning?q=erin&show=done", "201")


def _told(browser: httpx.Client, address: str, word: str) -> str:
    """Return a page of the record once it tells ``word``: what is refused is written within a second."""
    for _ in range(1_000):
        answer = browser.get(address)
        assert answer.status_code == 200, answer.text
        if word in answer.text:
            break
    else:
        pytest.fail(answer.text)
    return answer.text


def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    """docs/lab.md shows a pytest fixture; these are its very files."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(ROOT / "docs" / "examples" / "lab")],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
