"""The pages and endpoints that make an application an OpenID Connect relying party.

``start`` (third-party-initiated login), ``callback``, ``sign-out``, ``signed-out``, ``backchannel-logout``
and ``jwks``, each below the application's path.
"""

import logging

from flask import Blueprint, Response, jsonify, make_response, request

from relying_parties.application import Application
from relying_parties.http import ProviderFaultError, ProviderUnreachableError
from relying_parties.jose import Flaw
from relying_parties.oidc import Ask, Reason, Refused
from relying_parties.pages import error_page, language, page

LOG = logging.getLogger("relying_parties")
LONGEST_HINT = 256


def add_login(blueprint: Blueprint, application: Application) -> None:
    """Add the relying party's endpoints to the application's blueprint."""
    pages = LoginPages(application)
    blueprint.add_url_rule("start", "start", pages.start, methods=["GET", "POST"])
    blueprint.add_url_rule("callback", "callback", pages.callback)
    blueprint.add_url_rule("sign-out", "sign_out", pages.sign_out, methods=["POST"])
    blueprint.add_url_rule("signed-out", "signed_out", pages.signed_out)
    blueprint.add_url_rule(
        "backchannel-logout", "backchannel_logout", pages.backchannel_logout, methods=["POST"]
    )
    blueprint.add_url_rule("jwks", "jwks", pages.jwks)


class LoginPages:
    """The relying party's endpoints of one application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def start(self) -> Response:
        """Begin a sign-in that somebody else asked for (OIDC Core §4)."""
        settings = self._application.settings
        given = request.form if request.method == "POST" else request.args
        if given.get("iss") != settings.issuer:
            return error_page(400)
        target = self._application.path_of(given.get("target_link_uri") or settings.base_url)
        if target is None:
            return error_page(400)
        hint = given.get("login_hint", "")[:LONGEST_HINT]
        return self._application.begin(Ask(target=target, language=language(), login_hint=hint))

    def callback(self) -> Response:
        """Finish a sign-in; a parameter that stands twice is no answer (RFC 6749 §3.1)."""
        if any(len(values) > 1 for values in request.args.to_dict(flat=False).values()):
            return self._application.refusal(Refused(Reason.NOT_ASKED))
        return self._application.finish(request.args.to_dict())

    def sign_out(self) -> Response:
        """End the session here and at the provider, if our own form asks (RP-Initiated Logout §2)."""
        application = self._application
        session = application.session()
        if session is None:
            return application.see(application.settings.path + "signed-out")
        if not application.is_own_form(session):
            return error_page(403)
        try:
            response = application.sign_out(session)
        except (ProviderUnreachableError, ProviderFaultError) as error:
            LOG.warning("%s: signed out here only: %s", application.settings.client_id, error)
            response = None
        return response or application.forget_cookies(page("signed_out.html", ended="here"))

    def signed_out(self) -> Response:
        """Say what has ended, and offer to sign in again."""
        if self._application.session() is not None:
            return page("signed_out.html", ended="nothing")
        both = self._application.came_back_from_logout(request.args.get("state", ""))
        response = page("signed_out.html", ended="both" if both else "application")
        return self._application.forget_cookies(response)

    def backchannel_logout(self) -> Response:
        """End the sessions that a logout token names (Back-Channel Logout §2.5 to §2.8)."""
        application, client_id = self._application, self._application.settings.client_id
        tokens = request.form.getlist("logout_token")
        if len(tokens) != 1:
            return _logout_refused("one logout_token is needed")
        try:
            order = application.client.logout_order(tokens[0])
        except (ProviderUnreachableError, ProviderFaultError):
            return _logout_refused("the token cannot be checked now", status=503)
        if isinstance(order, Flaw):
            LOG.warning("%s: logout token refused: %s", client_id, order)
            return _logout_refused(f"the logout token does not hold: {order}")
        ended = application.workshop.sessions.end_by(client_id, order, now=application.now)
        if ended is None:
            return _logout_refused("the logout token was used before")
        LOG.info("%s: %d sessions ended by logout token", client_id, ended)
        return make_response("", 200)

    def jwks(self) -> Response:
        """Publish the client's own public keys (OIDC Core §10.1)."""
        keys = self._application.client.credentials.public_keys()
        if keys is None:
            return error_page(404)
        response = jsonify(keys)
        response.headers["Content-Type"] = "application/jwk-set+json"
        response.headers["Cache-Control"] = "public, max-age=300"
        return response


def _logout_refused(description: str, *, status: int = 400) -> Response:
    error = "invalid_request" if status == 400 else "temporarily_unavailable"
    response = make_response(jsonify(error=error, error_description=description), status)
    if status == 503:
        response.headers["Retry-After"] = "30"
    return response
