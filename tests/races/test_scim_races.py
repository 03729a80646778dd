"""Many provisioning requests at once: the database decides, nothing is lost, nobody is doubled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel.audit import verify_chains
from scim.domain.models import GROUP_EXTENSION, USER_EXTENSION
from tests.support.scim import ScimWorld, a_group, a_scim_world, a_user
from tests.support.together import statuses, together

if TYPE_CHECKING:
    from kernel.database import Database
    from tests.support.databases import Databases
    from tests.support.scim import Answer

THREADS = 16
pytestmark = pytest.mark.race


@pytest.fixture
def database(databases: Databases) -> Database:
    """Give a Gateway database that serves many at once; the test runs on both dialects."""
    return databases.gateway(pool_size=THREADS)


@pytest.fixture
def world(database: Database) -> ScimWorld:
    """Give a SCIM service."""
    world = a_scim_world(database)
    world.token()
    return world


def test_one_user_name_is_given_to_one_of_many(world: ScimWorld) -> None:
    """C4: the same name in any case at once: one 201, the others 409 uniqueness."""
    answers = together(
        THREADS,
        lambda n: world.post("/Users", a_user("fieldn" if n % 2 else "FIELDN", externalId=f"acct:{n}")),
    )
    assert statuses(answers) == [201] + [409] * (THREADS - 1)
    assert {answer.scim_type for answer in answers if answer.status == 409} == {"uniqueness"}
    assert world.get("/Users")["totalResults"] == 1


def test_one_external_id_makes_one_user(world: ScimWorld) -> None:
    """OB-02, OB-03: a packet delivered many times makes one account and one invitation."""
    answers = together(THREADS, lambda _: world.post("/Users", a_user()))
    assert statuses(answers) == [201] + [409] * (THREADS - 1)
    with world.services.store.read() as connection:
        mails = connection.exec_driver_sql("SELECT count(*) FROM courier_message").scalar_one()
    assert mails == 1


def test_one_group_is_made_of_many_requests(world: ScimWorld) -> None:
    """J1: display name and external id are unique in the source, whoever comes first."""
    answers = together(THREADS, lambda _: world.post("/Groups", a_group()))
    assert statuses(answers) == [201] + [409] * (THREADS - 1)


def test_parallel_member_patches_lose_nobody(world: ScimWorld) -> None:
    """J4: 20 adds at once, each of another member, with fences that rise: all are in, each counted once."""
    ids = [world.post("/Users", a_user(f"u{number}"))["id"] for number in range(20)]
    group = world.post("/Groups", a_group())["id"]
    fence = f"{GROUP_EXTENSION}:sourceVersion"

    def add(number: int) -> Answer:
        return world.patch(
            f"/Groups/{group}",
            {"op": "replace", "path": fence, "value": 5},
            {"op": "add", "path": "members", "value": [{"value": ids[number]}]},
        )

    assert statuses(together(20, add)) == [200] * 20
    found = world.get(f"/Groups/{group}").json()
    assert {each["value"] for each in found["members"]} == set(ids)
    assert found["meta"]["version"] == 'W/"21"'  # every change was seen, none was written over


def test_adds_and_removes_at_once_end_as_each_asked(world: ScimWorld) -> None:
    """J4: half is added while half is removed, several to a request, some named twice."""
    ids = [world.post("/Users", a_user(f"u{number}"))["id"] for number in range(32)]
    group = world.post("/Groups", a_group(members=[{"value": each} for each in ids[:16]]))["id"]

    def change(number: int) -> Answer:
        some = [*ids[number * 2 : number * 2 + 2], ids[number // 8 * 16]]
        members = [{"value": each} for each in some]
        return world.patch(
            f"/Groups/{group}", {"op": "remove" if number < 8 else "add", "path": "members", "value": members}
        )

    assert set(statuses(together(THREADS, change))) <= {200, 204}  # 204 while there are many
    found = {each["value"] for each in world.get(f"/Groups/{group}").json()["members"]}
    assert found == set(ids[16:])


def test_one_member_of_many_groups_is_counted_in_each(world: ScimWorld) -> None:
    """L1: the account's version moves with every group it joins, whoever writes at the same time."""
    user = world.post("/Users", a_user())["id"]
    groups = [world.post("/Groups", a_group(f"role{number}"))["id"] for number in range(THREADS)]
    add = {"op": "add", "path": "members", "value": [{"value": user}]}
    assert statuses(together(THREADS, lambda n: world.patch(f"/Groups/{groups[n]}", add))) == [200] * THREADS
    found = world.get(f"/Users/{user}").json()
    assert {each["value"] for each in found["groups"]} == set(groups)
    assert found["meta"]["version"] == f'W/"{THREADS + 1}"'


def test_of_many_writers_with_one_tag_one_wins(world: ScimWorld) -> None:
    """L2, L4, SP-05: If-Match is decided by the statement that writes: one 200, the others 412."""
    made = world.post("/Users", a_user())

    def write(number: int) -> Answer:
        return world.patch(
            f"/Users/{made['id']}",
            {"op": "replace", "path": "title", "value": f"t{number}"},
            headers={"If-Match": made.headers["etag"]},
        )

    assert statuses(together(THREADS, write)) == [200] + [412] * (THREADS - 1)
    assert world.get(f"/Users/{made['id']}").headers["etag"] == 'W/"2"'


def test_writers_without_a_tag_lose_nothing_of_each_other(world: ScimWorld) -> None:
    """H2, L4: each adds another entry; who computed from an old version computes again."""
    made = world.post("/Users", a_user())["id"]

    def write(number: int) -> Answer:
        entry = {"value": f"n{number}@home.example", "type": "home"}
        return world.patch(f"/Users/{made}", {"op": "add", "path": "emails", "value": [entry]})

    assert statuses(together(THREADS, write)) == [200] * THREADS
    emails = world.get(f"/Users/{made}")["emails"]
    assert len(emails) == THREADS + 1
    assert len(world.found("Users", 'emails.value ew "@home.example"')) == 1


def test_the_newest_version_of_a_source_stays(world: ScimWorld) -> None:
    """OB-04, OB-11: packets in any order end with the newest; older ones are refused or were written over."""
    made = world.post("/Users", a_user())["id"]
    fence = f"{USER_EXTENSION}:sourceVersion"

    def write(number: int) -> Answer:
        return world.patch(
            f"/Users/{made}",
            {"op": "replace", "path": "title", "value": f"v{number + 2}"},
            {"op": "replace", "path": fence, "value": number + 2},
        )

    answers = together(THREADS, write)
    assert set(statuses(answers)) <= {200, 409}
    found = world.get(f"/Users/{made}").json()
    assert (found["title"], found[USER_EXTENSION]["sourceVersion"]) == (f"v{THREADS + 1}", THREADS + 1)


def test_a_delete_and_many_changes_leave_no_half(world: ScimWorld) -> None:
    """I1, L1: whoever comes first, the user is gone at the end, from its groups too, and no tag tells two tales.

    A group that had the user at one version has another without; one that never had it keeps its own. A group
    that is made with the user in it at that moment is no exception.
    """
    for turn in range(4):
        user = world.post("/Users", a_user(f"u{turn}"))["id"]
        groups = [world.post("/Groups", a_group(f"role{turn}-{n}"))["id"] for n in range(THREADS - 3)]
        member = [{"value": user}]
        add = {"op": "add", "path": "members", "value": member}

        def act(number: int) -> Answer:
            if number == THREADS // 2:
                return world.delete(f"/Users/{user}")  # noqa: B023 - called within its turn
            if number < len(groups):  # noqa: B023
                return world.patch(f"/Groups/{groups[number]}", add)  # noqa: B023
            return world.post("/Groups", a_group(f"new{turn}-{number}", members=member))  # noqa: B023

        answers = together(THREADS, act)
        assert answers.pop(THREADS // 2).status == 204
        assert world.get(f"/Users/{user}").status == 404
        for answer in answers:
            assert answer.status in ({200, 201} if "etag" in answer.headers else {400}), answer.body
        joined = [answer for answer in answers if "etag" in answer.headers]
        for answer in joined:
            assert [each["value"] for each in answer["members"]] == [user]
            now = world.get(f"/Groups/{answer['id']}")
            assert "members" not in now.json()
            assert number_of(now) == number_of(answer) + 1
        untouched = set(groups) - {answer["id"] for answer in joined}
        assert {number_of(world.get(f"/Groups/{each}")) for each in untouched} <= {1}


def number_of(answer: Answer) -> int:
    """Return the number in the tag of an answer."""
    return int(answer.headers["etag"].removeprefix('W/"').removesuffix('"'))


def test_every_deed_is_in_the_audit_once(world: ScimWorld) -> None:
    """O11: parallel writers share the chain and break nothing."""
    together(THREADS, lambda n: world.post("/Users", a_user(f"u{n}")))
    report = verify_chains(world.services.store.database)
    assert report.faults == []
    with world.services.store.read() as connection:
        deeds = connection.exec_driver_sql(
            "SELECT count(*) FROM audit_event WHERE tag = 'gateway:account:provisioned'"
        ).scalar_one()
    assert deeds == THREADS


def test_of_two_who_lead_one_another_at_the_same_moment_neither_is_sent_away(world: ScimWorld) -> None:
    """C9, N3: each change holds its own user and waits for the other's; who is undone for it is done again."""
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    users = [world.post("/Users", a_user(f"u{n}"))["id"] for n in range(THREADS)]

    def lead(number: int) -> Answer:
        manager = {"op": "add", "path": f"{enterprise}:manager", "value": {"value": users[number ^ 1]}}
        return world.patch(f"/Users/{users[number]}", manager)

    assert statuses(together(THREADS, lead)) == [200] * THREADS
    for number, user in enumerate(users):
        assert world.get(f"/Users/{user}")[enterprise]["manager"]["value"] == users[number ^ 1]
