"""The dashboard: the applications an account may open, and no others (gateway.md 6.6, G-77, G-91)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

import flask
from flask.typing import ResponseReturnValue

from gateway_ui.web.consent import CONSENTS
from gateway_ui.web.context import live_session, pages, render
from gateway_ui.web.flows import start
from gateway_ui.web.operator import ADDRESS, HELP_DESK
from gateway_ui.web.staff import stands_as_operator
from idp.domain.localized import in_language
from idp.domain.session import LiveSession
from idp.domain.user_agent import browser_of, system_of
from idp.usecases.consents import list_consents
from idp.usecases.last_sign_in import last_sign_in
from idp.usecases.list_apps import Application, list_apps
from kernel.folding import folded, in_the_alphabet
from kernel.web.forms import single
from kernel.web.language import current_language, moment_text
from kernel.web.language import gettext as _

blueprint = flask.Blueprint("dashboard", __name__)


@dataclass(frozen=True, slots=True)
class Tile:
    """One application as the dashboard shows it; the whole tile is a link to its registered address."""

    key: str
    name: str
    description: str
    href: str
    host: str
    organizations: str


@blueprint.get("/")
def dashboard() -> ResponseReturnValue:
    """Show the applications of whoever is signed in, or start a sign-in that ends here."""
    session = live_session()
    if session is None:
        return start("/")
    found = sorted(map(_tile, list_apps(pages().services, session.account)), key=_by_name)
    offers_search = len(found) >= pages().settings.search_from
    words = single(flask.request.args, "q", longest=200).strip() if offers_search else ""
    return render(
        "dashboard.html",
        apps=[tile for tile in found if _matches(tile, words)],
        search=words,
        offers_search=offers_search,
        is_machine=session.account.is_machine,
        last_sign_in=_last_sign_in(session),
        allowed_pages=CONSENTS if list_consents(pages().services, session) else "",
        operator_pages=ADDRESS if stands_as_operator() else "",
        help_desk=HELP_DESK,
    )


def _tile(application: Application) -> Tile:
    return Tile(
        application.client_id,
        in_language(application.words, "client_name", current_language(), application.name),
        application.description,
        application.url,
        urlsplit(application.url).netloc,
        ", ".join(application.organizations),
    )


def _by_name(tile: Tile) -> tuple[tuple[str, str], str]:
    return in_the_alphabet(tile.name), tile.key


def _matches(tile: Tile, words: str) -> bool:
    text = folded(f"{tile.name} {tile.description} {tile.host} {tile.organizations}")
    return all(word in text for word in folded(words).split())


def _last_sign_in(session: LiveSession) -> str:
    """Return the line that lets a person notice a sign-in that was not theirs (gateway.md 6.4)."""
    before = last_sign_in(pages().services, session)
    if before is None:
        return ""
    at = moment_text(before.at)
    browser, system = browser_of(before.user_agent), system_of(before.user_agent)
    address = shortened_address(before.address)
    if browser and system and address:
        return _(
            "You last signed in %(at)s from %(browser)s on %(system)s, %(address)s.",
            at=at,
            browser=browser,
            system=system,
            address=address,
        )
    return _("You last signed in %(at)s.", at=at)


def shortened_address(address: str) -> str:
    """Return a network address without its end: enough to recognise, too little to point at."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if parsed.version == 4:
        return address.rpartition(".")[0] + ".x"
    return ":".join(parsed.exploded.split(":")[:3]) + ":x"
