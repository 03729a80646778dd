"""The two cookies the endpoints know: the session's, and the browser secret that login flows are bound to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kernel.web.http import Request

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_BROWSER_SECONDS = 400 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class CookieNames:
    """How the Gateway's cookies are called: the same rule as :mod:`kernel.web.cookies`."""

    session: str
    browser: str
    secure: bool

    @classmethod
    def of(cls, prefix: str, public_url: str) -> CookieNames:
        """Return the names for a system with this cookie prefix at this address."""
        secure = public_url.startswith("https://")
        start = f"{'__Host-' if secure else ''}{prefix}_"
        return cls(f"{start}session", f"{start}browser", secure)

    def session_of(self, request: Request) -> str:
        """Return the session token a request brought, or an empty text: what is malformed is none (SE-10)."""
        return _known(request.cookies.get(self.session, ""))

    def browser_of(self, request: Request) -> str:
        """Return the browser secret a request brought, or an empty text."""
        return _known(request.cookies.get(self.browser, ""))

    def set_browser(self, secret: str) -> tuple[str, str]:
        """Return the header that gives a browser its secret."""
        return ("Set-Cookie", f"{self.browser}={secret}; Max-Age={_BROWSER_SECONDS}; {self._attributes()}")

    def clear_session(self) -> tuple[str, str]:
        """Return the header that takes the session cookie back."""
        return ("Set-Cookie", f"{self.session}=; Max-Age=0; {self._attributes()}")

    def _attributes(self) -> str:
        return "Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if self.secure else "")


def _known(value: str) -> str:
    return value if _TOKEN.fullmatch(value) else ""
