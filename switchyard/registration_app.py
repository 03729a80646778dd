"""Registration as one WSGI application."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import flask

from kernel.web.kit import PageKit
from kernel.web.lane import Application
from registration.outbound.keys import read_public_key
from registration.usecases.services import RegistrationServices
from registration.web.app import make_registration_app
from switchyard import counted, health, registration_wiring, wiring
from switchyard.cli_options import SETTINGS
from switchyard.settings import RegistrationSystemSettings, registration_settings


def make_registration(settings: RegistrationSystemSettings, services: RegistrationServices) -> flask.Flask:
    """Return Registration's pages."""
    kernel = settings.kernel
    kit = PageKit(
        product="Registration",
        environment=wiring.shown_environment(kernel),
        public_url=kernel.public_url,
        cookie_prefix="registration",
        sealer=services.store.sealer,
        randomness=services.store.randomness,
        translations=(),
        trusted_proxies=kernel.trusted_proxies,
        forwarded_header=kernel.forwarded_header,
        version=version("switchyard"),
        clock=services.store.clock,
        support_email=kernel.support_email,
        support_phone=kernel.support_phone,
    )
    app = make_registration_app(services, kit)
    health.add_routes(app, services.store, "registration")
    return app


def start() -> Application:
    """Build Registration from the settings file that the environment names: schema first."""
    file = os.environ.get(SETTINGS)
    settings = registration_settings(Path(file) if file else None, os.environ)
    wiring.set_up_logs(settings.kernel)
    counted.keep_counting(settings.kernel)
    read_public_key(Path(settings.registration.client_key_file))  # without it nobody could sign in
    services = registration_wiring.registration_services(settings)
    wiring.prepare_schema(services.store, "registration", settings.kernel)
    app = make_registration(settings, services)
    return counted.measured(app.wsgi_app, app, {})


def __getattr__(name: str) -> Application:
    """Give ``application``, built when a server asks for it and never on import."""
    if name != "application":
        raise AttributeError(name)
    globals()[name] = found = start()
    return found
