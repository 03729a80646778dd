"""The record of a request whose deed was undone for another's sake, and done again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from idp.storage.provisioning_log import Range, page_of_all
from tests.support.scim import PATCH_SCHEMA, ScimWorld, a_group, a_scim_world, a_user

if TYPE_CHECKING:
    from kernel.database import Database

BULK_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
UNDOES_EVERY_OTHER = """
CREATE SEQUENCE tries;
CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF mod(nextval('tries'), 2) = 1 THEN RAISE EXCEPTION USING ERRCODE = '40P01'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER undo BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION undo()
"""
"""Has the server undo each first try, as it does one of two that wait for one another."""


def test_what_is_undone_and_done_again_is_recorded_once(postgresql_gateway_database: Database) -> None:
    """K1: what the first try recorded went with it, and says nothing of how the operation ended."""
    world = a_scim_world(postgresql_gateway_database)
    users = [world.post("/Users", a_user(f"u{number}"))["id"] for number in range(2)]
    group = world.post("/Groups", a_group())["id"]
    before = _recorded(world)
    with world.services.store.database.write() as connection:
        connection.exec_driver_sql(UNDOES_EVERY_OTHER)
    coming = [_coming(each, group) for each in users]
    title = {"op": "replace", "path": "title", "value": "Engineer"}
    job = {"schemas": [BULK_SCHEMA], "Operations": [*coming, _change(f"/Users/{users[0]}", title)]}
    answer = world.post("/Bulk", job)
    assert [each["status"] for each in answer["Operations"]] == ["200"] * 3
    changed = {("change", "Group", 200): 2, ("change", "User", 200): 1}
    assert _recorded(world) - before == {("bulk", "", 200): 1, **changed}


def _change(path: str, operation: dict[str, Any]) -> dict[str, Any]:
    return {
        "method": "PATCH",
        "path": path,
        "data": {"schemas": [PATCH_SCHEMA], "Operations": [operation]},
    }


def _coming(user: str, group: str) -> dict[str, Any]:
    return _change(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": user}]})


def _recorded(world: ScimWorld) -> Counter[tuple[str, str, int]]:
    """Return what is recorded, and how often."""
    database = world.services.store.database
    world.services.requests.flush(database)
    with database.read() as connection:
        found = page_of_all(connection, Range(frozenset(), limit=1_000))
    return Counter((each.operation.value, each.resource, each.status) for each in found)
