"""Prepared documents, tags and mapping, without a database."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scim2_models import (
    InvalidFilterException,
    InvalidSyntaxException,
    InvalidValueException,
)

from idp.domain.account import AccountKind
from idp.domain.group import Member, Membership
from idp.domain.query import Record
from scim.domain.catalogue import GROUPS, USERS, plain_integer
from scim.domain.documents import read_object
from scim.domain.etag import entity_tag, read_condition
from scim.domain.filters import compile_filter
from scim.domain.mapping import account_facts, group_facts, stated_document
from scim.domain.models import GROUP_EXTENSION, USER_EXTENSION, USER_SCHEMA
from scim.domain.projection import project, read_projection
from scim.domain.render import Renderer
from scim.domain.values import searchable_values
from tests.support.scim import a_group, a_user

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
    lambda deeper: (
        st.lists(deeper, max_size=3) | st.dictionaries(st.text("abc", max_size=3), deeper, max_size=3)
    ),
    max_leaves=12,
)


def _record(document: str, version: int = 4, source_version: int = 7) -> Record:
    return Record(
        "01KT1GW6G0R5GAV2QNXRSS0P82",
        version,
        source_version,
        document,
        "2026-01-01T00:00:00.000000Z",
        "2026-01-02T00:00:00.000000Z",
    )


@given(st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_object_or_a_syntax_error(body: bytes) -> None:
    """B7: nothing else comes out of reading a body."""
    with contextlib.suppress(InvalidSyntaxException):
        assert isinstance(read_object(body), dict)


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
def test_a_rendered_resource_is_json_whatever_it_holds(name: str) -> None:
    """The splice of texts is safe: no value ends a string or forges the place of the version."""
    body = a_user(displayName=name or "x", title='"sourceVersion":null', nickName=name)
    facts = account_facts(body)
    groups = [Membership("a", "g", name, "direct")]
    shown = json.loads(Renderer("https://gateway.example/scim/v2").user(_record(facts.document), groups))
    assert shown["title"] == '"sourceVersion":null'
    assert shown["displayName"] == (name or "x")
    assert shown[USER_EXTENSION]["sourceVersion"] == 7
    assert shown["groups"][0]["display"] == name
    assert shown["meta"]["version"] == entity_tag(4)
    group = json.loads(
        Renderer("https://gateway.example/scim/v2").group(
            _record(group_facts(a_group(displayName=f"x{name}")).document), [Member("m", name)]
        )
    )
    assert group["members"][0].get("display", "") == name


def test_a_document_keeps_the_place_of_the_version_only_where_it_was_stated() -> None:
    """OB-11: the column speaks where the source stated a version, and nowhere else."""
    fenced = account_facts(a_user())
    assert json.loads(stated_document(_record(fenced.document)))[USER_EXTENSION]["sourceVersion"] == 7
    plain = account_facts({"schemas": [USER_SCHEMA], "userName": "x"})
    assert "sourceVersion" not in stated_document(_record(plain.document))
    assert plain.source_version is None


def test_a_user_means_an_account() -> None:
    """Registration's mapping (§7): main address, kind, organizations, language."""
    facts = account_facts(
        a_user(
            displayName=None,
            userType="Machine",
            preferredLanguage="fr-CA",
            emails=[
                {"value": "home@x.example", "type": "home"},
                {"value": "work@x.example", "type": "work"},
            ],
            **{USER_EXTENSION: {"custodianPersonId": "100002", "allowedAddresses": ["10.0.0.0/8"]}},
        )
    )
    assert facts.kind is AccountKind.MACHINE
    assert facts.display_name == "Nora Field"
    assert (facts.email, facts.language) == ("work@x.example", "fr-CA")
    assert (facts.custodian_person_id, facts.allowed_addresses) == ("100002", ("10.0.0.0/8",))
    work, home = {"value": "w@x.example", "type": "work"}, {"value": "h@x.example", "type": "home"}
    assert account_facts(a_user(emails=[work, home | {"primary": True}])).email == "h@x.example"
    assert (
        account_facts(a_user(emails=[home, {"value": "o@x.example", "type": "other"}])).email == "h@x.example"
    )
    assert account_facts(a_user(preferredLanguage="en-US,en;q=0.9")).language == ""
    assert account_facts(a_user(userType="Employee", **{USER_EXTENSION: {}})).kind is AccountKind.PERSONAL


@pytest.mark.parametrize(
    "address",
    [
        "nobody",
        "@acme.example",
        "n@",
        "a b@acme.example",
        "a@acme.example,b@acme.example",
        "n\r\n@acme.example",
        "<n@acme.example>",
        "n" * 250 + "@x.example",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """C9: an address that a letter could be led astray by."""
    with pytest.raises(InvalidValueException):
        account_facts(a_user(emails=[{"value": address}]))


@pytest.mark.parametrize(
    "address",
    [
        "kevin.o'brien@acme.example",
        "first+second@acme.example",
        "o\u2019neill@acme.example",
        "jos\u00e9@acme.example",
        "nora@m\u00fcnchen.example",
        "!#$%&'*+/=?^_`{|}~-@acme.example",
        "nora@[192.0.2.1]",
    ],
)
def test_what_is_an_address_is_taken_as_it_is(address: str) -> None:
    """C9, RFC 5322 §3.2.3, RFC 6532: whatever people have in their addresses; it is kept letter by letter."""
    facts = account_facts(a_user(emails=[{"value": address}]))
    assert facts.email == address
    assert json.loads(facts.document)["emails"] == [{"value": address}]


def test_values_are_searched_in_the_form_they_compare_by() -> None:
    """E3, E14: folded unless exact; numbers in order; moments in one zone; the primary entry first."""
    values = searchable_values(
        USERS,
        a_user(
            title="Stra\u00dfe",
            emails=[{"value": "B@x.example"}, {"value": "A@x.example", "primary": True}],
            **{USER_EXTENSION: {"personId": "P1", "deactivation": {"at": "2026-01-01T02:00:00+02:00"}}},
        ),
    )
    found = {(each.path, each.item): each.value for each in values}
    assert found["title", 0] == "strasse"
    assert found["emails.value", 0] == "a@x.example"
    assert found["emails.value", 1] == "b@x.example"
    assert found["switchyard:personid", 0] == "P1"
    assert found["switchyard:deactivation.at", 0] == "2026-01-01T00:00:00.000000Z"
    assert len(found) == len(values)
    group = searchable_values(GROUPS, a_group())
    assert ("switchyard:accessrolekey", 0, "emi_user") in group
    assert not [each for each in group if each.path in {"displayname", "members.value"}]


@given(st.integers(-(2**53), 2**53), st.integers(-(2**53), 2**53))
def test_numbers_sort_as_texts(one: int, other: int) -> None:
    """E3: the order of numbers is the order of their stored form."""
    attribute = USERS.find(USER_EXTENSION, "sourceVersion")
    assert attribute is not None
    assert (attribute.encode(one) < attribute.encode(other)) == (one < other)
    assert plain_integer(attribute.encode(one)) == one


@pytest.mark.parametrize(
    ("header", "met"),
    [
        ('W/"4"', True),
        ('"4"', True),
        ("4", True),
        ('W/"3", W/"4"', True),
        ("*", True),
        ('W/"3"', False),
        ('W/"44"', False),
        ("nonsense", False),
    ],
)
def test_a_condition_is_met_by_its_versions(header: str, met: bool) -> None:  # noqa: FBT001
    """L2, L3: lists, stars, weak and bare tags."""
    condition = read_condition(header)
    assert condition is not None
    assert condition.meets(4) is met
    assert read_condition(" ") is None


def test_a_projection_never_hides_who_it_is() -> None:
    """D6: id and schemas stay; both lists at once are refused."""
    with pytest.raises(InvalidValueException):
        read_projection(USERS, ["userName"], ["emails"])
    whole = a_user(id="x")
    assert project(
        USERS, read_projection(USERS, [], ["id", "schemas", "emails"]), whole
    ).keys() == whole.keys() - {"emails"}
    shown = project(USERS, read_projection(USERS, ["emails.type"], []), whole)
    assert shown == {"id": "x", "schemas": whole["schemas"], "emails": [{"type": "work"}]}
    group = project(
        GROUPS, read_projection(GROUPS, [f"{GROUP_EXTENSION}:accessRoleKey"], []), a_group(id="g")
    )
    assert group[GROUP_EXTENSION] == {"accessRoleKey": "emi_user"}


def test_a_filter_that_grows_is_refused_before_it_costs() -> None:
    """SF-01: a hundred thousand brackets are refused by their length, forty by their depth."""
    for text in ("(" * 100_000, "(" * 41 + "userName pr" + ")" * 41, " or ".join(["userName pr"] * 201)):
        with pytest.raises(InvalidFilterException):
            compile_filter(text, USERS)
