"""How long a page is where nobody says, and at most: lines F2, F3, F4, A8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scim.domain.bulk import BULK_REQUEST
from scim.settings import ScimSettings
from tests.support.scim import SEARCH_SCHEMA, a_scim_world, a_user

if TYPE_CHECKING:
    from kernel.database import Database
    from tests.support.scim import Answer, ScimWorld

USERS = 101


def _filled(world: ScimWorld, users: int) -> ScimWorld:
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": f"u{number}", "data": a_user(f"u{number}")}
        for number in range(users)
    ]
    answer = world.post("/Bulk", {"schemas": [BULK_REQUEST], "Operations": operations})
    assert {each["status"] for each in answer["Operations"]} == {"201"}
    return world


def _pages(world: ScimWorld, **asked: str) -> list[Answer]:
    """Ask the same in every way there is: by index and by cursor, in a query and in a body, of one type or all."""
    body: dict[str, Any] = {"schemas": [SEARCH_SCHEMA], **asked}
    return [
        *(world.get(path, query=asked | way) for path in ("/Users", "/") for way in ({}, {"cursor": ""})),
        *(
            world.post(path, body | way)
            for path in ("/Users/.search", "/.search")
            for way in ({}, {"cursor": ""})
        ),
        world.get("/", query=asked | {"sortBy": "userName"}),
        world.get("/", query=asked | {"sortBy": "userName", "cursor": ""}),
    ]


def test_a_page_has_a_hundred_resources_unless_another_number_is_asked_for(sqlite_world: ScimWorld) -> None:
    """F3, A8: the default is what is told, and a hundred; a hundred and more are honoured, a thousand is the most."""
    told = sqlite_world.get("/ServiceProviderConfig")["pagination"]
    assert (told["defaultPageSize"], told["maxPageSize"]) == (100, 1000)
    world = _filled(sqlite_world, USERS)
    for asked, length in (
        ({}, 100),
        ({"count": "100"}, 100),
        ({"count": "101"}, 101),
        ({"count": "1000"}, 101),
    ):
        for page in _pages(world, **asked):
            assert page.status == 200, page.body
            assert (page["totalResults"], page["itemsPerPage"]) == (USERS, length), asked
            assert len({each["id"] for each in page["Resources"]}) == length, asked


def test_a_page_is_no_longer_than_the_service_lets_it_be(gateway_database: Database) -> None:
    """F2, F3, F4, A8: more than maxPageSize gives that many, by cursor too, whose next page is as long."""
    settings = ScimSettings(default_page=2, largest_page=3)
    world = _filled(a_scim_world(gateway_database, settings=settings), 7)
    config = world.get("/ServiceProviderConfig")
    assert (config["pagination"]["defaultPageSize"], config["pagination"]["maxPageSize"]) == (2, 3)
    assert config["filter"]["maxResults"] == 3
    for asked, length in (({}, 2), ({"count": "3"}, 3), ({"count": "4"}, 3), ({"count": "2147483648"}, 3)):
        for page in _pages(world, **asked):
            assert (page["totalResults"], page["itemsPerPage"]) == (7, length), asked
            assert len(page["Resources"]) == length, asked
    first = world.get("/Users", query={"cursor": "", "count": "4"})
    second = world.get("/Users", query={"cursor": first["nextCursor"], "count": "4"})
    assert (second.status, second["itemsPerPage"]) == (200, 3)
    assert world.get("/Users", query={"cursor": first["nextCursor"]})["itemsPerPage"] == 3
    shorter = world.get("/Users", query={"cursor": first["nextCursor"], "count": "2"})
    assert (shorter.status, shorter.scim_type) == (400, "invalidCount")
