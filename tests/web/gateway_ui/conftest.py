"""The Gateway of these tests: its pages over a fresh database, the clock in hand."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from tests.support.gateway import Journey, PagesGateway, a_gateway

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.database import Database


@pytest.fixture
def gateway(sqlite_gateway_database: Database, clock: FrozenClock) -> PagesGateway:
    """Give the pages of a Gateway that knows nobody yet."""
    return a_gateway(sqlite_gateway_database, clock=clock)


@pytest.fixture
def nora(gateway: PagesGateway) -> Journey:
    """Give Nora Field's browser; her account is provisioned and waits for activation."""
    gateway.provision()
    return Journey(gateway)


@pytest.fixture
def member(nora: Journey, clock: FrozenClock) -> tuple[Journey, str]:
    """Give a fresh browser of Nora's after her activation, with the secret of her authenticator app.

    A minute has passed, so that the app shows another code than the one that was verified.
    """
    secret = nora.activate()
    clock.advance(dt.timedelta(minutes=1))
    return Journey(nora.gateway), secret
