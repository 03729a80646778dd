"""The client that a page is about: its words, and what leads to it in the policy of this page.

Only pages that lead to a client have forms that may end elsewhere than here; no page tells the addresses of
others.
"""

from __future__ import annotations

import flask
from werkzeug.wrappers import Response

from idp.domain.client import Client
from idp.domain.client_face import ClientFace, face_of
from idp.domain.redirects import origin_of
from kernel.web.headers import content_security_policy, nonce
from kernel.web.kit import current_kit
from kernel.web.language import current_language


def about_client(client: Client | None, *, leads: bool = True) -> None:
    """Say which client the page of this request is about, and whether its forms lead there."""
    flask.g.page_client = client
    flask.g.page_leads = leads and client is not None and bool(client.redirect_uris)
    flask.g.pop("page_client_face", None)


def lead_to(uri: str) -> None:
    """Say to which registered address of a client the form of this page leads, if to any."""
    flask.g.page_leads = bool(uri)


def client_face() -> ClientFace | None:
    """Return what the page shows of its client, in its language; None if it is about nobody's."""
    client: Client | None = flask.g.get("page_client")
    if client is None:
        return None
    if "page_client_face" not in flask.g:
        flask.g.page_client_face = face_of(client, current_language())
    face: ClientFace = flask.g.page_client_face
    return face


def let_through(response: Response) -> None:
    """Let the forms of a page that leads to its client end anywhere, and the page show the client's logo.

    Browsers hold ``form-action`` against every redirect that follows a form, those of other servers too:
    where the client's own address leads on to, another scheme included, is nobody's business here, and no
    policy can name it.
    """
    face = client_face()
    leads = flask.g.get("page_leads", False)
    images = (origin_of(face.logo_uri),) if face is not None and face.logo_uri else ()
    if leads or images:
        targets = None if leads else current_kit().form_targets()
        policy = content_security_policy(nonce(), targets, images=images)
        response.headers["Content-Security-Policy"] = policy


def keep_opener(response: Response) -> Response:
    """Leave the window of a sign-in or sign-out to whoever opened it (OIDC Core §3.1.2.1, display=popup).

    Whatever cuts it off on the way, a redirect too, cuts the application's own page off that it ends on.
    """
    response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    return response
