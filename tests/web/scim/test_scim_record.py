"""Every request of a known client leaves a record and a line in the log, and neither holds a value."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from structlog.testing import capture_logs

from idp.domain.provisioning_log import Outcome, RequestRecord
from idp.storage.provisioning_log import Range, page_of_all, page_of_subject
from idp.storage.request_buffer import FULL
from idp.usecases.find_provisioning_requests import Question, find_provisioning_requests
from idp.usecases.provisioning_log import subject_key
from idp.usecases.sweep_provisioning_log import sweep_provisioning_log
from scim.settings import ScimSettings
from tests.support.scim import PATCH_SCHEMA, ScimWorld, a_group, a_scim_world, a_user

if TYPE_CHECKING:
    from kernel.database import Database

BULK_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
NOBODY = "01KT1GW6G07KG39TYVNEGW"
EVERYTHING = Range(frozenset(), limit=1_000)


def _records(world: ScimWorld, *, flush: bool = True) -> list[RequestRecord]:
    """Return what is recorded, oldest first."""
    database = world.services.store.database
    if flush:
        world.services.requests.flush(database)
    with database.read() as connection:
        return sorted(page_of_all(connection, EVERYTHING), key=lambda each: each.id)


def _told(record: RequestRecord) -> tuple[str, str, int]:
    return record.operation.value, record.resource, record.status


def _send(world: ScimWorld, method: str, path: str, body: Any = None, **options: Any) -> Any:
    """Send a request of its own second."""
    world.later()
    return world.request(method, path, body, **options)


def test_every_request_is_recorded_with_who_what_and_how_it_ended(world: ScimWorld) -> None:
    """O11, Audit: client, operation, target, outcome, scimType and names of changed attributes."""
    user = _send(world, "POST", "/Users", a_user())["id"]
    _send(world, "GET", f"/Users/{user}")
    _send(world, "GET", "/Users", query={"filter": 'userName eq "fieldn"'})
    _send(world, "PUT", f"/Users/{user}", a_user(displayName="Nora F.", title="Engineer"))
    _send(world, "PUT", f"/Users/{user}", a_user(displayName="Nora F.", title="Engineer"))
    patch = {"schemas": [PATCH_SCHEMA], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    _send(world, "PATCH", f"/Users/{user}", patch)
    group = _send(world, "POST", "/Groups", a_group(members=[{"value": user}]))["id"]
    _send(world, "POST", "/Users", a_user(externalId="acct:other"))
    _send(world, "DELETE", f"/Groups/{group}")
    found = _records(world)
    assert [_told(each) for each in found] == [
        ("create", "User", 201),
        ("read", "User", 200),
        ("search", "User", 200),
        ("replace", "User", 200),
        ("replace", "User", 200),
        ("change", "User", 200),
        ("create", "Group", 201),
        ("create", "User", 409),
        ("delete", "Group", 204),
    ]
    assert {each.client_id for each in found} == {"registration-worker"}
    assert all(each.request_id for each in found)
    assert [each.at for each in found] == sorted({each.at for each in found})
    made, read, _, replaced, same, switched, grouped, taken, deleted = found
    assert (made.target_id, made.external_id, made.name) == (user, "acct:fieldn", "fieldn")
    assert {"userName", "emails", "name.givenName", "personId"} <= set(made.changed)
    assert (read.target_id, read.outcome, read.changed) == (user, Outcome.READ, ())
    assert replaced.changed == ("displayName", "title")
    assert (same.changed, same.outcome) == ((), Outcome.DONE)
    assert switched.changed == ("active",)
    assert (grouped.name, grouped.added) == ("ACME GENERATION/emi_user", 1)
    assert (taken.scim_type, taken.outcome) == ("uniqueness", Outcome.REFUSED)
    assert (taken.name, taken.external_id, taken.target_id) == ("fieldn", "acct:other", "")
    assert taken.reason == "Another resource has this 'userName' already."
    assert (deleted.target_id, deleted.name) == (group, "ACME GENERATION/emi_user")


def test_what_changes_something_is_recorded_in_its_own_transaction(world: ScimWorld) -> None:
    """Audit: nothing waits for a batch that could be lost; what is rolled back leaves no record of success."""
    user = world.post("/Users", a_user())["id"]
    world.post("/Users", a_user())
    world.post("/Groups", a_group(members=[{"value": "01KT1GW6G07KG39TYVNEGWKA41"}]))
    assert [_told(each) for each in _records(world, flush=False)] == [("create", "User", 201)]
    assert {_told(each) for each in _records(world)} == {
        ("create", "User", 201),
        ("create", "User", 409),
        ("create", "Group", 400),
    }
    assert world.delete(f"/Users/{user}").status == 204
    assert any(_told(each) == ("delete", "User", 204) for each in _records(world, flush=False))


def test_equal_requests_wait_as_one_and_a_full_buffer_is_written_at_once(world: ScimWorld) -> None:
    """RX-12: a loop costs one row, and memory is bounded whatever is asked."""
    for _ in range(30):
        world.get("/Users/01KT1GW6G07KG39TYVNEGWKA41")
    assert len(world.services.requests) == 1
    assert [(each.status, each.times) for each in _records(world)] == [(404, 30)]
    for number in range(FULL + 3):
        world.get(f"/Users/{NOBODY}{number:04}")
    assert len(world.services.requests) == 3
    assert len(_records(world)) == FULL + 4


def test_a_client_beyond_its_rate_costs_one_row(sqlite_gateway_database: Database) -> None:
    """O6, RX-12: what is refused for its number is recorded, and fills nothing by its number."""
    world = a_scim_world(sqlite_gateway_database, settings=ScimSettings(requests_per_second=1))
    answers = [world.get(f"/Users/{NOBODY}0000").status for _ in range(300)]
    counted = {each.status: each.times for each in _records(world)}
    assert counted == {404: answers.count(404), 429: answers.count(429)}
    assert counted[429] > 0


def test_strangers_leave_a_line_and_no_record(world: ScimWorld) -> None:
    """RX-12, O11: who is not known fills no table; a known client with a wrong token is recorded."""
    with capture_logs() as lines:
        for token in ("nonsense", ""):
            assert world.request("GET", "/Users", token=token, headers={}).status == 401
        assert world.get("/Users", token=world.token(life=dt.timedelta(days=-1))).status == 401
    assert [line["client"] for line in lines if line["event"] == "scim.request"] == ["", "", ""]
    world.get("/ServiceProviderConfig", token="")
    assert _records(world) == []
    assert world.get("/Users", token=world.token("okta", audience="https://else.example")).status == 401
    reader = world.token("okta", scope="scim.read")
    assert world.post("/Users", a_user(), token=reader).status == 403
    assert {(each.client_id, each.status) for each in _records(world)} == {("okta", 401), ("okta", 403)}


def test_each_operation_of_a_bulk_job_is_recorded(world: ScimWorld) -> None:
    """K1, O11: as the request of the same words is, and the job around them; what a circle undid is refused."""
    job = {
        "schemas": [BULK_SCHEMA],
        "Operations": [
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": a_user("fieldn")},
            {"method": "POST", "path": "/Users", "bulkId": "b", "data": a_user("FieldN")},
            {"method": "DELETE", "path": "/Users/01KT1GW6G07KG39TYVNEGWKA41"},
        ],
    }
    assert world.post("/Bulk", job).status == 200
    found = {(*_told(each), each.in_bulk) for each in _records(world)}
    assert found == {
        ("create", "User", 201, True),
        ("create", "User", 409, True),
        ("delete", "User", 404, True),
        ("bulk", "", 200, False),
    }


def test_a_circle_that_breaks_is_recorded_as_refused(world: ScimWorld) -> None:
    """K2, O11: operations that were done and undone together say so."""

    def group(name: str, other: str, **more: Any) -> dict[str, Any]:
        body = a_group(name, members=[{"value": f"bulkId:{other}"}]) | more
        return {"method": "POST", "path": "/Groups", "bulkId": name, "data": body}

    world.post("/Groups", a_group("taken"))
    taken = {"displayName": "ACME GENERATION/taken"}
    answer = world.post(
        "/Bulk", {"schemas": [BULK_SCHEMA], "Operations": [group("a", "b"), group("b", "a", **taken)]}
    )
    statuses = {each["status"] for each in answer["Operations"]}
    assert not statuses & {"200", "201"}
    found = [each for each in _records(world) if each.in_bulk]
    assert found
    assert {each.outcome for each in found} == {Outcome.REFUSED}


def test_no_value_is_recorded_or_logged(world: ScimWorld) -> None:
    """LI-03, SF-09, SP-06, O10: neither tables nor lines hold what was sent, whatever went wrong with it."""
    secrets = ("Hunter2inClear", "nora.secret@acme.example", "Honeysuckle", "5551234567")
    full = a_user(
        password=secrets[0],
        emails=[{"value": secrets[1]}],
        name={"familyName": secrets[2]},
        phoneNumbers=[{"value": secrets[3]}],
    )
    with capture_logs() as lines:
        user = world.post("/Users", full)["id"]
        for secret in secrets:
            for path in (
                secret,
                f'emails[value eq "{secret}"].value',
                f"name.{secret}",
                f"{secret}[type pr]",
            ):
                world.patch(f"/Users/{user}", {"op": "replace", "path": path, "value": secret})
            for text in (f'nope eq "{secret}"', f"userName {secret}", f'userName eq "{secret}', secret):
                world.get("/Users", query={"filter": text})
                world.get("/Users", query={"sortBy": secret, "attributes": secret})
            world.post("/Users", {"schemas": [secret], secret: secret, "active": secret})
            world.put(f"/Users/{user}", a_user(active=secret, userType=secret, **{secret: {secret: 1}}))
            world.post(
                "/Bulk", {"schemas": [BULK_SCHEMA], "Operations": [{"method": secret, "path": secret}]}
            )
            world.get(f"/Users/{secret}")
        wrong = world.request("GET", "/Users", token=secrets[0])
    assert wrong.status == 401
    _records(world)
    with world.services.store.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM provisioning_request").all()
        rows += connection.exec_driver_sql("SELECT * FROM provisioning_subject").all()
    written = repr(rows) + json.dumps([line for line in lines if line["event"] == "scim.request"])
    assert [secret for secret in secrets if secret.lower() in written.lower()] == []


def test_the_line_carries_the_fields_of_the_record_but_no_name(world: ScimWorld) -> None:
    """O11, LI-01: one event a request, with ids; a read that succeeds is worth level debug."""
    with capture_logs() as lines:
        user = world.post("/Users", a_user())["id"]
        world.post("/Users", a_user())
        world.get(f"/Users/{user}")
    made, taken, read = (line for line in lines if line["event"] == "scim.request")
    wanted = {"client", "operation", "resource", "target", "status", "scim_type", "reason", "changed"}
    assert wanted <= made.keys()
    assert (made["target"], made["status"], made["log_level"]) == (user, 201, "info")
    assert (taken["status"], taken["scim_type"]) == (409, "uniqueness")
    assert read["log_level"] == "debug"
    assert "fieldn" not in json.dumps(lines)


def test_names_of_old_and_new_lead_to_a_renaming(world: ScimWorld) -> None:
    """O11: who was called so, and who is called so now."""
    user = world.post("/Users", a_user("fieldn"))["id"]
    world.later()
    world.patch(f"/Users/{user}", {"op": "replace", "path": "userName", "value": "meadown"})
    sealer = world.services.store.sealer
    with world.services.store.read() as connection:
        old = page_of_subject(connection, [subject_key(sealer, "FieldN")], EVERYTHING)
        new = page_of_subject(connection, [subject_key(sealer, "meadown")], EVERYTHING)
    assert [record.operation.value for record, _ in old] == ["change", "create"]
    assert [record.operation.value for record, _ in new] == ["change"]


def test_a_name_of_who_is_gone_leads_to_everything_that_was_sent(world: ScimWorld) -> None:
    """O11, I3: through the request that made, renamed or deleted who had it; a change tells no name anew."""
    user = _send(world, "POST", "/Users", a_user("fieldn"))["id"]
    for path, value in (("title", "Engineer"), ("userName", "meadown")):
        world.later()
        world.patch(f"/Users/{user}", {"op": "replace", "path": path, "value": value})
    group = _send(world, "POST", "/Groups", a_group(members=[{"value": user}]))["id"]
    world.later()
    world.patch(f"/Groups/{group}", {"op": "replace", "path": "externalId", "value": "grp:x"})
    _send(world, "DELETE", f"/Users/{user}")
    _send(world, "DELETE", f"/Groups/{group}")
    _records(world)

    def about(subject: str) -> list[tuple[str, str]]:
        found = find_provisioning_requests(world.services, Question(subject))
        return [(line.record.operation.value, line.record.resource) for line in found.lines]

    sent = ["delete User", "create Group", "change User", "change User", "create User"]
    for subject in ("FieldN", "meadown", "acct:fieldn", user.lower()):
        assert [" ".join(each) for each in about(subject)] == sent, subject
    sent = ["delete Group", "change Group", "create Group"]
    for subject in ("grp:x", a_group()["displayName"], a_group()["externalId"], group):
        assert [" ".join(each) for each in about(subject)] == sent, subject


def test_a_refusal_that_waited_while_its_account_went_tells_no_name(world: ScimWorld) -> None:
    """I3: names are wiped with the account, whenever they are written; who comes after it is told."""
    user = _send(world, "POST", "/Users", a_user())["id"]
    assert _send(world, "POST", "/Users", a_user()).status == 409
    assert _send(world, "POST", "/Users", a_user("other")).status == 201
    assert _send(world, "DELETE", f"/Users/{user}").status == 204
    assert _send(world, "POST", "/Users", a_user("fieldn", emails="none")).status == 400
    named = [(each.status, each.name, each.external_id) for each in _records(world)]
    assert named == [
        (201, "", ""),
        (409, "", ""),
        (201, "other", "acct:other"),
        (204, "", ""),
        (400, "fieldn", "acct:fieldn"),
    ]


def test_the_record_is_swept_in_batches_and_nothing_is_left_behind(world: ScimWorld) -> None:
    """Retention: what is older than it is kept goes, with everything it was found by."""
    for number in range(3):
        world.post("/Users", a_user(f"person{number}"))
    world.later(86_400)
    world.post("/Users", a_user("late"))
    keep = dt.timedelta(hours=23)
    assert sweep_provisioning_log(world.services, keep=keep) == 3
    assert sweep_provisioning_log(world.services, keep=keep) == 0
    left = _records(world)
    assert [each.name for each in left] == ["late"]
    with world.services.store.read() as connection:
        subjects = connection.exec_driver_sql(
            "SELECT DISTINCT request_id FROM provisioning_subject"
        ).scalars()
        assert set(subjects) == {left[0].id}


def test_what_cannot_be_written_waits(sqlite_world: ScimWorld) -> None:
    """Audit: a database that is away for a while loses no refusal, and no answer fails because of it."""
    database = sqlite_world.services.store.database
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE provisioning_request RENAME TO away")
    for number in range(3):
        assert sqlite_world.get(f"/Users/{NOBODY}{number:04}").status == 404
        sqlite_world.services.requests.flush(database)
    assert sqlite_world.get(f"/Users/{NOBODY}0001").status == 404
    assert len(sqlite_world.services.requests) == 3
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO provisioning_request")
    assert sorted(each.times for each in _records(sqlite_world)) == [1, 1, 2]


def test_beyond_a_bound_the_oldest_are_given_up_and_the_log_says_so(sqlite_world: ScimWorld) -> None:
    """Audit, RX-12: memory has an end while the database is away, and nobody is left to guess."""
    database, waiting = sqlite_world.services.store.database, sqlite_world.services.requests
    sqlite_world.get(f"/Users/{NOBODY}0000")
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE provisioning_request RENAME TO away")
    record = _one_that_waits(sqlite_world)
    for number in range(20_002):
        waiting.add(dataclasses.replace(record, id=f"{number:026}"), (), same=number)
    with capture_logs() as lines:
        waiting.flush(database)
    assert len(waiting) == 20_000
    lost = [line for line in lines if line["event"] == "provisioning_log.lost"]
    assert [line["requests"] for line in lost] == [3]


def _one_that_waits(world: ScimWorld) -> RequestRecord:
    return next(iter(world.services.requests._waiting.values())).record


def test_every_list_is_a_range_of_an_index(sqlite_gateway_database: Database) -> None:
    """Audit, E7: no page of the record sorts or scans, whatever it is narrowed to."""
    world = a_scim_world(sqlite_gateway_database)
    refused, told = frozenset({Outcome.REFUSED}), frozenset({Outcome.REFUSED, Outcome.DONE})
    ranges = [
        EVERYTHING,
        Range(told),
        Range(refused),
        Range(told, client_id="okta"),
        Range(refused, below="01KT1GW6G07KG39TYVNEGWKA41"),
        Range(told, above="01KT1GW6G07KG39TYVNEGWKA41", newer=True),
    ]
    statements: list[tuple[str, Any]] = []

    def note(*found: Any) -> None:
        statements.append((found[2], found[3]))

    event.listen(sqlite_gateway_database.engine, "before_cursor_execute", note)
    with world.services.store.read() as connection:
        for wanted in ranges:
            page_of_all(connection, wanted)
            page_of_subject(connection, ["x"], wanted)
    event.remove(sqlite_gateway_database.engine, "before_cursor_execute", note)
    assert len(statements) == 2 * len(ranges)
    with world.services.store.read() as connection:
        for statement, parameters in statements:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            told_plan = "; ".join(str(row[3]) for row in plan)
            assert "TEMP B-TREE" not in told_plan, (statement, told_plan)
