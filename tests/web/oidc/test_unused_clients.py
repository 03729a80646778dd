"""Clients that registered themselves and that nobody ever used are forgotten."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from idp.domain.security_events import Stream
from idp.storage.clients import list_clients
from idp.storage.consents import keep_consent, take_consent_back
from idp.storage.self_registered import find_unused
from idp.usecases.disable_client import disable_client
from idp.usecases.own_event_stream import OwnStream, create_own_stream, remove_own_stream
from idp.usecases.sweep_tokens import sweep_tokens
from idp.usecases.sweep_unused_clients import sweep_unused_clients
from kernel.audit import SYSTEM
from kernel.sweeping import BATCH
from tests.support.oidc import an_op, claims_of
from tests.support.self_registration import manage, registered, registering, signed_in
from tests.support.statements import recorded, whole_reads
from tests.support.together import done_or_waiting

if TYPE_CHECKING:
    from kernel.database import Database
    from tests.support.oidc import Op

LIFE = dt.timedelta(days=30)
MOMENT = dt.timedelta(seconds=1)


def left(op: Op) -> set[str]:
    with op.services.store.read() as connection:
        return {client.id for client in list_clients(connection)}


def test_a_client_that_nobody_used_is_forgotten_and_no_other(op_on_both: Op) -> None:
    """RFC 7591 §5: whoever may register fills nothing for ever; what is used, or the operator's, stays."""
    op = registering(op_on_both, "open")
    op.client("emi")
    unused, used, changed, disabled = (registered(op) for _ in range(4))
    account = claims_of(signed_in(op, used)["access_token"])["sub"]
    disable_client(op.services, disabled["client_id"], actor=SYSTEM)
    op.clock.advance(LIFE)
    assert sweep_unused_clients(op.services) == 0
    assert manage(op, changed, "PUT").status == 200
    op.clock.advance(MOMENT)
    assert sweep_unused_clients(op.services) == 1
    kept = {"emi", *(each["client_id"] for each in (used, changed, disabled))}
    assert left(op) == kept
    assert manage(op, unused).status == 401
    (deed,) = op.audit("gateway:client:deleted")
    assert (deed.actor_kind, deed.target, deed.reason) == ("system", unused["client_id"], "unused")
    op.clock.advance(LIFE)
    assert sweep_unused_clients(op.services) == 1, "the one that changed itself, a life later"
    with op.services.store.write() as unit:
        assert take_consent_back(unit.connection, account, used["client_id"])
    op.clock.advance(dt.timedelta(days=100))
    assert sweep_unused_clients(op.services) == 0, "it still holds a grant"
    while sweep_tokens(op.services):
        pass
    assert sweep_unused_clients(op.services) == 1
    assert left(op) == {"emi", disabled["client_id"]}


def test_a_client_that_listens_is_not_forgotten(op_on_both: Op) -> None:
    """SSF §8.1: its stream is a use of it, though nobody signed in to it."""
    op = registering(op_on_both, "open")
    name = registered(op)["client_id"]
    stream = create_own_stream(op.services, name, OwnStream(()))
    assert isinstance(stream, Stream)
    op.clock.advance(LIFE + MOMENT)
    assert sweep_unused_clients(op.services) == 0
    assert remove_own_stream(op.services, name, stream.id) is None
    assert sweep_unused_clients(op.services) == 1


def test_the_life_is_the_operators_to_choose(op: Op) -> None:
    """Nought keeps every client."""
    registering(op, "open", unused_client_life=dt.timedelta(0))
    registered(op)
    op.clock.advance(dt.timedelta(days=4_000))
    assert sweep_unused_clients(op.services) == 0
    registering(op, "open", unused_client_life=dt.timedelta(days=1))
    assert sweep_unused_clients(op.services) == 1


def test_the_unused_are_found_by_an_index_some_at_a_time(op_on_both: Op) -> None:
    """However many registered themselves, the sweeper goes by the longest unchanged, and no table is read."""
    op = registering(op_on_both, "open", limits=False)
    first = registered(op)
    with op.services.store.write() as unit:
        rows = unit.connection.exec_driver_sql("SELECT * FROM client").mappings().all()
        for number in range(BATCH + 3):
            row = {**rows[0], "id": f"client-{number:03d}", "registration_digest": None}
            names = ", ".join(row)
            marks = ", ".join(f":{name}" for name in row)
            unit.connection.execute(text(f"INSERT INTO client ({names}) VALUES ({marks})"), row)
    op.clock.advance(LIFE + MOMENT)
    with recorded(op.services.store.database) as statements, op.services.store.read() as connection:
        found = find_unused(connection, before=op.clock.now() - LIFE, limit=BATCH)
    assert len(found) == BATCH
    tables = ("client", "consent", "oauth_grant", "event_stream")
    assert whole_reads(op.services.store.database, statements, *tables, where_needed=True) == []
    assert [sweep_unused_clients(op.services) for _ in range(3)] == [BATCH, 4, 0]
    assert first["client_id"] not in left(op)


@pytest.mark.race
def test_who_is_allowed_something_as_it_is_swept_stays(postgresql_gateway_database: Database) -> None:
    """The first sign-in of a client comes on the day of its end: whoever came first decides."""
    op = registering(an_op(postgresql_gateway_database), "open")
    client_id = registered(op)["client_id"]
    account = op.account()
    op.clock.advance(LIFE + MOMENT)
    with ThreadPoolExecutor(1) as pool:
        with op.services.store.write() as unit:
            keep_consent(unit.connection, account, client_id, ["openid"], now=unit.now)
            sweeping = pool.submit(sweep_unused_clients, op.services)
            done_or_waiting(postgresql_gateway_database, sweeping)
        assert sweeping.result(60) == 0
    assert client_id in left(op)
