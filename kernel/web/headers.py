"""The headers that every page and every error page carries."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import flask
from werkzeug.wrappers import Response

from kernel.web.kit import current_kit

_DENIED = ("camera", "display-capture", "geolocation", "gyroscope", "microphone", "midi", "usb")
_OWN = ("publickey-credentials-create", "publickey-credentials-get")
_PERMISSIONS = ", ".join([*(f"{name}=()" for name in _DENIED), *(f"{name}=(self)" for name in _OWN)])
_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
    ("Permissions-Policy", _PERMISSIONS),
)
_VARIES = ("Cookie", "Accept-Language")
STATIC_LIFE = "public, max-age=31536000, immutable"


def content_security_policy(
    nonce: str, form_targets: Iterable[str] | None, *, images: Iterable[str] = (), frames: Iterable[str] = ()
) -> str:
    """Return the policy of a page: nothing but our own style, script, images and calls, and never in a frame.

    ``form_targets`` are the origins a form may end at besides our own; see :class:`kernel.web.kit.PageKit`.
    With None a form may end anywhere.
    ``images`` are origins of which a page shows an image, such as the logo of an application. ``frames`` are
    origins that a page holds frames of; without them it holds none.
    """
    targets = None if form_targets is None else tuple(form_targets)
    before, after = _around_the_nonce(targets, tuple(images), tuple(frames))
    return f"{before}{nonce}{after}"


@lru_cache(maxsize=64)
def _around_the_nonce(
    form_targets: tuple[str, ...] | None, images: tuple[str, ...], frames: tuple[str, ...]
) -> tuple[str, str]:
    before = [
        "default-src 'none'",
        "base-uri 'none'",
        "connect-src 'self'",
        *([] if form_targets is None else [" ".join(["form-action 'self'", *sorted(set(form_targets))])]),
        "frame-ancestors 'none'",
        *([" ".join(["frame-src", *framed])] if (framed := sorted(set(frames))) else []),
        " ".join(["img-src 'self' data:", *sorted(set(images))]),
        "script-src 'self' 'nonce-",
    ]
    return "; ".join(before), "'; style-src 'self'"


def nonce() -> str:
    """Return this page's nonce for a script element (``<script nonce=...>``); another one on each page."""
    known: str | None = flask.g.get("nonce")
    if known is None:
        known = flask.g.nonce = current_kit().randomness.token(16)
    return known


def secure(response: Response, *, page: bool) -> None:
    """Add the security headers to ``response``; a view that set one of them itself is left its choice.

    ``Referrer-Policy`` is ``same-origin``: nothing leaks to others, and our forms still name their origin.
    Whether the system is reached over TLS is told by what stands in front, with every answer.
    """
    kit = current_kit()
    headers = response.headers
    chosen = {name.lower() for name, _ in headers}
    wanted = [*_ALWAYS]
    if page:
        wanted.append(("Cache-Control", "no-store"))
        if "content-security-policy" not in chosen:
            wanted.append(_policy_header(content_security_policy(nonce(), kit.form_targets())))
        if "vary" in chosen:
            response.vary.update(_VARIES)
        else:
            wanted.append(("Vary", ", ".join(_VARIES)))
    else:
        wanted.append(_policy_header("default-src 'none'; frame-ancestors 'none'"))
    headers.extend(pair for pair in wanted if pair[0].lower() not in chosen)


def _policy_header(policy: str) -> tuple[str, str]:
    return "Content-Security-Policy", policy
