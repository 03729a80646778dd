"""What the commands share: how they fail, and the options that several have, and how settings are read."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from switchyard.exit_codes import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable

    from switchyard.settings import GatewaySettings

SETTINGS = "SWITCHYARD_SETTINGS"
APPS_SETTINGS = "SWITCHYARD_APPS_SETTINGS"


def fail(sentence: str, code: int = REFUSED) -> NoReturn:
    """End the command with one sentence on standard error."""
    click.echo(f"switchyard: {sentence}", err=True)
    sys.exit(code)


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")
"""The option of a command whose answer programs read, too."""


class Asked(click.Option):
    """An option that is asked for where it was not given, and required where there is nobody to answer."""

    def prompt_for_value(self, ctx: click.Context) -> object:
        """Ask for the value."""
        try:
            return super().prompt_for_value(ctx)
        except click.Abort as error:
            if was_interrupted(error):
                raise
            click.echo(err=True)  # behind the question
            asked = [each for each in ctx.command.params if isinstance(each, Asked)]
            lacking = [each.opts[-1] for each in asked if each.required and each.name not in ctx.params]
            raise click.UsageError(nobody_answers(*(lacking or self.opts[-1:])), ctx) from None


def was_interrupted(error: click.Abort) -> bool:
    """Tell whether somebody ended the question, or said no; else there was nobody to answer it."""
    return not isinstance(error.__context__, EOFError)


def nobody_answers(*options: str) -> str:
    """Return what to say where a question meets an end of the input."""
    return f"nobody answers here: give {', '.join(options)}"


CLIENT_PROFILES = ("default", "compat", "ipsie-sl1", "fapi2")
"""Those of `idp.domain.client_profile`, written out: the command line must start fast."""
DAYS = click.IntRange(1, 36_500)
"""How long something may live that an operator makes: a hundred years, which every calendar has."""

# For commands that are given a generated name: base64url (RFC 4648 section 5) may begin with "-".
GENERATED_NAME = {"ignore_unknown_options": True}


class Commands(click.Group):
    """A group that turns our own errors into one sentence and keeps the order of its commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order in which they were added."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; what others can mend is told in one sentence."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - what is no matter of theirs is told in full
            from kernel.logged_errors import traced  # noqa: PLC0415 - the command line must start fast
            from switchyard.cli_faults import told  # noqa: PLC0415

            found = told(error)
            if found is None:  # nor is a row shown on a terminal
                click.echo(traced((type(error), error, error.__traceback__)), err=True)
                sys.exit(1)
            fail(*found)


def read_gateway(settings: Path | None) -> GatewaySettings:
    """Return the Gateway's settings, from the file and the environment."""
    from switchyard.settings import gateway_settings  # noqa: PLC0415 - loaded when needed

    return gateway_settings(settings, os.environ)


def settings_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option ``--settings``."""
    return click.option(
        "--settings",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        envvar=SETTINGS,
        help=f"Settings file in TOML. [env: {SETTINGS}; single options: SWITCHYARD_GATEWAY__KERNEL__...]",
    )(command)
