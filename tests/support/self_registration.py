"""Clients that register themselves with a provider under test, and manage what they registered."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from idp.storage.tables import consent
from idp.usecases.issue_registration_token import (
    RegistrationTokenIssued,
    RegistrationTokenOrder,
    issue_registration_token,
)
from kernel.audit import SYSTEM
from tests.support.oidc import CALLBACK, Op

if TYPE_CHECKING:
    from kernel.web.http import Response

PATH = "/oauth2/register"


def registering(op: Op, mode: str = "token", **settings: object) -> Op:
    """Return the provider with registration switched to ``mode``."""
    changed = op.services.settings.model_copy(update={"registration": mode, **settings})
    op.services = dataclasses.replace(op.services, settings=changed)
    op.__post_init__()
    return op


def initial_token(op: Op, chosen: str = "", **order: Any) -> str:
    """Issue a registration token and return it; it works any number of times unless told otherwise."""
    wanted = RegistrationTokenOrder(**{"name": "Partners", "uses": None, **order})
    done = issue_registration_token(op.services, wanted, actor=SYSTEM, chosen=chosen)
    assert isinstance(done, RegistrationTokenIssued), done
    return done.token


def send(op: Op, method: str, path: str, document: object = None, *, token: str = "") -> Response:
    """Send JSON to an address of registration, with a bearer token if there is one."""
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    body = b"" if document is None else json.dumps(document).encode()
    return op.call(method, path, body=body, headers=headers)


def post(op: Op, token: str = "", **metadata: object) -> Response:
    """Ask for a client with one good redirection URI, and whatever metadata is given; None leaves one out."""
    stated = {"redirect_uris": [CALLBACK], **metadata}
    return send(
        op, "POST", PATH, {key: value for key, value in stated.items() if value is not None}, token=token
    )


def registered(op: Op, token: str = "", **metadata: object) -> dict[str, Any]:
    """Register a client and return what it is told."""
    answer = post(op, token, **metadata)
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.json()
    return found


def manage(op: Op, client: dict[str, Any], method: str = "GET", **changes: object) -> Response:
    """Let a client look at its registration, end it, or replace it by what it was told, changed as given."""
    token, path = client["registration_access_token"], urlsplit(client["registration_client_uri"]).path
    if method != "PUT":
        return send(op, method, path, token=token)
    ours = ("registration_access_token", "registration_client_uri", "client_id_issued_at")
    stated = {**client, **changes}
    kept = {
        key: value
        for key, value in stated.items()
        if value is not None and key not in (*ours, "client_secret_expires_at", "client_secret")
    }
    return send(op, "PUT", path, kept, token=token)


def signed_in(op: Op, client: dict[str, Any]) -> dict[str, Any]:
    """Return the tokens of somebody who signed in to the client and allowed it everything."""
    account = op.account()
    with op.services.store.write() as unit:
        common = {"account_id": account, "client_id": client["client_id"], "given_at": unit.now}
        scopes = ("openid", "offline_access")
        unit.connection.execute(consent.insert(), [{**common, "scope": each} for each in scopes])
    named = {"client_id": client["client_id"], "scope": "openid offline_access"}
    code = op.code(op.session(account), **named)
    answer = op.redeem(code, headers=op.basic(client["client_id"], client["client_secret"]))
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    return found
