"""The operator's commands on a real installation: each does its deed, and says why when it does not."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text

from kernel.clock import FrozenClock
from kernel.crypto import KeyRing
from kernel.randomness import SystemRandomness
from switchyard.cli import main
from switchyard.doctor import examine
from switchyard.local import Plan, Site, command_line, prepare
from switchyard.settings import read_settings
from tests.support.certificates import a_certificate
from tests.support.https_server import serving_documents
from tests.support.ports import free_base_port, free_port

if TYPE_CHECKING:
    from tests.support.databases import Databases

_STAFF = [
    "--first-name=Robin", "--last-name=Clark", "--email=robin@operator.example", "--phone=+1 416 555 0100",
    "--address=1 Sample Street", "--city=Toronto", "--province=ON", "--postal-code=M5H 1T1",
]  # fmt: skip


@pytest.fixture
def site(databases: Databases, tmp_path: Path) -> Site:
    """Give a prepared installation, nothing of it running."""
    plan = Plan(
        tmp_path / "site",
        base_port=free_base_port(1, 2, 3, 25),
        gateway_database=databases.url("empty"),
        registration_database=databases.url("empty"),
    )
    return prepare(plan)


def _run(site: Site, *command: str, answer: str = "") -> Result:
    arguments = [*command, "--settings", str(site.settings)]
    return CliRunner().invoke(main, arguments, input=answer, catch_exceptions=False)


def test_the_databases_are_what_the_code_expects(site: Site) -> None:
    assert _run(site, "db", "upgrade").exit_code == 0
    result = _run(site, "db", "check")
    assert result.exit_code == 0, result.output
    assert result.output.count("as the code expects") == 2


def test_preparing_twice_changes_nothing(site: Site) -> None:
    before = {path.name: path.read_text() for path in site.directory.glob("*.*") if path.suffix != ".db"}
    prepare(site.plan)
    after = {path.name: path.read_text() for path in site.directory.glob("*.*") if path.suffix != ".db"}
    assert before == after


def test_what_is_wrong_with_a_person_is_told_by_the_option_and_what_to_write(site: Site) -> None:
    """The words of the code stood there: main_phone: not-a-phone."""
    unlisted = _run(site, "operator", "add", *_STAFF)
    assert unlisted.stderr == (
        "switchyard: no catalogue is in force: run `switchyard catalogue load` first\n"
    )
    _run(site, "catalogue", "load")
    wrong = ("--email=robin", "--phone=12", "--province=Ontario", "--postal-code=M5V")
    refused = _run(site, "operator", "add", *_STAFF, *wrong)
    assert refused.exit_code == 2
    for sentence in (
        "--email: enter an address like name@example.com",
        "--phone: enter a complete number, like 416 555 0123",
        "--province: enter two letters, like ON or NY",
        "--postal-code: enter a code like K1A 0B1 or 12345",
    ):
        assert sentence in refused.stderr


def test_staff_are_added_once_and_only_with_a_catalogue(site: Site) -> None:
    refused = _run(site, "operator", "add", *_STAFF)
    assert (refused.exit_code, "catalogue" in refused.stderr) == (2, True)
    assert "version 1 is in force" in _run(site, "catalogue", "load").output
    assert "as before" in _run(site, "catalogue", "load").output
    first, second = _run(site, "operator", "add", *_STAFF), _run(site, "operator", "add", *_STAFF)
    assert first.exit_code == second.exit_code == 0, first.output + second.output
    assert "made before" in second.output
    wrong = _run(site, "operator", "add", *_STAFF[:2], "--email=nobody", *_STAFF[3:])
    assert (wrong.exit_code, "--email: enter" in wrong.stderr) == (2, True)


def test_everything_is_told_again_to_a_gateway_that_forgot(site: Site) -> None:
    """The same as each change: the worker does it, and nothing is told of nobody."""
    _run(site, "catalogue", "load")
    assert _run(site, "provisioning", "again").output.startswith("0 accounts, groups")
    _run(site, "operator", "add", *_STAFF)
    told = _run(site, "provisioning", "again")
    assert (told.exit_code, told.output) == (0, "3 accounts, groups and memberships are told again\n")


def test_keys_are_listed_rotated_and_revoked(site: Site) -> None:
    listed = _run(site, "keys", "list").output
    assert listed.count("active") == 2
    assert _run(site, "keys", "rotate").output.count("signs from") == 2
    kid = listed.split()[0]
    assert _run(site, "keys", "revoke", kid, "--reason=lost", "--yes").exit_code == 0
    for unknown in ("none", "-y-none"):  # a thumbprint may begin with what looks like an option
        refused = _run(site, "keys", "revoke", unknown, "--reason=lost", "--yes")
        assert (refused.exit_code, f"no key that counts is called {unknown};" in refused.stderr) == (1, True)


def test_clients_are_added_listed_and_disabled(site: Site, tmp_path: Path) -> None:
    """CA-09: a secret is shown once and kept as a digest."""
    redirect = "--redirect-uri=https://app.example/callback"
    added = _run(site, "client", "add", "crow", "--name=CROW", "--auth-method=client_secret_basic", redirect)
    assert added.exit_code == 0, added.output + added.stderr
    found = re.search(r"once: (\S+)", added.output)
    assert found is not None
    again = _run(site, "client", "add", "crow", "--name=CROW", "--auth-method=client_secret_basic", redirect)
    assert (again.exit_code, "is taken" in again.stderr) == (1, True)
    listed = _run(site, "client", "list").output
    assert "crow  CROW  client_secret_basic  default  enabled" in listed
    assert found[1] not in listed
    rotated = _run(site, "client", "rotate-secret", "crow").output
    assert found[1] not in rotated
    assert _run(site, "client", "disable", "crow").exit_code == 0
    assert "crow  CROW  client_secret_basic  default  disabled" in _run(site, "client", "list").output
    stated = tmp_path / "metadata.json"
    stated.write_text(
        '{"response_types": ["code id_token"], "grant_types": ["authorization_code", "implicit"]}'
    )
    hybrid = (
        "client",
        "add",
        "jay",
        "--name=Jay",
        "--auth-method=client_secret_basic",
        redirect,
        f"--metadata={stated}",
    )
    assert "response_types has to be of code" in _run(site, *hybrid).stderr
    assert _run(site, *hybrid, "--profile=compat").exit_code == 0
    assert "jay  Jay  client_secret_basic  compat  enabled" in _run(site, "client", "list").output
    stated.write_text("[]")
    assert _run(site, *hybrid).exit_code == 2
    bad = _run(site, "client", "add", "bad", "--name=Bad", "--redirect-uri=https://a.example/#x")
    assert (bad.exit_code, "redirect_uris" in bad.stderr) == (1, True)
    keys = tmp_path / "jwks.json"
    public = {k: v for k, v in json.loads((site.directory / "emi.jwk").read_text()).items() if k != "d"}
    keys.write_text(json.dumps({"keys": [public]}))
    machine = _run(
        site, "client", "add", "robot", "--name=Robot", "--machine", f"--jwks={keys}", "--scope=scim.read"
    )
    assert machine.exit_code == 0, machine.stderr


def test_every_deed_of_the_clients_pages_has_its_command(site: Site, tmp_path: Path) -> None:
    """CA-09, CA-11: as JSON for programs, and with one sentence where something is wrong."""

    def told(*command: str) -> Any:
        result = _run(site, "client", *command, "--json")
        assert result.exit_code == 0, result.output + result.stderr
        return json.loads(result.stdout)

    def refused(*command: str) -> str:
        result = _run(site, "client", *command)
        assert result.exit_code in (1, 2), result.output
        return result.stderr

    method = "--auth-method=client_secret_basic"
    added = told("add", "crow", "--name=CROW", method, "--redirect-uri=https://crow.example/callback")
    assert len(added["client_secret"]) >= 43
    stated = tmp_path / "more.json"
    stated.write_text('{"contacts": ["it@crow.example"], "default_max_age": 600}')
    changed = told(
        "change", "crow", "--name=Crow", "--machine", "--scope=x", f"--metadata={stated}", "--dpop"
    )
    assert set(changed["changed"]) >= {"name", "grant_types", "contacts", "dpop_bound_access_tokens"}
    stated.write_text('{"contacts": null}')
    told("change", "crow", f"--metadata={stated}", "--no-dpop", "--resource=https://ws.example/a")
    shown = told("show", "crow")
    assert (shown["client_name"], shown["version"], shown["disabled"]) == ("Crow", 3, False)
    assert shown["metadata"]["grant_types"] == ["client_credentials"]
    assert shown["metadata"]["resources"] == ["https://ws.example/a"]
    assert not {"contacts", "dpop_bound_access_tokens", "response_types"} & {*shown["metadata"]}
    assert added["client_secret"] not in _run(site, "client", "show", "crow").output
    assert told("change", "crow", "--name=Crow")["changed"] == []
    assert "is at version 3 by now" in refused("change", "crow", "--version=1", "--name=X")
    assert "scope has to be scopes separated by single spaces" in refused("change", "crow", "--scope=a  b")
    stated.write_text("{")
    assert "is not JSON" in refused("change", "crow", f"--metadata={stated}")
    assert "is not JSON" in refused("add", "jay", "--name=Jay", f"--jwks={stated}")
    told("rotate-secret", "crow", "--overlap=7d")
    assert "retire-secret crow" in refused("rotate-secret", "crow")
    assert "is not a span" in refused("rotate-secret", "crow", "--overlap=week")
    assert len(told("show", "crow")["secrets"]) == 2
    told("retire-secret", "crow")
    assert told("rotate-secret", "crow", "--overlap=0")["client_secret"] != added["client_secret"]
    told("disable", "crow", "--reason=a drill")
    assert [each["client_id"] for each in told("list", "--state=disabled", "--search=CRO")] == ["crow"]
    told("enable", "crow")
    assert _run(site, "client", "delete", "crow", answer="n\n").exit_code == 1
    assert told("show", "crow")["history"][1]["reason"] == "a drill"
    told("delete", "crow", "--yes")
    for command in ("show", "change", "rotate-secret", "retire-secret", "disable", "enable"):
        assert "is called crow" in refused(command, "crow"), command
    assert "is called crow" in refused("delete", "crow", "--yes")
    unasked = refused("delete", "crow")
    assert "is called crow" in unasked
    assert "cannot be undone" not in unasked


def test_registration_tokens_are_issued_listed_and_revoked(site: Site) -> None:
    """RFC 7591 §3, CA-09: a token is shown once, and known by its id afterwards."""
    tokens = ("client", "registration-token")
    for option in ("--days=3000000", "--uses=1000001"):
        assert _run(site, *tokens, "issue", "--name=Partner", option).exit_code == 2
    issued = _run(
        site, *tokens, "issue", "--name=Partner", "--uses=2", "--profile=fapi2", "--application-key=emi"
    )
    assert issued.exit_code == 0, issued.output + issued.stderr
    assert "idp.registration" in issued.stderr
    found = re.search(r"token (\S+), shown this once: (swreg_\S+)", issued.output)
    assert found is not None
    listed = _run(site, *tokens, "list").output
    assert f"{found[1]}  Partner  live  registered 0 of 2" in listed
    assert "profile fapi2  application emi" in listed
    assert found[2] not in listed
    assert _run(site, *tokens, "revoke", found[1]).exit_code == 0
    again = _run(site, *tokens, "revoke", found[1])
    assert (again.exit_code, "is there to be revoked" in again.stderr) == (1, True)
    assert "Partner  revoked" in _run(site, *tokens, "list").output
    assert "of any number" not in listed
    assert _run(site, *tokens, "issue", "--name=All", "--unlimited").exit_code == 0
    assert "All  live  registered 0 of any number" in _run(site, *tokens, "list").output
    assert _run(site, *tokens, "issue", "--name= ").exit_code == 1


def _write(site: Site, statement: str) -> None:
    """Do to the Gateway's database what no command would."""
    url = re.search(r'database_url = "([^"]+)"', site.settings.read_text())
    assert url is not None
    engine = create_engine(url[1])
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_a_changed_audit_row_is_named(site: Site) -> None:
    """I13: the chain breaks where somebody wrote."""
    sound = _run(site, "audit", "verify")
    assert (sound.exit_code, sound.output.count("sound")) == (0, 2)
    _write(site, "UPDATE audit_event SET target = 'other' WHERE seq = 1")
    broken = _run(site, "audit", "verify")
    assert (broken.exit_code, "NOT sound" in broken.output) == (1, True)
    assert "breaks at event 1" in broken.output


def test_the_doctor_names_what_is_missing_and_what_to_do(site: Site) -> None:
    """An installation that is not running has no relay and no webhook; its databases and keys are good."""
    (site.directory / "gateway-kek.txt").chmod(0o644)
    result = _run(site, "doctor")
    assert result.exit_code == 1
    assert "gateway database" in result.output
    assert result.output.count("schema up to date") == 2
    assert "readable by others: `chmod 600" in result.output
    assert "does not answer" in result.output


def test_the_doctor_sees_that_the_key_file_is_not_the_one_that_sealed(site: Site) -> None:
    """KM-03: the Gateway would not start, and a new key in the place of a lost one opens nothing, either."""
    path = site.directory / "gateway-kek.txt"
    assert _run(site, "keys", "rotate").exit_code == 0
    assert f"ok    gateway key file: {path}" in _run(site, "doctor").output
    path.unlink()
    lost = f"BAD   gateway key file: {path} is not there, and the database holds what it sealed: put it back"
    assert lost in _run(site, "doctor").output
    KeyRing.create_file(path, SystemRandomness())
    told = (
        f"BAD   gateway key file: {path} does not open signing_key.sealed_private of the database: put back"
    )
    assert told in _run(site, "doctor").output


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("SMTP_HOST", "x" * 80 + ".exämple", "BAD   gateway mail: the relay "),
        ("SMS_WEBHOOK_URL", "http://xn--a.example", "BAD   gateway text messages: the webhook does not"),
        ("PUBLIC_URL", "http://xn--a.example", "BAD   gateway server: http://xn--a.example/readyz: nobody"),
    ],
)
def test_the_doctor_names_a_host_that_can_be_none(
    site: Site, monkeypatch: pytest.MonkeyPatch, option: str, value: str, told: str
) -> None:
    """RFC 5890: such a name cannot be asked for at all."""
    monkeypatch.setenv(f"SWITCHYARD_GATEWAY__KERNEL__{option}", value)
    result = _run(site, "doctor")
    assert (result.exit_code, told in result.output) == (1, True)


def test_the_doctor_sees_tables_that_are_not_those_of_their_revision(site: Site) -> None:
    """Requests would fail one by one, and the node says that it is ready."""
    assert "not as this version makes them" not in _run(site, "doctor").output
    _write(site, "DROP TABLE device_authorization")
    told = _run(site, "doctor")
    assert (told.exit_code, told.output.count("not as this version makes them")) == (1, 1)
    assert "`switchyard db check --system gateway` names what differs" in told.output


def test_the_doctor_tells_of_a_database_that_was_put_back_open_to_others(
    sqlite_databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of SQLite's file has the mode of whoever made it, and everybody's names and password hashes in it."""
    url = sqlite_databases.url("gateway")
    monkeypatch.setenv("SWITCHYARD_GATEWAY__KERNEL__DATABASE_URL", url)
    file = Path(url.removeprefix("sqlite:///"))

    def found() -> dict[str, str]:
        return {each.subject: each.sentence for each in examine(read_settings(None, os.environ))}

    file.chmod(0o600)
    assert "gateway database file" not in found()
    file.chmod(0o640)
    assert found()["gateway database file"] == f"{file} is readable by others: `chmod 600 {file}`"


def test_the_doctor_sees_that_nobody_could_sign_in_or_be_provisioned(site: Site) -> None:
    """Without its keys and a catalogue Registration starts and does nothing; who runs it has to hear why."""
    (site.directory / "registration-worker.jwk").unlink()
    before = _run(site, "doctor").output
    assert "registration catalogue: none is in force: `switchyard catalogue load`" in before
    assert "registration-worker.jwk: it is not there, `switchyard connect` makes it" in before
    _run(site, "catalogue", "load")
    _run(site, "connect")
    after = _run(site, "doctor").output
    assert "registration catalogue: version 1 is in force" in after
    assert "ok    registration worker key" in after
    assert f"note  registration gateway: {site.gateway} does not answer" in after


def test_the_doctor_believes_registration_whose_certificate_is_of_another_authority_than_the_gateways(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`gateway_ca_file` names who signed for the Gateway; of whoever signed for Registration it says nothing."""
    (tmp_path / "ours").mkdir()
    ours, _, _ = a_certificate(tmp_path / "ours")
    with serving_documents(tmp_path) as registration:
        registration.put("/readyz", b"ready")
        monkeypatch.setenv("SSL_CERT_FILE", str(registration.authority))
        monkeypatch.setenv("SWITCHYARD_REGISTRATION__REGISTRATION__GATEWAY_CA_FILE", str(ours))
        monkeypatch.setenv("SWITCHYARD_REGISTRATION__KERNEL__PUBLIC_URL", registration.origin)
        said = _run(site, "doctor").output
    assert f"ok    registration server: {registration.origin}/readyz says ready" in said


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            b'{"lacking": ["the disk is full", "there is no signing key"]}',
            ": the disk is full, there is no signing key",
        ),
        (b'{"lacking": ["\\u001b[2J"]}', ""),
        (b'{"lacking": [1]}', ""),
        (b'{"status": "not ready"}', ""),
        (b"[]", ""),
        (b"Bad Gateway", ""),
    ],
)
def test_the_doctor_hands_on_what_a_server_lacks(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes, told: str
) -> None:
    """A proxy may answer in its place, with anything."""
    with serving_documents(tmp_path) as registration:
        registration.put("/readyz", body, status=503)
        monkeypatch.setenv("SSL_CERT_FILE", str(registration.authority))
        monkeypatch.setenv("SWITCHYARD_REGISTRATION__KERNEL__PUBLIC_URL", registration.origin)
        found = examine(read_settings(site.settings, os.environ))
    sentences = [each.sentence for each in found if each.subject == "registration server"]
    assert sentences == [f"{registration.origin}/readyz answers 503{told}"]


def test_the_doctor_goes_by_the_clock_that_all_goes_by(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL a machine whose clock is wrong is told so, and not that the Gateway does not know the worker."""
    ahead = FrozenClock(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
    with serving_documents(tmp_path) as gateway:
        token = gateway.put("/token", b'{"access_token": "t"}')
        metadata = {"issuer": gateway.origin, "token_endpoint": token}
        gateway.put("/.well-known/openid-configuration", json.dumps(metadata).encode())
        monkeypatch.setenv("SWITCHYARD_REGISTRATION__REGISTRATION__GATEWAY_ISSUER", gateway.origin)
        monkeypatch.setenv("SWITCHYARD_REGISTRATION__REGISTRATION__GATEWAY_CA_FILE", str(gateway.authority))
        settings = read_settings(site.settings, os.environ)
        found = {each.subject: each for each in examine(settings, clock=ahead)}
        [assertion] = parse_qs(gateway.sent[0][2].decode())["client_assertion"]
    off = dt.datetime.fromtimestamp(_claims(assertion)["iat"], dt.UTC) - ahead.now()
    assert found["registration gateway"].verdict == "good"
    if "postgresql" in settings.registration.kernel.database_url:
        assert dt.timedelta(minutes=-61) < off < dt.timedelta(minutes=-55)
        for system in ("gateway", "registration"):
            assert re.match(r"this machine's is 3[56]\d\d s ahead of", found[f"{system} clock"].sentence)
            assert found[f"{system} clock"].verdict == "odd"
    else:
        assert abs(off) < dt.timedelta(seconds=2)
        assert "gateway clock" not in found


@pytest.mark.parametrize(("seconds", "which"), [(40, "ahead of"), (-40, "behind"), (0, "")])
def test_the_doctor_tells_a_wrong_clock_from_a_key_that_is_not_known(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int, which: str
) -> None:
    """RFC 7523 §3: a proof from the future proves nothing, and registering the same key again mends nothing."""
    with serving_documents(tmp_path) as gateway:
        token = gateway.put("/token", b'{"error": "invalid_client"}', status=401)
        metadata = {"issuer": gateway.origin, "token_endpoint": token}
        gateway.put("/.well-known/openid-configuration", json.dumps(metadata).encode())
        monkeypatch.setenv("SWITCHYARD_REGISTRATION__REGISTRATION__GATEWAY_ISSUER", gateway.origin)
        monkeypatch.setenv("SWITCHYARD_REGISTRATION__REGISTRATION__GATEWAY_CA_FILE", str(gateway.authority))
        settings = read_settings(site.settings, os.environ)
        off = FrozenClock(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds))
        found = {each.subject: each.sentence for each in examine(settings, clock=off)}
    told = found["registration gateway"]
    if which and "sqlite" in settings.registration.kernel.database_url:
        expected = rf"refuses the worker with 401: Registration's clock is [34]\d s {which} the Gateway's"
    else:  # all go by the clock of PostgreSQL
        expected = (
            "refuses the worker with 401: `switchyard connect` registers registration-worker with its key"
        )
    assert re.match(expected, told), told


def test_the_doctor_makes_no_database(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks changes nothing: the next look would call a new file an old schema."""
    new = tmp_path / "new" / "registration.db"
    monkeypatch.setenv("SWITCHYARD_REGISTRATION__KERNEL__DATABASE_URL", f"sqlite:///{new}")
    said = _run(site, "doctor").output
    assert f"sqlite:///{new} is not there yet" in said
    assert "registration gateway:" in said, "the worker's own key is asked about all the same"
    assert not new.parent.exists()


def _claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return found


def test_the_doctor_says_what_is_wrong_with_a_certificate(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of a trusted authority that holds for another name is not one of an authority that nobody knows."""
    with serving_documents(tmp_path) as gateway:
        port = gateway.origin.rpartition(":")[2]
        monkeypatch.setenv("SWITCHYARD_GATEWAY__KERNEL__PUBLIC_URL", f"https://localhost:{port}")
        stranger = _run(site, "doctor").output
        monkeypatch.setenv("SSL_CERT_FILE", str(gateway.authority))
        misnamed = _run(site, "doctor").output
    told = f"BAD   gateway server: https://localhost:{port}/readyz: "
    assert f"{told}no authority that is trusted here signed for it" in stranger
    assert f"{told}its certificate is refused: Hostname mismatch" in misnamed


def test_connecting_registers_what_is_missing_and_again_changes_nothing(site: Site) -> None:
    for client in ("registration", "registration-worker"):
        assert _run(site, "client", "delete", client, "--yes").exit_code == 0
        (site.directory / f"{client}.jwk").unlink()
    first = _run(site, "connect")
    assert first.exit_code == 0, first.output
    shown = [json.loads(_run(site, "client", "show", "registration-worker", "--json").stdout)]
    again = _run(site, "connect")
    shown.append(json.loads(_run(site, "client", "show", "registration-worker", "--json").stdout))
    assert again.output == first.output
    assert shown[0]["metadata"] == shown[1]["metadata"]
    assert shown[0]["metadata"]["resources"] == [f"{site.gateway}/scim/v2"]
    assert (site.directory / "registration-worker.jwk").stat().st_mode & 0o077 == 0
    held = json.loads((site.directory / "registration-worker.jwk").read_text())
    assert [key["kid"] for key in shown[0]["metadata"]["jwks"]["keys"]] == [held["kid"]]


def test_keys_of_registration_are_changed_with_the_former_beside_them(site: Site) -> None:
    """Nodes that were not started anew yet prove themselves by the former key; then it is ended."""

    def known(client: str) -> list[str]:
        shown = json.loads(_run(site, "client", "show", client, "--json").stdout)
        return [key["kid"] for key in shown["metadata"]["jwks"]["keys"]]

    def held(client: str) -> str:
        kid: str = json.loads((site.directory / f"{client}.jwk").read_text())["kid"]
        return kid

    former = {client: held(client) for client in ("registration", "registration-worker")}
    (site.directory / "registration-worker.jwk").unlink()
    for _ in range(2):  # again changes nothing
        done = _run(site, "connect", "--keep-former-keys")
        assert done.exit_code == 0, done.output
        assert known("registration-worker") == [held("registration-worker"), former["registration-worker"]]
        assert known("registration") == [former["registration"]]
    assert _run(site, "connect").exit_code == 0
    assert known("registration-worker") == [held("registration-worker")] != [former["registration-worker"]]


def test_a_registration_without_https_is_connected_for_trials_alone(site: Site) -> None:
    """The rule for clients named the very address that it refused as the exception."""
    text = site.settings.read_text()
    site.settings.write_text(text.replace("loopback_http_clients = true", "loopback_http_clients = false"))
    refused = _run(site, "connect")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "is plain http" in refused.stderr
    assert "set loopback_http_clients of [gateway.idp] to true" in refused.stderr


def _starts(site: Site, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command_line(*command),
        env={**os.environ, **site.environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "key"), [("worker", "registration-worker.jwk"), ("registration", "registration.jwk")]
)
def test_what_could_not_prove_itself_does_not_start(site: Site, command: str, key: str) -> None:
    """It would run and fail at each person and each delivery, with the kind of the error in the log alone."""
    (site.directory / key).unlink()
    half = ("--only", "web", "--port", str(free_port())) if command == "registration" else ()
    done = _starts(site, command, *half)
    assert done.returncode == 2, done.stderr
    assert f"{key}: it is not there, `switchyard connect` makes it" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_gateway_whose_key_file_is_another_does_not_start(site: Site) -> None:
    """A backup that is restored without its key file: it answered 503 to everybody, and its log said nothing."""
    (site.directory / "gateway-kek.txt").unlink()
    done = _starts(site, "gateway", "--only", "web", "--port", str(free_port()))
    assert done.returncode == 2, done.stderr
    assert "gateway-kek.txt does not open the signing keys of this database" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_of_a_newer_version_is_left_alone(site: Site) -> None:
    """Whoever takes the code back is told, and nothing is changed."""
    engine = create_engine(read_settings(site.settings, {}).gateway.kernel.database_url)
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '4242'"))
    engine.dispose()
    for command in (("db", "upgrade"), ("client", "list")):
        refused = _run(site, *command)
        assert (refused.exit_code, "run the newer version, or restore a backup" in refused.stderr) == (
            2,
            True,
        )
    checked = _run(site, "db", "check")
    assert (checked.exit_code, "gateway: not as the code expects" in checked.output) == (1, True)
    assert "stands at revision 4242" in checked.output


def test_what_a_database_lacks_is_told_by_name(site: Site) -> None:
    engine = create_engine(read_settings(site.settings, {}).gateway.kernel.database_url)
    with engine.begin() as connection:
        connection.execute(text("drop index ix_account_email_key"))
    engine.dispose()
    checked = _run(site, "db", "check", "--system=gateway")
    told = "gateway: not as the code expects\n  add index: ix_account_email_key of account\n"
    assert (checked.exit_code, checked.output) == (1, told)


def test_going_back_to_nothing_and_up_again_works(site: Site) -> None:
    down = _run(site, "db", "downgrade", "--system=registration", "--revision=base", "--yes")
    assert down.exit_code == 0, down.output
    assert _run(site, "db", "check", "--system=registration").exit_code == 1
    assert _run(site, "db", "upgrade").exit_code == 0
    assert _run(site, "db", "check").exit_code == 0
