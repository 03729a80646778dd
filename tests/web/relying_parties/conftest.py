"""The applications, a provider on real HTTP, and a person's browser that walks between the two."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
from joserfc import jwk

from relying_parties.app import make_applications
from relying_parties.credentials import private_key, public_key_set
from relying_parties.settings import ApplicationSettings, ApplicationsSettings, WebServiceSettings
from tests.support.fake_op import ClientAtOP, FakeOP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from kernel.clock import FrozenClock

PUBLIC = "http://127.0.0.1:8002"
EMI = "/apps/emi/"
REPORTS = "/apps/reports/private/"


class Person:
    """One browser: it follows redirects between the applications and the provider, and keeps cookies."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def get(self, path: str) -> TestResponse:
        """Open one address of the applications, following nothing."""
        return self.client.get(path, base_url=PUBLIC)

    def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> TestResponse:
        """Send one form to the applications, following nothing."""
        return self.client.post(path, base_url=PUBLIC, data=form or {}, headers=headers)

    def follow(self, response: TestResponse) -> TestResponse:
        """Follow redirects, out to the provider and back, until a page comes."""
        for _ in range(10):
            if response.status_code != 303:
                return response
            response = self.get(self.to_provider(response.headers["Location"]))
        raise AssertionError("the redirects have no end")

    def visit(self, path: str) -> TestResponse:
        """Open an address and follow where it leads."""
        return self.follow(self.get(path))

    def to_provider(self, location: str) -> str:
        """Ask the provider, if that is where the address leads; return the path it leads back to."""
        while not location.startswith(PUBLIC):
            location = httpx.get(location, trust_env=False).headers["Location"]
        parts = urlsplit(location)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def form_token(self, path: str) -> str:
        """Return the token that the forms of a page carry."""
        match = re.search(r'name="form_token" value="([^"]+)"', self.get(path).text)
        assert match
        return match[1]


@pytest.fixture
def op(clock: FrozenClock) -> Iterator[FakeOP]:
    """A provider that is running."""
    with FakeOP(clock) as provider:
        yield provider


@pytest.fixture
def settings(op: FakeOP, tmp_path: Path) -> ApplicationsSettings:
    """Two applications and a web service, known to the provider."""
    key = jwk.ECKey.generate_key("P-256")
    key_file = tmp_path / "emi.pem"
    key_file.write_bytes(key.as_pem(private=True))
    secret = "s3cret+with/odd:characters%"
    op.clients["emi"] = ClientAtOP(
        PUBLIC + EMI + "callback", jwks=public_key_set(private_key(key_file.read_bytes()))
    )
    op.clients["reports-confidential"] = ClientAtOP(PUBLIC + REPORTS + "callback", secret=secret)
    emi = ApplicationSettings(
        client_id="emi",
        issuer=op.issuer,
        path=EMI,
        public_url=PUBLIC,
        name="Energy Market Interface",
        name_fr="Interface du marché de l\N{RIGHT SINGLE QUOTATION MARK}énergie",
        description="Browser entry of bids and offers.",
        kind="energy-market",
        key_file=str(key_file),
    )
    reports = ApplicationSettings(
        client_id="reports-confidential",
        issuer=op.issuer,
        path=REPORTS,
        public_url=PUBLIC,
        name="Reports site (confidential)",
        kind="reports",
        client_secret=secret,
    )
    service = WebServiceSettings(
        path="/ws/emim/",
        public_url=PUBLIC,
        issuer=op.issuer,
        audience=PUBLIC + "/ws/emim/",
        name="MIM web services",
        scope="mim.query",
    )
    return ApplicationsSettings(
        database=str(tmp_path / "applications.db"),
        applications=(emi, reports),
        web_services=(service,),
        environment="Sandbox",
    )


@pytest.fixture
def app(settings: ApplicationsSettings, clock: FrozenClock) -> Flask:
    """The applications."""
    return make_applications(settings, clock=clock)


@pytest.fixture
def person(app: Flask) -> Person:
    """A browser without cookies."""
    return Person(app)
