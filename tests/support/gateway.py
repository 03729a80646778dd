"""A Gateway's pages over a real database, with its OpenID Connect face mounted.

Accounts come by provisioning, links by the mail that was sent. :func:`a_gateway` makes one; :meth:`PagesGateway.serve` puts it behind a real address for a browser.
"""

from __future__ import annotations

import base64
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from werkzeug.serving import WSGIRequestHandler, make_server

from gateway_ui.settings import GatewayPagesSettings
from gateway_ui.web.app import TRANSLATIONS, make_gateway_pages
from gateway_ui.web.errors import ProtocolPages
from idp.domain.account import AccountKind, AccountOrganization
from idp.domain.provisioning import AccountFacts, GroupFacts
from idp.domain.totp import code_at, step_at
from idp.settings import IdpSettings
from idp.usecases.provision_account import Provisioned, provision_account
from idp.usecases.provision_group import GroupProvisioned, provision_group
from idp.usecases.register_client import ClientOrder, Registered, register_client
from idp.usecases.services import IdpServices
from idp.web.oidc.routes import oidc_routes
from kernel.audit import SYSTEM
from kernel.courier.memory import MemoryCarrier
from kernel.courier.worker import CourierWorker
from kernel.crypto import PasswordHasher
from kernel.web.flask_mount import mount
from kernel.web.pages import PageKit
from kernel.web.proxies import peer_by_hops
from keys.settings import KeySettings
from keys.usecases.signing import SigningKeys
from tests.support.clock import a_store
from tests.support.forms import forms_of, submit

if TYPE_CHECKING:
    from collections.abc import Iterator

    import flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from kernel.clock import Clock
    from kernel.database import Database

SOURCE = "registration-worker"
PASSWORD = "Marmalade+Turbine42"
ANSWER = "a blue whale song"
SECRET = "s" * 43
VERIFIER = "v" * 64


@dataclass
class PagesGateway:
    """The pages of one Gateway with everything behind them."""

    services: IdpServices
    app: flask.Flask
    mail: MemoryCarrier

    @property
    def public_url(self) -> str:
        """The address under which the pages are reached."""
        return self.services.public_url

    def provision(
        self,
        user_name: str = "fieldn",
        *,
        kind: AccountKind = AccountKind.PERSONAL,
        given_name: str = "Nora",
        family_name: str = "Field",
        email: str = "nora@acme.example",
        phone: str = "",
        language: str = "en",
    ) -> str:
        """Provision an account and return its id; its activation mail is on its way."""
        made = provision_account(
            self.services,
            actor=SYSTEM,
            source=SOURCE,
            facts=AccountFacts(
                kind=kind,
                user_name=user_name,
                external_id=f"acct:{user_name}",
                display_name=f"{given_name} {family_name}".strip(),
                given_name=given_name,
                family_name=family_name,
                middle_name="",
                email=email,
                phone=phone,
                language=language,
                active=True,
                invite=True,
                person_id="P-1",
                custodian_person_id="",
                organizations=(AccountOrganization("10001", "ACME GENERATION"),),
                allowed_addresses=(),
                source_version=1,
                document="{}",
                values=(),
            ),
        )
        assert isinstance(made, Provisioned), made
        return made.record.id

    def deliver(self) -> None:
        """Send the mail that waits."""
        CourierWorker(self.services.store, {"email": self.mail}, node="test").run_once()

    def activation_path(self, email: str = "nora@acme.example") -> str:
        """Return the path of the newest activation link sent to ``email``."""
        self.deliver()
        return urlsplit(self.mail.last_link_to(email)).path

    def mailbox_code(self, email: str = "nora@acme.example") -> str:
        """Return the newest code that was sent to ``email``."""
        self.deliver()
        text = str(self.mail.to(email)[-1].payload["text"])
        return next(word for word in text.replace(".", " ").split() if len(word) == 6 and word.isdigit())

    def application(self, key: str, name: str, url: str, *members: str, description: str = "") -> None:
        """Register an application with a tile, and give ``members`` a role that opens it."""
        done = register_client(
            self.services,
            ClientOrder(
                id=key,
                name=name,
                description=description or f"What {name} does.",
                application_key=key,
                launch_url=url,
                secret=SECRET,
                metadata={
                    "redirect_uris": [f"{url}callback"],
                    "post_logout_redirect_uris": [f"{url}signed-out"],
                    "scope": "openid profile email access",
                    "grant_types": ["authorization_code"],
                },
            ),
            actor=SYSTEM,
        )
        assert isinstance(done, Registered), done
        made = provision_group(
            self.services,
            actor=SYSTEM,
            source=SOURCE,
            facts=GroupFacts(
                external_id=f"grp:10001:{key}",
                display_name=f"ACME GENERATION/{name}",
                organization_id="10001",
                organization_short_name="ACME GENERATION",
                access_role_key=f"{key}-user",
                access_role_name=f"{name} user",
                application_key=key,
                account_kinds=("personal",),
                source_version=1,
                document="{}",
                values=(),
            ),
            members=frozenset(members),
        )
        assert isinstance(made, GroupProvisioned), made

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Put the pages behind their public address for as long as the block runs."""
        parts = urlsplit(self.public_url)
        server = make_server(
            "127.0.0.1", parts.port or 80, self.app, threaded=True, request_handler=_QuietHandler
        )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self.public_url
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Keep the test's output for the test."""


def a_gateway(
    database: Database,
    *,
    clock: Clock | None = None,
    public_url: str = "http://localhost:8000",
    settings: IdpSettings | None = None,
    environment: str = "Sandbox",
    pages: GatewayPagesSettings | None = None,
) -> PagesGateway:
    """Return the pages of a Gateway over ``database``."""
    store = a_store(database, clock=clock)
    services = IdpServices(
        store=store,
        settings=settings or IdpSettings(loopback_http_clients=True),
        passwords=PasswordHasher(memory_kib=64, passes=1, lanes=1, parallel=2),
        signing=SigningKeys(store, KeySettings()),
        issuer=public_url,
        public_url=public_url,
        environment=environment,
        support_email="help@operator.example",
        support_phone="1-888-555-0100, (905) 555-0100",
    )
    kit = PageKit(
        product="Gateway",
        environment=environment,
        public_url=public_url,
        cookie_prefix="gateway",
        sealer=store.sealer,
        randomness=store.randomness,
        translations=(TRANSLATIONS,),
        clock=store.clock,
    )
    app = make_gateway_pages(services, kit, pages)
    routes = oidc_routes(services, pages=ProtocolPages(app, public_url), cookie_prefix="gateway")
    mount(app, routes, randomness=store.randomness, peer=peer_by_hops(0))
    return PagesGateway(services, app, MemoryCarrier())


def authorize_path(key: str, url: str, **more: str) -> str:
    """Return the path of a good authorization request of the application ``key`` at ``url``."""
    challenge = base64.urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    values = {
        "client_id": key,
        "redirect_uri": f"{url}callback",
        "response_type": "code",
        "scope": "openid profile email access",
        "state": "state-of-the-application",
        "nonce": "nonce-of-the-application",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"/oauth2/authorize?{urlencode({**values, **more})}"


def totp_code(secret: str, clock: Clock, *, steps: int = 0) -> str:
    """Return the code an authenticator app with ``secret`` shows now, or ``steps`` later."""
    plain = secret.replace(" ", "")
    seed = base64.b32decode(plain + "=" * (-len(plain) % 8))
    return code_at(seed, step_at(clock.now()) + steps)


class Journey:
    """One person's way through the pages with a plain client: every page is read, every form filled in."""

    def __init__(self, gateway: PagesGateway, *, browser: FlaskClient | None = None) -> None:
        self.gateway = gateway
        self.client = browser or gateway.app.test_client()
        self.page: TestResponse | None = None

    @property
    def text(self) -> str:
        """The page as it stands."""
        assert self.page is not None
        return self.page.text

    @property
    def path(self) -> str:
        """Where one stands, without the query."""
        assert self.page is not None
        return self.page.request.path

    @property
    def messages(self) -> list[str]:
        """The numbers of what the page says."""
        return numbers_of(self.text)

    def open(self, path: str) -> TestResponse:
        """Open a page and follow where it leads."""
        self.page = self.client.get(path, follow_redirects=True)
        return self.page

    def send(self, action: str | None = None, **values: str) -> TestResponse:
        """Fill in the form of the page that has these fields, send it and follow where it leads."""
        assert self.page is not None
        self.page = submit(self.client, self.page, values, action=action, follow=True)
        return self.page

    def start_activation(self, email: str = "nora@acme.example", password: str = PASSWORD) -> None:
        """Open the newest link sent to ``email`` and create the password."""
        self.open(self.gateway.activation_path(email))
        self.send(password=password, repeat=password)

    def set_question(self, answer: str = ANSWER) -> None:
        """Choose the first question of the list."""
        self.send(question=first_choice(self.text, "question"), answer=answer)

    def set_up_app(self) -> str:
        """Set up an authenticator app and return its secret."""
        self.send(method="app")
        secret = shown_secret(self.text)
        self.send(code=totp_code(secret, self.gateway.services.store.clock))
        return secret

    def activate(self, email: str = "nora@acme.example") -> str:
        """Go the whole way from the link to the dashboard; return the app's secret."""
        self.start_activation(email)
        self.set_question()
        secret = self.set_up_app()
        self.finish()
        return secret

    def finish(self) -> None:
        """Press Finish."""
        assert self.page is not None
        action = next(form.action for form in forms_of(self.text) if "/enrol/finish" in form.action)
        self.send(action=action)

    def give_password(self, user_name: str = "fieldn", password: str = PASSWORD) -> TestResponse:
        """Fill in the sign-in page one stands on."""
        return self.send(username=user_name, password=password)

    def give_code(self, secret: str, *, steps: int = 0) -> TestResponse:
        """Give the code that an app with ``secret`` shows."""
        return self.send(code=totp_code(secret, self.gateway.services.store.clock, steps=steps))


def numbers_of(html: str) -> list[str]:
    """Return the numbers of the messages a page says."""
    found = re.search(r'<meta name="messages" content="([^"]*)">', html)
    return found.group(1).split() if found else []


def shown_secret(html: str) -> str:
    """Return the key that the enrolment page shows for typing."""
    found = re.search(r'id="totp-secret">([A-Z2-7 ]+)<', html)
    assert found is not None, "no key on the page"
    return found.group(1)


def first_choice(html: str, name: str) -> str:
    """Return the value of the first radio button called ``name``."""
    found = re.search(rf'name="{name}" type="radio" value="([^"]+)"', html)
    assert found is not None, f"no choice called {name}"
    return found.group(1)


def title_of(html: str) -> str:
    """Return the title of a page."""
    found = re.search(r"<title>(.*?)</title>", html, re.DOTALL)
    assert found is not None
    return unescape(found.group(1).strip())


def heading_of(html: str) -> str:
    """Return the one heading of the first level, and assert that there is one only (WCAG 1.3.1)."""
    found = re.findall(r"<h1[^>]*>(.*?)</h1>", html, re.DOTALL)
    assert len(found) == 1, found
    return unescape(found[0].strip())
