"""The table of the OpenID Connect face: every address, mounted in Flask and in the lane alike."""

from __future__ import annotations

from idp.domain.login_flow import RESUME_PATH
from idp.domain.self_registration import CLOSED
from idp.usecases.services import IdpServices
from idp.web.authlib_bridge import provider_metadata_fault
from idp.web.oidc.authorize import AuthorizeFace
from idp.web.oidc.cookies import CookieNames
from idp.web.oidc.cross_origin import open_to_scripts
from idp.web.oidc.device import device_endpoint
from idp.web.oidc.documents import jwks_endpoint, metadata_endpoint, signed_metadata_endpoint
from idp.web.oidc.logout import logout_endpoint
from idp.web.oidc.metadata import provider_metadata
from idp.web.oidc.pages import OidcPages
from idp.web.oidc.push import push_endpoint
from idp.web.oidc.self_registration import management_endpoint, registration_endpoint
from idp.web.oidc.token import introspection_endpoint, revocation_endpoint, token_endpoint
from idp.web.oidc.userinfo import userinfo_endpoint
from kernel.errors import SettingsError
from kernel.web.dispatch import ANY_METHOD
from kernel.web.http import Route

PATHS = {
    "authorize": "/oauth2/authorize",
    "token": "/oauth2/token",
    "userinfo": "/oauth2/userinfo",
    "jwks": "/oauth2/jwks",
    "introspect": "/oauth2/introspect",
    "revoke": "/oauth2/revoke",
    "logout": "/oauth2/logout",
    "push": "/oauth2/par",
    "device": "/oauth2/device_authorization",
}
REGISTRATION_PATH = "/oauth2/register"
"""Where clients register themselves, if the settings let them; each one's own address is below it."""
DISCOVERY_PATHS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")

_LOOK = ("GET",)
_FORM = ("GET", "POST")
_POST = ("POST",)
_LOOK_ALONE = ("GET", ANY_METHOD)
_FORM_ALONE = ("GET", "POST", ANY_METHOD)
_POST_ONLY = ("POST", ANY_METHOD)
"""The endpoint itself refuses the other methods, HEAD too, so that no refusal is cached (TK-08, TK-10)."""


def oidc_routes(
    services: IdpServices, *, pages: OidcPages, cookie_prefix: str = "gateway"
) -> tuple[Route, ...]:
    """Return the routes of the OpenID provider.

    Raises:
        SettingsError: if the discovery document that follows from the settings is against the standards.
    """
    document = metadata_document(services)
    cookies = CookieNames.of(cookie_prefix, services.public_url)
    face = AuthorizeFace(services, cookies, pages, PATHS["authorize"])
    logout = logout_endpoint(services, cookies, pages, PATHS["logout"])
    return (
        Route(_LOOK, DISCOVERY_PATHS[0], metadata_endpoint(document), "metadata", hot=True),
        Route(
            _LOOK,
            DISCOVERY_PATHS[1],
            signed_metadata_endpoint(services, document),
            "signed_metadata",
            hot=True,
        ),
        Route(_LOOK, PATHS["jwks"], jwks_endpoint(services), "jwks", hot=True),
        Route(_FORM_ALONE, PATHS["authorize"], face.authorize, "authorize", hot=True),
        Route(_LOOK_ALONE, RESUME_PATH, face.resume, "resume", hot=True),
        *open_to_scripts(
            Route(_POST_ONLY, PATHS["token"], token_endpoint(services), "token", hot=True), _POST
        ),
        *open_to_scripts(
            Route(_FORM, PATHS["userinfo"], userinfo_endpoint(services), "userinfo", hot=True), _FORM
        ),
        Route(_POST_ONLY, PATHS["introspect"], introspection_endpoint(services), "introspect", hot=True),
        *open_to_scripts(
            Route(_POST_ONLY, PATHS["revoke"], revocation_endpoint(services), "revoke", hot=True), _POST
        ),
        *open_to_scripts(Route(_POST_ONLY, PATHS["push"], push_endpoint(services), "push", hot=True), _POST),
        Route(_POST_ONLY, PATHS["device"], device_endpoint(services), "device", hot=True),
        Route(_FORM_ALONE, PATHS["logout"], logout, "logout", hot=True),
        *_registration_routes(services, document),
    )


def _registration_routes(services: IdpServices, document: dict[str, object]) -> tuple[Route, ...]:
    path = _paths(services).get("register")
    if path is None:
        return ()
    return (
        Route(_POST_ONLY, path, registration_endpoint(services, path, document), "register"),
        Route(
            _POST_ONLY, f"{path}/{{client_id}}", management_endpoint(services, path, document), "registered"
        ),
    )


def _paths(services: IdpServices) -> dict[str, str]:
    """Return the routes that are wired, by name."""
    closed = services.settings.registration == CLOSED
    return PATHS if closed else {**PATHS, "register": REGISTRATION_PATH}


def metadata_document(services: IdpServices) -> dict[str, object]:
    """Return the discovery document of what is wired, judged by a second reading of the standards.

    Raises:
        SettingsError: naming what is wrong.
    """
    document = provider_metadata(services, _paths(services))
    fault = provider_metadata_fault(document)
    if fault:
        raise SettingsError(f"the provider's metadata would be wrong: {fault}")
    return document
