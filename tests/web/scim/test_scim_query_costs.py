"""What a list may cost, and which numbers it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.scim import SEARCH_SCHEMA, ScimWorld, a_group, a_user


@contextmanager
def _statements(world: ScimWorld) -> Iterator[list[str]]:
    """Collect what is asked of the resources' tables, without the work around every request."""
    noted: list[str] = []

    def note(_c: object, _k: object, statement: str, *_rest: object) -> None:
        if statement.startswith("SELECT") and any(
            f"FROM {table}" in statement for table in ("account", "account_group", "membership")
        ):
            noted.append(statement)

    engine = world.services.store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield noted
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_a_number_that_is_none_is_refused(world: ScimWorld) -> None:
    """F2, SL-01: startIndex and count are whole numbers, in a query as in a body."""
    for wrong in ("abc", "1.5", "--1", "0x10"):
        for name in ("count", "startIndex"):
            answer = world.get("/Users", query={name: wrong})
            assert (answer.status, answer.scim_type) == (400, "invalidValue"), (name, wrong)
    strangers: tuple[Any, ...] = (1.5, True, [], {}, "x")
    for strange in strangers:
        for name in ("count", "startIndex"):
            answer = world.post("/Users/.search", {"schemas": [SEARCH_SCHEMA], name: strange})
            assert (answer.status, answer.scim_type) == (400, "invalidValue"), (name, strange)


@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_a_longer_page_asks_no_more_often(world: ScimWorld, kind: str) -> None:
    """F3, D8: the statements of a list are as many for one resource as for six."""
    members = [{"value": world.post("/Users", a_user(f"u{number}"))["id"]} for number in range(6)]
    for number in range(6):
        world.post("/Groups", a_group(f"g{number}", members=members))
    counts = []
    for size in ("1", "5"):
        with _statements(world) as noted:
            answer = world.get(f"/{kind}", query={"count": size})
        assert answer["itemsPerPage"] == int(size)
        assert answer["totalResults"] == 6
        counts.append(len(noted))
    assert counts[0] == counts[1] > 0, counts


def test_members_that_are_not_shown_are_not_read(world: ScimWorld) -> None:
    """D7: excludedAttributes=members, and attributes without it, leave the memberships unread."""
    member = world.post("/Users", a_user())["id"]
    world.post("/Groups", a_group(members=[{"value": member}]))
    for query in ({"excludedAttributes": "members"}, {"attributes": "displayName"}):
        with _statements(world) as noted:
            answer = world.get("/Groups", query=query)
        assert answer["totalResults"] == 1
        assert "members" not in answer["Resources"][0]
        assert noted
        assert not any("membership" in each for each in noted), noted
    with _statements(world) as noted:
        assert world.get("/Groups")["Resources"][0]["members"][0]["value"] == member
    assert any("membership" in each for each in noted), noted
