"""`switchyard events`: an operator's whole way with the stream of a SCIM client."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command_line import CommandLine

HEADER = "Bearer the-receiver-knows-it"


def test_a_stream_is_made_changed_stopped_and_taken_away(command_line: CommandLine, tmp_path: Path) -> None:
    """P2: each deed is one command, a refusal says why, and the receiver's header is shown nowhere."""
    assert "register it first" in command_line("events", "set", "idp", code=1)
    command_line("scim-client", "set", "idp")
    assert "none that the Gateway signs with" in command_line(
        "events", "set", "idp", "--algorithm", "none", code=1
    )
    assert "begins with https://" in command_line(
        "events", "set", "idp", "--push", "http://a.example/", code=1
    )
    assert "polls its events at http://127.0.0.1:8000/events/poll" in command_line("events", "set", "idp")
    line = command_line("events", "list")
    assert "idp  enabled  provisioning notice  ES256  polled  0 waiting  never reached" in line
    header = tmp_path / "header.txt"
    address = "https://receiver.example/events"
    options = ("--provisioning", "full", "--push", address, "--authorization-file", str(header))
    header.write_bytes(b"\xff\xfe")
    assert f"the file {header} is no text" in command_line("events", "set", "idp", *options, code=2)
    header.write_text(f"{HEADER}\n")
    assert f"events are pushed to {address}" in command_line("events", "set", "idp", *options)
    command_line("events", "status", "idp", "paused", "--reason", "maintenance")
    line = command_line("events", "list")
    assert f"idp  paused  because maintenance  provisioning full  ES256  pushed to {address}" in line
    assert HEADER not in line
    assert "is gone" in command_line("events", "remove", "idp")
    assert "There are no streams of events yet" in command_line("events", "list")
    for gone in (("status", "idp", "enabled"), ("remove", "idp")):
        assert "has no stream" in command_line("events", *gone, code=1)
