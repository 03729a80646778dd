"""Responses that are complete as they stand, and go out through Flask as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import flask
from werkzeug.datastructures import Headers

from kernel.web.http import Response, finish

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class _Finished(flask.Response):
    """Nothing is added to it that it does not say itself, and nothing corrected: so does the lane."""

    default_mimetype = None
    automatically_set_content_length = False

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """Return the headers as they are; to go through them once more takes as long as to make them."""
        del environ
        return self.headers


def finished(response: Response, *, head: bool = False) -> flask.Response:
    """Return ``response`` for a view; a page's view gets the headers of pages beside its own."""
    status, headers, body = finish(response, head=head)
    return _Finished(body, status, headers)


def finished_page(text: str, status: int) -> flask.Response:
    """Return a page of HTML; the page kit adds the headers of pages."""
    body = text.encode()
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]
    return _Finished(body, status, headers)
