"""The reader's language, by cookie, else by application or browser; and times as people read them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import flask
from markupsafe import Markup
from werkzeug.wrappers import Response

from kernel.local_paths import local_path
from kernel.translations import DEFAULT_LANGUAGE, LANGUAGES, first_known
from kernel.web.cookies import BROWSER_LIFE, read_cookie, set_cookie
from kernel.web.forms import single
from kernel.web.kit import current_kit, installed
from kernel.written_times import written_day, written_moment


@dataclass(frozen=True, slots=True)
class Language:
    """A language one can switch to, by its own name."""

    code: str
    name: str


def current_language() -> str:
    """Return the language of the current page: "en" or "fr"."""
    known: str | None = flask.g.get("language")
    if known is None:
        chosen = read_cookie("language")
        if chosen not in LANGUAGES:
            chosen = (
                asked_language() or flask.request.accept_languages.best_match(LANGUAGES) or DEFAULT_LANGUAGE
            )
        known = flask.g.language = chosen
    return known


def asked_language() -> str:
    """Return the language that an application asks for (``ui_locales``), or an empty text."""
    asked = flask.request.args
    return first_known(asked["ui_locales"]) if "ui_locales" in asked else ""


def remember_asked_language(response: Response) -> None:
    """Let the pages that follow speak the language an application asked for; a person's choice goes before.

    It lasts as long as the browser runs.
    """
    asked = asked_language()
    if asked and read_cookie("language") not in LANGUAGES:
        set_cookie(response, "language", asked)


def use_language(code: str) -> None:
    """Show the current page in ``code``, whatever the browser asked for (a person's own setting)."""
    if code in LANGUAGES:
        flask.g.language = code


def suggest_language(code: str) -> None:
    """Show the current page in ``code`` unless a person chose one: else the switch would do nothing."""
    if read_cookie("language") not in LANGUAGES:
        use_language(code)


def other_languages() -> list[Language]:
    """Return the languages one can switch to from here."""
    return [Language(code, name) for code, name in LANGUAGES.items() if code != current_language()]


def gettext(sentence: str, **values: object) -> str:
    """Return ``sentence`` in the language of the page; ``%(name)s`` takes ``values`` where there are any."""
    found = installed().translations.gettext(current_language(), sentence)
    return found % values if values else found


def ngettext(one: str, many: str, count: int, **values: object) -> str:
    """Return the sentence for ``count`` things in the language of the page; ``%(num)s`` is the count."""
    found = installed().translations.ngettext(current_language(), one, many, count)
    return found % {"num": count, **values}


def template_gettext(sentence: str) -> str:
    """Return ``sentence`` in the language of the page, for Jinja, which fills in the values itself."""
    return installed().translations.gettext(current_language(), sentence)


def template_ngettext(one: str, many: str, count: int) -> str:
    """Return the sentence for ``count`` things, for Jinja, which fills in the values itself."""
    return installed().translations.ngettext(current_language(), one, many, count)


def template_pgettext(context: str, sentence: str) -> str:
    """Return ``sentence`` as meant in ``context``, for Jinja."""
    return installed().translations.pgettext(current_language(), context, sentence)


def moment_text(moment: dt.datetime) -> str:
    """Return a moment in full with its zone: "21 November 2026, 14:05 EST"."""
    return written_moment(current_language(), current_kit().zone, moment)


def day_text(moment: dt.datetime | dt.date) -> str:
    """Return the day of a moment: "21 November 2026"."""
    day = moment
    if isinstance(moment, dt.datetime):
        day = moment.astimezone(ZoneInfo(current_kit().zone)).date()
    return written_day(current_language(), day)


def moment_markup(moment: dt.datetime) -> Markup:
    """Return a moment as a ``time`` element."""
    written = moment.astimezone(dt.UTC).isoformat()
    return Markup('<time datetime="{}">{}</time>').format(written, moment_text(moment))


def day_markup(moment: dt.datetime | dt.date) -> Markup:
    """Return the day of a moment as a ``time`` element."""
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat()[:10], day_text(moment))


def switch_language() -> Response:
    """Remember the chosen language and return to the page the form stood on."""
    code = single(flask.request.form, "language")
    if code not in LANGUAGES:
        flask.abort(400)
    response = flask.redirect(local_path(single(flask.request.form, "return_to")), 303)
    set_cookie(response, "language", code, life=BROWSER_LIFE)
    # The page decides: a window is cut off from who opened it by a redirect, too.
    response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    return response
