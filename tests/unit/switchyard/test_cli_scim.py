"""`switchyard scim-client`: an operator's whole way with a SCIM client that knows nothing but a token."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.command_line import CommandLine

    Run = Callable[..., str]


@pytest.fixture
def run(command_line: CommandLine) -> Run:
    return partial(command_line, "scim-client")


def test_a_client_is_registered_gets_tokens_and_loses_them(run: Run) -> None:
    """O2, O4, O6, SA-11: each deed is one command; a token is shown once, then known by its fingerprint."""
    assert "no such SCIM client" in run("token", "okta", code=1)
    assert "25 requests" in run("set", "okta", "--requests-per-second", "3", code=1)
    assert "scim.groups.read" in run("set", "okta", "--scope", "openid", code=1)
    assert "each like 192.0.2.0/24" in run("set", "okta", "--allow-address", "192.0.2.1/24", code=1)
    said = run(
        "set",
        "okta",
        "--allow-address",
        "192.0.2.0/24",
        "--allow-address",
        "2001:db8::1",
        "--profile",
        "okta",
        "--scope",
        "scim.users.write",
        "--require-match",
        "--extension",
        "--leave-out-unknown-members",
        "--requests-per-second",
        "50",
    )
    told = run("token", "okta", "--days", "90", "--label", "the tenant of Acme")
    found = re.search(r"The token ([0-9a-f]{12}) of okta, shown this once: (swscim_\S{49})\n", told)
    assert found, told
    listed = run("list")
    assert said == f"okta is registered:\n{listed.splitlines()[0]}\n"
    assert "okta  okta  okta  enabled  static tokens may scim.users.write" in listed
    assert (
        "may use our extension  leaves out unknown members  needs If-Match  50 requests per second  "
        "from 192.0.2.0/24 2001:db8::1 alone" in listed
    )
    assert f"token {found[1]}  the tenant of Acme  made" in listed
    assert "used never" in listed
    assert found[2] not in listed
    run("token", "okta")
    assert "two tokens live already" in run("token", "okta", code=1)
    run("revoke-token", "okta", found[1][:6])
    assert "no live token" in run("revoke-token", "okta", found[1], code=1)
    assert found[1] not in run("list")
    run("disable", "okta", "--reason", "leaked")
    assert listed.splitlines()[0].replace("enabled", "disabled") in run("list"), "it is all else that it was"
    assert "is enabled" in run("disable", "okta", code=1)
    run("enable", "okta")
    assert "is disabled" in run("enable", "okta", code=1)
    assert listed.splitlines()[0] in run("list")
    run("set", "okta", "--disable")
    assert "disabled" in run("list")


@pytest.mark.parametrize("days", ["0", "36501", "3000000", "99999999999999999999"])
def test_a_token_ends_on_a_day_that_the_calendar_has(run: Run, days: str) -> None:
    """O2: a life that cannot be is a wrong option, and no token is made."""
    run("set", "okta")
    assert "--days" in run("token", "okta", "--days", days, code=2)
    assert "token" not in run("list").partition("\n")[2]
    run("token", "okta", "--days", "36500")


def test_an_account_that_is_not_there_is_not_protected(run: Run) -> None:
    """O8: a mistyped name does not look like success."""
    assert "no account is called nobody" in run("protect", "nobody", code=1)
    assert "No account is protected" in run("protected")
