"""The sign-in of a Gateway without its pages: accounts are provisioned, links read from the mail that was sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from idp.domain.account import Account, AccountKind, AccountOrganization
from idp.domain.login_flow import Step
from idp.domain.provisioning import AccountFacts
from idp.domain.totp import code_at, step_at
from idp.settings import IdpSettings
from idp.storage.accounts import find_account
from idp.storage.factors import pending_totp
from idp.usecases.activate_account import Activated, activate_account
from idp.usecases.enrol_totp import begin_totp_enrolment, confirm_totp_enrolment
from idp.usecases.finish_login import finish_login
from idp.usecases.flow_outcomes import Done, FlowPage
from idp.usecases.look_at_flow import look_at_flow
from idp.usecases.present_password import present_password
from idp.usecases.present_totp import present_totp
from idp.usecases.provision_account import Provisioned, provision_account
from idp.usecases.services import IdpServices
from idp.usecases.set_security_question import set_security_question
from idp.usecases.start_login import start_login
from kernel.audit import SYSTEM
from kernel.courier.memory import MemoryCarrier
from kernel.courier.worker import CourierWorker
from kernel.crypto import PasswordHasher, digest
from kernel.origin import Origin, origin
from kernel.tables import audit_event
from keys.settings import KeySettings
from keys.usecases.signing import SigningKeys
from tests.support.clock import a_store

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.courier.outbox import Envelope
    from kernel.database import Database
    from tests.support.databases import Databases

PASSWORD = "Quiet-Harbour-71"
ANOTHER = "Velvet+Canyon-38"
ANSWER = "The Glass Menagerie"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36"


@dataclass
class Holder:
    """An activated account with what its holder knows and has."""

    account: Account
    browser: str
    seed: bytes
    password: str = PASSWORD

    @property
    def id(self) -> str:
        """The account's id."""
        return self.account.id

    @property
    def user_name(self) -> str:
        """The login name."""
        return self.account.user_name


@dataclass
class Gatehouse:
    """The services of one Gateway over one database, with its clock and its mail."""

    services: IdpServices
    clock: FrozenClock
    mail: MemoryCarrier = field(default_factory=MemoryCarrier)

    def provision(
        self,
        user_name: str = "fieldn",
        *,
        kind: AccountKind = AccountKind.PERSONAL,
        email: str | None = None,
        language: str = "en",
        **facts: Any,
    ) -> Account:
        """Provision an account; its activation mail is on its way."""
        names = {
            "given_name": "Nora",
            "family_name": "Field",
            "display_name": "Nora Field",
            "allowed_addresses": (),
            **facts,
        }
        made = provision_account(
            self.services,
            actor=SYSTEM,
            source="registration-worker",
            facts=AccountFacts(
                kind=kind,
                user_name=user_name,
                external_id=f"acct:{user_name}",
                middle_name="",
                email=email if email is not None else f"{user_name}@acme.example",
                phone="",
                language=language,
                active=True,
                invite=True,
                person_id="P-1",
                custodian_person_id="",
                organizations=(AccountOrganization("10001", "ACME GENERATION"),),
                source_version=1,
                document="{}",
                values=(),
                **names,
            ),
        )
        assert isinstance(made, Provisioned), made
        return self.account(made.record.id)

    def account(self, account_id: str) -> Account:
        """Return the account as it is stored."""
        with self.services.store.read() as connection:
            found = find_account(connection, account_id)
        assert found is not None
        return found

    def deactivate(self, account_id: str) -> None:
        """Deactivate the account as its source does."""
        from idp.storage.tables import account

        with self.services.store.write() as unit:
            unit.connection.execute(account.update().where(account.c.id == account_id).values(active=False))

    def deliver(self) -> list[Envelope]:
        """Send the mail that waits, and return all that was ever sent."""
        worker = CourierWorker(self.services.store, {"email": self.mail}, node="test")
        while worker.run_once():
            pass
        return self.mail.sent

    def letters(self, template: str, to: str | None = None) -> list[Envelope]:
        """Return the letters of one kind that were sent so far."""
        return [
            each for each in self.deliver() if each.template == template and to in (None, each.payload["to"])
        ]

    def link_token(self, email: str) -> str:
        """Return the secret of the newest activation link sent to ``email``."""
        self.deliver()
        return self.mail.last_link_to(email).rpartition("/")[2]

    def mailbox_code(self, email: str) -> str:
        """Return the newest code that was sent to ``email``."""
        text = str(self.letters("mailbox-code", email)[-1].payload["text"])
        return next(word for word in text.split() if len(word) == 6 and word.isdigit())

    def start_activation(
        self, account: Account, *, browser: str = "browser-home", password: str = PASSWORD
    ) -> str:
        """Spend the activation link and return the wizard's flow."""
        done = activate_account(
            self.services,
            token=self.link_token(account.email),
            browser=browser,
            password=password,
            repeat=password,
        )
        assert isinstance(done, Activated), done
        return done.flow

    def answer_question(self, flow: str, browser: str) -> object:
        """Choose the first question that is offered."""
        page = self.page(flow, browser)
        return set_security_question(
            self.services, flow=flow, browser=browser, question=page.questions[0].key, answer=ANSWER
        )

    def enrol_app(self, flow: str, browser: str) -> tuple[bytes, object]:
        """Enrol an authenticator app; return its seed and what the deed answered."""
        begin_totp_enrolment(self.services, flow=flow, browser=browser)
        seed = self.pending_seed(flow, browser)
        return seed, confirm_totp_enrolment(
            self.services, flow=flow, browser=browser, code=self.code(seed), label="Phone"
        )

    def pending_seed(self, flow: str, browser: str) -> bytes:
        """Return the seed of the app that the flow has begun to enrol."""
        account = self.page(flow, browser).account
        assert account is not None
        with self.services.store.read() as connection:
            pending = pending_totp(connection, account.id, digest(flow))
        assert pending is not None
        return self.services.store.sealer.open(
            pending.sealed_seed, table="factor", column="sealed_secret", row=pending.id
        )

    def activate(
        self, account: Account, *, browser: str = "browser-home", password: str = PASSWORD
    ) -> Holder:
        """Go the whole way from the link to the first session, and let the code's time step pass."""
        flow = self.start_activation(account, browser=browser, password=password)
        self.answer_question(flow, browser)
        seed, _ = self.enrol_app(flow, browser)
        assert isinstance(finish_login(self.services, flow=flow, browser=browser), Done)
        self.next_step()
        return Holder(self.account(account.id), browser, seed, password)

    def a_holder(self, user_name: str = "fieldn", **facts: Any) -> Holder:
        """Provision and activate an account."""
        return self.activate(self.provision(user_name, **facts))

    def code(self, seed: bytes, *, steps: int = 0) -> str:
        """Return the code an app with ``seed`` shows now, or ``steps`` later."""
        return code_at(seed, step_at(self.clock.now()) + steps)

    def next_step(self) -> None:
        """Let the present time step of codes pass."""
        import datetime as dt

        self.clock.advance(dt.timedelta(seconds=30))

    def start(self, browser: str = "browser-elsewhere", **values: Any) -> str:
        """Start a sign-in and return its flow."""
        return start_login(
            self.services, browser=browser, **{"request": {"kind": "page", "path": "/"}, **values}
        )

    def page(self, flow: str, browser: str) -> FlowPage:
        """Return where a flow stands."""
        found = look_at_flow(self.services, flow=flow, browser=browser)
        assert isinstance(found, FlowPage), found
        return found

    def step(self, flow: str, browser: str) -> Step:
        """Return what a flow waits for."""
        return self.page(flow, browser).step

    def give_password(self, flow: str, browser: str, identifier: str, password: str = PASSWORD) -> object:
        """Post a login name and a password."""
        return present_password(
            self.services, flow=flow, browser=browser, identifier=identifier, password=password
        )

    def give_code(self, flow: str, browser: str, code: str) -> object:
        """Post the code of an authenticator app."""
        return present_totp(self.services, flow=flow, browser=browser, code=code)

    def sign_in(self, holder: Holder, *, browser: str | None = None, **values: Any) -> Done:
        """Sign in with password and code, and let the code's time step pass."""
        bound = browser or holder.browser
        flow = self.start(bound, **values)
        self.give_password(flow, bound, holder.user_name, holder.password)
        done = self.give_code(flow, bound, self.code(holder.seed))
        assert isinstance(done, Done), done
        self.next_step()
        return done

    def audit(self, tag: str | None = None) -> list[Any]:
        """Return the audit rows of a tag, oldest first."""
        statement = select(audit_event).order_by(audit_event.c.chain, audit_event.c.seq)
        if tag is not None:
            statement = statement.where(audit_event.c.tag == tag)
        with self.services.store.read() as connection:
            return list(connection.execute(statement))


def a_gatehouse(
    database: Database,
    clock: FrozenClock,
    *,
    settings: IdpSettings | None = None,
    passwords: PasswordHasher | None = None,
    public_url: str = "http://localhost:8000",
    environment: str = "Sandbox",
) -> Gatehouse:
    """Return the sign-in of a Gateway over ``database``; hashes are cheap unless a hasher is given."""
    store = a_store(database, clock=clock)
    services = IdpServices(
        store=store,
        settings=settings or IdpSettings(),
        passwords=passwords or PasswordHasher(memory_kib=8, passes=1, lanes=1, parallel=4, wait=20),
        signing=SigningKeys(store, KeySettings()),
        issuer=public_url,
        public_url=public_url,
        environment=environment,
        support_email="help@operator.example",
        support_phone="1-888-555-0100",
    )
    return Gatehouse(services, clock)


@pytest.fixture
def gatehouse(gateway_database: Database, clock: FrozenClock) -> Gatehouse:
    """Give the sign-in of a Gateway; the test runs on both databases."""
    return a_gatehouse(gateway_database, clock)


@pytest.fixture
def sqlite_gatehouse(sqlite_gateway_database: Database, clock: FrozenClock) -> Gatehouse:
    """Give the sign-in of a Gateway on SQLite: for rules that no database decides."""
    return a_gatehouse(sqlite_gateway_database, clock)


def from_place(address: str, user_agent: str = CHROME) -> Any:
    """Serve the body of a ``with`` as a request from ``address``."""
    return origin(Origin(address=address, user_agent=user_agent))


def challenge_of(options_json: str) -> str:
    """Return the challenge in the options of a ceremony."""
    return str(json.loads(options_json)["challenge"])


def two_nodes(databases: Databases, clock: FrozenClock, *, threads: int) -> list[Gatehouse]:
    """Return two nodes of one Gateway on one database, each for so many threads."""
    url = databases.url("gateway")
    return [a_gatehouse(databases.open(url, pool_size=threads), clock) for _ in range(2)]
