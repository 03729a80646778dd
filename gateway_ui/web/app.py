"""The Flask application of the Gateway's pages. Protocol routes are mounted on it by the wiring."""

from __future__ import annotations

from pathlib import Path

import flask

from gateway_ui.settings import GatewayPagesSettings
from gateway_ui.web import (
    activation,
    client_deeds,
    clients,
    consent,
    dashboard,
    device,
    enrolment,
    help_desk,
    help_desk_deeds,
    information,
    operator,
    overdue,
    own_password,
    passkeys,
    scim_client_deeds,
    scim_client_events,
    scim_clients,
    second_step,
    second_steps,
    sign_in,
    sign_out,
)
from gateway_ui.web.context import EXTENSION, Pages, account_known
from idp.usecases.services import IdpServices
from kernel.web.pages import PageKit, make_pages

HERE = Path(__file__).resolve().parents[1]
TRANSLATIONS = HERE / "translations"
"""The folder that a kit for these pages names among its ``translations``."""

_BLUEPRINTS = (
    dashboard.blueprint,
    sign_in.blueprint,
    passkeys.blueprint,
    second_step.blueprint,
    overdue.blueprint,
    own_password.blueprint,
    activation.blueprint,
    enrolment.blueprint,
    second_steps.blueprint,
    sign_out.blueprint,
    information.blueprint,
    operator.blueprint,
    help_desk.blueprint,
    help_desk_deeds.blueprint,
    clients.blueprint,
    client_deeds.blueprint,
    scim_clients.blueprint,
    scim_client_deeds.blueprint,
    scim_client_events.blueprint,
    consent.blueprint,
    device.blueprint,
)


def make_gateway_pages(
    services: IdpServices, kit: PageKit, settings: GatewayPagesSettings | None = None
) -> flask.Flask:
    """Return the Gateway's pages as a WSGI application.

    ``kit.translations`` must hold :data:`TRANSLATIONS`.
    """
    app = make_pages(
        __name__,
        kit,
        template_folders=(HERE / "templates",),
        static_folders=(HERE / "static",),
        error_layout="gateway/base.html",
    )
    app.context_processor(account_known)
    app.extensions[EXTENSION] = Pages(services, settings or GatewayPagesSettings())
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app
