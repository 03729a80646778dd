"""The office of Customer Relations: the Gateway's pages, and Robin Clark, who proved a moment ago who they are."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from idp.settings import IdpSettings
from tests.support.forms import forms_of
from tests.support.gateway import PASSWORD, Journey, PagesGateway, a_gateway
from tests.support.ports import free_port
from tests.support.staff import robin_clark

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.database import Database


@dataclass
class Office:
    """The pages, somebody of Customer Relations who proved a moment ago who they are, and the clock."""

    gateway: PagesGateway
    robin: Journey
    app: str
    clock: FrozenClock

    def press(self) -> None:
        """Send the form of the page as it stands."""
        action = next(
            form.action for form in forms_of(self.robin.text) if form.action.startswith("/operator")
        )
        self.robin.send(action=action)

    def prove(self) -> None:
        """Give password and code where they are asked for."""
        self.clock.advance(dt.timedelta(minutes=1))
        self.robin.send(password=PASSWORD)
        self.robin.give_code(self.app)


T = TypeVar("T", bound=Office)


def an_office(kind: type[T], database: Database, clock: FrozenClock) -> T:
    """Return an office over a fresh database; no client is registered."""
    long = dt.timedelta(days=7)
    settings = IdpSettings(loopback_http_clients=True, session_idle=long, session_life=long)
    gateway = a_gateway(
        database, clock=clock, settings=settings, public_url=f"http://localhost:{free_port()}"
    )
    robin, app = robin_clark(gateway)
    return kind(gateway, robin, app, clock)
