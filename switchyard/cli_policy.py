"""The command line's policies: the rules in force, where each comes from, what it departs from."""

from __future__ import annotations

import os
from pathlib import Path

import click

from switchyard.cli_options import Commands, settings_option


@click.group(cls=Commands)
def policy() -> None:
    """Policies for passwords and factors."""


@policy.command()
@settings_option
@click.argument("name", required=False)
def explain(settings: Path | None, name: str | None) -> None:
    """Print each rule of a policy profile with its source and the norms it departs from.

    Without NAME the profile that the settings choose.
    """
    from idp.domain import policy_profiles  # noqa: PLC0415 - loaded when needed
    from switchyard.settings import gateway_settings  # noqa: PLC0415

    if name is None:
        chosen = gateway_settings(settings, os.environ).idp
        required = chosen.second_factor == "required"
        profile = policy_profiles.profile_named(chosen.policy, factor_required=required)
    elif name in policy_profiles.PROFILES:
        profile = policy_profiles.PROFILES[name]
    else:
        known = ", ".join(sorted(policy_profiles.PROFILES))
        raise click.BadParameter(f"no such profile; there are {known}")
    click.echo(profile.name)
    for line in policy_profiles.explain(profile):
        click.echo(f"  {line.rule}: {line.value}  [{line.source}]")
        if line.departs_from:
            click.echo(f"    departs from: {line.departs_from}")
