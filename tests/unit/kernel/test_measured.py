"""What is told of requests has few values, whatever a client sends."""

from __future__ import annotations

import flask
import pytest

from kernel.randomness import SystemRandomness
from kernel.web.flask_mount import mount
from kernel.web.http import Response, Route
from kernel.web.lane import Lane, call
from kernel.web.measured import Measured, note_routes

_ROUTES = tuple(
    Route(("GET",), path, lambda _request: Response(204), path, hot=hot)
    for path, hot in (("/hot/{id}", True), ("/cold/{id}", False))
)


@pytest.fixture
def told() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def application(told: list[tuple[str, str, str]]) -> Measured:
    """Give both mounts and a page, measured."""
    app = flask.Flask("measured")
    note_routes(app)
    app.add_url_rule("/page/<name>", view_func=lambda name: f"Hello {name}", endpoint="page")
    app.add_url_rule("/broken", view_func=lambda: {}["nothing"], endpoint="broken")
    chance = SystemRandomness()
    mount(app, _ROUTES, randomness=chance, peer=lambda _environ: "")
    lane = Lane(
        app.wsgi_app, _ROUTES, randomness=chance, peer=lambda _environ: "", host_is_ours=lambda _host: True
    )

    def note(route: str, method: str, status: str, seconds: float) -> None:
        assert 0 <= seconds < 60
        told.append((route, method, status))

    return Measured(lane, note)


def _ask(application: Measured, path: str, method: str = "GET") -> None:
    call(
        application,
        {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SERVER_NAME": "x",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
        },
    )


@pytest.mark.parametrize(
    ("path", "method", "expected"),
    [
        ("/hot/secret", "GET", ("/hot/{id}", "GET", "204")),
        ("/hot/secret", "BREW", ("/hot/{id}", "other", "405")),
        ("/cold/secret", "GET", ("/cold/{id}", "GET", "204")),
        ("/page/secret", "GET", ("/page/<name>", "GET", "200")),
        ("/page/secret", "POST", ("other", "POST", "405")),
        ("/nowhere/secret", "GET", ("other", "GET", "404")),
        ("/broken", "GET", ("/broken", "GET", "500")),
    ],
)
def test_a_request_is_told_by_its_route_and_never_by_its_address(
    application: Measured,
    told: list[tuple[str, str, str]],
    path: str,
    method: str,
    expected: tuple[str, str, str],
) -> None:
    """Addresses carry ids and secrets, and anybody may make up as many as she likes."""
    _ask(application, path, method)
    assert told == [expected]


def test_an_application_that_breaks_is_told_as_an_error(told: list[tuple[str, str, str]]) -> None:
    def broken(_environ: object, _start: object) -> list[bytes]:
        raise KeyError

    with pytest.raises(KeyError):
        _ask(Measured(broken, lambda *each: told.append(each[:3])), "/any")
    assert told == [("other", "GET", "500")]
