"""New secrets on the operator's pages: shown by the page that follows the one where each was made, once.

They wait for the session of the operator who asked, and for nobody else's (CA-09, G-69).
"""

from __future__ import annotations

import flask

from gateway_ui.web.context import pages
from gateway_ui.web.staff import operator_session
from idp.usecases.show_client_secret import SecretOf, secret_waits, take_secret_up


def waits(owner_id: str, of: SecretOf) -> bool:
    """Tell whether one that this operator asked for is still to be shown: the first of two clicks made it."""
    return secret_waits(pages().services, operator_session(), owner_id=owner_id, of=of)


def take_up(owner_id: str, of: SecretOf) -> str:
    """Return the secret to show, once; empty if none waits.

    HEAD shows nothing, so it takes nothing (RFC 9110 §9.3.2): what waits is there for who comes to read it.
    """
    if flask.request.environ["REQUEST_METHOD"] == "HEAD":  # to a page it is a GET
        return ""
    return take_secret_up(pages().services, operator_session(), owner_id=owner_id, of=of)
