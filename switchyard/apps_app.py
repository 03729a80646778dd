"""The stand-in applications as one WSGI application, from the file that the environment names.

Nothing of ours but the address of their settings reaches them: they are strangers who know the standards.
"""

from __future__ import annotations

import os

from kernel.errors import SettingsError
from relying_parties.app import make_applications
from relying_parties.settings import load
from switchyard.cli_options import APPS_SETTINGS


def _settings_file() -> str:
    file = os.environ.get(APPS_SETTINGS, "")
    if not file:
        raise SettingsError(f"{APPS_SETTINGS} names no settings file for the applications")
    return file


application = make_applications(load(_settings_file()))
