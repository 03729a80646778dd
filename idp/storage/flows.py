"""Login flows: stored steps that only their own browser can take, each with one conditional statement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, and_, bindparam, select, update

from idp.domain.lockout import TRIES_PER_FLOW
from idp.domain.login_flow import Demands, Flow, FlowKind, Proof, ProofKind
from idp.storage.tables import login_flow
from kernel.database import Database, UtcDateTime
from kernel.prepared import Prepared, Row
from kernel.sweeping import remove_some
from kernel.transaction import Transaction

_table = login_flow
_NAMES = tuple(_table.c.keys())
EXPIRES_AT = _table.c.expires_at
"""When a flow expires."""
_MOMENT = bindparam("now", type_=UtcDateTime)
_ITS_BROWSERS = and_(_table.c.id == bindparam("flow"), _table.c.browser == bindparam("by"))
_STANDS = and_(
    _ITS_BROWSERS,
    _table.c.step == bindparam("at"),
    _table.c.finished_at.is_(None),
    _table.c.expires_at > _MOMENT,
)
"""The flow is still exactly where it was read, and alive."""
_ADD = Prepared(
    _table.insert(),
    columns=(
        "id",
        "browser",
        "kind",
        "account_id",
        "session_id",
        "client_id",
        "client_name",
        "login_hint",
        "request",
        "demands",
        "achieved",
        "step",
        "tries",
        "created_at",
        "expires_at",
    ),
)
_FIND = Prepared(select(_table).where(_ITS_BROWSERS))
_MOVE = Prepared(
    update(_table)
    .where(_STANDS)
    .values(
        account_id=bindparam("account"),
        achieved=bindparam("proofs", type_=_table.c.achieved.type),
        step=_table.c.step + 1,
        tries=0,
    )
    .returning(_table.c.id)
)
_FINISH = Prepared(
    update(_table)
    .where(_STANDS)
    .values(
        account_id=bindparam("account"),
        achieved=bindparam("proofs", type_=_table.c.achieved.type),
        session_id=bindparam("session"),
        finished_at=_MOMENT,
        resumed_at=bindparam("answered_at", type_=UtcDateTime),
        step=_table.c.step + 1,
    )
    .returning(_table.c.id)
)
_GIVE_UP = Prepared(
    update(_table)
    .where(
        _ITS_BROWSERS,
        _table.c.client_id != "",
        _table.c.finished_at.is_(None),
        _table.c.expires_at > _MOMENT,
    )
    .values(account_id=None, session_id=None, finished_at=_MOMENT, step=_table.c.step + 1)
    .returning(_table.c.id)
)
_LEAVE_UNANSWERED = Prepared(update(_table).where(_ITS_BROWSERS).values(resumed_at=None))
_COUNT = Prepared(
    update(_table)
    .where(_STANDS, _table.c.tries < TRIES_PER_FLOW)
    .values(tries=_table.c.tries + 1)
    .returning(_table.c.tries)
)
_RESUME = Prepared(
    update(_table)
    .where(
        _ITS_BROWSERS,
        _table.c.finished_at.is_not(None),
        _table.c.resumed_at.is_(None),
        _table.c.expires_at > _MOMENT,
    )
    .values(resumed_at=_MOMENT)
    .returning(*_table.c)
)


def add_flow(transaction: Transaction, flow: Flow) -> None:
    """Store a new flow, with the last statements of the transaction."""
    _ADD.at_last(
        transaction,
        id=flow.id,
        browser=flow.browser,
        kind=flow.kind.value,
        account_id=flow.account_id,
        session_id=flow.session_id,
        client_id=flow.client_id,
        client_name=flow.client_name,
        login_hint=flow.login_hint,
        request=dict(flow.request),
        demands=_demands_to_json(flow.demands),
        achieved=[_proof_to_json(proof) for proof in flow.proofs],
        step=flow.step,
        tries=flow.tries,
        created_at=flow.created_at,
        expires_at=flow.expires_at,
    )


def find_flow(connection: Connection, flow_id: bytes, browser: bytes) -> Flow | None:
    """Return the flow if it is bound to this browser, whatever its state; a foreign one is as good as none.

    The strength of a session it steps up is not among it: ask the session, which may have ended since.
    """
    rows = _FIND.within(connection, flow=flow_id, by=browser)
    return _to_flow(rows[0]) if rows else None


def look_up_flow(database: Database, flow_id: bytes, browser: bytes) -> Flow | None:
    """Return the same outside any transaction."""
    found = _FIND.first(database, flow=flow_id, by=browser)
    return None if found is None else _to_flow(found)


def _to_flow(values: Row) -> Flow:
    row = dict(zip(_NAMES, values, strict=True))
    demands = row["demands"]
    return Flow(
        id=row["id"],
        browser=row["browser"],
        kind=FlowKind(row["kind"]),
        account_id=row["account_id"],
        session_id=row["session_id"],
        client_id=row["client_id"],
        client_name=row["client_name"],
        login_hint=row["login_hint"],
        request=row["request"],
        demands=Demands(
            tuple(demands.get("acr", ())),
            bool(demands.get("fresh")),
            demands.get("max_age"),
            bool(demands.get("review")),
        ),
        session_acr="",
        proofs=tuple(_proof(each) for each in row["achieved"]),
        step=row["step"],
        tries=row["tries"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        finished_at=row["finished_at"],
        resumed_at=row["resumed_at"],
    )


def _demands_to_json(demands: Demands) -> dict[str, Any]:
    stated = {"acr": list(demands.acr), "fresh": demands.fresh, "max_age": demands.max_age}
    return {**stated, "review": True} if demands.review else stated


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


def _standing(flow: Flow, now: dt.datetime) -> dict[str, Any]:
    return {"flow": flow.id, "by": flow.browser, "at": flow.step, "now": now}


def move_flow(
    connection: Connection, flow: Flow, *, account_id: str, proofs: tuple[Proof, ...], now: dt.datetime
) -> bool:
    """Give the flow its new proofs; False if another request moved it first: of many, one does."""
    given = [_proof_to_json(proof) for proof in proofs]
    return bool(_MOVE.within(connection, **_standing(flow, now), account=account_id, proofs=given))


def count_flow_try(connection: Connection, flow: Flow, *, now: dt.datetime) -> int | None:
    """Count one try of a code in this flow and return how many are left; None if the flow died (MF-04)."""
    used = _COUNT.within(connection, **_standing(flow, now))
    return TRIES_PER_FLOW - used[0][0] if used else None


def finish_flow(
    connection: Connection,
    flow: Flow,
    *,
    reached: Flow,
    session_id: str,
    now: dt.datetime,
    answered: bool = False,
) -> bool:
    """End ``flow`` in a session, with account and proofs as ``reached`` has them.

    ``answered``: this unit answers its request, which is taken up with it and never again. False if it ended
    or moved already: a flow makes one session.
    """
    ended = _FINISH.within(
        connection,
        **_standing(flow, now),
        account=reached.account_id,
        proofs=[_proof_to_json(proof) for proof in reached.proofs],
        session=session_id,
        answered_at=now if answered else None,
    )
    return bool(ended)


def leave_unanswered(connection: Connection, flow: Flow) -> None:
    """Note that the unit which ended ``flow`` did not answer its request after all: it can be taken up."""
    _LEAVE_UNANSWERED.within(connection, flow=flow.id, by=flow.browser)


def give_up_flow(connection: Connection, flow_id: bytes, browser: bytes, *, now: dt.datetime) -> bool:
    """End a flow for which a client waits in no session; False if it ended already, or none waits."""
    return bool(_GIVE_UP.within(connection, flow=flow_id, by=browser, now=now))


def resume_flow(connection: Connection, flow_id: bytes, browser: bytes, *, now: dt.datetime) -> Flow | None:
    """Take the request of a finished flow up again; None if it is not finished, or was taken up already."""
    rows = _RESUME.within(connection, flow=flow_id, by=browser, now=now)
    return _to_flow(rows[0]) if rows else None


def sweep(connection: Connection, *, before: dt.datetime) -> int:
    """Remove some flows that expired before ``before``; return how many. Keep a day: some come back late."""
    return remove_some(connection, _table, _table.c.expires_at < before, oldest_first=EXPIRES_AT)
