"""What clients are called on a page, in its language."""

from __future__ import annotations

from gateway_ui.web.context import pages
from idp.domain.client_face import face_of
from idp.usecases.look_at_client import look_at_client
from kernel.web.language import current_language


def name_here(client_id: str, name: str) -> str:
    """Return the client's name in the language of the page (RFC 7591 §2.2), or ``name`` if it told none."""
    client = look_at_client(pages().services, client_id)
    return name if client is None else face_of(client, current_language()).name
