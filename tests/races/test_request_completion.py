"""A request is closed by whichever of its deliveries ends last, even if two end at the same moment."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from registration.domain.outbox import Aggregate
from registration.domain.person import NewPerson
from registration.domain.request import RequestState
from registration.storage import requests
from registration.storage.tables import request, request_item
from tests.support.registration_world import EMI_SUBMIT, REPORTS, a_form, a_world

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from kernel.database import Database

pytestmark = pytest.mark.race
LATER = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def _live(connection: Connection, item: tuple[str, str]) -> list[str]:
    kind, identifier = item
    return requests.mark_live(
        connection, kind=Aggregate(kind), aggregate_id=identifier, version=1_000_000, now=LATER
    )


def test_the_last_of_two_deliveries_closes_the_request(registration_database: Database) -> None:
    """R-209: neither sees the other's item before it commits; the request is closed all the same."""
    world = a_world(registration_database)
    world.grant("ra", NewPerson(a_form()), EMI_SUBMIT, REPORTS)
    with registration_database.read() as connection:
        identifier = connection.execute(
            select(request.c.id).order_by(request.c.number.desc()).limit(1)
        ).scalar_one()
        items = [
            (item.aggregate_kind, item.aggregate_id)
            for item in connection.execute(
                select(request_item).where(
                    request_item.c.request_id == identifier, request_item.c.provisioned_at.is_(None)
                )
            )
            if item.aggregate_kind
        ]
    *others, first, second = dict.fromkeys(items)
    with registration_database.write() as connection:
        assert [_live(connection, item) for item in others] == [[] for _ in others]
    closed: list[str] = []
    done = threading.Event()

    def settle_second() -> None:
        with registration_database.write() as connection:
            closed.extend(_live(connection, second))
        done.set()

    with registration_database.write() as connection:
        closed += _live(connection, first)
        thread = threading.Thread(target=settle_second)
        thread.start()
        done.wait(
            1
        )  # without the lock the second would end here, and find the first one's item still waiting
    thread.join()
    assert closed == [identifier]
    with registration_database.read() as connection:
        state = connection.execute(select(request.c.state).where(request.c.id == identifier)).scalar_one()
    assert state == RequestState.PROVISIONED.value
