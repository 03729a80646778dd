"""A PostgreSQL server that goes away and comes back: nobody asks it each time, and nobody notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, select

from kernel.audit import SYSTEM
from kernel.tables import audit_event
from tests.support.clock import a_store
from tests.support.postgresql_sessions import cut_all

if TYPE_CHECKING:
    from kernel.database import Database
    from kernel.store import Store


def deed(store: Store, target: str) -> None:
    with store.write() as unit:
        unit.audit.record("test:thing:made", actor=SYSTEM, target=target)


def targets(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(select(audit_event.c.target).order_by(audit_event.c.target)).scalars())


def test_a_connection_that_the_server_ended_is_replaced_before_it_is_used(
    postgresql_gateway_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A healthy one is used without a question; one that was cut is found out without a failed deed."""
    store = a_store(postgresql_gateway_database)
    engine = postgresql_gateway_database.engine
    asked, opened = [], []
    ping = engine.dialect.do_ping
    monkeypatch.setattr(engine.dialect, "do_ping", lambda raw: asked.append(raw) or ping(raw))
    event.listen(engine, "connect", lambda raw, _record: opened.append(raw))
    deed(store, "a")
    opened.clear()
    deed(store, "b")
    assert targets(store) == ["a", "b"]
    assert (asked, opened) == ([], [])
    cut_all(postgresql_gateway_database)
    asked.clear()
    deed(store, "c")
    assert targets(store) == ["a", "b", "c"]
    assert len(asked) == 1
