"""The example of a settings file, written from the settings classes themselves."""

from __future__ import annotations

from kernel.settings import example_toml
from switchyard.settings import Settings

_HEAD = """\
# Switchyard's settings: every option, what it does, and its default. Uncomment what you change.
#
# Each option may come from the environment too, and the environment wins:
# [gateway.kernel] public_url is SWITCHYARD_GATEWAY__KERNEL__PUBLIC_URL.
# Spans of time: PT30S is thirty seconds, PT10M ten minutes, PT12H twelve hours, P90D ninety days.
# This file is written by `switchyard settings example`.
"""


def example_settings() -> str:
    """Return the file with every option, its documentation and its default."""
    return f"{_HEAD}\n{example_toml(Settings).strip()}\n"
