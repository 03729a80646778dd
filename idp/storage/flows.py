"""Login flows: stored steps that only their own browser can take, each with one conditional statement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, update

from idp.domain.lockout import TRIES_PER_FLOW
from idp.domain.login_flow import Demands, Flow, FlowKind, Proof, ProofKind
from idp.storage.tables import login_flow
from kernel.sweeping import remove_some

_table = login_flow


def add_flow(connection: Connection, flow: Flow) -> None:
    """Store a new flow."""
    connection.execute(
        _table.insert(),
        {
            "id": flow.id,
            "browser": flow.browser,
            "kind": flow.kind.value,
            "account_id": flow.account_id,
            "session_id": flow.session_id,
            "client_id": flow.client_id,
            "client_name": flow.client_name,
            "login_hint": flow.login_hint,
            "request": dict(flow.request),
            "demands": _demands_to_json(flow.demands),
            "achieved": [_proof_to_json(proof) for proof in flow.proofs],
            "step": flow.step,
            "tries": flow.tries,
            "created_at": flow.created_at,
            "expires_at": flow.expires_at,
        },
    )


def find_flow(connection: Connection, flow_id: bytes, browser: bytes) -> Flow | None:
    """Return the flow if it is bound to this browser, whatever its state; a foreign one is as good as none.

    The strength of a session it steps up is not among it: ask the session, which may have ended since.
    """
    row = connection.execute(
        select(_table).where(_table.c.id == flow_id, _table.c.browser == browser)
    ).first()
    return None if row is None else _to_flow(row)


def _to_flow(row: Any) -> Flow:  # noqa: ANN401 - a row of find_flow
    return Flow(
        id=row.id,
        browser=row.browser,
        kind=FlowKind(row.kind),
        account_id=row.account_id,
        session_id=row.session_id,
        client_id=row.client_id,
        client_name=row.client_name,
        login_hint=row.login_hint,
        request=row.request,
        demands=Demands(
            tuple(row.demands.get("acr", ())), bool(row.demands.get("fresh")), row.demands.get("max_age")
        ),
        session_acr="",
        proofs=tuple(_proof(each) for each in row.achieved),
        step=row.step,
        tries=row.tries,
        created_at=row.created_at,
        expires_at=row.expires_at,
        finished_at=row.finished_at,
        resumed_at=row.resumed_at,
    )


def _demands_to_json(demands: Demands) -> dict[str, Any]:
    return {"acr": list(demands.acr), "fresh": demands.fresh, "max_age": demands.max_age}


def _proof_to_json(proof: Proof) -> dict[str, Any]:
    return {
        "kind": proof.kind.value,
        "at": proof.at.isoformat(),
        "factor": proof.factor,
        "verified": proof.verified,
        "synced": proof.synced,
    }


def _proof(value: Mapping[str, Any]) -> Proof:
    return Proof(
        ProofKind(value["kind"]),
        dt.datetime.fromisoformat(value["at"]),
        value["factor"],
        value["verified"],
        value["synced"],
    )


def _stands(flow: Flow, now: dt.datetime) -> ColumnElement[bool]:
    """Tell, in SQL, that the flow is still exactly where ``flow`` was read, and alive."""
    return and_(
        _table.c.id == flow.id,
        _table.c.browser == flow.browser,
        _table.c.step == flow.step,
        _table.c.finished_at.is_(None),
        _table.c.expires_at > now,
    )


def move_flow(
    connection: Connection, flow: Flow, *, account_id: str, proofs: tuple[Proof, ...], now: dt.datetime
) -> bool:
    """Give the flow its new proofs; False if another request moved it first: of many, one does."""
    done = connection.execute(
        update(_table)
        .where(_stands(flow, now))
        .values(
            account_id=account_id,
            achieved=[_proof_to_json(proof) for proof in proofs],
            step=flow.step + 1,
            tries=0,
        )
    )
    return done.rowcount == 1


def count_flow_try(connection: Connection, flow: Flow, *, now: dt.datetime) -> int | None:
    """Count one try of a code in this flow and return how many are left; None if the flow died (MF-04)."""
    used = connection.scalar(
        update(_table)
        .where(_stands(flow, now), _table.c.tries < TRIES_PER_FLOW)
        .values(tries=_table.c.tries + 1)
        .returning(_table.c.tries)
    )
    return None if used is None else TRIES_PER_FLOW - used


def finish_flow(connection: Connection, flow: Flow, *, session_id: str, now: dt.datetime) -> bool:
    """End the flow in a session; False if it ended or moved already: a flow makes one session."""
    done = connection.execute(
        update(_table)
        .where(_stands(flow, now))
        .values(session_id=session_id, finished_at=now, step=flow.step + 1)
    )
    return done.rowcount == 1


def resume_flow(connection: Connection, flow_id: bytes, browser: bytes, *, now: dt.datetime) -> bool:
    """Take the request of a finished flow up again; False if it is not finished, or was taken up already."""
    done = connection.execute(
        update(_table)
        .where(
            _table.c.id == flow_id,
            _table.c.browser == browser,
            _table.c.finished_at.is_not(None),
            _table.c.resumed_at.is_(None),
            _table.c.expires_at > now,
        )
        .values(resumed_at=now)
    )
    return done.rowcount == 1


def sweep(connection: Connection, *, before: dt.datetime, now: dt.datetime, most: int) -> int:
    """Remove some flows that expired before ``before``; return how many. Keep a day: people come back late.

    Of those that expired only the newest ``most`` are kept at all, because anybody may start one.
    """
    ended = _table.c.expires_at
    kept: dt.datetime | None = connection.scalar(
        select(ended).where(ended < now).order_by(ended.desc()).offset(most).limit(1)
    )
    # A row that ended in the same moment as the last one to go stays for another round.
    last = before if kept is None else max(before, kept)
    return remove_some(connection, _table, ended < last, oldest_first=ended)
