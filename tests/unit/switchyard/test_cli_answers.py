"""What commands answer to people and to other programs, and where nobody is there to be asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from switchyard.cli import main

if TYPE_CHECKING:
    from click.testing import Result

    from tests.support.command_line import CommandLine


@pytest.fixture
def upgraded(command_line: CommandLine) -> CommandLine:
    """Give the command line over a Gateway that has its tables, and nothing in them."""
    command_line("db", "upgrade", "--system", "gateway")
    return command_line


LISTS = [
    ("keys", "list"),
    ("client", "list"),
    ("client", "registration-token", "list"),
    ("scim-client", "list"),
    ("scim-client", "protected"),
    ("events", "list"),
]


def run(upgraded: CommandLine, *words: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, [*words, "--settings", str(upgraded.settings)], input=answer)


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_an_empty_list_is_told_to_people_and_is_no_line_of_the_list(
    upgraded: CommandLine, words: tuple[str, ...]
) -> None:
    empty = run(upgraded, *words)
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert empty.stderr.endswith(".\n")
    for_programs = run(upgraded, *words, "--json")
    assert (for_programs.exit_code, for_programs.output) == (0, "[]\n")


def test_who_looks_for_what_is_not_there_is_not_told_that_there_is_nothing(upgraded: CommandLine) -> None:
    upgraded("client", "add", "app", "--name", "App", "--machine", "--auth-method", "client_secret_basic")
    assert run(upgraded, "client", "list", "--search", "other").stderr == "No client is like that.\n"


def test_whatever_is_listed_other_programs_read_too(upgraded: CommandLine) -> None:
    upgraded("scim-client", "set", "hr", "--profile", "entra")
    upgraded("events", "set", "hr")
    upgraded("keys", "rotate")
    made = {
        words: json.loads(run(upgraded, *words, "--json").stdout)
        for words in (
            ("scim-client", "token", "hr", "--label", "sandbox"),
            ("client", "registration-token", "issue", "--name", "partners"),
        )
    }
    told = {words: json.loads(run(upgraded, *words, "--json").stdout) for words in LISTS}
    [client] = told["scim-client", "list"]
    [token] = client["tokens"]
    assert (client["client_id"], client["profile"], token["label"]) == ("hr", "entra", "sandbox")
    assert made["scim-client", "token", "hr", "--label", "sandbox"]["fingerprint"] == token["fingerprint"]
    [issued] = told["client", "registration-token", "list"]
    assert issued["id"] == made["client", "registration-token", "issue", "--name", "partners"]["id"]
    assert (issued["state"], issued["most_uses"]) == ("live", 1)
    [stream] = told["events", "list"]
    assert (stream["client_id"], stream["status"], stream["waiting"]) == ("hr", "enabled", 0)
    assert {key["state"] for key in told["keys", "list"]} == {"next", "active"}


def test_the_doctor_speaks_to_other_programs_too(upgraded: CommandLine) -> None:
    result = run(upgraded, "doctor", "--json")
    found = {each["subject"]: each["verdict"] for each in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert (found["gateway database"], found["registration sign-in key"]) == ("good", "bad")


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (
            ("operator", "add", "--first-name", "Robin", "--city", "Toronto"),
            "--last-name, --email, --phone, --address, --postal-code",
        ),
        (("keys", "revoke", "kid", "--reason", "lost"), "--yes"),
        (("db", "downgrade", "--system", "gateway", "--revision", "base"), "--yes"),
        (("client", "delete", "app"), "--yes"),
    ],
)
def test_where_nobody_answers_the_options_are_named_that_say_it(
    upgraded: CommandLine, words: tuple[str, ...], options: str
) -> None:
    """As in a job: it ended with "Aborted!", and nobody knew what it had asked for."""
    upgraded("client", "add", "app", "--name", "App", "--machine", "--auth-method", "client_secret_basic")
    result = run(upgraded, *words)
    assert result.exit_code == 2
    assert f"Error: nobody answers here: give {options}\n" in result.stderr
    assert "Aborted" not in result.output
    if options == "--yes":  # who was asked and said no is told nothing of it
        refused = run(upgraded, *words, answer="n\n")
        assert (refused.exit_code, options in refused.output) == (1, False)
