"""The stand-in applications as one WSGI application."""

from __future__ import annotations

import os
import sqlite3

import flask

from kernel.errors import SettingsError
from relying_parties.app import make_applications
from relying_parties.settings import SettingsError as ApplicationsSettingsError
from relying_parties.settings import load
from switchyard.cli_options import APPS_SETTINGS


def start() -> flask.Flask:
    """Build the applications from the settings file that the environment names.

    Raises:
        SettingsError: naming the option that is wrong and what would be right.
    """
    file = os.environ[APPS_SETTINGS]
    try:
        return make_applications(load(file))
    except ApplicationsSettingsError as error:
        raise SettingsError(str(error)) from None
    except (OSError, sqlite3.Error) as error:
        if "locked" in str(error):  # by another worker: the next try finds it free
            raise
        raise SettingsError(f"{file}: database: the file cannot be used ({error}).") from None


def __getattr__(name: str) -> flask.Flask:
    """Give ``application``, built when a server asks for it and never on import."""
    if name != "application":
        raise AttributeError(name)
    globals()[name] = found = start()
    return found
