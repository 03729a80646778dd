"""What a page holds at most: fewer resources, where so many as were asked for are too large (F2, O12)."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, literal, select, update

from idp.storage import tables
from idp.storage.page_weights import LARGEST_PAGE, MOST_LINKS
from scim.domain.mapping import LARGEST_RESOURCE
from tests.support.scim import a_group, a_user
from tests.support.scim_crowd import GROUPS, fill

if TYPE_CHECKING:
    from kernel.database import Database
    from tests.support.scim import ScimWorld

LARGE: dict[str, Any] = {"x509Certificates": [{"value": "QUJD" * 250_000}]}
WIDE, IN_ALL = 1_000, 60
"""So many of the groups that come first have so many members each: those who come first among the users."""


def _walked(world: ScimWorld, path: str, **asked: str) -> list[list[str]]:
    """Ask for page after page by index, and refuse it if a walk by cursor, there and back, tells another list."""
    pages: list[list[str]] = []
    seen, total = 0, 1
    while seen < total:
        page = world.get(path, query=asked | {"startIndex": str(seen + 1)}).json()
        total = page["totalResults"]
        assert (page["startIndex"], page["itemsPerPage"]) == (seen + 1, len(page["Resources"]))
        assert page["Resources"], path
        pages.append([each["id"] for each in page["Resources"]])
        seen += len(pages[-1])
    forward, last = _steps(world, path, asked, "nextCursor", {"nextCursor": ""})
    assert forward == pages, path
    assert last["totalResults"] == total
    back, first = _steps(world, path, asked, "previousCursor", last)
    assert [*chain(*reversed([forward[-1], *back]))] == [*chain(*pages)], path
    assert "previousCursor" not in first
    return pages


def _steps(
    world: ScimWorld, path: str, asked: dict[str, str], way: str, page: dict[str, Any]
) -> tuple[list[list[str]], dict[str, Any]]:
    pages = []
    while way in page:
        page = world.get(path, query=asked | {"cursor": page[way]}).json()
        pages.append([each["id"] for each in page["Resources"]])
    return pages, page


def test_a_page_of_large_resources_is_shorter_and_the_list_goes_on_behind_it(world: ScimWorld) -> None:
    """F2, F4, F5, O12: nobody is lost or told twice, by index and by cursor, at the type and at the root."""
    for number in range(11):
        rest = LARGE if number != 3 else {}
        assert world.post("/Users", a_user(f"u{number:02}", **rest)).status == 201
    assert world.post("/Groups", a_group()).status == 201
    for path, asked, lengths in (
        ("/Users", {"sortBy": "userName"}, [9, 2]),
        ("/Users", {"sortBy": "userName", "sortOrder": "descending"}, [9, 2]),
        ("/Users", {"filter": 'emails co "acme"', "count": "5"}, [5, 5, 1]),
        ("/", {"sortBy": "userName"}, [9, 3]),
    ):
        assert [len(page) for page in _walked(world, path, **asked)] == lengths, (path, asked)
        assert len(world.get(path, query=asked).body) <= LARGEST_PAGE + LARGEST_RESOURCE
    for path, total in (("/Users", 11), ("/", 12)):
        first, second = _walked(world, path)
        assert len(first) in {8, 9}  # in the order of ids, which is not that of names
        assert len({*first, *second}) == total


def test_a_page_is_weighed_in_bytes(world: ScimWorld) -> None:
    """O12: on both databases; a character may have four, and whoever reads the page has to take them all."""
    for number in range(17):
        assert world.post("/Users", a_user(f"u{number:02}", title="weight")).status == 201
    heavy = func.replace(tables.account.c.document, "weight", "€" * 170_000)
    with world.services.store.database.write() as connection:
        connection.execute(update(tables.account).values(document=heavy))
    assert [len(page) for page in _walked(world, "/Users", sortBy="userName")] == [16, 1]


def test_a_page_has_so_many_members_and_groups_of_users_at_most(sqlite_world: ScimWorld) -> None:
    """F2, J8, O12: fewer resources are told, each of them whole; where the links are not shown, all are told."""
    world = sqlite_world
    database: Database = world.services.store.database
    world.post("/Users", a_user())
    group = world.post("/Groups", a_group())["id"]
    fill(database, group, GROUPS)
    accounts, groups = tables.account, tables.group
    few = select(accounts.c.id).order_by(accounts.c.id).limit(IN_ALL)
    many = select(groups.c.id).order_by(groups.c.id).limit(WIDE)
    pairs = select(groups.c.id, accounts.c.id, groups.c.created_at).join(accounts, accounts.c.id.in_(few))
    pairs = pairs.where(groups.c.id.in_(many))
    stated = tables.membership.alias()
    is_new = (
        ~select(literal(1))
        .where(stated.c.group_id == groups.c.id, stated.c.account_id == accounts.c.id)
        .exists()
    )
    with database.write() as connection:
        columns = ["group_id", "account_id", "added_at"]
        connection.execute(insert(tables.membership).from_select(columns, pairs.where(is_new)))
    for path, links, whole in (("/Users", "groups", WIDE), ("/Groups", "members", IN_ALL)):
        asked = {"count": "1000"}
        found = world.get(path, query=asked).json()
        assert found["totalResults"] == GROUPS + 1
        told = [len(each[links]) for each in found["Resources"]]
        assert sum(told) <= MOST_LINKS < sum(told) + max(told)
        assert min(told) >= whole, path
        assert world.get(path, query={"count": "1000", "excludedAttributes": links})["itemsPerPage"] == 1_000
    asked = {"count": "1000", "cursor": ""}
    first = world.get("/Users", query=asked).json()
    second = world.get("/Users", query=asked | {"cursor": first["nextCursor"]}).json()
    back = world.get("/Users", query=asked | {"cursor": second["previousCursor"]}).json()
    assert back["Resources"] == first["Resources"]
    assert not {each["id"] for each in first["Resources"]} & {each["id"] for each in second["Resources"]}


def test_a_resource_grows_no_larger_than_a_body(world: ScimWorld) -> None:
    """O12, H2: by whatever requests; the one that would make it larger changes nothing."""
    user = world.post("/Users", a_user(**LARGE))
    more = {"op": "add", "path": "x509Certificates", "value": [{"value": "REVG" * 20_000}]}
    refused = world.patch(f"/Users/{user['id']}", more)
    assert (refused.status, refused.scim_type) == (400, "invalidValue")
    assert str(LARGEST_RESOURCE) in refused.detail
    assert world.get(f"/Users/{user['id']}").json() == user.json()
    less = {"op": "add", "path": "x509Certificates", "value": [{"value": "REVG" * 1_000}]}
    assert world.patch(f"/Users/{user['id']}", less).status == 200
    assert len(json.dumps(user.json())) < LARGEST_RESOURCE


def test_whoever_is_as_large_as_can_be_is_still_deactivated(world: ScimWorld) -> None:
    """J5: an account loses access whatever its size; "false" is a byte longer than "true"."""
    user = world.post("/Users", a_user(active=True, title="t")).json()
    address = f"/Users/{user['id']}"

    def room() -> int:
        with world.services.store.read() as connection:
            document = select(tables.account.c.document).where(tables.account.c.id == user["id"])
            return LARGEST_RESOURCE - len(connection.execute(document).scalar_one().encode())

    filling = {"op": "add", "path": "x509Certificates", "value": [{"value": "QUJD" * ((room() - 400) // 4)}]}
    assert world.patch(address, filling).status == 200
    title = "t" * (room() + 1)
    assert world.patch(address, {"op": "replace", "path": "title", "value": title}).status == 200
    assert room() == 0
    refused = world.patch(address, {"op": "replace", "path": "title", "value": f"{title}t"})
    assert (refused.status, refused.scim_type) == (400, "invalidValue")
    assert world.patch(address, {"op": "replace", "path": "active", "value": False}).status == 200
