"""The Flask application that holds applications and web services, each a stranger to the others."""

from flask import Blueprint, Flask, Response, make_response

from relying_parties.application import Application, Workshop
from relying_parties.credentials import credentials_of
from relying_parties.energy_market import add_energy_market
from relying_parties.http import Caller
from relying_parties.login import add_login
from relying_parties.oidc import OpenIDClient
from relying_parties.pages import page, prepare_pages
from relying_parties.plain import add_plain
from relying_parties.ports import Chance, Clock, SystemChance, SystemClock
from relying_parties.provider import Provider
from relying_parties.reports import add_reports
from relying_parties.sessions import Sessions
from relying_parties.settings import ApplicationsSettings
from relying_parties.store import Store
from relying_parties.web_service import make_web_service

SCREENS = {"energy-market": add_energy_market, "reports": add_reports, "plain": add_plain}
LARGEST_BODY = 65_536


def make_applications(
    config: ApplicationsSettings, *, clock: Clock | None = None, chance: Chance | None = None
) -> Flask:
    """Return the WSGI application with everything that ``config`` names.

    Raises :class:`relying_parties.settings.SettingsError` when a key file cannot be used. The provider need
    not be there yet: it is asked when the first person signs in.
    """
    clock, chance = clock or SystemClock(), chance or SystemChance()
    app = Flask(__name__, static_url_path="/static")
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        MAX_FORM_MEMORY_SIZE=LARGEST_BODY,
        MAX_FORM_PARTS=50,
        SEND_FILE_MAX_AGE_DEFAULT=31_536_000,
    )
    prepare_pages(app, config, chance)
    store = Store(config.database)
    workshop = Workshop(store=store, sessions=Sessions(store), clock=clock, chance=chance)
    caller = Caller(config)
    issuers = {each.issuer for each in config.mounted}
    providers = {issuer: Provider(issuer, caller, clock) for issuer in issuers}
    for each in config.applications:
        credentials = credentials_of(each, clock, chance)
        client = OpenIDClient(each, providers[each.issuer], credentials, caller, clock, chance)
        application = Application(each, client, workshop)
        blueprint = Blueprint(each.client_id, __name__, url_prefix=each.path)
        add_login(blueprint, application)
        SCREENS[each.kind](blueprint, application)
        app.register_blueprint(blueprint)
    for service in config.web_services:
        app.register_blueprint(make_web_service(service, providers[service.issuer], clock))
    _add_front(app, config)
    return app


def _add_front(app: Flask, config: ApplicationsSettings) -> None:
    @app.get("/")
    def front() -> Response:
        """List the applications."""
        return page("front.html", applications=config.applications)

    @app.get("/healthz")
    def healthz() -> Response:
        """Say that the process answers; nothing else is asked."""
        response = make_response("ok\n")
        response.headers["Content-Type"] = "text/plain; charset=utf-8"
        return response
