"""The outbox under random schedules of deeds, faults, crashes, two workers and time (I-01, I-11, I-12, I-18)."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import random
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from kernel.audit import verify_chains
from kernel.clock import FrozenClock
from kernel.database import Database
from registration.domain.person import ExistingPerson, NewPerson
from registration.domain.plan import RequestMade
from registration.storage.tables import (
    access_grant,
    contact_assignment,
    contact_counter,
    membership_desired,
    organization,
)
from registration.usecases.deliver import deliver_once
from tests.support.clock import a_store
from tests.support.databases import create_schema
from tests.support.registration_world import CATALOGUE, EMI_SUBMIT, EMI_VIEW, REPORTS, World, a_form, a_world

if TYPE_CHECKING:
    from pathlib import Path

FAULTS = [None, None, None, "drop-before", "drop-after", "500", "503", "429", "412", "401"]
ROLES = [EMI_SUBMIT, EMI_VIEW, REPORTS, "reports-dispatch"]


class CrashError(BaseException):
    """Stands for kill -9."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the trust model in place, made once and copied for each schedule."""
    path = tmp_path_factory.mktemp("schedules") / "template.db"
    database = Database(f"sqlite:///{path}")
    create_schema(database, "registration")
    world = a_world(database)
    made = world.name("ra", "applicant-representative", world.person("ra"))
    assert isinstance(made, RequestMade)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    (path.parent / "people.txt").write_text(
        "\n".join(f"{who} {made.account_id} {made.person_id}" for who, made in world.people.items())
    )
    return path


def reopened(template: Path, path: Path) -> tuple[World, Database]:
    shutil.copy(template, path)
    database = Database(f"sqlite:///{path}")
    from tests.support.registration_world import a_registration

    world = a_registration(database, clock=FrozenClock(dt.datetime(2026, 6, 2, tzinfo=dt.UTC)))
    world._keys = itertools.count(1000)
    for line in (template.parent / "people.txt").read_text().splitlines():
        who, account_id, person_id = line.split()
        world.people[who] = RequestMade("", 0, person_id, 0, account_id, "")
    with world.services.store.read() as connection:
        world.organization_id = connection.execute(select(organization.c.id)).scalar_one()
    return world, database


def truth(world: World) -> set[tuple[str, str]]:
    with world.services.store.read() as connection:
        numbers = {row.id: row.number for row in connection.execute(select(organization))}
        return {
            (row.account_id, f"{numbers[row.organization_id]}:{row.access_role_key}")
            for row in connection.execute(select(membership_desired))
        }


def check_sources(world: World) -> None:
    """I-02, I-04, I-18: derived rows are exactly what grants and contact roles say."""
    from registration.storage.tables import account

    with world.services.store.read() as connection:
        owners = {row.person_id: row.id for row in connection.execute(select(account))}
        expected: dict[tuple[str, str], int] = {}
        for row in connection.execute(select(access_grant).where(access_grant.c.ended_at.is_(None))):
            key = (row.account_id, row.access_role_key)
            expected[key] = expected.get(key, 0) + 1
        held: dict[str, int] = {}
        for row in connection.execute(
            select(contact_assignment).where(contact_assignment.c.ended_at.is_(None))
        ):
            held[row.role_key] = held.get(row.role_key, 0) + 1
            for implied in CATALOGUE.contact_roles[row.role_key].implies:
                key = (owners[row.holder_id], implied)
                expected[key] = expected.get(key, 0) + 1
        found = {
            (row.account_id, row.access_role_key): row.sources
            for row in connection.execute(select(membership_desired))
        }
        counters = {row.role_key: row.n for row in connection.execute(select(contact_counter)) if row.n}
    assert found == expected
    assert counters == held
    for account_id in owners.values():
        assert not {(account_id, EMI_SUBMIT), (account_id, EMI_VIEW)} <= set(found)


def act(world: World, chance: random.Random, people: list[RequestMade]) -> None:
    deed = chance.randrange(6)
    if deed == 0 or not people:
        last = chance.choice(["Smith", "Jones", "Wu"])
        made = world.grant("ra", NewPerson(a_form("Jim", last)), chance.choice(ROLES))
        assert isinstance(made, RequestMade), made
        people.append(made)
        return
    someone = chance.choice(people)
    if deed in {1, 2}:
        world.grant("ra", ExistingPerson(someone.person_id), *chance.sample(ROLES, chance.randint(1, 2)))
    elif deed == 3:
        world.revoke("ra", someone.person_id, *chance.sample(ROLES, 1))
    elif deed == 4:
        world.people["someone"] = someone
        world.name(
            "ra",
            chance.choice(["dispatch-data-submitter", "dispatch-data-viewer"]),
            ExistingPerson(someone.person_id),
        )
    else:
        world.people["someone"] = someone
        world.end("ra", chance.choice(["dispatch-data-submitter", "dispatch-data-viewer"]), "someone")


def deliver(world: World, chance: random.Random, worker: str) -> None:
    points = ["after-claim", "after-2xx", "after-mark"]
    crash_at = chance.choice([None, None, None, *points])

    def failpoint(name: str) -> None:
        if name == crash_at:
            raise CrashError

    with contextlib.suppress(CrashError):
        deliver_once(replace(world.services, failpoint=failpoint), worker=worker)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_whatever_happens_the_gateway_ends_up_with_what_is_registered(
    template: Path, tmp_path: Path, seed: int
) -> None:
    """I-01, I-11, I-12, I-18: any order of deeds, faults, crashes and waits drains to equality."""
    chance = random.Random(seed)
    world, database = reopened(template, tmp_path / f"{seed}-{chance.randrange(10**9)}.db")
    try:
        other = replace(
            world.services, store=a_store(database, clock=world.clock, node="other"), node="other"
        )
        second = replace(world, services=other)
        world.gateway.fault = lambda _name: chance.choice(FAULTS)
        people: list[RequestMade] = []
        for _ in range(chance.randint(8, 30)):
            step = chance.randrange(4)
            if step == 0:
                act(world, chance, people)
            elif step == 3:
                world.clock.advance(dt.timedelta(seconds=chance.choice([0, 1, 7, 31, 600])))
            else:
                deliver(chance.choice([world, second]), chance, f"w{chance.randrange(2)}")
        check_sources(world)
        world.gateway.fault = lambda _name: None
        world.clock.advance(dt.timedelta(hours=2))
        world.settle()
        assert world.backlog() == {"done"}
        assert world.gateway.memberships() == truth(world)
        assert all(world.gateway.actives().values())
        mails = world.gateway.activation_mails
        assert len(mails) == len(set(mails)), "one activation mail for each account"
        assert not verify_chains(database).faults
    finally:
        database.dispose()


def test_names_of_namesakes_differ_in_any_schedule(template: Path, tmp_path: Path) -> None:
    """I-07."""
    world, database = reopened(template, tmp_path / "names.db")
    try:
        names = []
        for _ in range(12):
            made = world.grant("ra", NewPerson(a_form("Li", "Wu")), REPORTS)
            assert isinstance(made, RequestMade)
            names.append(made.user_name)
        assert names[:4] == ["wul", "wli", "wul2", "wul3"]
        assert len(set(names)) == 12
    finally:
        database.dispose()
