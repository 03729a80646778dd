"""Long walks by chance: what Registration's rules say of everybody is what the Gateway has, over real HTTP.

The model is a few sets: who holds which contact role and which grant in which organization. It says beforehand
whether a deed is refused, and why; a refused deed, and one that dies before its commit, changes nothing (I-12).
On the way requests are refused, answers are lost or cut, and workers die or stall while another one goes on. What
counts as delivered is in the Gateway at that very moment (I-01, I-11), and at the end everything is.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import select

from kernel.audit import verify_chains
from registration.domain.authority import NAMED_BY, Caller
from registration.domain.outbox import State
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import ExistingPerson, NewPerson
from registration.domain.plan import RequestMade
from registration.outbound.http import Outbound
from registration.outbound.scim_client import ScimDirectory
from registration.storage.tables import METADATA, contact_assignment, outbox, request, request_item
from registration.usecases.deliver import deliver_once
from registration.usecases.load_catalogue import load_catalogue
from registration.usecases.provision_again import provision_again
from scim.domain.models import USER_EXTENSION
from tests.support.clock import a_store
from tests.support.registration_world import CATALOGUE, World, a_form, a_registration
from tests.support.scim import ScimWorld, a_scim_world
from tests.support.wsgi_server import serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.databases import Databases

STEPS = 80
SEED = 4
CONTACTS = ("dispatch-data-submitter", "dispatch-data-viewer", "invoicing-and-banking", *NAMED_BY)
GRANTS = (
    *("emi-dispatch-data-submit", "emi-dispatch-data-view", "crow-outage-submit", "crow-outage-view"),
    *("reports-settlement", "reports-dispatch", "registration-base"),
)
FAULTS = (
    *(None,) * 8,
    *("drop-before", "drop-after", "cut-after", "stall-before", "stall-after"),
    *("401", "404", "429", "500", "503"),
)
DIES = (*(None,) * 6, "after-claim", "after-2xx", "after-mark")


class CrashError(BaseException):
    """Stands for kill -9."""


@dataclass
class _Model:
    """One organization: who holds what, and what the rules make of it."""

    id: str
    number: int
    participations: frozenset[str]
    contacts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    grants: set[tuple[str, str]] = field(default_factory=set)

    def roles(self, person: str) -> set[str]:
        return {role for role, holders in self.contacts.items() if person in holders}

    def everybody(self) -> list[str]:
        return sorted(set().union(*self.contacts.values(), (person for person, _ in self.grants)))

    def opens(self, gates: list[str]) -> bool:
        return not gates or bool({*gates} & self.participations)

    def access(self, person: str, *, more: set[str] | None = None, named: set[str] | None = None) -> set[str]:
        """I-18: what is granted, and what contact roles bring."""
        implied = {
            access
            for role in self.roles(person) | (named or set())
            for access in CATALOGUE.contact_roles[role].implies
            if self.opens(CATALOGUE.access_roles[access].requires_participation)
        }
        return {role for holder, role in self.grants if holder == person} | implied | (more or set())

    def may_name(self, by: str, role: str) -> bool:
        namers = NAMED_BY.get(role, frozenset(CATALOGUE.contact_roles[role].assigned_by))
        return bool(self.roles(by) & namers)

    # --- why a deed is refused: R-084..R-090, R-096..R-102, R-127, R-173..R-180 -----------------------

    def grant(self, by: str, person: str, wanted: tuple[str, ...]) -> set[Refusal]:
        if early := self.stranger(by, allowed="rights-administrator" in self.roles(by)):
            return early
        offered = all(
            CATALOGUE.access_roles[role].granted_by == "rights-administrator"
            and self.opens(CATALOGUE.access_roles[role].requires_participation)
            for role in wanted
        )
        held = any((person, role) in self.grants for role in wanted)
        refused = {Refusal.ROLE_NOT_OFFERED} - ({Refusal.ROLE_NOT_OFFERED} if offered else set())
        refused |= {Refusal.ALREADY_HELD} if held else set()
        return refused or _clash(self.access(person, more={*wanted}))

    def revoke(self, by: str, person: str, wanted: tuple[str, ...]) -> set[Refusal]:
        if early := self.stranger(by, allowed="rights-administrator" in self.roles(by)):
            return early
        held = {role for holder, role in self.grants if holder == person}
        return set() if held and {*wanted} <= held else {Refusal.NOT_HELD}

    def name(self, by: str, person: str, role: str) -> set[Refusal]:
        stated = CATALOGUE.contact_roles[role]
        if early := self.stranger(by, allowed=self.may_name(by, role)):
            return early
        if not self.opens(stated.requires_participation):
            return {Refusal.ROLE_NOT_OFFERED}
        if role in self.roles(person):
            return {Refusal.ALREADY_HELD}
        if {*stated.excludes} & self.roles(person):
            return {Refusal.EXCLUDED}
        return _clash(self.access(person, named={role}))

    def end(self, by: str, person: str, role: str) -> set[Refusal]:
        if early := self.stranger(by, allowed=self.may_name(by, role)):
            return early
        if role not in self.roles(person):
            return {Refusal.NOT_HELD}
        return {Refusal.MINIMUM} if len(self.contacts[role]) <= 1 else set()

    def stranger(self, by: str, *, allowed: bool) -> set[Refusal]:
        if not self.roles(by):
            return {Refusal.NOT_FOUND}
        return set() if allowed else {Refusal.NOT_ALLOWED}


def _clash(access: set[str]) -> set[Refusal]:
    excluded = any(other in access for role in access for other in CATALOGUE.access_roles[role].excludes)
    return {Refusal.EXCLUDED} if excluded else set()


class _GivenToken:
    """A credential of the Gateway's, made beforehand."""

    def __init__(self, gateway: ScimWorld) -> None:
        self._gateway = gateway

    def current(self) -> str:
        return self._gateway.token()

    def forget(self, token: str) -> None:
        """Keep it: what was refused was refused on the way."""


class _Fickle(httpx.BaseTransport):
    """Real HTTP, and what may go wrong on the way."""

    def __init__(self, walk: _Walk) -> None:
        self._walk = walk
        self._real = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        fault = self._walk.fault()
        if fault == "drop-before":
            raise httpx.ConnectError(fault)
        if fault is not None and fault.isdigit():  # a proxy's, in HTML
            return httpx.Response(int(fault), headers={"Retry-After": "7"}, text="<p>No.")
        if fault == "stall-before":
            self._walk.meanwhile()
        answer = self._real.handle_request(request)
        content = answer.read()
        if fault == "drop-after":
            raise httpx.ReadTimeout(fault)
        if fault == "stall-after":
            self._walk.meanwhile()
        kept = content[: len(content) // 2] if fault == "cut-after" else content
        return httpx.Response(answer.status_code, headers=answer.headers, content=kept)

    def close(self) -> None:
        self._real.close()


class _Walk:
    """Registration and a Gateway on one clock, with the model of what they have to say."""

    def __init__(self, world: World, gateway: ScimWorld, chance: random.Random) -> None:
        self.world = world
        self.gateway = gateway
        self.chance = chance
        self.models: list[_Model] = []
        self.accounts: dict[str, str] = {}
        self.met: set[str] = set()
        self.done: list[tuple[_Model, str, str, str, tuple[str, ...]]] = []
        self.depth = 0
        self.fair = True

    def begin(self, address: str) -> Outbound:
        """Connect both, and let two organizations have their Authorized Representative."""
        outbound = Outbound([address], timeout=dt.timedelta(seconds=20), transport=_Fickle(self))
        directory = ScimDirectory(
            outbound,
            _GivenToken(self.gateway),  # type: ignore[arg-type]
            self.world.clock,
            base_url=f"{address}/scim/v2",
        )
        self.world.services = replace(self.world.services, directory=directory)
        load_catalogue(self.world.services, caller=Caller.console(), catalogue=CATALOGUE)
        for number, more in enumerate(((), ("transmitter",)), start=100001):
            participations = ("physical-market", *more)
            model = _Model(
                self.world.add_organization(f"ORG {number}", participations),
                number,
                frozenset(participations),
            )
            self.world.add_trust(model.id, prefix=f"O{chr(number - 100001 + 97)}")
            self.models.append(model)
        with self.world.services.store.read() as connection:
            for row in connection.execute(select(contact_assignment)):
                model = next(each for each in self.models if each.id == row.organization_id)
                model.contacts[row.role_key].add(row.holder_id)
        self.accounts = {made.person_id: made.account_id for made in self.world.people.values()}
        self.fair = False
        return outbound

    def fault(self) -> str | None:
        fault = None if self.fair else self.chance.choice(FAULTS)
        return None if fault and fault.startswith("stall") and self.depth else fault

    def meanwhile(self) -> None:
        """One worker stalls, perhaps beyond its lease; deeds and another worker go on."""
        self.depth += 1
        self.deed()
        self.world.clock.advance(dt.timedelta(seconds=self.chance.choice([1, 31])))
        for _ in range(self.chance.randint(0, 4)):
            self.chance.choice([self.deed, self.deliver, self.deliver])()
        self.depth -= 1

    def step(self) -> None:
        act: Callable[[], object] = self.chance.choices(
            [self.deed, self.deliver, self.later, self.again], [40, 45, 14, 1]
        )[0]
        act()

    def later(self) -> None:
        self.world.clock.advance(dt.timedelta(seconds=self.chance.choice([1, 7, 31, 600])))

    def again(self) -> None:
        assert provision_again(self.world.services, caller=Caller.console())

    def deliver(self) -> None:
        services = replace(self.world.services, failpoint=self.dying(self.chance.choice(DIES)))
        try:
            deliver_once(services, worker=f"worker {self.chance.randrange(9)}")
        except CrashError:
            self.met.add("a worker died")

    def dying(self, point: str | None) -> Callable[[str], None]:
        def reach(name: str) -> None:
            if name == point and not self.fair:
                raise CrashError

        return reach

    # --- deeds -----------------------------------------------------------------------------------------

    def deed(self) -> None:
        """Let somebody do one thing, and hold the answer against the model's."""
        model = self.chance.choice(self.models)
        kind = self.chance.choice(["grant", "grant", "revoke", "name", "name", "end"])
        role = self.chance.choice(CONTACTS)
        person = self.chance.choice(self.chance.choice([model.everybody(), sorted(self.accounts)]))
        if kind == "revoke":
            person = self.chance.choice(sorted({holder for holder, _ in model.grants}) or [person])
        if kind == "end":
            role = self.chance.choice(sorted(model.roles(person)) or [role])
        able = [each for each in model.everybody() if self.may(model, kind, each, role)]
        by = self.chance.choice(able if able and self.chance.random() < 0.85 else sorted(self.accounts))
        wanted = tuple(self.chance.sample(GRANTS, self.chance.choice([1, 1, 2])))
        if self.depth and self.done and self.chance.random() < 0.7:
            model, kind, person, role, wanted = self.chance.choice(self.done[-4:])
            kind = {"grant": "revoke", "revoke": "grant", "name": "end", "end": "name"}[kind]
            able = [each for each in model.everybody() if self.may(model, kind, each, role)]
            by = self.chance.choice(able)
        self.world.people |= {
            "by": RequestMade("", 0, by, 0, self.accounts[by], ""),
            "who": RequestMade("", 0, person, 0, "", ""),
        }
        self.world.organization_id = model.id
        new = not self.depth and kind in {"grant", "name"} and self.chance.random() < 0.2
        chosen = (
            NewPerson(a_form("Jim", self.chance.choice(["Wu", "Smith"]))) if new else ExistingPerson(person)
        )
        whom = "" if new else person
        do: Callable[[], RequestMade | Refused]
        if kind == "grant":
            refused, do = model.grant(by, whom, wanted), lambda: self.world.grant("by", chosen, *wanted)
        elif kind == "revoke":
            held = tuple(sorted(each for holder, each in model.grants if holder == person))
            wanted = wanted if self.depth else self.chance.choice([wanted, held[:1], held[:1], ()])
            refused, do = model.revoke(by, person, wanted), lambda: self.world.revoke("by", person, *wanted)
        elif kind == "name":
            refused, do = model.name(by, whom, role), lambda: self.world.name("by", role, chosen)
        else:
            refused, do = model.end(by, person, role), lambda: self.world.end("by", role, "who")
        before = self.everything() if refused else {}
        made = do() if refused else self.perhaps_dying(do)
        if refused:
            assert isinstance(made, Refused), (kind, by, person, role, wanted, refused)
            assert made.reason in refused
            assert self.everything() == before
            self.met.add(f"{kind} {made.reason}")
            return
        assert isinstance(made, RequestMade), (kind, by, person, role, wanted, made)
        self.met.add(kind)
        self.accounts[made.person_id] = made.account_id
        gone = (
            {(person, each) for each in wanted}
            if wanted
            else {each for each in model.grants if each[0] == person}
        )
        undone = wanted or tuple(sorted(each for _, each in gone))
        self.done.append((model, kind, made.person_id, role, undone))
        effect: dict[str, Callable[[], object]] = {
            "grant": lambda: model.grants.update((made.person_id, each) for each in wanted),
            "revoke": lambda: model.grants.difference_update(gone),
            "name": lambda: model.contacts[role].add(made.person_id),
            "end": lambda: model.contacts[role].discard(person),
        }
        effect[kind]()

    def may(self, model: _Model, kind: str, by: str, role: str) -> bool:
        if kind in {"name", "end"}:
            return model.may_name(by, role)
        return "rights-administrator" in model.roles(by)

    def perhaps_dying(self, do: Callable[[], RequestMade | Refused]) -> RequestMade | Refused:
        if self.chance.random() < 0.8:
            return do()
        services, before = self.world.services, self.everything()
        self.world.services = replace(services, failpoint=self.dying("before-commit"))
        with pytest.raises(CrashError):
            do()
        self.world.services = services
        assert self.everything() == before
        return do()

    # --- looking ---------------------------------------------------------------------------------------

    def everything(self) -> dict[str, list[str]]:
        """Return all that is stored, but for the record of who was refused."""
        with self.world.services.store.read() as connection:
            return {
                table.name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
                for table in METADATA.sorted_tables
            }

    def wanted(self) -> set[tuple[str, str]]:
        return {
            (self.accounts[person], f"{model.number}:{role}")
            for model in self.models
            for person in model.everybody()
            for role in model.access(person)
        }

    def look(self) -> None:
        """Whatever counts as delivered is in the Gateway now, and nothing else of it is (I-01, I-11)."""
        with self.world.services.store.read() as connection:
            done = connection.execute(select(outbox).where(outbox.c.state == State.DONE.value)).all()
        users = {each["externalId"].removeprefix("acct:"): each for each in self.read("Users")}
        names = {each["id"]: account for account, each in users.items()}
        members = {
            (names[member["value"]], group["externalId"].removeprefix("grp:"))
            for group in self.read("Groups")
            for member in group.get("members", ())
        }
        wanted = self.wanted()
        for row in done:
            account, _, group = row.aggregate_id.partition("@")
            if row.aggregate_kind == "membership":
                assert ((account, group) in members) == ((account, group) in wanted), row
            if row.aggregate_kind == "user":
                told = {each["id"] for each in users[account][USER_EXTENSION].get("organizations", ())}
                assert told == {each.partition(":")[0] for holder, each in wanted if holder == account}
                assert users[account]["active"]

    def read(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            answer = self.gateway.get(f"/{kind}", query={"startIndex": str(len(found) + 1), "count": "100"})
            found += answer.json().get("Resources", [])
            if len(found) >= answer["totalResults"]:
                return found

    def end(self) -> None:
        """Let everything be delivered: each account is there once, each request is complete (I-01, I-12)."""
        self.fair = True
        self.world.clock.advance(dt.timedelta(hours=2))
        self.world.settle()
        assert self.world.backlog() == {"done"}
        self.look()
        told = [each["externalId"] for each in self.read("Users")]
        assert sorted(told) == sorted(f"acct:{account}" for account in self.accounts.values())
        with self.world.services.store.read() as connection:
            assert set(connection.execute(select(request.c.state)).scalars()) == {"provisioned"}
            items = connection.execute(select(request_item)).all()
        newest: dict[str, int] = {}
        for item in items:
            newest[item.aggregate_id] = max(newest.get(item.aggregate_id, 0), item.version)
        assert not [each for each in items if each.superseded and each.version == newest[each.aggregate_id]]
        for store in (self.world.services.store, self.gateway.services.store):
            assert not verify_chains(store.database).faults


def test_whatever_goes_wrong_the_gateway_has_what_the_rules_say(databases: Databases) -> None:
    """I-01, I-04, I-11, I-12, I-18; R-084..R-090, R-127, R-237."""
    database = databases.registration()
    world = a_registration(database)
    world.services = replace(world.services, store=a_store(database, clock=world.clock, seed=SEED))
    gateway = a_scim_world(databases.gateway(), clock=world.clock)
    walk = _Walk(world, gateway, random.Random(SEED))
    with serving(gateway.lane, known_as="127.0.0.1:8000") as address:
        outbound = walk.begin(address)
        for number in range(STEPS):
            walk.step()
            if number % 10 == 0:
                walk.look()
        walk.end()
        outbound.close()
    assert walk.met >= {"grant", "revoke", "name", "end", "a worker died"}
    assert len(walk.met) > 12
