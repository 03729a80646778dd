"""`switchyard account`: what the operator's staff do for a person, or against who took her account."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from idp.domain.account_lock import LockReason
from idp.domain.factors import FactorKind
from idp.domain.temporary_password import spelled
from idp.storage.credentials import mark_activated
from kernel.clock import FrozenClock
from switchyard.cli_accounts import FACTORS, REASONS
from switchyard.cli_options import read_gateway
from switchyard.operations import gateway_services
from tests.support.accounts import switched
from tests.support.clock import NOON
from tests.support.factors import an_app
from tests.support.gatehouse import Gatehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.command_line import CommandLine

    Run = Callable[..., str]


@pytest.fixture
def gatehouse(command_line: CommandLine) -> Iterator[Gatehouse]:
    """Give the Gateway of the command line."""
    command_line("db", "upgrade", "--system", "gateway")
    with gateway_services(read_gateway(command_line.settings)) as services:
        yield Gatehouse(services, FrozenClock(NOON))


@pytest.fixture
def run(command_line: CommandLine) -> Run:
    return partial(command_line, "account")


def test_a_mistyped_name_does_not_look_like_success(gatehouse: Gatehouse, run: Run) -> None:
    """LG-11: whoever believes that an account is locked looks no further."""
    gatehouse.provision()
    for words in (("lock", "nobody", "--reason", "compromised"), ("unlock", "nobody"), ("show", "nobody")):
        assert "no account is called nobody" in run(*words, code=1)
    assert "Missing option '--reason'" in run("lock", "fieldn", code=2)
    assert "such as INC-4711" in run("lock", "fieldn", "--reason", "requested", "--ticket", "Nora", code=1)
    assert json.loads(run("show", "fieldn", "--json"))["locked_at"] is None


def test_a_protected_account_is_unprotected_first(
    gatehouse: Gatehouse, run: Run, command_line: CommandLine
) -> None:
    """O8: and the command says how."""
    gatehouse.provision()
    command_line("scim-client", "protect", "fieldn")
    said = run("lock", "fieldn", "--reason", "compromised", code=1)
    assert "`switchyard scim-client unprotect fieldn` comes first" in said
    command_line("scim-client", "unprotect", "fieldn")
    run("lock", "fieldn", "--reason", "compromised")


def test_an_account_is_locked_shown_and_unlocked(gatehouse: Gatehouse, run: Run) -> None:
    """I4, G-72: each deed is one command; what was done already is said."""
    made = gatehouse.provision()
    assert (
        run("lock", "FieldN", "--reason", "lost-device", "--ticket", "INC-4711")
        == "FieldN is locked; sessions that ended: 0\n"
    )
    assert "fieldn is locked already, since 2" in run("lock", "fieldn", "--reason", "compromised")
    found = json.loads(run("show", "fieldn", "--json"))
    assert found["locked_at"]
    assert (found["id"], found["can_sign_in"], found["wanted_by_source"]) == (made.id, False, True)
    lines = dict(line.split(maxsplit=1) for line in run("show", "fieldn").splitlines())
    assert set(lines) == set(found)
    assert (lines["user_name"], lines["factors"], lines["activated_at"]) == ("fieldn", "none", "-")
    assert switched(gatehouse.services, made.id, active=False)
    assert run("unlock", "fieldn") == (
        "fieldn is unlocked\nfieldn stays switched off until its source switches it on\n"
    )
    assert switched(gatehouse.services, made.id, active=True)
    assert run("unlock", "fieldn") == "fieldn was not locked\n"
    (row,) = gatehouse.audit("gateway:account:locked")
    assert (row.reason, dict(row.details)["ticket"]) == ("lost-device", "INC-4711")


def test_a_password_is_reset_and_told_this_once(gatehouse: Gatehouse, run: Run) -> None:
    """G-66 to G-69: read aloud by its spelling; never to be looked at again."""
    assert "no account is called nobody" in run("reset-password", "nobody", code=1)
    made = gatehouse.provision()
    assert "nobody has activated fieldn yet" in run("reset-password", "fieldn", code=1)
    assert "such as INC-4711" in run("reset-password", "fieldn", "--ticket", "Nora", code=1)
    with gatehouse.services.store.write() as unit:
        assert mark_activated(unit.connection, made.id, now=unit.now)
    told = json.loads(run("reset-password", "fieldn", "--json"))
    password = told["temporary_password"]
    assert told["user_name"] == "fieldn"
    shown = run("show", "fieldn")
    assert password not in shown
    assert f"temporary_until          {told['until']}" in shown
    run("lock", "fieldn", "--reason", "requested")
    lines = run("reset-password", "fieldn", "--ticket", "INC-4711").splitlines()
    assert lines[0].startswith("The temporary password of fieldn, shown this once: ")
    assert lines[0].split()[-1] != password
    assert lines[1:5] == [f"  {group}" for group in spelled(lines[0].split()[-1])]
    assert lines[5].startswith("It works once, until 2")
    assert lines[6] == "fieldn stays locked: `switchyard account unlock fieldn`"


def test_lost_second_steps_are_removed(gatehouse: Gatehouse, run: Run, command_line: CommandLine) -> None:
    """ASVS 6.4.4: of one kind, or all; what is not there is said, and nothing is done to who is protected."""
    nora = gatehouse.provision()
    assert "no account is called nobody" in run("remove-factors", "nobody", code=1)
    assert "such as INC-4711" in run("remove-factors", "fieldn", "--ticket", "Nora", code=1)
    an_app(gatehouse.services, nora.id, "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert run("remove-factors", "fieldn", "--only", "passkey") == "fieldn has no such second step\n"
    command_line("scim-client", "protect", "fieldn")
    assert "is protected" in run("remove-factors", "fieldn", code=1)
    command_line("scim-client", "unprotect", "fieldn")
    assert gatehouse.audit("gateway:account:factors-removed") == []
    said = run("remove-factors", "FieldN", "--ticket", "INC-4711")
    assert said == "FieldN has lost: totp; left: 0; sessions that ended: 0\n"
    (row,) = gatehouse.audit("gateway:account:factors-removed")
    assert (row.target, dict(row.details)["ticket"]) == (nora.id, "INC-4711")
    assert run("remove-factors", "fieldn") == "fieldn has no such second step\n"


def test_every_reason_can_be_said() -> None:
    """The command line starts fast: it has the words written out."""
    assert tuple(LockReason) == REASONS
    assert tuple(FactorKind) == FACTORS
