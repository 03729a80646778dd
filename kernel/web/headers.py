"""The headers that every page and every error page carries."""

from __future__ import annotations

from collections.abc import Iterable

import flask
from werkzeug.wrappers import Response

from kernel.web.kit import current_kit

_DENIED = ("camera", "display-capture", "geolocation", "gyroscope", "microphone", "midi", "usb")
_OWN = ("publickey-credentials-create", "publickey-credentials-get")
_PERMISSIONS = ", ".join([*(f"{name}=()" for name in _DENIED), *(f"{name}=(self)" for name in _OWN)])
_TRANSPORT = "max-age=63072000; includeSubDomains"
STATIC_LIFE = "public, max-age=31536000, immutable"


def content_security_policy(
    nonce: str, form_targets: Iterable[str], *, images: Iterable[str] = (), frames: Iterable[str] = ()
) -> str:
    """Return the policy of a page: nothing but our own style, script, images and calls, and never in a frame.

    ``form_targets`` are the origins a form may end at besides our own; see :class:`kernel.web.kit.PageKit`.
    ``images`` are origins of which a page shows an image, such as the logo of an application. ``frames`` are
    origins that a page holds frames of; without them it holds none.
    """
    targets = " ".join(["'self'", *sorted(set(form_targets))])
    return "; ".join(
        [
            "default-src 'none'",
            "base-uri 'none'",
            "connect-src 'self'",
            f"form-action {targets}",
            "frame-ancestors 'none'",
            *([" ".join(["frame-src", *framed])] if (framed := sorted(set(frames))) else []),
            " ".join(["img-src 'self' data:", *sorted(set(images))]),
            f"script-src 'self' 'nonce-{nonce}'",
            "style-src 'self'",
        ]
    )


def nonce() -> str:
    """Return this page's nonce for a script element (``<script nonce=...>``); another one on each page."""
    known: str | None = flask.g.get("nonce")
    if known is None:
        known = flask.g.nonce = current_kit().randomness.token(16)
    return known


def secure(response: Response, *, page: bool) -> None:
    """Add the security headers to ``response``; a view that set one of them itself is left its choice.

    ``Referrer-Policy`` is ``same-origin``: nothing leaks to others, and our forms still name their origin.
    """
    kit = current_kit()
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Permissions-Policy", _PERMISSIONS)
    if page:
        headers.setdefault("Content-Security-Policy", content_security_policy(nonce(), kit.form_targets()))
        headers.setdefault("Cache-Control", "no-store")
        response.vary.update(["Cookie", "Accept-Language"])
    else:
        headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    if kit.https:
        headers.setdefault("Strict-Transport-Security", _TRANSPORT)
