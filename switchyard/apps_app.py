"""The stand-in applications as one WSGI application."""

from __future__ import annotations

import os

import flask

from relying_parties.app import make_applications
from relying_parties.settings import load
from switchyard.cli_options import APPS_SETTINGS


def start() -> flask.Flask:
    """Build the applications from the settings file that the environment names."""
    return make_applications(load(os.environ[APPS_SETTINGS]))


def __getattr__(name: str) -> flask.Flask:
    """Give ``application``, built when a server asks for it and never on import."""
    if name != "application":
        raise AttributeError(name)
    globals()[name] = found = start()
    return found
