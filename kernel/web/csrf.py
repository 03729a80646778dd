"""No other site acts in a person's name (SE-05, SE-06).

Three checks stand in front of every request that may change something; each alone would refuse a cross-site
form:

* ``Sec-Fetch-Site``, where the browser sends it, must say that the form was ours;
* ``Origin``, where it is sent, must be our own. ``null`` is foreign, unless the browser vouches with
  ``Sec-Fetch-Site: same-origin`` (a page of ours under ``Referrer-Policy: no-referrer``);
* the form carries a token made from the browser's own secret, so that it holds before anyone has signed in.
  The token is masked anew on each page.
"""

from __future__ import annotations

import base64
import binascii

import flask
from markupsafe import Markup

from kernel.crypto import same
from kernel.web.cookies import browser_token, browser_was_sent
from kernel.web.kit import PageKit, current_kit

FIELD = "csrf_token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_PURPOSE = "web:csrf"
_SIZE = 32


def _xor(left: bytes, right: bytes) -> bytes:
    """Return two texts of ``_SIZE`` bytes, one laid over the other."""
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(_SIZE)


def make_token(kit: PageKit, browser: str) -> str:
    """Return a form token for the browser whose secret is ``browser``; each one looks different."""
    mask = kit.randomness.token_bytes(_SIZE)
    proof = kit.sealer.mac(_PURPOSE, browser.encode())
    return base64.urlsafe_b64encode(mask + _xor(mask, proof)).decode()


def token_is_valid(kit: PageKit, browser: str, token: str) -> bool:
    """Tell whether ``token`` was made for the browser whose secret is ``browser``."""
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(raw) != 2 * _SIZE:
        return False
    return same(_xor(raw[:_SIZE], raw[_SIZE:]), kit.sealer.mac(_PURPOSE, browser.encode()))


def csrf_token() -> str:
    """Return a form token for the browser of the current request."""
    return make_token(current_kit(), browser_token())


def csrf_field() -> Markup:
    """Return the hidden field that every form of ours carries."""
    field = f'<input type="hidden" name="{FIELD}" value="{csrf_token()}">'
    return Markup(field)  # noqa: S704 - a name of ours and base64


def refusal() -> str:
    """Return why the current request must not change anything, or an empty text."""
    request = flask.request
    if request.method in SAFE_METHODS:
        return ""
    site = request.headers.get("Sec-Fetch-Site", "")
    origin = request.headers.get("Origin", "")
    if site not in ("", "same-origin", "none"):
        return "foreign_site"
    if origin and origin != current_kit().origin and not (origin == "null" and site == "same-origin"):
        return "foreign_origin"
    tokens = request.form.getlist(FIELD)
    if len(tokens) != 1:
        return "token_missing"
    if not browser_was_sent():
        return "browser_unknown"
    return "" if token_is_valid(current_kit(), browser_token(), tokens[0]) else "token_foreign"
