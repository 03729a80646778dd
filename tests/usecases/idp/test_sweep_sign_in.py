"""The sweeper takes what can never matter again, and nothing else."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from idp.storage.tables import (
    failure_count,
    known_device,
    login_flow,
    one_time_secret,
    session,
    webauthn_challenge,
)
from idp.usecases.begin_passkey import begin_passkey
from idp.usecases.flow_outcomes import NotSignedIn
from idp.usecases.look_at_activation import ActivationPage, look_at_activation
from idp.usecases.sweep_sign_in import sweep_sign_in
from tests.support.gatehouse import PASSWORD

if TYPE_CHECKING:
    from tests.support.gatehouse import Gatehouse

ELSEWHERE = "browser-elsewhere"


def rows(gatehouse: Gatehouse) -> list[int]:
    with gatehouse.services.store.read() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (
                login_flow,
                webauthn_challenge,
                failure_count,
                one_time_secret,
                session,
                known_device,
            )
        ]


def test_nothing_that_still_counts_is_swept(gatehouse: Gatehouse) -> None:
    """LK-05, RC-07: a lock, a live link, a flow one may come back to."""
    gatehouse.a_holder()
    gatehouse.provision("later")
    token = gatehouse.link_token("later@acme.example")
    flow = gatehouse.start()
    begin_passkey(gatehouse.services, flow=flow, browser=ELSEWHERE)
    for _ in range(10):
        gatehouse.give_password(flow, ELSEWHERE, "fieldn", "Wrong-Password-1")
    before = rows(gatehouse)
    assert sweep_sign_in(gatehouse.services) == 0
    assert rows(gatehouse) == before
    assert gatehouse.give_password(flow, ELSEWHERE, "fieldn", PASSWORD) == NotSignedIn()
    assert isinstance(look_at_activation(gatehouse.services, token=token), ActivationPage)


def test_everything_goes_in_its_time(gatehouse: Gatehouse) -> None:
    """Security §6: secrets and flows leave the database after their retention."""
    gatehouse.a_holder()
    flow = gatehouse.start()
    begin_passkey(gatehouse.services, flow=flow, browser=ELSEWHERE)
    gatehouse.give_password(flow, ELSEWHERE, "fieldn", "Wrong-Password-1")
    gatehouse.clock.advance(dt.timedelta(days=2))
    sweep_sign_in(gatehouse.services)
    assert rows(gatehouse) == [0, 0, 0, 1, 1, 1]
    gatehouse.clock.advance(dt.timedelta(days=119))
    sweep_sign_in(gatehouse.services)
    assert rows(gatehouse) == [0, 0, 0, 0, 0, 1]
    gatehouse.clock.advance(dt.timedelta(days=280))
    sweep_sign_in(gatehouse.services)
    assert rows(gatehouse) == [0, 0, 0, 0, 0, 0]
