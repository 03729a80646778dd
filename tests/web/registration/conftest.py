"""Registration's pages in a test: a real registry with ACME GENERATION, and a browser for each of its people."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from kernel.web.pages import PageKit
from registration.domain.sign_in import (
    Attempt,
    LogoutNotice,
    ProviderUnreachableError,
    SignInRefusedError,
    VerifiedSignIn,
)
from registration.web.app import make_registration_app
from tests.support.clock import a_sealer
from tests.support.forms import submit
from tests.support.registration_world import World, a_world

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from kernel.database import Database

GATEWAY = "http://127.0.0.1:8000"


@dataclass
class MemoryProvider:
    """The Gateway's OpenID provider in memory: whoever is set as ``subject`` signs in."""

    subject: str = ""
    sid: str = "gateway-session-1"
    reachable: bool = True
    notices: dict[str, LogoutNotice] = field(default_factory=dict)

    def authorization_url(self, attempt: Attempt, *, state: str, redirect_uri: str) -> str:
        if not self.reachable:
            raise ProviderUnreachableError
        query = urlencode({"redirect_uri": redirect_uri, "state": state, "nonce": attempt.nonce})
        return f"{GATEWAY}/oauth2/authorize?{query}&verifier_length={len(attempt.verifier)}"

    def redeem(
        self, parameters: Mapping[str, list[str]], attempt: Attempt, *, redirect_uri: str, now: dt.datetime
    ) -> VerifiedSignIn:
        if not self.reachable:
            raise ProviderUnreachableError
        if parameters.get("code") != ["good"] or not (redirect_uri and attempt.nonce and attempt.verifier):
            raise SignInRefusedError("code")
        return VerifiedSignIn(self.subject, self.sid, "urn:switchyard:acr:2fa", now, "id-token", now)

    def end_session_url(self, *, id_token: str, return_to: str) -> str:
        return f"{GATEWAY}/oauth2/logout?{urlencode({'id_token_hint': id_token, 'return_to': return_to})}"

    def check_logout_token(self, logout_token: str, *, now: dt.datetime) -> LogoutNotice:
        del now
        if not self.reachable:
            raise ProviderUnreachableError
        if logout_token not in self.notices:
            raise SignInRefusedError("signature")
        return self.notices[logout_token]


@dataclass
class Pages:
    """Registration's application over a world, with a signed-in browser for whoever is named."""

    world: World
    provider: MemoryProvider
    app: Flask

    @property
    def organization_id(self) -> str:
        return self.world.organization_id

    def subject_of(self, who: str) -> str:
        """Return the Gateway's id of a person's account."""
        wanted = f"acct:{self.world.people[who].account_id}"
        return next(user.id for user in self.world.gateway.users.values() if user.external_id == wanted)

    def stranger(self) -> FlaskClient:
        """Open a browser in which nobody is signed in."""
        return self.app.test_client()

    def browser(self, who: str) -> FlaskClient:
        """Open a browser and sign ``who`` in through the Gateway."""
        client = self.stranger()
        self.sign_in(client, who)
        return client

    def sign_in(self, client: FlaskClient, who: str, return_to: str = "/") -> TestResponse:
        self.world.drain()
        self.provider.subject = self.subject_of(who)
        begun = client.get("/sign-in", query_string={"return_to": return_to})
        state = parse_qs(urlsplit(begun.location).query)["state"][0]
        return client.get("/callback", query_string={"code": "good", "state": state})

    def begin(self, client: FlaskClient, kind: str = "grant", organization_id: str = "") -> str:
        """Start to grant or revoke, up to the search page; return the wizard's address."""
        start = client.get(f"/organizations/{organization_id or self.organization_id}/access")
        account = client.get(submit(client, start, {"type": kind}).location)
        search = submit(client, account, {"account_kind": "personal"})
        return search.location.rpartition("/")[0]

    def choose(self, client: FlaskClient, here: str, last_name: str) -> TestResponse:
        """Search for somebody and choose the first of the list; return the next page."""
        submit(client, client.get(f"{here}/search"), {"last_name": last_name})
        found = client.get(f"{here}/select")
        first = found.text.partition('name="person_id" value="')[2].partition('"')[0]
        return client.get(submit(client, found, {"person_id": first}).location)

    def register(self, client: FlaskClient, here: str, **values: str) -> TestResponse:
        """Search in vain, then register somebody new; return the page after the confirm page."""
        submit(client, client.get(f"{here}/search"), {"last_name": values.get("last_name", "Field")})
        filled = submit(client, client.get(f"{here}/register"), {**NORA, **values})
        checked = client.get(filled.location)
        return client.get(submit(client, checked, {}, action="").location)


NORA = {
    "first_name": "Nora",
    "last_name": "Field",
    "main_email": "nora.field@acme.example",
    "main_phone": "416 555 0199",
    "country": "CA",
    "address_1": "1 King Street",
    "city": "Toronto",
    "province": "ON",
    "postal_code": "M5V 1A1",
    "language": "en",
}


def open_pages(database: Database, *, public_url: str = "http://127.0.0.1:8001") -> Pages:
    """Build Registration with staff, ACME GENERATION and its trust model over an empty database."""
    world = a_world(database, staff=True)
    provider = MemoryProvider()
    world.services = replace(world.services, provider=provider, public_url=public_url)
    kit = PageKit(
        product="Registration",
        environment="Sandbox",
        public_url=public_url,
        cookie_prefix="registration",
        sealer=a_sealer(),
        randomness=world.services.store.randomness,
        translations=(),
        clock=world.clock,
        support_email="customer.relations@operator.example",
        support_phone="1-888-555-0100",
    )
    return Pages(world, provider, make_registration_app(world.services, kit))


@pytest.fixture
def pages(sqlite_registration_database: Database) -> Pages:
    """Registration with its people, everybody an account, nobody signed in."""
    return open_pages(sqlite_registration_database)
