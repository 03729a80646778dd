"""A small system with one page of each kind, so that the base of all pages can be looked at alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import flask
import pytest

from kernel.clock import FrozenClock
from kernel.crypto import KeyRing, Sealer
from kernel.errors import BusyError, SwitchyardError
from kernel.origin import current_origin
from kernel.randomness import SeededRandomness
from kernel.web.cookies import browser_token, read_cookie
from kernel.web.errors import refuse
from kernel.web.forms import FormErrors, several, single
from kernel.web.pages import PageKit, make_pages

if TYPE_CHECKING:
    from flask.testing import FlaskClient

NOON = dt.datetime(2026, 11, 21, 19, 5, tzinfo=dt.UTC)
TEMPLATES = {
    "form.html": """{% extends "kit/base.html" %}
{% block title %}Sample{% endblock %}
{% block content %}<form method="post" action="/form">{{ csrf_field() }}
{{ kit.text_input("name", "Name", value=name, errors=errors) }}{{ kit.password_input("password", "Password", errors=errors) }}
{{ kit.checkboxes("role", "Roles", [{"value": "a", "text": "A"}, {"value": "b", "text": "B"}], errors=errors) }}
{{ kit.radios("kind", "Kind", [{"value": "p", "text": "Person"}], errors=errors) }}
{{ kit.select("country", "Country", [{"value": "CA", "text": "Canada"}], prompt="Choose", errors=errors) }}
{{ kit.table("People", ["ID", "Name"], [["1", "Nora"]]) }}<p>{{ t("Asked by %(name)s", name=name) }} {{ name }}</p>{{ kit.button("Save") }}</form>
<p>{{ now()|moment }}</p><p>{{ now()|day }}</p>{% endblock %}""",
}


class TeapotError(SwitchyardError):
    code = "teapot"
    public = "The request could not be read."
    status = 400


def fails(how: str) -> flask.Response:
    if how == "ours":
        raise TeapotError(secret="s3cret-context")
    if how == "busy":
        raise BusyError(7)
    if how == "refused":
        return refuse(403, "Ask your Rights Administrator", "Only they can do it.")
    if how.isdigit():
        flask.abort(int(how))
    raise ValueError("s3cret-detail")


def _routes(app: flask.Flask) -> None:
    changes: list[str] = []
    app.extensions["changes"] = changes

    @app.get("/form")
    def form() -> str:
        return flask.render_template("form.html", errors=None, name=flask.request.args.get("name", ""))

    @app.post("/form")
    def save() -> tuple[str, int] | flask.Response:
        name = single(flask.request.form, "name")
        if not name:
            errors = FormErrors([("name", "Enter a name")])
            return flask.render_template("form.html", errors=errors, name=name), 422
        changes.append(name)
        changes.extend(several(flask.request.form, "role"))
        return flask.make_response("saved")

    @app.route("/deed", methods=["GET", "POST"])
    def deed() -> str:
        if flask.request.method == "GET":
            return "asks"
        changes.append(single(flask.request.form, "name"))
        return "done"

    @app.get("/origin")
    def seen() -> dict[str, str]:
        found = current_origin()
        return {"address": found.address, "request_id": found.request_id, "user_agent": found.user_agent}

    @app.get("/who")
    def who() -> dict[str, str]:
        return {"session": read_cookie("session"), "browser": browser_token()}

    app.add_url_rule("/fails/<how>", view_func=fails)

    @app.post("/hook")
    def hook() -> str:
        return "heard"

    app.view_functions["hook"].is_protocol = True  # type: ignore[attr-defined]

    @app.get("/healthz")
    def healthy() -> str:
        return "ok"


MakeClient = Callable[..., "FlaskClient"]


@pytest.fixture
def make_client(tmp_path: Path) -> MakeClient:
    """Build a client of the small system; keywords change its kit."""
    for name, text in TEMPLATES.items():
        (tmp_path / name).write_text(text)

    def build(
        public_url: str = "http://127.0.0.1:8000", environment: str = "Sandbox", **facts: object
    ) -> FlaskClient:
        chance = SeededRandomness(7)
        kit = PageKit(
            product="Sample",
            environment=environment,
            public_url=public_url,
            cookie_prefix="sample",
            sealer=Sealer(KeyRing({1: b"k" * 32}), chance),
            randomness=chance,
            translations=(),
            clock=FrozenClock(NOON),
            version="1.2.3",
            **facts,  # type: ignore[arg-type]
        )
        app = make_pages("sample", kit, template_folders=(tmp_path,))
        _routes(app)
        return app.test_client()

    return build


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    """A browser at the small system over plain HTTP."""
    return make_client()
