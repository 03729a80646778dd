"""Where a laboratory does not start, and what it says then."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from switchyard.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def refused(*options: str, environ: dict[str, str] | None = None) -> str:
    """Run the command, which has to end with 2, and return what it said."""
    before = dict(os.environ)
    try:
        done = CliRunner().invoke(main, ["lab", *options], env=environ)
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert "Traceback" not in done.output
    return done.output


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("SWITCHYARD_ENVIRONMENT", "production", "SWITCHYARD_ENVIRONMENT"),
        ("SWITCHYARD_GATEWAY__KERNEL__ENVIRONMENT", "Production", "gateway.kernel.environment"),
        ("SWITCHYARD_REGISTRATION__KERNEL__ENVIRONMENT", "production", "registration.kernel.environment"),
    ],
)
def test_production_is_refused_and_what_says_so_is_named(name: str, value: str, named: str) -> None:
    said = refused(environ={name: value})
    assert "a laboratory does not start in production" in said
    assert named in said


def test_a_settings_file_of_production_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "switchyard.toml"
    file.write_text('[gateway.kernel]\nproduction = true\npublic_url = "https://gateway.example.org"\n')
    assert "gateway.kernel.production" in refused(environ={"SWITCHYARD_SETTINGS": str(file)})


def test_settings_of_production_that_cannot_be_read_are_no_way_around_it(tmp_path: Path) -> None:
    file = tmp_path / "switchyard.toml"
    file.write_text('[gateway.kernel]\nproduction = true\nenviroment = "x"\n')
    assert "enviroment" in refused(environ={"SWITCHYARD_SETTINGS": str(file)})


def test_a_busy_port_is_named() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert f"port {port} is in use" in refused("--port", str(port))


def test_a_certificate_and_its_key_belong_together_and_have_to_be_pem(tmp_path: Path) -> None:
    file = tmp_path / "a.pem"
    file.write_text("not PEM")
    assert "belong together" in refused("--tls-cert", str(file))
    assert "cannot be used: they are not PEM" in refused("--tls-cert", str(file), "--tls-key", str(file))
    given = ("--tls-cert", str(file), "--tls-key", str(file), "--tls-ciphers", "none-such")
    assert "no cipher of OpenSSL is named in 'none-such'" in refused(*given)


def test_a_database_that_cannot_be_opened_is_said_in_one_sentence(tmp_path: Path) -> None:
    assert "unsupported database 'mysql'" in refused("--database", "mysql://a/b")
    assert "unsupported driver 'postgresql+psycopg2'" in refused("--database", "postgresql+psycopg2://a@b/c")
    assert "names no file" in refused("--database", "sqlite://")
    (tmp_path / "text.db").write_text("this is no database, and long enough to be looked at" * 20)
    said = refused("--database", f"sqlite:///{tmp_path / 'text.db'}")
    assert "the database cannot be opened: file is not a database" in said


def test_what_the_gateway_refuses_is_named_by_its_key(tmp_path: Path) -> None:
    """The registration of clients speaks, and its words lead to the place in the file."""
    file = tmp_path / "lab.json"
    clients = [{"client_id": "rp1", "client_secret": "s", "redirect_uris": ["http://rp.example/cb"]}]
    file.write_text(json.dumps({"clients": clients}))
    assert "clients[0].redirect_uris: http://rp.example/cb must not use http" in refused("--file", str(file))
