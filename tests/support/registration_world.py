"""A Registration in a test: the operator's catalogue, an organization with its people, a Gateway in memory."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kernel.clock import FrozenClock
from kernel.courier.memory import MemoryCarrier
from kernel.courier.worker import CourierWorker
from registration.domain.authority import Caller
from registration.domain.organization import OrganizationForm
from registration.domain.outbox import Aggregate
from registration.domain.outcomes import Refused
from registration.domain.person import ExistingPerson, NewPerson, PersonChoice, PersonForm
from registration.domain.plan import RequestMade
from registration.domain.provisioning import Answer, DesiredGroup, DesiredUser, Found
from registration.domain.text import letters
from registration.settings import RegistrationSettings
from registration.storage.catalogue_files import read_catalogue
from registration.usecases.add_operator_staff import add_operator_staff
from registration.usecases.deliver import deliver_once
from registration.usecases.end_contact import end_contact
from registration.usecases.grant_access_roles import grant_access_roles
from registration.usecases.load_catalogue import load_catalogue
from registration.usecases.name_contact import name_contact
from registration.usecases.preview_contact import preview_contact
from registration.usecases.preview_grant import preview_grant
from registration.usecases.preview_revoke import preview_revoke
from registration.usecases.register_first_authorized_representative import (
    register_first_authorized_representative,
)
from registration.usecases.register_organization import register_organization
from registration.usecases.revoke_access_roles import revoke_access_roles
from registration.usecases.services import RegistrationServices
from tests.support.clock import NOON, a_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kernel.database import Database

CATALOGUE = read_catalogue(Path(__file__).parents[2] / "catalogue" / "ieso")
EMI_SUBMIT = "emi-dispatch-data-submit"
EMI_VIEW = "emi-dispatch-data-view"
REPORTS = "reports-settlement"


def a_form(first: str = "Jim", last: str = "Jones", **more: str) -> PersonForm:
    """Return a complete form of a person."""
    email = more.pop("main_email", f"{letters(first) or 'first'}.{letters(last) or 'last'}@acme.example")
    form = PersonForm(
        first_name=first,
        last_name=last,
        main_phone="416 555 0142",
        extension="17",
        main_email=email,
        address_1="1 Power Street",
        city="Toronto",
        province="ON",
        postal_code="M5V 2T6",
        country="CA",
    )
    return replace(form, **more)


@dataclass
class _Remote:
    id: str
    external_id: str
    version: int
    user_name: str = ""
    active: bool = True
    display_name: str = ""
    email: str = ""
    members: set[str] = field(default_factory=set)


Fault = str
"""``drop-before``, ``drop-after`` (the answer is lost), or a status: ``429``, ``500``, ``503``, ``412``, ``401``."""


class MemoryGateway:
    """The Gateway's SCIM face in memory: set semantics, fencing by sourceVersion, one activation mail per user.

    ``fault`` is asked before each request and may name what goes wrong with it.
    """

    def __init__(self) -> None:
        self.users: dict[str, _Remote] = {}
        self.groups: dict[str, _Remote] = {}
        self.activation_mails: list[str] = []
        self.requests: list[tuple[str, str]] = []
        self.fault: Callable[[str], Fault | None] = lambda _request: None
        self.down = False
        self._ids = itertools.count(1)
        self._lock = threading.RLock()

    def memberships(self) -> set[tuple[str, str]]:
        """Return (account id, group id) of every membership."""
        names = {user.id: user.external_id.removeprefix("acct:") for user in self.users.values()}
        return {
            (names[member], group.external_id.removeprefix("grp:"))
            for group in self.groups.values()
            for member in group.members
        }

    def actives(self) -> dict[str, bool]:
        """Return whether each account is active."""
        return {user.external_id.removeprefix("acct:"): user.active for user in self.users.values()}

    def _serve(self, name: str, key: str, act: Callable[[], Answer]) -> Answer:
        with self._lock:
            self.requests.append((name, key))
            fault = "drop-before" if self.down else self.fault(name)
            if fault == "drop-before":
                return Answer(0, method="TEST", path=name)
            if fault == "protected":
                return Answer(403, detail="protectedAccount", method="TEST", path=name)
            if fault and fault.isdigit():
                retry_after = dt.timedelta(seconds=7) if fault == "429" else None
                return Answer(int(fault), retry_after=retry_after, method="TEST", path=name)
            answer = act()
            return Answer(0, method="TEST", path=name) if fault == "drop-after" else answer

    def create_user(self, user: DesiredUser) -> Answer:
        def act() -> Answer:
            for known in self.users.values():
                if known.external_id == user.external_id or known.user_name.lower() == user.user_name.lower():
                    return Answer(409, scim_type="uniqueness", method="POST", path="/Users")
            remote = _Remote(
                f"u{next(self._ids)}",
                user.external_id,
                user.version,
                user.user_name,
                user.active,
                user.display_name,
                user.email,
            )
            self.users[remote.id] = remote
            if user.active:
                self.activation_mails.append(user.account_id)
            return Answer(201, remote_id=remote.id, method="POST", path="/Users")

        return self._serve("create_user", user.user_name, act)

    def change_user(self, remote_id: str, user: DesiredUser) -> Answer:
        def act() -> Answer:
            known = self.users.get(remote_id)
            if known is None:
                return Answer(404, method="PATCH", path="/Users")
            if user.version < known.version:
                return Answer(409, detail="staleVersion", method="PATCH", path="/Users")
            known.version = user.version
            known.active, known.display_name, known.email = user.active, user.display_name, user.email
            return Answer(200, remote_id=remote_id, method="PATCH", path="/Users")

        return self._serve("change_user", user.user_name, act)

    def find_user(self, *, external_id: str) -> tuple[Answer, Found | None]:
        found: list[Found] = []

        def act() -> Answer:
            found.extend(
                Found(user.id, user.external_id)
                for user in self.users.values()
                if user.external_id == external_id
            )
            return Answer(200, method="GET", path="/Users")

        answer = self._serve("find_user", external_id, act)
        return answer, found[0] if found and answer.status == 200 else None

    def create_group(self, group: DesiredGroup) -> Answer:
        def act() -> Answer:
            if any(known.external_id == group.external_id for known in self.groups.values()):
                return Answer(409, scim_type="uniqueness", method="POST", path="/Groups")
            remote = _Remote(f"g{next(self._ids)}", group.external_id, group.version)
            remote.display_name = group.display_name
            self.groups[remote.id] = remote
            return Answer(201, remote_id=remote.id, method="POST", path="/Groups")

        return self._serve("create_group", group.group_id, act)

    def change_group(self, remote_id: str, group: DesiredGroup) -> Answer:
        def act() -> Answer:
            known = self.groups.get(remote_id)
            if known is None:
                return Answer(404, method="PATCH", path="/Groups")
            if group.version < known.version:
                return Answer(409, detail="staleVersion", method="PATCH", path="/Groups")
            known.version, known.display_name = group.version, group.display_name
            return Answer(200, remote_id=remote_id, method="PATCH", path="/Groups")

        return self._serve("change_group", group.group_id, act)

    def find_group(self, *, external_id: str) -> tuple[Answer, Found | None]:
        found: list[Found] = []

        def act() -> Answer:
            found.extend(
                Found(group.id, group.external_id)
                for group in self.groups.values()
                if group.external_id == external_id
            )
            return Answer(200, method="GET", path="/Groups")

        answer = self._serve("find_group", external_id, act)
        return answer, found[0] if found and answer.status == 200 else None

    def held_version(self, kind: Aggregate, remote_id: str) -> tuple[Answer, int | None]:
        known = (self.users if kind is Aggregate.USER else self.groups).get(remote_id)

        def act() -> Answer:
            return Answer(200 if known else 404, method="GET", path=kind.value)

        answer = self._serve("held_version", remote_id, act)
        return answer, known.version if known and answer.status == 200 else None

    def add_member(self, group_remote_id: str, user_remote_id: str, *, version: int) -> Answer:
        return self._move("add_member", group_remote_id, user_remote_id, version)

    def remove_member(self, group_remote_id: str, user_remote_id: str, *, version: int) -> Answer:
        return self._move("remove_member", group_remote_id, user_remote_id, version)

    def _move(self, name: str, group_id: str, user_id: str, version: int) -> Answer:
        def act() -> Answer:
            group = self.groups.get(group_id)
            if group is None:
                return Answer(404, method="PATCH", path="/Groups")
            if version < group.version:
                return Answer(409, detail="staleVersion", method="PATCH", path="/Groups")
            if name == "add_member" and user_id not in self.users:
                return Answer(400, scim_type="invalidValue", method="PATCH", path="/Groups")
            group.version = version
            group.members.add(user_id) if name == "add_member" else group.members.discard(user_id)
            return Answer(204, method="PATCH", path="/Groups")

        return self._serve(name, f"{group_id}/{user_id}", act)


class NoProvider:
    """Stands where no sign-in is tested."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"nobody signs in here: {name}")


@dataclass
class World:
    """One Registration with its Gateway, and short words for what tests do all the time."""

    services: RegistrationServices
    gateway: MemoryGateway
    clock: FrozenClock
    carrier: MemoryCarrier
    organization_id: str = ""
    people: dict[str, RequestMade] = field(default_factory=dict)
    _keys: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def key(self) -> str:
        """Return a fresh idempotency key."""
        return f"form-{next(self._keys)}"

    def caller(self, who: str) -> Caller:
        """Return the caller that a named person is."""
        return Caller(self.people[who].account_id, f"session of {who}")

    def person(self, who: str) -> ExistingPerson:
        """Return a named person as a choice."""
        return ExistingPerson(self.people[who].person_id)

    def name(
        self,
        by: str,
        role_key: str,
        person: PersonChoice,
        *,
        organization_id: str | None = None,
        reason: str = "",
    ) -> RequestMade | Refused:
        """Let somebody name a contact through preview and confirm."""
        organization_id = organization_id or self.organization_id
        caller = self.caller(by)
        plan = preview_contact(
            self.services, caller=caller, organization_id=organization_id, role_key=role_key, person=person
        )
        if isinstance(plan, Refused):
            return plan
        return name_contact(
            self.services,
            caller=caller,
            organization_id=organization_id,
            role_key=role_key,
            person=person,
            plan_digest=plan.digest,
            idempotency_key=self.key(),
            reason=reason,
        )

    def grant(
        self, by: str, person: PersonChoice, *roles: str, organization_id: str | None = None
    ) -> RequestMade | Refused:
        """Let somebody grant access roles through preview and confirm."""
        organization_id = organization_id or self.organization_id
        caller = self.caller(by)
        plan = preview_grant(
            self.services, caller=caller, organization_id=organization_id, person=person, role_keys=roles
        )
        if isinstance(plan, Refused):
            return plan
        return grant_access_roles(
            self.services,
            caller=caller,
            organization_id=organization_id,
            person=person,
            role_keys=roles,
            plan_digest=plan.digest,
            idempotency_key=self.key(),
        )

    def revoke(
        self, by: str, person_id: str, *roles: str, organization_id: str | None = None
    ) -> RequestMade | Refused:
        """Let somebody revoke access roles (all without names) through preview and confirm."""
        organization_id = organization_id or self.organization_id
        caller = self.caller(by)
        every = not roles
        plan = preview_revoke(
            self.services,
            caller=caller,
            organization_id=organization_id,
            person_id=person_id,
            role_keys=roles,
            every=every,
        )
        if isinstance(plan, Refused):
            return plan
        return revoke_access_roles(
            self.services,
            caller=caller,
            organization_id=organization_id,
            person_id=person_id,
            role_keys=roles,
            every=every,
            plan_digest=plan.digest,
            idempotency_key=self.key(),
        )

    def end(self, by: str, role_key: str, who: str) -> RequestMade | Refused:
        """Let somebody end a contact through preview and confirm."""
        caller = self.caller(by)
        plan = preview_contact(
            self.services,
            caller=caller,
            organization_id=self.organization_id,
            role_key=role_key,
            person=self.person(who),
            ending_role=True,
        )
        if isinstance(plan, Refused):
            return plan
        return end_contact(
            self.services,
            caller=caller,
            organization_id=self.organization_id,
            role_key=role_key,
            person_id=self.people[who].person_id,
            plan_digest=plan.digest,
            idempotency_key=self.key(),
        )

    def drain(self, *, rounds: int = 1000) -> int:
        """Deliver until nothing is due; the clock stands still. Returns how many rows were handled."""
        for handled in range(rounds):
            if not deliver_once(self.services, worker="test"):
                return handled
        raise AssertionError("the outbox does not drain")

    def settle(self, *, steps: int = 200) -> None:
        """Deliver and let time pass until the outbox has nothing left to do."""
        for _ in range(steps):
            self.drain()
            if not self.backlog() - {"done", "dead", "case", "abandoned"}:
                return
            self.clock.advance(dt.timedelta(minutes=5))
        raise AssertionError(f"the outbox does not settle: {self.backlog()}")

    def backlog(self) -> set[str]:
        """Return the states that outbox rows stand in."""
        from registration.storage.outbox import backlog

        with self.services.store.read() as connection:
            return set(backlog(connection))

    def mails(self) -> list[tuple[str, str, str]]:
        """Send what the courier holds and return (template, recipient, text) of everything sent so far."""
        courier = CourierWorker(self.services.store, {"email": self.carrier}, node="test")
        while courier.run_once():
            pass
        return [
            (envelope.template, str(envelope.payload["to"]), str(envelope.payload["text"]))
            for envelope in self.carrier.sent
        ]

    def add_organization(self, short_name: str, participations: Sequence[str]) -> str:
        """Register another organization and return its id."""
        made = register_organization(
            self.services,
            caller=Caller.console(),
            form=OrganizationForm(f"{short_name} Limited", short_name, participations=tuple(participations)),
            idempotency_key=self.key(),
        )
        assert not isinstance(made, Refused), made
        return made.organization_id

    def add_trust(self, organization_id: str, prefix: str = "") -> None:
        """Give an organization its representative, Primary Contact and Rights Administrator."""
        made = register_first_authorized_representative(
            self.services,
            caller=Caller.console(),
            organization_id=organization_id,
            person=NewPerson(a_form("Ada", f"{prefix}Author")),
            evidence="agreement",
            idempotency_key=self.key(),
        )
        assert isinstance(made, RequestMade), made
        self.people[f"{prefix}ar"] = made
        steps = (
            ("ar", "pc", "primary-contact", "Paul", "Prime"),
            ("pc", "ra", "rights-administrator", "Rita", "Rights"),
        )
        for by, who, role, first, last in steps:
            named = self.name(
                f"{prefix}{by}",
                role,
                NewPerson(a_form(first, f"{prefix}{last}")),
                organization_id=organization_id,
            )
            assert isinstance(named, RequestMade), named
            self.people[f"{prefix}{who}"] = named


def a_registration(
    database: Database, *, clock: FrozenClock | None = None, gateway: MemoryGateway | None = None
) -> World:
    """Return a Registration over ``database`` that knows nothing yet."""
    clock = clock or FrozenClock(NOON)
    gateway = gateway or MemoryGateway()
    services = RegistrationServices(
        store=a_store(database, clock=clock),
        settings=RegistrationSettings(),
        public_url="http://127.0.0.1:8001",
        provider=NoProvider(),
        directory=gateway,
        node="test",
    )
    return World(services, gateway, clock, MemoryCarrier())


def a_world(database: Database, *, staff: bool = False) -> World:
    """Return a Registration with catalogue, the organization ACME GENERATION and its trust model in place."""
    world = a_registration(database)
    load_catalogue(world.services, caller=Caller.console(), catalogue=CATALOGUE)
    if staff:
        made = add_operator_staff(
            world.services,
            caller=Caller.console(),
            person=NewPerson(a_form("Cora", "Relations", main_email="cora@operator.example")),
            idempotency_key=world.key(),
        )
        assert isinstance(made, RequestMade), made
        world.people["cr"] = made
    world.organization_id = world.add_organization("ACME GENERATION", ("generator", "physical-market"))
    world.add_trust(world.organization_id)
    return world
