"""Whether a system lives and is ready to serve: ``/healthz`` and ``/readyz``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
from sqlalchemy.exc import SQLAlchemyError

from kernel.database import Database, is_read_only
from kernel.errors import SwitchyardError
from kernel.store import Store
from switchyard.revisions import System, may_be_served

_NO_ROOM = 1024 * 1024
"""Bytes on the disk of a file of SQLite below which next to nothing can be written any more."""


def add_routes(
    app: flask.Flask, store: Store, system: System, *, ready: Callable[[], bool] = lambda: True
) -> None:
    """Add ``/healthz`` (the process answers) and ``/readyz`` (it can do its work) to ``app``.

    Nobody on the way may keep what they say: it is true of the moment.
    """

    def healthz() -> flask.Response:
        return _of_now(flask.jsonify(status="ok"))

    def readyz() -> tuple[flask.Response, int]:
        lacking = missing(store, system, ready)
        told = flask.jsonify(status="not ready" if lacking else "ready", lacking=lacking)
        return _of_now(told), 503 if lacking else 200

    views: tuple[Any, ...] = (healthz, readyz)
    for view in views:
        view.is_protocol = True  # read by the page kit: no page around these
        app.add_url_rule(f"/{view.__name__}", view.__name__, view, methods=["GET"])


def _of_now(response: flask.Response) -> flask.Response:
    response.headers.update({"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
    return response


def missing(store: Store, system: System, ready: Callable[[], bool]) -> list[str]:
    """Return what the system lacks to do its work, in words."""
    lacking = []
    try:
        with store.database.engine.connect() as connection:
            if not may_be_served(connection, system):
                lacking.append("the database is not up to date")
            if is_read_only(connection):
                lacking.append("the database takes no changes")
        if _has_no_room(store.database):
            lacking.append("the disk of the database is full")
    except (SQLAlchemyError, OSError):
        return ["the database does not answer"]
    try:
        if not ready():
            lacking.append("there is no signing key")
    except (SwitchyardError, SQLAlchemyError):
        lacking.append("the signing keys cannot be read")
    return lacking


def _has_no_room(database: Database) -> bool:
    """Tell whether the disk of a file is full; PostgreSQL tells nobody how much there is on its own."""
    if database.dialect != "sqlite":
        return False
    return shutil.disk_usage(Path(database.engine.url.database or "").parent).free < _NO_ROOM
