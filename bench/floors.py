"""The floors: a bare Flask route and a bare WSGI callable, under the same server as the product."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import flask

flask_app = flask.Flask(__name__)
_BODY = b'{"hello":"world"}'


@flask_app.get("/")
def hello() -> flask.Response:
    """Answer a small JSON object."""
    return flask.jsonify(hello="world")


def wsgi_app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer the same object without a framework."""
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(_BODY)))])
    return (_BODY,)
