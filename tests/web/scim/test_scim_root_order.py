"""The root in an order: users and groups are one list (RFC 7644 §3.4.2.3; lines F1, F4, F5, D5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import event

from scim.domain.models import USER_EXTENSION
from tests.support.scim import a_group, a_user

if TYPE_CHECKING:
    from tests.support.scim import ScimWorld

ROOT_ORDERS = {
    "displayName": ("Ada", "Bo", "cat", "Dee", "eve", "u2", "u4"),
    "userName": ("u0", "u1", "u2", "u3", "u4", "Bo", "Dee"),
    "meta.created": ("u0", "u1", "Bo", "u2", "u3", "Dee", "u4"),
    "id": ("u0", "u1", "Bo", "u2", "u3", "Dee", "u4"),
    "active": ("u1", "u0", "u2", "u3", "u4", "Bo", "Dee"),
    "emails": ("u4", "u3", "u2", "u1", "u0", "Bo", "Dee"),
    f"{USER_EXTENSION}:activation.validDays": ("u3", "u0", "u1", "Bo", "u2", "Dee", "u4"),
}
"""The resources of the root in each order, each by one of its names; ids decide among equals."""


def test_the_root_is_one_list_in_the_order_that_is_asked_for(world: ScimWorld) -> None:
    """F1, F4, F5, D5: types mixed as their values are; who has none is last ascending, first descending."""
    shown = {"u0": "eve", "u1": "cat", "u3": "Ada"}
    for name in ("u0", "u1", "Bo", "u2", "u3", "Dee", "u4"):
        if name.startswith("u"):
            mail = [{"value": f"{9 - int(name[1])}@acme.example"}]
            user = a_user(name, active=name != "u1", emails=mail)
            user |= {"displayName": shown.get(name)}
            user[USER_EXTENSION]["activation"] = {"validDays": 2, "send": False} if name == "u3" else None
            assert world.post("/Users", user).status == 201
        else:
            body = a_group(name) | {"displayName": name, "externalId": f"grp:{name}"}
            assert world.post("/Groups", body).status == 201
        world.later()
    for order, ascending in ROOT_ORDERS.items():
        for direction, expected in (("ascending", [*ascending]), ("descending", [*reversed(ascending)])):
            _is_listed_so(world, {"sortBy": order, "sortOrder": direction}, expected)
    narrowed = {"sortBy": "displayName", "filter": 'displayName gt "b"'}
    _is_listed_so(world, narrowed, ["Bo", "cat", "Dee", "eve"])
    only = {"sortBy": "userName", "filter": 'meta.resourceType eq "Group"'}
    _is_listed_so(world, only, ["Bo", "Dee"])


def _is_listed_so(world: ScimWorld, asked: dict[str, str], expected: list[str]) -> None:
    """Refuse any list of the root but this one: whole, by index, by cursor, there and back."""
    by = "displayName" if asked["sortBy"] == "displayName" else "userName"

    def page(**query: str) -> tuple[list[str], dict[str, str]]:
        found = world.get("/", query=asked | query).json()
        assert found["totalResults"] == len(expected), (asked, query)
        told = [each.get(by) or each.get("userName") or each["displayName"] for each in found["Resources"]]
        return told, found

    def walk(way: str, cursor: str) -> tuple[list[list[str]], dict[str, str]]:
        told, found = page(count="2", cursor=cursor)
        pages = [told]
        while way in found:
            told, found = page(count="2", cursor=found[way])
            pages.append(told)
        return pages, found

    assert page()[0] == expected, asked
    for start in (1, 4, 7):
        assert page(startIndex=str(start), count="3")[0] == expected[start - 1 : start + 2], (asked, start)
    assert page(count="0")[0] == []
    there, last = walk("nextCursor", "")
    assert [name for each in there for name in each] == expected, asked
    if "previousCursor" in last:
        back, first = walk("previousCursor", last["previousCursor"])
        assert back[::-1] == there[:-1], asked
        assert page(count="2", cursor=first["nextCursor"])[0] == there[1], asked


def test_nobody_is_lost_or_told_twice_between_the_order_and_the_page(world: ScimWorld) -> None:
    """F5, RC: a user made or deleted while a page is put together moves nobody else to another page."""
    ids = [world.post("/Users", a_user(f"u{number}"))["id"] for number in (1, 3, 5, 7)]
    world.post("/Groups", a_group())
    happening = iter(("made", "deleted"))

    def meanwhile(_c: object, _k: object, statement: str, *_rest: object) -> None:
        if " AS turns" in statement:
            match next(happening, ""):
                case "made":
                    assert world.post("/Users", a_user("u2")).status == 201
                case "deleted":
                    assert world.delete(f"/Users/{ids[2]}").status == 204

    engine = world.services.store.database.engine
    event.listen(engine, "after_cursor_execute", meanwhile)
    seen: list[str] = []
    cursor: str | None = ""
    try:
        while cursor is not None:
            page = world.get("/", query={"sortBy": "userName", "count": "2", "cursor": cursor}).json()
            seen += [each["id"] for each in page["Resources"]]
            cursor = page.get("nextCursor")
    finally:
        event.remove(engine, "after_cursor_execute", meanwhile)
    assert next(happening, None) is None
    assert len(seen) == len(set(seen))
    assert {ids[0], ids[1], ids[3]} <= set(seen)
