"""What is over goes in small bites, by an index, whoever else is sweeping."""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, update

from idp.storage import consents, flows, tables, token_sweeps
from idp.storage.token_sweeps import FAMILY_BATCH
from idp.usecases.sweep_sign_in import sweep_sign_in
from idp.usecases.sweep_tokens import sweep_tokens
from kernel import ratelimit
from kernel.store import Store
from kernel.sweeping import BATCH, Breather, for_sweeping, last_to_go
from kernel.tables import rate_limit
from tests.support.oidc import an_op
from tests.support.statements import recorded, whole_reads

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

    from kernel.database import Database
    from tests.support.oidc import Op

LONG_AGO = dt.timedelta(days=500)
MANY = 2 * BATCH + BATCH // 2


def count(op: Op, table: Table) -> int:
    with op.services.store.read() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def a_family(op: Op, account_id: str, *, refresh_tokens: int, access_tokens: int = MANY) -> None:
    """Store a grant that ended long ago, with its tokens and codes."""
    with op.services.store.write() as unit:
        ended = unit.now - LONG_AGO
        grant_id = unit.randomness.ulid(ended)
        unit.connection.execute(
            tables.grant.insert(),
            {
                "id": grant_id,
                "client_id": "emi",
                "account_id": account_id,
                "scope": "openid",
                "subject": account_id,
                "created_at": ended,
                "revoked_reason": "",
                "expires_at": ended,
            },
        )
        unit.connection.execute(
            tables.refresh_token.insert(),
            [
                {
                    "digest": unit.randomness.token_bytes(32),
                    "grant_id": grant_id,
                    "client_id": "emi",
                    "request": {},
                    "issued_at": ended,
                    "expires_at": ended,
                    "answer": b"sealed",
                }
                for _ in range(refresh_tokens)
            ],
        )
        if not access_tokens:
            return
        unit.connection.execute(
            tables.access_token.insert(),
            [
                {
                    "digest": unit.randomness.token_bytes(32),
                    "grant_id": grant_id,
                    "client_id": "emi",
                    "subject": account_id,
                    "scope": "",
                    "audience": "",
                    "issued_at": ended,
                    "expires_at": ended,
                }
                for _ in range(access_tokens)
            ],
        )


def test_a_bite_is_small_and_the_next_goes_on(gateway_database: Database) -> None:
    """RX-09: a family of any size, and tokens by the hundred: never more than a bite in one unit of work."""
    op = an_op(gateway_database)
    op.client()
    a_family(op, op.account(), refresh_tokens=MANY)
    for bites in range(1, MANY // FAMILY_BATCH + 2):
        sweep_tokens(op.services)
        assert count(op, tables.access_token) == max(0, MANY - bites * BATCH)
        assert count(op, tables.refresh_token) == max(0, MANY - bites * FAMILY_BATCH)
    assert sweep_tokens(op.services) == 0
    assert count(op, tables.grant) == 0


def test_every_sweep_goes_by_an_index(gateway_database: Database) -> None:
    """Nothing is read from end to end to find what is over, however much lives beside it."""
    op = an_op(gateway_database)
    op.client()
    a_family(op, op.account(), refresh_tokens=3)
    with recorded(gateway_database) as statements:
        sweep_tokens(op.services)
        sweep_sign_in(op.services)
        with op.services.store.database.write() as connection:
            ratelimit.sweep(connection, now=op.clock.now())
    swept = [each for each in statements if "DELETE" in each[0] or "UPDATE" in each[0]]
    assert len(swept) >= 16
    names = [*tables.METADATA.tables, rate_limit.name]
    assert whole_reads(gateway_database, swept, *names, where_needed=True) == []


def test_nodes_that_sweep_at_once_share_the_work(gateway_database: Database) -> None:
    """Each passes by what another is removing; nobody waits for ever, and nothing is left."""
    op = an_op(gateway_database)
    op.client()
    account_id = op.account()
    for _ in range(4):
        a_family(op, account_id, refresh_tokens=MANY)
    faults: list[BaseException] = []

    def sweep() -> None:
        try:
            for _ in range(20):
                sweep_tokens(op.services)
        except BaseException as error:  # noqa: BLE001 - a thread tells the test what it met
            faults.append(error)

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    for table in (tables.access_token, tables.refresh_token, tables.grant):
        assert count(op, table) == 0


def test_a_family_that_lives_keeps_what_it_spent(gateway_database: Database) -> None:
    """RT-04: spent refresh tokens stay as long as their grant; only answers whose grace is over are wiped."""
    op = an_op(gateway_database)
    op.client()
    first = op.tokens(op.session(op.account()))["refresh_token"]
    assert op.refresh(first).status == 200
    op.clock.advance(dt.timedelta(hours=1))
    assert sweep_tokens(op.services) == 1
    assert count(op, tables.refresh_token) == 2
    assert op.refresh(first).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("most", [0, 3, 40])
def test_of_flows_that_expired_the_newest_are_kept_for_a_day(gateway_database: Database, most: int) -> None:
    """LK-07: anybody may start a flow; those who come back late find theirs, and the disk is not filled."""
    op = an_op(gateway_database)
    op.client()
    for _ in range(5):
        op.authorize()
        op.clock.advance(dt.timedelta(seconds=1))
    assert count(op, tables.login_flow) == 5
    for late, left in ((dt.timedelta(0), 5), (op.services.settings.flow_life, min(5, most + 1))):
        op.clock.advance(late)
        with op.services.store.write() as unit:
            unit.connection.execute(update(tables.login_flow).values(account_id=None))
            last = last_to_go(unit.connection, flows.EXPIRES_AT, most=most, before=unit.now)
            swept = flows.sweep(unit.connection, before=last) if last is not None else 0
        assert count(op, tables.login_flow) == left == 5 - swept, "what lives is never swept"


def test_questions_about_consent_go_when_they_are_over_or_too_many(
    gateway_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty of an account, all in all so many as are kept, and none that nobody can answer any more."""
    op = an_op(gateway_database)
    session_id, account_id = "S" * 26, op.account()
    now = op.clock.now()
    with op.services.store.write() as unit:
        for number in range(60):
            question = consents.ConsentRequest(
                bytes([number] * 32),
                session_id,
                account_id,
                "emi",
                ("openid",),
                {},
                now + dt.timedelta(minutes=number),
            )
            consents.add_consent_request(unit.connection, question)
    assert count(op, tables.consent_request) == 50
    assert sweep_tokens(op.services) == 0
    op.clock.advance(dt.timedelta(minutes=20, seconds=1))
    assert sweep_tokens(op.services) == 11
    monkeypatch.setattr("idp.usecases.sweep_tokens.MOST_QUESTIONS", 10)
    assert sweep_tokens(op.services) == 28
    assert sweep_tokens(op.services) == 0
    assert count(op, tables.consent_request) == 11


def test_grants_whose_tokens_wait_are_not_looked_through(sqlite_gateway_database: Database) -> None:
    """RX-09: a bite looks at the oldest grants alone, however many wait behind for their tokens to go first."""
    op = an_op(sqlite_gateway_database)
    op.client()
    account_id = op.account()
    a_family(op, account_id, refresh_tokens=1, access_tokens=0)
    steps = []
    for more in (BATCH, 40 * BATCH):
        with suppress(_Undone), op.services.store.database.write() as connection:
            _many_families(connection, more)
            raw = connection.connection.dbapi_connection
            assert isinstance(raw, sqlite3.Connection)
            counted: list[int] = []
            raw.set_progress_handler(lambda noted=counted: noted.append(1), 100)
            assert token_sweeps.sweep_families(connection, before=op.clock.now()) == FAMILY_BATCH
            raw.set_progress_handler(None, 0)
            raise _Undone
        steps.append(len(counted))
    assert steps[1] < 2 * steps[0], "the work does not grow with what waits"


class _Undone(Exception):  # noqa: N818 - it is no error
    """What was planted for one measurement goes again."""


def _many_families(connection: Connection, number: int) -> None:
    """Store so many families of one token each, beside the one there is."""
    for table, column in ((tables.grant, "id"), (tables.refresh_token, "grant_id")):
        pattern = connection.execute(select(table)).mappings().first()
        assert pattern is not None
        rows = [dict(pattern) | {column: f"{n:026d}"} for n in range(number)]
        if table is tables.refresh_token:
            rows = [row | {"digest": n.to_bytes(32)} for n, row in enumerate(rows)]
        connection.execute(table.insert(), rows)


def test_what_has_nothing_to_sweep_is_not_looked_at_again(gateway_database: Database) -> None:
    """Each look takes the right to write from somebody: a round asks a kind no more once it found nothing."""
    op = an_op(gateway_database)
    op.client()
    a_family(op, op.account(), refresh_tokens=1)
    done: set[str] = set()
    while sweep_tokens(op.services, done=done) + sweep_sign_in(op.services, done=done):
        pass
    assert {"access tokens", "families", "flows", "many flows", "many questions"} <= done
    with recorded(gateway_database) as statements:
        assert sweep_tokens(op.services, done=done) + sweep_sign_in(op.services, done=done) == 0
    assert statements == []


def test_what_is_swept_does_not_wait_for_the_disk(gateway_database: Database) -> None:
    """The same rows; only SQLite's log is not flushed for a bite, and for nobody else's unit any less."""
    op = an_op(gateway_database)
    op.client()
    a_family(op, op.account(), refresh_tokens=1)
    apart = for_sweeping(gateway_database)
    try:
        store = Store(apart, op.clock, op.services.store.randomness, op.services.store.sealer)
        assert sweep_tokens(replace(op.services, store=store)) == BATCH + 2
        assert count(op, tables.grant) == 0
        if gateway_database.dialect == "sqlite":
            levels = []
            for database in (gateway_database, apart):
                with database.read() as connection:
                    levels.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())
            assert levels == [2, 1]
        else:
            assert apart is gateway_database
    finally:
        apart.dispose()


def test_whoever_is_told_to_stop_rests_no_longer() -> None:
    """A process ends in time, whatever it was about to sweep."""
    stop = threading.Event()
    stop.set()
    Breather(stop)(3_600.0)
    assert stop.is_set()
