"""The Gateway as one WSGI application: protocol faces in the thin lane and in Flask, pages in Flask."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import flask

from gateway_ui.web.app import TRANSLATIONS, make_gateway_pages
from gateway_ui.web.errors import ProtocolPages
from idp.domain.client_certificate import HEADER
from idp.domain.scim_scopes import SCOPES as SCIM_SCOPES
from idp.usecases.services import IdpServices
from idp.web.events.routes import event_routes
from idp.web.oidc.protected_resources import ProtectedResource, resource_routes
from idp.web.oidc.routes import oidc_routes
from kernel.errors import SealError, SettingsError
from kernel.web.certificates import ClientCertificates
from kernel.web.flask_mount import mount
from kernel.web.http import Response, Route, promises_transport_security
from kernel.web.kit import PageKit
from kernel.web.lane import Application, Lane
from kernel.web.proxies import host_check, peer_by_hops
from kernel.web.whole_bodies import AGAIN, in_a_sentence
from scim.web.endpoint import BASE_PATH as SCIM_PATH
from scim.web.endpoint import refusal
from scim.web.routes import scim_routes
from switchyard import counted, health, wiring
from switchyard.cli_options import SETTINGS
from switchyard.record_keeper import keep_recording
from switchyard.settings import GatewaySettings, gateway_settings

PREFIX = "gateway"


def make_gateway(settings: GatewaySettings, services: IdpServices) -> Application:
    """Return the Gateway: hot protocol routes answered in the lane, everything else by Flask."""
    pages, routes = make_parts(settings, services)
    kernel = settings.kernel
    lane = Lane(
        pages.wsgi_app,
        routes,
        randomness=services.store.randomness,
        peer=peer_by_hops(kernel.trusted_proxies, kernel.forwarded_header),
        host_is_ours=host_check(kernel.public_url),
        long_answer=wiring.HEAP.used,
        https=promises_transport_security(kernel.public_url),
    )
    served = counted.measured(lane, pages, {route.path: _face(route.path) for route in routes})
    if not settings.idp.certificate_header:
        return served  # no endpoint looks at certificates then
    return ClientCertificates(
        served,
        header=HEADER,
        source=settings.idp.certificate_header,
        proxies=settings.idp.certificate_proxies,
    )


def _face(path: str) -> str:
    if path.startswith("/scim/"):
        return "scim"
    return "events" if path.startswith(("/events/", "/ssf/", "/.well-known/ssf-")) else "oidc"


def make_parts(settings: GatewaySettings, services: IdpServices) -> tuple[flask.Flask, tuple[Route, ...]]:
    """Return the Flask application with every route mounted, and the table of protocol routes."""
    kernel = settings.kernel
    kit = PageKit(
        product=services.product,
        environment=services.environment,
        public_url=kernel.public_url,
        cookie_prefix=PREFIX,
        sealer=services.store.sealer,
        randomness=services.store.randomness,
        translations=(TRANSLATIONS,),
        trusted_proxies=kernel.trusted_proxies,
        forwarded_header=kernel.forwarded_header,
        version=version("switchyard"),
        clock=services.store.clock,
        zone=services.zone,
        support_email=kernel.support_email,
        support_phone=kernel.support_phone,
    )
    app = make_gateway_pages(services, kit, settings.gateway_ui)
    faces = ProtocolPages(app, kernel.public_url)
    routes = (
        *oidc_routes(services, pages=faces, cookie_prefix=PREFIX),
        *resource_routes(services, ProtectedResource(SCIM_PATH, "Gateway SCIM 2.0", SCIM_SCOPES)),
        *scim_routes(services, settings.scim),
        *event_routes(services, requests_per_second=settings.scim.requests_per_second),
    )
    peer = peer_by_hops(kernel.trusted_proxies, kernel.forwarded_header)
    mount(app, routes, randomness=services.store.randomness, peer=peer)
    health.add_routes(app, services.store, "gateway", ready=lambda: signs(services))
    return app, routes


def signs(services: IdpServices) -> bool:
    """Tell whether the Gateway can sign for every algorithm it offers."""
    for algorithm in services.signing.algorithms:
        services.signing.sign({}, algorithm=algorithm, typ="JWT")
    return True


def start() -> Application:
    """Build the Gateway from the settings file that the environment names: schema and keys first."""
    file = os.environ.get(SETTINGS)
    settings = gateway_settings(Path(file) if file else None, os.environ)
    wiring.set_up_logs(settings.kernel)
    counted.keep_counting(settings.kernel)
    services = wiring.gateway_services(settings)
    wiring.prepare_schema(services.store, "gateway", settings.kernel)
    services.signing.ensure()
    try:
        signs(services)
    except SealError:
        raise SettingsError(
            f"kernel.key_file: {settings.kernel.key_file} does not open the signing keys of this database: "
            "put back the file that sealed them"
        ) from None
    keep_recording(services)
    return make_gateway(settings, services)


def refused(path: str, status: int) -> Response:
    """Word the refusal of a request that nothing served; under ``/scim`` every answer is SCIM (N5)."""
    if f"{path}/".startswith("/scim/"):
        return refusal(status, AGAIN)
    return in_a_sentence(path, status)


def __getattr__(name: str) -> Application:
    """Give ``application``, built when a server asks for it and never on import."""
    if name != "application":
        raise AttributeError(name)
    globals()[name] = found = start()
    return found
