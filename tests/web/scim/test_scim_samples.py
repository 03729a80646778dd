"""The standard's own examples (RFC 7643 §8, RFC 7644 §3.5.2) against the service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    import pytest

    from tests.support.scim import ScimWorld

SAMPLES = Path(__file__).parents[2] / "samples" / "scim"


def sample(name: str) -> dict[str, Any]:
    """Return one of the standard's examples."""
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return found


def test_the_full_user_of_the_standard_is_made_and_kept(world: ScimWorld) -> None:
    """C1, C2: everything it states is kept but its password and what the server says itself."""
    body = sample("rfc7643-8.2-user-full")
    made = world.post("/Users", body)
    assert made.status == 201, made.body
    found = world.get(f"/Users/{made['id']}").json()
    kept = body.keys() - {"id", "meta", "groups", "password"}
    assert {name: found[name] for name in kept} == {name: body[name] for name in kept}
    assert found.keys() == kept | {"id", "meta"}
    assert found["id"] != body["id"]


def test_the_patches_of_the_standard_do_what_it_says(world: ScimWorld) -> None:
    """H4, H5: RFC 7644 §3.5.2.1 and §3.5.2.3."""
    body = sample("rfc7643-8.2-user-full")
    body |= {"emails": body["emails"][:1], "nickName": "B"}
    made = world.post("/Users", body)["id"]
    added = world.request("PATCH", f"/Users/{made}", sample("rfc7644-3.5.2.1-add-emails"))
    assert added.status == 200, added.body
    assert [each["value"] for each in added["emails"]] == ["bjensen@example.com", "babs@jensen.org"]
    assert added["nickName"] == "Babs"
    patch = sample("rfc7644-3.5.2.3-replace-address")
    replaced = world.request("PATCH", f"/Users/{made}", patch)
    assert replaced.status == 200, replaced.body
    work = next(each for each in replaced["addresses"] if each["type"] == "work")
    assert work == patch["Operations"][0]["value"]
    assert len(replaced["addresses"]) == 2


def test_the_bulk_references_of_the_standard_are_resolved(world: ScimWorld) -> None:
    """K1, K2: RFC 7644 §3.7.2."""
    answer = world.post("/Bulk", sample("rfc7644-3.7.2-bulk-references"))
    assert [(each["bulkId"], each["status"]) for each in answer["Operations"]] == [
        ("qwerty", "201"),
        ("ytrewq", "201"),
    ]
    alice, guides = (each["location"].rpartition("/")[2] for each in answer["Operations"])
    assert [each["value"] for each in world.get(f"/Groups/{guides}")["members"]] == [alice]


def test_what_is_searched_for_is_not_logged(sqlite_world: ScimWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """SF-09, O1: neither a filter nor a value reaches a log, not even where something breaks."""

    def break_down(*_args: object, **_named: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("scim.web.users.search_accounts", break_down)
    with structlog.testing.capture_logs() as logs:
        assert sqlite_world.search("Users", 'externalId eq "SECRET"').status == 500
        assert sqlite_world.get("/Users", query={"filter": 'nothing eq "SECRET"'}).status == 400
    [failed] = [line for line in logs if line["event"] == "scim.failed"]
    [request] = [line for line in logs if line["event"] == "scim.request" and line["status"] == 500]
    assert failed["request_id"] == request["request_id"], "what broke is found from the record of requests"
    assert "SECRET" not in json.dumps(logs, default=str)
