"""`switchyard events`: an operator's whole way with the stream of a SCIM client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from switchyard.cli import main

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "Bearer the-receiver-knows-it"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    kek = tmp_path / "kek.txt"
    assert CliRunner().invoke(main, ["keys", "new-kek", str(kek)]).exit_code == 0
    file = tmp_path / "switchyard.toml"
    file.write_text(
        "[gateway.kernel]\n"
        f"database_url = 'sqlite:///{tmp_path / 'gateway.db'}'\n"
        f"key_file = '{kek}'\n"
        "public_url = 'http://127.0.0.1:8000'\n"
    )
    return Run(file)


class Run:
    """The command line over one settings file."""

    def __init__(self, settings: Path) -> None:
        self._settings = settings

    def __call__(self, group: str, command: str, *rest: str, code: int = 0) -> str:
        words = [group, command, "--settings", str(self._settings), *rest]
        result = CliRunner().invoke(main, words, catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result.output


def test_a_stream_is_made_changed_stopped_and_taken_away(run: Run, tmp_path: Path) -> None:
    """P2: each deed is one command, a refusal says why, and the receiver's header is shown nowhere."""
    assert "register it first" in run("events", "set", "idp", code=1)
    run("scim-client", "set", "idp")
    assert "none that the Gateway signs with" in run("events", "set", "idp", "--algorithm", "none", code=1)
    assert "begins with https://" in run("events", "set", "idp", "--push", "http://a.example/", code=1)
    assert "polls its events at http://127.0.0.1:8000/events/poll" in run("events", "set", "idp")
    line = run("events", "list")
    assert "idp  enabled  provisioning notice  ES256  polled  0 waiting  never reached" in line
    header = tmp_path / "header.txt"
    header.write_text(f"{HEADER}\n")
    address = "https://receiver.example/events"
    options = ("--provisioning", "full", "--push", address, "--authorization-file", str(header))
    assert f"events are pushed to {address}" in run("events", "set", "idp", *options)
    run("events", "status", "idp", "paused", "--reason", "maintenance")
    line = run("events", "list")
    assert f"idp  paused  because maintenance  provisioning full  ES256  pushed to {address}" in line
    assert HEADER not in line
    assert "is gone" in run("events", "remove", "idp")
    assert run("events", "list") == ""
    for gone in (("status", "idp", "enabled"), ("remove", "idp")):
        assert "has no stream" in run("events", *gone, code=1)
