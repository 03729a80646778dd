"""How outcomes of the use cases look on the wire."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from urllib.parse import urlencode

from idp.domain.dpop import ALGORITHMS
from idp.domain.oauth import ErrorCode, Fault, ResponseMode
from idp.domain.redirects import with_fragment, with_parameters
from kernel.web.http import NO_STORE, Response, json_response

_MOST_LOCATION = 8_000
# A field called "submit", as buttons of other sites are, takes the place of the form's own property.
_SUBMIT = "HTMLFormElement.prototype.submit.call(document.forms[0])"
_STYLE = (
    "body{max-width:40em;margin:2em auto;padding:0 1em;font:1.1em/1.5 system-ui,sans-serif}"
    "button{padding:.6em 1em;font:inherit}"
)


def _named(text: str) -> str:
    """Return how a policy names a script or a style that stands in the page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_POST_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src {_named(_SUBMIT)}",
        f"style-src {_named(_STYLE)}",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)


def oauth_error(fault: Fault, *, challenge: str = "") -> Response:
    """Return a JSON error (RFC 6749 §5.2), never cached; ``challenge`` is the scheme to try on a 401."""
    body = {"error": fault.code.value}
    if fault.description:
        body["error_description"] = fault.description
    headers: tuple[tuple[str, str], ...] = NO_STORE
    if fault.status == 401 and challenge:
        headers = (*headers, ("WWW-Authenticate", challenge))
    if fault.retry_after is not None:
        headers = (*headers, ("Retry-After", str(max(1, math.ceil(fault.retry_after.total_seconds())))))
    return json_response(fault.status, body, headers)


def bearer_error(fault: Fault, *, told: bool, scheme: str = "Bearer") -> Response:
    """Return an error of a protected resource (RFC 6750 §3, RFC 9449 §7.1); ``told``: a token came."""
    parts = []
    if told:
        parts.append(f'error="{fault.code.value}"')
        parts.append(f'error_description="{fault.description}"')
        if fault.code is ErrorCode.INSUFFICIENT_SCOPE:
            parts.append('scope="openid"')
    said = challenge("Gateway", *parts, scheme=scheme) if told else either_scheme("Gateway")
    headers = (("WWW-Authenticate", said),) if fault.status in {400, 401, 403} else ()
    body = {"error": fault.code.value, "error_description": fault.description}
    return json_response(fault.status, body, (*NO_STORE, *headers))


def challenge(realm: str, *parts: str, scheme: str = "Bearer") -> str:
    """Return how a resource asks for a token; one that is bound to a key needs one of the algorithms told."""
    algorithms = (f'algs="{" ".join(ALGORITHMS)}"',) if scheme == "DPoP" else ()
    return ", ".join((f'{scheme} realm="{realm}"', *parts, *algorithms))


def either_scheme(realm: str) -> str:
    """Return how a resource asks whoever brought no token: one of either scheme would do (RFC 9449 §7.2)."""
    return f"{challenge(realm)}, {challenge(realm, scheme='DPoP')}"


def see_other(location: str, *headers: tuple[str, str]) -> Response:
    """Return a redirect that never repeats a body (AZ-25): always 303."""
    return Response(303, b"", (("Location", location), *NO_STORE, *headers))


def back_as_get(address: str, parameters: Mapping[str, Sequence[str]]) -> Response | None:
    """Send a form from another site back to ``address`` as a GET; None if it is too long for one.

    SameSite=Lax keeps our cookies from such a POST, so a live session would go unseen; the browser sends
    them with the GET that follows. The address is written anew from what was read: a body may hold bytes
    that end a header line.
    """
    query = urlencode(parameters, doseq=True)
    return see_other(f"{address}?{query}") if len(query) <= _MOST_LOCATION else None


def to_client(redirect_uri: str, mode: ResponseMode, parameters: Mapping[str, str]) -> Response:
    """Return an authorization response in its mode (RFC 6749 §4.1.2, Form Post Response Mode)."""
    if mode is ResponseMode.FORM_POST:
        return _form_post(redirect_uri, parameters.items())
    if mode is ResponseMode.FRAGMENT:
        return see_other(with_fragment(redirect_uri, dict(parameters)))
    return see_other(with_parameters(redirect_uri, dict(parameters)))


def back_as_form(address: str, parameters: Mapping[str, Sequence[str]]) -> Response:
    """Send a form from another site back to ``address`` as a form of ours, which brings our cookies."""
    fields = [(name, value) for name, values in parameters.items() for value in values]
    return _form_post(address, fields)


def _form_post(action: str, fields: Iterable[tuple[str, str]]) -> Response:
    """Return a page whose form carries the answer; it works by its button where scripts are off.

    Values are escaped for HTML and nothing else, so they arrive as they were (AZ-14). The form tells our
    origin and no more of us: under a stricter policy for referrers browsers say ``Origin: null``, which
    frameworks take for a forged form (Fetch, "append a request Origin header"). No ``form-action`` stands in
    its policy: browsers would hold it against wherever the client leads on to.
    """
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>Continue · Continuer</title><style>{_STYLE}</style></head><body><main>"
        '<noscript><h1>One more step · <span lang="fr">Encore une étape</span></h1></noscript>'
        f'<form method="post" action="{escape(action)}">{inputs}'
        '<button type="submit" id="continue">Continue · <span lang="fr">Continuer</span></button></form>'
        f"</main><script>{_SUBMIT}</script></body></html>"
    )
    headers = (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", _POST_POLICY),
        ("Referrer-Policy", "strict-origin"),
        *NO_STORE,
    )
    return Response(200, page.encode(), headers)
