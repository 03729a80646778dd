"""Cookies by one rule: named after their system, ``__Host-`` over TLS, HttpOnly, SameSite=Lax, path ``/``.

Several systems may share one host in a demo, and cookies ignore ports: hence the prefix in each name.
"""

from __future__ import annotations

import datetime as dt
import re

import flask
from werkzeug.http import http_date
from werkzeug.wrappers import Response

from kernel.web.kit import PageKit, current_kit

BROWSER_LIFE = dt.timedelta(days=400)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_PLAIN = re.compile(r"[A-Za-z0-9_=-]*")


def cookie_name(kit: PageKit, what: str) -> str:
    """Return the full name of the cookie ``what`` ("session", "browser", ...) of a system."""
    return f"{'__Host-' if kit.https else ''}{kit.cookie_prefix}_{what}"


def set_cookie(response: Response, what: str, value: str, *, life: dt.timedelta | None = None) -> None:
    """Set a cookie of the current system; without ``life`` it ends with the browser's session."""
    kit = current_kit()
    if not _PLAIN.fullmatch(value):
        raise ValueError("cookies of ours hold nothing that has to be quoted")
    lasts = "" if life is None else _lasting(kit.clock.now(), life)
    secure = " Secure;" if kit.https else ""
    response.headers.add(
        "Set-Cookie",
        f"{cookie_name(kit, what)}={value};{lasts}{secure} HttpOnly; Path=/; SameSite=Lax",
    )


def _lasting(now: dt.datetime, life: dt.timedelta) -> str:
    return f" Expires={http_date(now + life)}; Max-Age={int(life.total_seconds())};"


def clear_cookie(response: Response, what: str) -> None:
    """Take a cookie of the current system back."""
    kit = current_kit()
    response.delete_cookie(cookie_name(kit, what), path="/", secure=kit.https, httponly=True, samesite="Lax")


def read_cookie(what: str) -> str:
    """Return the value of a cookie of the current system, or an empty text.

    Of a name that comes twice with different values none is believed: one was tossed in (SE-09).
    """
    values = set(flask.request.cookies.getlist(cookie_name(current_kit(), what)))
    return values.pop() if len(values) == 1 else ""


def browser_token() -> str:
    """Return the random secret of this browser that pre-session flows and form tokens are bound to.

    The first page that asks for it sets the cookie. Store its digest only. A malformed cookie is replaced:
    it never was one of ours (SE-10).
    """
    known: str | None = flask.g.get("browser_token")
    if known is not None:
        return known
    sent = read_cookie("browser")
    if not _TOKEN.fullmatch(sent):
        sent = current_kit().randomness.token(32)
        flask.g.browser_is_new = True
    flask.g.browser_token = sent
    return sent


def browser_was_sent() -> bool:
    """Tell whether the request brought a well-formed browser cookie."""
    return bool(_TOKEN.fullmatch(read_cookie("browser")))


def remember_browser(response: Response) -> None:
    """Set the browser cookie on ``response`` if this request made a new one."""
    if flask.g.get("browser_is_new"):
        set_cookie(response, "browser", flask.g.browser_token, life=BROWSER_LIFE)
