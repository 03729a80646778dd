"""No page of the Gateway says anything in English to who reads French: one walk through all of them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gateway_ui
from idp.settings import IdpSettings
from tests.support import office_walk, page_walk
from tests.support.english import catalogues, english_on
from tests.support.gateway import a_gateway
from tests.support.page_walk import World, in_french
from tests.support.scim import a_scim_world
from tests.support.spoken import listening
from tests.support.staff import robin_clark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.clock import FrozenClock
    from kernel.database import Database

KNOWN = catalogues("gateway_ui", "kernel", "idp")


@pytest.fixture
def world(sqlite_gateway_database: Database, clock: FrozenClock) -> Iterator[World]:
    """Give the Gateway, with Robin Clark of Customer Relations signed in."""
    long = dt.timedelta(days=7)
    settings = IdpSettings(loopback_http_clients=True, session_idle=long, session_life=long)
    gateway = a_gateway(sqlite_gateway_database, clock=clock, settings=settings)
    robin, app = robin_clark(gateway)
    with listening(gateway.app) as heard:
        scim = a_scim_world(sqlite_gateway_database, clock=clock)
        yield World(gateway, scim, in_french(robin), app, clock, heard)


def test_no_page_says_anything_in_english_to_who_reads_french(world: World) -> None:
    """Bar 6, WCAG 3.1.2: every template, with its errors; what is English by nature is marked so."""
    page_walk.signed_out(world)
    page_walk.protocol_pages(world)
    secret = page_walk.activation(world)
    page_walk.second_steps(world, secret)
    page_walk.member(world, secret)
    page_walk.sign_in_again(world, secret)
    page_walk.by_passkey_alone(world)
    office_walk.provisioning(world)
    office_walk.clients(world)
    office_walk.scim_clients(world)
    office_walk.help_desk(world)
    templates = Path(gateway_ui.__file__).parent.glob("templates/gateway/*.html")
    shown = {f"gateway/{each.name}" for each in templates} - {"gateway/base.html", "gateway/macros.html"}
    assert shown | {"kit/error.html"} <= world.heard.templates
    found = {text: place for place, page in world.heard.pages for text in english_on(page, KNOWN)}
    assert found == {}
