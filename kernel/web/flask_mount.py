"""The second mount of a protocol face: its routes as Flask views."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import flask

from kernel.origin import RequestIds
from kernel.randomness import Randomness
from kernel.web.dispatch import Dispatch
from kernel.web.finished import finished
from kernel.web.http import Route
from kernel.web.lane import ROUTE, request_from_environ, serve


def mount(
    app: flask.Flask,
    routes: Iterable[Route],
    *,
    randomness: Randomness,
    peer: Callable[[Mapping[str, Any]], str],
) -> None:
    """Add every route of a face to ``app``.

    The view answers through the same :func:`kernel.web.lane.serve` as the lane, so the bytes are equal.
    Views are marked ``is_protocol`` so that page concerns (CSRF, languages, page headers) leave them alone.
    """
    table = tuple(routes)
    dispatch = Dispatch(table)
    request_ids = RequestIds(randomness)

    def view(**_values: str) -> flask.Response:
        environ = flask.request.environ
        found = dispatch.find(environ.get("PATH_INFO", ""))
        if found is None:
            flask.abort(404)
        endpoints, values = found
        environ[ROUTE] = endpoints.path
        request = request_from_environ(environ, address=peer(environ), path_values=values)
        response = serve(endpoints, request, request_id=request_ids.next())
        return finished(response, head=request.method == "HEAD")

    view.is_protocol = True  # type: ignore[attr-defined]  # read by the page kit
    for index, path in enumerate(dict.fromkeys(route.path for route in table)):
        pattern = re.sub(r"\{(\w+)\*\}", r"<path:\1>", path).replace("{", "<").replace("}", ">")
        name = f"protocol_{index}_{path}".replace(".", "_")
        # By hand, because Flask would refuse other methods than it is told of, and in its own words.
        rule = app.url_rule_class(pattern, endpoint=name, methods=None)
        rule.provide_automatic_options = False  # type: ignore[attr-defined]  # what Flask itself marks it with
        app.url_map.add(rule)
        app.view_functions[name] = view
