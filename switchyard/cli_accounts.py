"""The command line's accounts: what the operator's staff do for a person, or against who took her account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from switchyard.cli_client_words import moment, tell
from switchyard.cli_options import Commands, as_json, fail, read_gateway, settings_option

if TYPE_CHECKING:
    from idp.usecases.account_standing import AccountDetail

FACTORS = ("totp", "passkey")
"""Those of `idp.domain.factors`, written out: the command line must start fast."""
REASONS = ("compromised", "lost-device", "suspicion", "requested")
"""Those of `idp.domain.account_lock`, likewise."""


ticket_option = click.option(
    "--ticket", default="", help="Number of the request at the help desk, for the audit."
)
"""The option of a deed that somebody asked the help desk for."""


@click.group("account", cls=Commands)
def account() -> None:
    """Accounts: how one stands, its lock, password and second steps. Their sources make and delete them."""


@account.command()
@settings_option
@click.argument("user_name")
@as_json
def show(settings: Path | None, user_name: str, *, as_json: bool) -> None:
    """Show how an account stands: whether its holder can sign in, and with what."""
    from idp.usecases.show_account import show_account  # noqa: PLC0415
    from switchyard.operations import gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        found = show_account(services, user_name)
    if found is None:
        _unknown(user_name)
    told = _facts(found)
    tell(told, *(f"{name:24} {_text(value)}" for name, value in told.items()), as_json=as_json)


@account.command()
@settings_option
@click.argument("user_name")
@click.option("--reason", type=click.Choice(REASONS), required=True, help="Why, for the audit.")
@ticket_option
def lock(settings: Path | None, user_name: str, reason: str, ticket: str) -> None:
    """Lock an account at once, until `unlock`: nobody signs in, and all that is open ends.

    Sessions, codes, tokens and links end with it, and applications are told. The SCIM client that made the
    account cannot unlock it.
    """
    from idp.domain.account_lock import LockReason  # noqa: PLC0415
    from idp.usecases.lock_account import AccountLocked, lock_account  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        outcome = lock_account(
            services, user_name, reason=LockReason(reason), ticket=ticket, actor=at_console()
        )
    if not isinstance(outcome, AccountLocked):
        _refused(user_name, outcome)
    if outcome.again:
        click.echo(f"{user_name} is locked already, since {moment(outcome.since)}")
        return
    click.echo(f"{user_name} is locked; sessions that ended: {outcome.sessions}")


@account.command("reset-password")
@settings_option
@click.argument("user_name")
@ticket_option
@as_json
def reset_password(settings: Path | None, user_name: str, ticket: str, *, as_json: bool) -> None:
    """Reset a password, and print a temporary one, this once: it works once, and is changed at once.

    Call the person back at the number that is registered and read it aloud. The second step is asked for as
    ever. Sessions, codes and tokens end, and the person is written to.
    """
    from idp.domain.temporary_password import spelled  # noqa: PLC0415
    from idp.usecases.issue_temporary_password import (  # noqa: PLC0415
        NothingToReset,
        TemporaryPassword,
        issue_temporary_password,
    )
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        outcome = issue_temporary_password(services, user_name, ticket=ticket, actor=at_console())
    if isinstance(outcome, NothingToReset):
        fail(f"nobody has activated {user_name} yet, or the source of the account has switched it off", 1)
    if not isinstance(outcome, TemporaryPassword):
        _refused(user_name, outcome)
    until = moment(outcome.until)
    lines = [
        f"The temporary password of {user_name}, shown this once: {outcome.password}",
        *(f"  {group}" for group in spelled(outcome.password)),
        f"It works once, until {until}; sessions that ended: {outcome.sessions}",
        *([f"{user_name} stays locked: `switchyard account unlock {user_name}`"] if outcome.locked else []),
    ]
    told = {
        "user_name": user_name,
        "temporary_password": outcome.password,
        "until": until,
        "sessions": outcome.sessions,
        "locked": outcome.locked,
    }
    tell(told, *lines, as_json=as_json)


@account.command("remove-factors")
@settings_option
@click.argument("user_name")
@click.option("--only", type=click.Choice(FACTORS), help="Only authenticator apps, or only passkeys.")
@ticket_option
def remove_factors(settings: Path | None, user_name: str, only: str | None, ticket: str) -> None:
    """Remove the second steps of a person who has lost them. The password stays.

    Call the person back at the number that is registered first. Who has no second step left signs in with
    the password and a code sent by email, and sets up a new one. Sessions, codes and tokens end, and the
    person is written to.
    """
    from idp.usecases.remove_lost_factors import (  # noqa: PLC0415
        FactorsRemoved,
        NoneOfThose,
        remove_lost_factors,
    )
    from idp.usecases.show_account import show_account  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        found = show_account(services, user_name)
        lost = [each.id for each in found.factors if only in (None, each.kind.value)] if found else []
        outcome = remove_lost_factors(services, user_name, lost, ticket=ticket, actor=at_console())
    if isinstance(outcome, NoneOfThose):
        click.echo(f"{user_name} has no such second step")
        return
    if not isinstance(outcome, FactorsRemoved):
        _refused(user_name, outcome)
    removed = ", ".join(each.value for each in outcome.kinds)
    click.echo(
        f"{user_name} has lost: {removed}; left: {outcome.left}; sessions that ended: {outcome.sessions}"
    )


@account.command()
@settings_option
@click.argument("user_name")
def unlock(settings: Path | None, user_name: str) -> None:
    """Take every lock off an account: that of staff, and that of wrong guesses. What ended stays over."""
    from idp.usecases.unlock_account import AccountUnlocked, unlock_account  # noqa: PLC0415
    from switchyard.operations import at_console, gateway_services  # noqa: PLC0415

    with gateway_services(read_gateway(settings)) as services:
        outcome = unlock_account(services, user_name, actor=at_console())
    if not isinstance(outcome, AccountUnlocked):
        _unknown(user_name)
    if not outcome.was_locked and not outcome.guesses:
        click.echo(f"{user_name} was not locked")
    else:
        click.echo(f"{user_name} is unlocked")
    if not outcome.is_active:
        click.echo(f"{user_name} stays switched off until its source switches it on")


def _refused(user_name: str, outcome: object) -> NoReturn:
    """Say why nothing was done."""
    from idp.domain.provisioning import Protected  # noqa: PLC0415
    from idp.domain.ticket import BadTicket  # noqa: PLC0415

    if isinstance(outcome, BadTicket):
        fail("a ticket is a number, such as INC-4711, and no text", 1)
    if isinstance(outcome, Protected):
        fail(f"{user_name} is protected: `switchyard scim-client unprotect {user_name}` comes first", 1)
    _unknown(user_name)


def _unknown(user_name: str) -> NoReturn:
    fail(f"no account is called {user_name}", 1)


def _facts(found: AccountDetail) -> dict[str, object]:
    account, password = found.account, found.password
    return {
        "user_name": account.user_name,
        "id": account.id,
        "kind": account.kind.value,
        "source": account.source,
        "can_sign_in": found.can_sign_in,
        "wanted_by_source": account.is_wanted,
        "activated_at": moment(account.activated_at),
        "locked_at": moment(account.locked_at),
        "guessed_until": moment(found.guessed_until),
        "protected_at": moment(account.protected_at),
        "password_set_at": moment(password.set_at) if password else None,
        "temporary_until": moment(password.temporary_until) if password else None,
        "factors": [each.kind.value for each in found.factors],
        "sessions": found.sessions,
        "known_browsers": found.browsers,
    }


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "  ".join(map(str, value)) or "none"
    return "-" if value is None else str(value)
