"""Lists in an order: line F1 (RFC 7644 §3.4.2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from idp.domain.reporting_line import ENTERPRISE
from scim.domain.models import USER_EXTENSION, USER_SCHEMA
from tests.support.scim import a_user

if TYPE_CHECKING:
    from tests.support.scim import ScimWorld


def test_a_list_is_sorted_as_asked(world: ScimWorld) -> None:
    """F1: case rules, missing values last ascending and first descending, primary of many; up or down."""
    for name, title in (("b", "Zeta"), ("A", "alpha"), ("c", None), ("D", "Beta")):
        world.post("/Users", a_user(name) | ({"title": title} if title else {}))

    def order(**query: str) -> list[str]:
        return [each["userName"] for each in world.get("/Users", query=query)["Resources"]]

    assert order(sortBy="userName") == ["A", "b", "c", "D"]
    assert order(sortBy="userName", sortOrder="descending") == ["D", "c", "b", "A"]
    assert order(sortBy="title") == ["A", "D", "b", "c"]
    assert order(sortBy="title", sortOrder="descending") == ["c", "b", "D", "A"]
    assert order(sortBy="emails") == ["A", "b", "c", "D"]
    assert order(sortBy="META.CREATED", count="2") == order(count="2")
    assert order(sortBy="userName", sortOrder="DESCENDING") == ["D", "c", "b", "A"]
    sideways = world.get("/Users", query={"sortBy": "userName", "sortOrder": "sideways"})
    assert (sideways.status, sideways.scim_type) == (400, "invalidValue")
    for wrong in ("nothing", "name", "password", "groups", "meta", "emails.nothing"):
        answer = world.get("/Users", query={"sortBy": wrong})
        assert (answer.status, answer.scim_type) == (400, "invalidPath"), wrong


def test_a_list_is_sorted_by_values_and_not_by_their_letters(world: ScimWorld) -> None:
    """F1: whole numbers as numbers, times as instants in whatever offset they are stated, text by its case rule."""
    stated = {
        "first": ("2026-01-02T05:00:00+05:00", 3, "STRASSE"),
        "second": ("2026-01-02T01:00:00Z", 12, "straße"),
        "third": ("2026-01-01T23:30:00-03:00", 100, "Zebra"),
    }
    for name in ("third", "first", "second"):
        at, days, department = stated[name]
        user = a_user(name) | {ENTERPRISE: {"department": department}}
        user[USER_EXTENSION] |= {"deactivation": {"at": at}, "activation": {"validDays": days, "send": False}}
        user["schemas"] = [*user["schemas"], ENTERPRISE]
        assert world.post("/Users", user).status == 201
        world.later()
    numbers = f"{USER_EXTENSION}:activation.validDays"
    for path in (f"{USER_EXTENSION}:deactivation.at", numbers, f"{ENTERPRISE}:department"):
        found = world.get("/Users", query={"sortBy": path})["Resources"]
        names = [each["userName"] for each in found]
        # What folds to the same text is equal: ids, which are in the order of creation, decide.
        assert names == ["first", "second", "third"], path
    answer = world.get("/Users", query={"sortBy": "x509Certificates.value"})
    assert (answer.status, answer.scim_type) == (400, "invalidPath")


def test_of_several_values_the_primary_counts_or_else_the_first(world: ScimWorld) -> None:
    """F1: whatever their order, and as they are after a change; who has none comes last, first descending."""
    stated: dict[str, list[dict[str, Any]]] = {
        "a": [{"value": "z@acme.example", "type": "work"}, {"value": "b@acme.example", "primary": True}],
        "b": [{"value": "a@acme.example", "primary": True}, {"value": "y@acme.example", "type": "work"}],
        "c": [{"value": "d@acme.example"}, {"value": "A1@acme.example", "type": "home"}],
        "d": [],
    }
    paths = {
        name: f"/Users/{world.post('/Users', a_user(name, emails=emails))['id']}"
        for name, emails in stated.items()
    }

    def order(by: str, direction: str = "ascending") -> str:
        page = world.get("/Users", query={"sortBy": by, "sortOrder": direction})
        return "".join(each["userName"] for each in page["Resources"])

    for by in ("emails", "emails.value", "EMAILS.VALUE", f"{USER_SCHEMA}:emails.value"):
        assert (order(by), order(by, "descending")) == ("bacd", "dcab"), by
    for name, position in (("a", 0), ("b", 1)):
        other = {"op": "replace", "path": f'emails[value eq "{stated[name][position]["value"]}"].primary'}
        assert world.patch(paths[name], other | {"value": True}).status == 200
    assert (order("emails"), order("emails", "descending")) == ("cbad", "dabc")


def test_what_stands_beside_a_binary_value_has_an_order(world: ScimWorld) -> None:
    """F1: the label of a certificate, by index and by cursor; the certificate itself has none."""
    for name, label in (("a", "Zeta"), ("b", "alpha"), ("c", None)):
        entry = {"value": "QUJD", "type": "signing"} | ({"display": label} if label else {})
        world.post("/Users", a_user(name, x509Certificates=[entry]))
    for walk in ({}, {"cursor": ""}):
        page = world.get("/Users", query={"sortBy": "x509Certificates.display", "count": "3"} | walk)
        assert "".join(each["userName"] for each in page["Resources"]) == "bac"
    for path in ("x509Certificates", "x509Certificates.value"):
        answer = world.get("/Users", query={"sortBy": path})
        assert (answer.status, answer.scim_type) == (400, "invalidPath"), path


def test_a_version_that_nobody_stated_is_no_version(world: ScimWorld) -> None:
    """F1, E4: last ascending and first descending, by index and by cursor, as every value that is not there."""
    for name, version in (("a", None), ("b", 5), ("c", 0), ("d", None), ("e", 2)):
        user = a_user(name)
        del user[USER_EXTENSION]["sourceVersion"]
        if version is not None:
            user[USER_EXTENSION]["sourceVersion"] = version
        assert world.post("/Users", user).status == 201
        world.later()
    for order, expected in (("ascending", "cebad"), ("descending", "dabec")):
        asked = {"sortBy": f"{USER_EXTENSION}:sourceVersion", "sortOrder": order}
        listed = world.get("/Users", query=asked)["Resources"]
        assert "".join(each["userName"] for each in listed) == expected
        seen, cursor = "", ""
        while cursor is not None:
            page = world.get("/Users", query=asked | {"count": "1", "cursor": cursor}).json()
            seen += page["Resources"][0]["userName"]
            cursor = page.get("nextCursor")
        assert seen == expected
