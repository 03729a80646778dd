"""The sign-in that an authorization request waits for, found and ended without its pages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import select

from idp.storage import tables
from idp.storage.flows import find_flow, finish_flow
from kernel.crypto import digest
from tests.support.oidc import BROWSER

if TYPE_CHECKING:
    from idp.domain.login_flow import Flow
    from kernel.web.http import Response
    from tests.support.oidc import Op


def flow_token(answer: Response) -> str:
    """Return the token of the sign-in that a request was sent to."""
    assert answer.status == 303
    parts = urlsplit(answer.header("location"))
    assert parts.path == "/sign-in"
    return parse_qs(parts.query)["flow"][0]


def flow_of(op: Op, token: str) -> Flow:
    """Return a sign-in of the usual browser as it is stored."""
    with op.services.store.read() as connection:
        found = find_flow(connection, digest(token), digest(BROWSER))
    assert found is not None
    return found


def session_id_of(op: Op, cookie: str) -> str:
    """Return the id of the session that a cookie opens."""
    with op.services.store.read() as connection:
        return str(
            connection.execute(
                select(tables.session.c.id).where(tables.session.c.digest == digest(cookie))
            ).scalar_one()
        )


def finish(op: Op, token: str, account_id: str, cookie: str) -> None:
    """End a login flow as its last step does."""
    flow = flow_of(op, token)
    with op.services.store.write() as unit:
        reached = replace(flow, account_id=account_id)
        session = session_id_of(op, cookie)
        assert finish_flow(unit.connection, flow, reached=reached, session_id=session, now=unit.now)
