"""The command line: quick help, one sentence for a mistake, and the example file."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from idp.domain.client_profile import ClientProfile
from idp.domain.oauth import AuthMethod
from idp.domain.security_events import Payload, StreamStatus
from idp.usecases import store_scim_client
from kernel.crypto import KeyRing
from kernel.errors import BusyError, SettingsError, SwitchyardError
from scim.domain.profile import Profile
from switchyard.cli import main
from switchyard.cli_options import Commands
from tests.architecture.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def test_help_loads_nothing_heavy() -> None:
    """`switchyard --help` answers without the web framework, the database or the settings."""
    script = (
        "import sys; from switchyard.cli import main; main(['--help'], standalone_mode=False); "
        "sys.exit(any(name in sys.modules for name in ('flask', 'sqlalchemy', 'pydantic', 'granian', 'httpx')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


@pytest.mark.parametrize(
    ("path", "name", "known"),
    [
        ("client add", "profile", ClientProfile),
        ("client change", "profile", ClientProfile),
        ("client add", "auth_method", AuthMethod),
        ("client change", "auth_method", AuthMethod),
        ("client registration-token issue", "profile", ["", *ClientProfile]),
        ("scim-client set", "profile", Profile),
        ("scim-client set", "profile", store_scim_client.PROFILES),
        ("events set", "provisioning", set(Payload) - {Payload.NONE}),
        ("events status", "status", StreamStatus),
    ],
)
def test_a_choice_is_of_all_that_there_is(path: str, name: str, known: Iterable[str]) -> None:
    """The command line loads nothing to show its help, so it writes out what the rules know; none is forgotten."""
    command: click.Command = main
    for word in path.split():
        assert isinstance(command, click.Group)
        command = command.commands[word]
    [option] = [each for each in command.params if each.name == name]
    assert isinstance(option.type, click.Choice)
    assert sorted(option.type.choices) == sorted(known)


def test_every_command_explains_itself() -> None:
    silent = [name for name, command in main.commands.items() if not command.help]
    assert silent == []


def test_a_wrong_option_in_the_settings_is_named_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "switchyard.toml"
    file.write_text("[gateway.kernel]\npublic_ulr = 'x'\n")
    result = CliRunner().invoke(main, ["settings", "check", "--settings", str(file)])
    assert result.exit_code == 2
    assert "gateway.kernel.public_ulr: there is no such option" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(("error", "code"), [(BusyError(retry_after=1), 75), (SettingsError("wrong"), 2)])
def test_what_may_go_well_another_time_has_a_code_of_its_own(error: SwitchyardError, code: int) -> None:
    """EX_TEMPFAIL of sysexits.h; who starts commands knows whether to start them again."""

    @click.command()
    def deed() -> None:
        raise error

    result = CliRunner().invoke(Commands("all", commands=[deed]), ["deed"])
    assert result.exit_code == code
    assert result.stderr.startswith("switchyard: ")


def test_the_example_file_can_be_used_and_is_current(tmp_path: Path) -> None:
    """`switchyard.example.toml` is what `switchyard settings example` prints."""
    printed = CliRunner().invoke(main, ["settings", "example"]).output
    assert (ROOT / "switchyard.example.toml").read_text() == printed
    file = tmp_path / "switchyard.toml"
    file.write_text(printed)
    assert CliRunner().invoke(main, ["settings", "check", "--settings", str(file)]).exit_code == 0


def test_the_example_file_can_be_used_with_every_option_uncommented(tmp_path: Path) -> None:
    printed = CliRunner().invoke(main, ["settings", "example"]).output
    lines = [
        line.removeprefix("# ") if line.startswith("# ") and " = " in line else line
        for line in printed.splitlines()
    ]
    file = tmp_path / "switchyard.toml"
    file.write_text("\n".join(lines))
    result = CliRunner().invoke(main, ["settings", "check", "--settings", str(file)])
    assert result.exit_code == 0, result.output


def test_a_second_key_encryption_key_seals_and_the_first_still_opens(tmp_path: Path) -> None:
    """KM-03: keys at rest are rotated by adding a number."""
    file = tmp_path / "kek.txt"
    for _ in range(2):
        assert CliRunner().invoke(main, ["keys", "new-kek", str(file)]).exit_code == 0
    ring = KeyRing.from_file(file)
    assert ring.newest == 2
    assert ring.get(1) != ring.get(2)


@pytest.mark.parametrize("command", [["db", "upgrade"], ["audit", "verify"], ["keys", "list"], ["doctor"]])
def test_a_settings_file_that_is_not_there_is_refused(command: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(main, [*command, "--settings", str(tmp_path / "none.toml")])
    assert result.exit_code == 2
    assert "does not exist" in result.stderr
