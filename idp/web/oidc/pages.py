"""The pages that protocol endpoints ask for: plain callables, given by the wiring."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from idp.usecases.front_channel import LogoutFrame
from kernel.web.http import Request, Response


class OidcPages(Protocol):
    """What the endpoints need shown. ``language`` is the request's ``ui_locales``, or empty.

    A client is named in the language of the page where it told such a name.
    """

    def error_page(self, request: Request, status: int, code: str, language: str = "") -> Response:
        """Return the page for a request that cannot be answered to its client."""
        ...

    def no_access_page(
        self, request: Request, application: str, language: str = "", *, client_id: str = ""
    ) -> Response:
        """Return the page for a person who may not open ``application``."""
        ...

    def logout_page(
        self,
        request: Request,
        *,
        action: str,
        fields: Iterable[tuple[str, str]] = (),
        client_name: str = "",
        client_id: str = "",
        language: str = "",
        onward: str = "",
    ) -> Response:
        """Return the question whether to sign out; its form posts ``fields``, and a yes leads ``onward``."""
        ...

    def signed_out_page(
        self,
        request: Request,
        language: str = "",
        *,
        frames: Sequence[LogoutFrame] = (),
        onward: str = "",
        client_name: str = "",
        client_id: str = "",
    ) -> Response:
        """Return the page that says that one is signed out, and holds ``frames`` (Front-Channel Logout §3).

        With ``onward`` it leads there, to ``client_name``, by itself and by a link.
        """
        ...
