"""Pages by cursor (RFC 9865): lines F4, F5, A8, D4, D5, O7."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from kernel.clock import FrozenClock
from tests.support.scim import SEARCH_SCHEMA, ScimWorld, a_group, a_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.scim import Answer

LIFE = 3600
NAMES = ["u0", "U1", "u2", "U3", "u4", "U5", "u6"]
TITLES = {"u0": "b", "U1": "B", "U3": "a", "u4": "c", "U5": "b"}


@pytest.fixture
def crowd(world: ScimWorld) -> ScimWorld:
    """Give a service with seven users, two of them without a title, and two groups."""
    for name in NAMES:
        title = {"title": TITLES[name]} if name in TITLES else {}
        assert world.post("/Users", a_user(name, **title)).status == 201
        world.later()
    for name in ("g0", "g1"):
        world.post("/Groups", a_group(name))
    return world


def _walk(
    world: ScimWorld, path: str = "/Users", *, way: str = "nextCursor", **query: str
) -> Iterator[Answer]:
    """Give page after page, from the cursor that is asked for or from the beginning."""
    cursor: str | None = query.pop("cursor", "")
    while cursor is not None:
        page = world.get(path, query=query | {"cursor": cursor})
        assert page.status == 200, page.body
        yield page
        cursor = page.json().get(way)


def _ids(pages: Any) -> list[str]:
    return [each["id"] for page in pages for each in page["Resources"]]


# --- refusals ------------------------------------------------------------------------------------


def test_a_cursor_opens_for_the_query_it_was_given_to_alone(crowd: ScimWorld) -> None:
    """F4, O7: bound to client, type of resource, filter and order; what is changed or made up is refused."""
    query = {"filter": "title pr", "sortBy": "title", "count": "2"}
    cursor = crowd.get("/Users", query=query | {"cursor": ""})["nextCursor"]
    root = crowd.get("/", query={"count": "2", "cursor": ""})["nextCursor"]
    assert crowd.get("/Users", query=query | {"cursor": cursor}).status == 200
    wrong: list[tuple[str, dict[str, str]]] = [
        ("/Users", query | {"filter": "active eq true"}),
        ("/Users", {name: value for name, value in query.items() if name != "filter"}),
        ("/Users", query | {"sortBy": "userName"}),
        ("/Users", query | {"sortOrder": "descending"}),
        ("/Groups", {"count": "2"}),
        ("/", query),
    ]
    for path, other in wrong:
        answer = crowd.get(path, query=other | {"cursor": cursor})
        assert (answer.status, answer.scim_type) == (400, "invalidCursor"), other
    assert crowd.get("/Users", query={"count": "2", "cursor": root}).scim_type == "invalidCursor"
    stranger = crowd.get("/Users", query=query | {"cursor": cursor}, client_id="another-client")
    assert (stranger.status, stranger.scim_type) == (400, "invalidCursor")
    middle = len(cursor) // 2
    changed = cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :]
    for forged in ("forged", "=", "\u00e9", "a b", changed, cursor[:-4], cursor + "AAAA", "A" * 9000):
        answer = crowd.get("/Users", query=query | {"cursor": forged})
        assert (answer.status, answer.scim_type) == (400, "invalidCursor"), forged


def test_a_page_by_cursor_is_asked_for_in_one_way(crowd: ScimWorld) -> None:
    """F4: another count is invalidCount; startIndex beside a cursor, and a cursor that is no text, are refused."""
    cursor = crowd.get("/Users", query={"count": "2", "cursor": ""})["nextCursor"]
    answer = crowd.get("/Users", query={"count": "3", "cursor": cursor})
    assert (answer.status, answer.scim_type) == (400, "invalidCount")
    assert crowd.get("/Users", query={"cursor": cursor})["itemsPerPage"] == 2
    for each in ("", cursor):
        both = crowd.get("/Users", query={"count": "2", "startIndex": "1", "cursor": each})
        assert (both.status, both.scim_type) == (400, "invalidValue")
    strangers: tuple[Any, ...] = (1, True, [], {})
    for strange in strangers:
        answer = crowd.post("/Users/.search", {"schemas": [SEARCH_SCHEMA], "cursor": strange})
        assert (answer.status, answer.scim_type) == (400, "invalidCursor"), strange


def test_a_cursor_ends_with_its_time(crowd: ScimWorld) -> None:
    """F4, A8: it opens for as long as cursorTimeout says at least, from the page that it came with."""
    clock = crowd.services.store.clock
    assert isinstance(clock, FrozenClock)
    told = crowd.get("/ServiceProviderConfig")["pagination"]
    assert (told["cursor"], told["cursorTimeout"]) == (True, LIFE)
    cursor = crowd.get("/Users", query={"count": "2", "cursor": ""})["nextCursor"]
    crowd.later(LIFE)
    second = crowd.get("/Users", query={"count": "2", "cursor": cursor})
    assert second.status == 200
    crowd.later(1)
    answer = crowd.get("/Users", query={"count": "2", "cursor": cursor})
    assert (answer.status, answer.scim_type) == (400, "expiredCursor")
    assert crowd.get("/Users", query={"count": "2", "cursor": second["nextCursor"]}).status == 200
    clock.advance(dt.timedelta(milliseconds=900))  # a moment within a second costs nothing of the time
    third = crowd.get("/Users", query={"count": "2", "cursor": ""})["nextCursor"]
    crowd.later(LIFE)
    assert crowd.get("/Users", query={"count": "2", "cursor": third}).status == 200


def test_a_cursor_tells_nothing(crowd: ScimWorld) -> None:
    """F4, O1: unreserved characters alone (RFC 9865 §2), and no value of a resource among them."""
    first, second = (
        crowd.get("/Users", query={"count": "2", "sortBy": "userName", "cursor": ""})["nextCursor"]
        for _ in "12"
    )
    assert first != second
    assert set(first) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def test_a_cursor_holds_whatever_text_a_list_is_sorted_by(world: ScimWorld) -> None:
    """F4, F5: the longest text of the oddest characters is a place like any other, and fits into an address."""
    for number, title in enumerate(
        ("\x01" * 2048, "\x1f" * 2047, '\\"' * 1024, "\u2028" * 682, "\n", "a\nb")
    ):
        assert world.post("/Users", a_user(f"u{number}", title=title)).status == 201
    for order in ("ascending", "descending"):
        asked = {"sortBy": "title", "sortOrder": order}
        pages = list(_walk(world, **asked, count="1"))
        assert _ids(pages) == [each["id"] for each in world.get("/Users", query=asked)["Resources"]]
        assert max(len(page.json().get("nextCursor", "")) for page in pages) < 4_096
        last = pages[-1]["previousCursor"]
        back = list(_walk(world, **asked, count="1", cursor=last, way="previousCursor"))
        assert _ids(reversed(back)) == _ids(pages[:-1])


# --- pages ---------------------------------------------------------------------------------------

ORDERS: list[dict[str, str]] = [
    {},
    {"sortBy": "userName"},
    {"sortBy": "title"},
    {"sortBy": "emails"},
    {"sortBy": "externalId"},
    {"sortBy": "active"},
    {"sortBy": "meta.created"},
    {"sortBy": "id"},
    {"sortBy": "urn:ietf:params:scim:schemas:extension:switchyard:2.0:User:sourceVersion"},
    {"filter": "title pr", "sortBy": "title"},
    {"filter": 'userName sw "u" and not (title eq "c")'},
    {"filter": 'userName eq "u2"'},
    {"filter": 'userName eq "nobody"'},
]


@pytest.mark.parametrize("path", ["/Users", "/Groups", ""])
def test_pages_by_cursor_are_the_list(crowd: ScimWorld, path: str) -> None:
    """P1, F4, F5, F1, D3, D5: on and back, in every order, of any length, the pages join to the list by index."""
    for order in ORDERS:
        for direction in ("ascending", "descending"):
            asked = order | ({"sortOrder": direction} if "sortBy" in order else {})
            whole = crowd.get(path, query=asked)
            if whole.status != 200:
                assert path == "/Groups", (asked, whole.body)
                continue
            for count in (2,) if "sortBy" in asked else (1, 3):
                pages = list(_walk(crowd, path, **asked, count=str(count)))
                assert _ids(pages) == [each["id"] for each in whole["Resources"]], (asked, count)
                for page in pages:
                    assert page["totalResults"] == whole["totalResults"]
                    assert "startIndex" not in page.json()
                assert "previousCursor" not in pages[0].json()
                last = pages[-1].json().get("previousCursor")
                back = (
                    []
                    if last is None
                    else list(
                        _walk(crowd, path, **asked, count=str(count), cursor=last, way="previousCursor")
                    )
                )
                assert [_ids([page]) for page in reversed(back)] == [_ids([page]) for page in pages[:-1]]
                if back:
                    again = list(_walk(crowd, path, **asked, count=str(count), cursor=back[-1]["nextCursor"]))
                    assert _ids([back[-1], *again]) == _ids(pages)


def test_a_page_by_cursor_is_the_same_asked_in_a_body(crowd: ScimWorld) -> None:
    """D4: a cursor of a query opens in a .search and the other way round."""
    cursor = crowd.get("/Users", query={"filter": "title pr", "cursor": "", "count": "2"})["nextCursor"]
    body = {"schemas": [SEARCH_SCHEMA], "filter": "title pr", "cursor": cursor, "count": 2}
    second = crowd.post("/Users/.search", body)
    assert second["itemsPerPage"] == 2
    asked = {"filter": "title pr", "cursor": second["nextCursor"]}
    assert crowd.get("/Users", query=asked)["itemsPerPage"] == 1


def test_a_count_of_nothing_has_no_cursor(crowd: ScimWorld) -> None:
    """F2: a client that asks for nothing does not go on for ever."""
    for path, total in (("/Users", 7), ("/Groups", 2), ("/", 9)):
        page = crowd.get(path, query={"cursor": "", "count": "0"}).json()
        assert (page["totalResults"], page["Resources"]) == (total, [])
        assert not {"nextCursor", "previousCursor"} & page.keys()


def test_nobody_is_lost_or_told_twice_while_others_come_and_go(world: ScimWorld) -> None:
    """F5: between any two pages users are made and deleted; who was there all the while is listed once."""
    chance = random.Random(9865)
    for order in ({}, {"sortBy": "userName"}, {"sortBy": "title", "sortOrder": "descending"}):
        stamp = "".join(order.values())
        staying: set[str] = set()
        going: list[str] = []
        for number in range(12):
            name = f"{chance.randrange(10**9)}-{stamp}-{number}"
            title = {"title": str(chance.randrange(4))} if number % 3 else {}
            made = world.post("/Users", a_user(name, **title))["id"]
            (going.append if number % 2 else staying.add)(made)
        seen: list[str] = []
        for page in _walk(world, **order, count="2"):
            seen += [each["id"] for each in page["Resources"]]
            if going:
                victim = next((each for each in seen if each in going), going[0])
                going.remove(victim)
                assert world.delete(f"/Users/{victim}").status == 204
            name = f"{chance.randrange(10**9)}-{stamp}-new-{len(seen)}"
            if len(seen) < 40:
                world.post("/Users", a_user(name, title=str(chance.randrange(4))))
        assert len(seen) == len(set(seen))
        assert staying <= set(seen)


def test_a_later_page_asks_for_itself_alone(crowd: ScimWorld) -> None:
    """F5: the last page skips nothing and counts nothing; one statement finds it, as the first page."""
    noted: list[str] = []

    def note(_c: object, _k: object, statement: str, *_rest: object) -> None:
        noted.append(statement)

    pages = list(_walk(crowd, count="3", excludedAttributes="groups"))
    cursor = pages[-2]["nextCursor"]
    engine = crowd.services.store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        crowd.get("/Users", query={"count": "3", "cursor": cursor, "excludedAttributes": "groups"})
    finally:
        event.remove(engine, "before_cursor_execute", note)
    found = [each for each in noted if "FROM account" in each]
    assert len(found) == 1, found
    assert "account.id > " in found[0]
    assert "COUNT(" not in found[0].upper()
