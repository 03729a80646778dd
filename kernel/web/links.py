"""The page that is shown, as an address to come back to."""

from __future__ import annotations

import flask

from kernel.local_paths import local_path


def come_back_to(path: str) -> None:
    """Let the language switch of this page lead to ``path``: its own address cannot be opened again."""
    flask.g.page_address = local_path(path)


def this_page() -> str:
    """Return the path and query of the page being shown, to come back to it, or the first page."""
    known: str | None = flask.g.get("page_address")
    if known is not None:
        return known
    request = flask.request
    if request.method != "GET" and not _can_be_opened(request):
        return "/"
    query = request.query_string.decode("ascii", "replace")
    return local_path(f"{request.path}?{query}" if query else request.path)


def _can_be_opened(request: flask.Request) -> bool:
    """Tell whether a form was sent to the address of a page, which stands there under its own rule."""
    adapter = flask.current_app.create_url_adapter(request)
    return adapter is not None and adapter.test(method="GET")
