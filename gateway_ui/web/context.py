"""What every view needs: the services, the settings, who is signed in, and one way to render."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import flask
from werkzeug.wrappers import Response

from gateway_ui.settings import GatewayPagesSettings
from gateway_ui.web.messages import said
from gateway_ui.web.page_client import let_through
from idp.domain.session import LiveSession
from idp.usecases.services import IdpServices
from idp.usecases.sessions import find_session
from kernel.web.cookies import read_cookie
from kernel.web.finished import finished_page
from kernel.web.kit import installed
from kernel.web.language import current_language
from kernel.web.language import gettext as _
from kernel.web.telephones import telephones

EXTENSION = "gateway_ui.pages"


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom people call or write to when they cannot help themselves (G-93)."""

    office: str
    phones: tuple[str, ...]
    email: str


@dataclass(frozen=True, slots=True)
class Pages:
    """The facts behind the Gateway's pages."""

    services: IdpServices
    settings: GatewayPagesSettings

    @property
    def contact(self) -> Contact:
        """The contact block; several telephone numbers are separated by commas."""
        return Contact(
            _(self.settings.contact_office),
            telephones(self.services.support_phone),
            self.services.support_email,
        )

    @property
    def operator(self) -> str:
        """The operator's name as it stands in a sentence, in the language of the page."""
        return _(self.settings.operator)


def pages() -> Pages:
    """Return the facts of the current application."""
    found: Pages = flask.current_app.extensions[EXTENSION]
    return found


def live_session() -> LiveSession | None:
    """Return this browser's live session, looked up once a request; anything malformed is nobody (SE-10)."""
    if "live_session" not in flask.g:
        token = read_cookie("session")
        flask.g.live_session = find_session(pages().services, token) if token else None
    found: LiveSession | None = flask.g.live_session
    return found


def account_known() -> dict[str, str]:
    """Return whom every page names, error pages too: whoever this request was found to be of, if anybody.

    Nothing is looked up for it: what failed may be just that.
    """
    session: LiveSession | None = flask.g.get("live_session")
    return {"account_name": session.account.display} if session else {}


def render(
    template: str, *, status: int = 0, headers: Mapping[str, str] | None = None, **values: object
) -> Response:
    """Return a page of the Gateway, with what all of them show; one with errors answers 422."""
    values.setdefault("account_name", _account_name())
    values.setdefault("cancel_action", flask.g.get("cancel_action", ""))
    body = flask.render_template(f"gateway/{template}", **_shown_by_all(), **values)
    return _answer(body, status or (422 if values.get("errors") else 200), headers)


def fill(template: str, *, varies: Mapping[str, str], **constants: Hashable) -> Response:
    """Return a page as :func:`render` does, but made once and filled in; ``varies`` is only shown."""
    body = installed().skeletons.render(
        f"gateway/{template}",
        current_language(),
        varies={"account_name": _account_name(), **varies},
        constants={**_shown_by_all(), **constants},
    )
    return _answer(body, 200, None)


def _account_name() -> str:
    session = live_session()
    return session.account.display if session else ""


def _shown_by_all() -> dict[str, Hashable]:
    return {
        "contact": pages().contact,
        "activation_days": pages().services.settings.activation_link_life.days,
        "message_numbers": said(),
    }


def _answer(body: str, status: int, headers: Mapping[str, str] | None) -> Response:
    response = finished_page(body, status)
    let_through(response)
    response.headers.update(headers or {})
    return response
