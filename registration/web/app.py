"""Registration's pages as one application: the page kit with this system's routes and sentences."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import flask

from kernel.web.pages import PageKit, make_pages
from registration.usecases.services import RegistrationServices
from registration.web import (
    access_steps,
    contact_steps,
    home,
    kept_forms,
    operator_console,
    organizations,
    person_steps,
    representative_steps,
    requests,
    sign_in,
)
from registration.web.current import SERVICES, open_session, page_facts

_HERE = Path(__file__).parent


def make_registration_app(services: RegistrationServices, kit: PageKit) -> flask.Flask:
    """Return Registration's Flask application.

    ``kit`` is completed with this system's translations and with the Gateway's origin as a place where a
    form may end: signing in and out lead there.
    """
    gateway = urlsplit(services.settings.gateway_issuer)
    origin = f"{gateway.scheme}://{gateway.netloc}"

    def form_targets() -> Iterable[str]:
        return (*kit.form_targets(), origin)

    own = dataclasses.replace(
        kit, translations=(*kit.translations, _HERE / "translations"), form_targets=form_targets
    )
    app = make_pages(__name__, own, template_folders=(_HERE / "templates",))
    app.extensions[SERVICES] = services
    app.before_request(open_session)
    app.context_processor(page_facts)
    for part in (
        sign_in,
        home,
        kept_forms,
        requests,
        organizations,
        operator_console,
        person_steps,
        access_steps,
        contact_steps,
        representative_steps,
    ):
        app.register_blueprint(part.PAGES)
    return app
