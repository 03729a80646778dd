"""Filters and pages: lines E1..E14, F1, F2, D2..D8 and attacks SF-*, SL-01."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from idp.domain.query import Compare, Operator
from scim.domain.catalogue import USERS
from scim.domain.filters import compile_filter
from scim.domain.models import GROUP_EXTENSION, USER_EXTENSION, USER_SCHEMA
from tests.support.scim import SEARCH_SCHEMA, a_group, a_user

if TYPE_CHECKING:
    from tests.support.scim import ScimWorld

PEOPLE: list[dict[str, Any]] = [
    {
        "userName": "Alice",
        "externalId": "acct:A",
        "displayName": "Alice Adams",
        "name": {"givenName": "Alice", "familyName": "Adams"},
        "emails": [
            {"value": "alice@acme.example", "type": "work", "primary": True},
            {"value": "alice@home.example", "type": "home"},
        ],
        "title": "100% chief_officer",
        "active": True,
        USER_EXTENSION: {
            "personId": "P1",
            "sourceVersion": 3,
            "allowedAddresses": ["10.0.0.0/8", "192.0.2.1/32"],
            "organizations": [{"id": "10001", "shortName": "ACME"}, {"id": "10002", "shortName": "Bolt"}],
            "deactivation": {"at": "2026-01-02T03:04:05+02:00", "reason": "none"},
        },
    },
    {
        "userName": "bob",
        "externalId": "acct:a",
        "name": {"givenName": "Bob"},
        "emails": [{"value": "BOB@acme.example", "type": "home"}],
        "title": "",
        "active": False,
        USER_EXTENSION: {"personId": "p1", "sourceVersion": 12},
    },
    {
        "userName": "carol",
        "active": True,
        "displayName": "Stra\u00dfe",
        "roles": [{"value": "guide", "primary": True}],
    },
    {
        "userName": 'd\\an"',
        "active": True,
        "title": "a\\b",
        "preferredLanguage": "fr",
        "nickName": "\u212aelvin",
    },
]

MATCHES = {
    'userName eq "ALICE"': ["Alice"],
    'USERNAME Eq "alice"': ["Alice"],
    f'{USER_SCHEMA}:userName eq "bob"': ["bob"],
    'userName ne "alice"': ["bob", "carol", 'd\\an"'],
    'userName co "o"': ["bob", "carol"],
    'userName sw "CA"': ["carol"],
    'userName ew "ob"': ["bob"],
    'userName gt "bob"': ["carol", 'd\\an"'],
    'userName ge "bob" and userName lt "carol"': ["bob"],
    'userName le "ALICE"': ["Alice"],
    r'userName eq "d\\an\""': ['d\\an"'],
    r'title eq "a\\b"': ['d\\an"'],
    r'userName eq "\u0061lice"': ["Alice"],
    'externalId eq "acct:A"': ["Alice"],
    'externalId sw "acct:"': ["Alice", "bob"],
    'title co "%"': ["Alice"],
    'title co "_"': ["Alice"],
    'title sw "1%"': [],
    "title pr": ["Alice", 'd\\an"'],
    "not (title pr)": ["bob", "carol"],
    "title eq null": ["carol"],
    "title ne null": ["Alice", "bob", 'd\\an"'],
    'title eq ""': ["bob"],
    'nickName eq "kelvin"': ['d\\an"'],
    'displayName eq "STRASSE"': ["carol"],
    "active eq true": ["Alice", "carol", 'd\\an"'],
    'active eq "False"': ["bob"],
    "name pr": ["Alice", "bob"],
    'name.familyName eq "adams"': ["Alice"],
    "emails pr": ["Alice", "bob"],
    'emails eq "bob@ACME.example"': ["bob"],
    'emails.value co "home.example"': ["Alice"],
    'emails.type eq "home"': ["Alice", "bob"],
    'emails.type ne "work"': ["bob", "carol", 'd\\an"'],
    'emails[type eq "work" and value co "@acme"]': ["Alice"],
    'emails[type eq "work" and value co "@home"]': [],
    'emails[type eq "home" and value eq "alice@home.example"]': ["Alice"],
    'emails[not (type eq "work")]': ["Alice", "bob"],
    "emails[primary eq true]": ["Alice"],
    'emails[type eq "home"].value eq "bob@acme.example"': ["bob"],
    "emails.primary eq null": ["Alice", "bob", "carol", 'd\\an"'],
    f'{USER_EXTENSION}:personId eq "P1"': ["Alice"],
    f"{USER_EXTENSION}:sourceVersion gt 3": ["bob"],
    f"{USER_EXTENSION}:sourceVersion eq 3": ["Alice"],
    f"{USER_EXTENSION}:sourceVersion pr": ["Alice", "bob"],
    f'{USER_EXTENSION}:allowedAddresses eq "192.0.2.1/32"': ["Alice"],
    f'{USER_EXTENSION}:allowedAddresses[value sw "10."]': ["Alice"],
    f'{USER_EXTENSION}:organizations[id eq "10002" and shortName eq "BOLT"]': ["Alice"],
    f'{USER_EXTENSION}:organizations[id eq "10001" and shortName eq "bolt"]': [],
    f'{USER_EXTENSION}:deactivation.at eq "2026-01-02T01:04:05Z"': ["Alice"],
    f'{USER_EXTENSION}:deactivation.at lt "2026-01-02T01:04:06.5Z"': ["Alice"],
    f'schemas eq "{USER_EXTENSION}"': ["Alice", "bob"],
    'meta.resourceType eq "User"': ["Alice", "bob", "carol", 'd\\an"'],
    'meta.resourceType eq "Group"': [],
    'meta.lastModified ge "2026-06-01T14:00:00+02:00"': ["Alice", "bob", "carol", 'd\\an"'],
    'meta.created lt "2026-06-01T12:00:00Z"': [],
    'roles.value eq "GUIDE" or userName eq "bob"': ["bob", "carol"],
    'userName eq "bob" or userName eq "carol" and active eq true': ["bob", "carol"],
    '(userName eq "bob" or userName eq "carol") and active eq true': ["carol"],
    "preferredLanguage pr AND NOT (active eq false)": ['d\\an"'],
}


@pytest.fixture
def people(world: ScimWorld) -> ScimWorld:
    """Give a service with four users."""
    for each in PEOPLE:
        answer = world.post("/Users", {"schemas": [USER_SCHEMA], **each})
        assert answer.status == 201, answer.body
        world.later()  # ids are in the order of their making, to the millisecond
    return world


def test_a_filter_finds_what_it_says(people: ScimWorld) -> None:
    """E1..E9, E13, E14: every operator, grouping, value paths, URNs, escapes, types, case rules."""
    for condition, names in MATCHES.items():
        assert people.found("Users", condition) == names, condition


def test_a_filter_finds_the_same_asked_in_a_body(people: ScimWorld) -> None:
    """D4: POST /Users/.search and /.search are the same engine."""
    for condition in ('userName eq "ALICE"', 'emails[type eq "work" and value co "@acme"]'):
        body = {"schemas": [SEARCH_SCHEMA], "filter": condition, "count": 10}
        for path in ("/Users/.search", "/.search"):
            answer = people.post(path, body)
            assert [each["userName"] for each in answer["Resources"]] == ["Alice"]


WRONG = [
    "userName",
    "userName eq",
    'userName eq "x',
    "userName eq bob",
    'userName is "x"',
    'not userName eq "x"',
    '(userName eq "x"',
    'nothing eq "x"',
    'userName.first eq "x"',
    'urn:example:other:userName eq "x"',
    "active gt true",
    'active co "t"',
    'active eq "perhaps"',
    'meta.created gt "yesterday"',
    'x509Certificates.value gt "YQ=="',
    f'{USER_EXTENSION}:sourceVersion eq "many"',
    'emails[type eq "work"',
    'name[givenName eq "x"]',
    'emails[nothing eq "x"]',
    'userName eq "\\u0000"',
    'userName eq "\\ud800"',
    'password eq "x"',
    'password sw "a"',
    "password pr",
    "totpSecret pr",
    'securityAnswer eq "x"',
    'meta.version eq "1"',
    "(" * 41 + "userName pr" + ")" * 41,
    "(" * 300 + "userName pr" + ")" * 300,
    "not (" * 41 + "userName pr" + ")" * 41,
    " and ".join(["userName pr"] * 201),
    'userName eq "' + "x" * 9000 + '"',
    "emails[" * 1000,
]


def test_a_wrong_filter_is_refused_and_nothing_more(world: ScimWorld) -> None:
    """E2, E3, E8, E10, E11, SF-01, SF-04: 400 invalidFilter, the same whoever exists."""
    for condition in WRONG:
        body = {"schemas": [SEARCH_SCHEMA], "filter": condition}
        before = world.post("/Users/.search", body)
        assert (before.status, before.scim_type) == (400, "invalidFilter"), condition[:80]
    world.post("/Users", a_user("x"))
    again = world.search("Users", 'password sw "a"')
    assert (again.status, again.scim_type) == (400, "invalidFilter")
    assert world.get("/Users", query={"sortBy": "password"}).status == 400


def test_the_largest_filter_there_may_be_is_answered(world: ScimWorld) -> None:
    """E11, SF-04: at every limit at once nothing overflows, through either mount; one step further is refused."""
    world.post("/Users", a_user("x"))

    def nested(levels: int) -> str:
        text = 'userName eq "x"'
        for level in range(levels):
            text = f"title pr {'or' if level % 2 else 'and'} ({text})"
        return f'{text} or userName eq "x"'

    terms = " or ".join(['emails[type eq "none"]'] * 199 + ['userName eq "x"'])
    for condition, further in (
        (nested(31), nested(33)),
        (terms, f"{terms} or title pr"),
        (f'userName eq "x"{" " * 8177}', f'userName eq "x"{" " * 8178}'),
    ):
        body = {"schemas": [SEARCH_SCHEMA], "filter": condition}
        for through in ("lane", "flask"):
            answer = world.post("/Users/.search", body, through=through)
            assert (answer.status, answer["totalResults"]) == (200, 1), condition[:80]
        answer = world.post("/Users/.search", body | {"filter": further})
        assert (answer.status, answer.scim_type) == (400, "invalidFilter"), further[:80]


# --- groups --------------------------------------------------------------------------------------


def test_groups_are_found_by_what_they_hold(world: ScimWorld) -> None:
    """E7, J6: members, the user's groups, ids, Entra's question, extension attributes."""
    one = world.post("/Users", a_user("one"))["id"]
    two = world.post("/Users", a_user("two"))["id"]
    full = world.post("/Groups", a_group("full", members=[{"value": one}]))["id"]
    world.post("/Groups", a_group("empty"))
    name = "ACME GENERATION/full"
    for condition in (
        f'members[value eq "{one}"]',
        f'members.value eq "{one}"',
        f'members eq "{one}"',
        f'id eq "{full}" and members eq "{one}"',
        "members pr",
        'displayName eq "acme generation/FULL"',
        'externalId eq "grp:10001:full"',
        f'{GROUP_EXTENSION}:accessRoleKey eq "full"',
        f'{GROUP_EXTENSION}:accountKinds eq "personal" and displayName ew "full"',
    ):
        assert world.found("Groups", condition) == [name], condition
    assert world.found("Groups", f'members[value eq "{two}"]') == []
    assert world.found("Groups", f'id eq "{full}" and members eq "{two}"') == []
    assert world.found("Users", f'groups.value eq "{full}"') == ["one"]
    assert world.found("Users", f'groups[value eq "{full}" and display co "full"]') == ["one"]
    assert world.found("Users", "not (groups pr)") == ["two"]


# --- pages and order -----------------------------------------------------------------------------


def test_a_question_without_an_answer_is_answered(world: ScimWorld) -> None:
    """D2: 200 with totalResults 0: Entra asks for a random user to see whether we are there."""
    answer = world.search("Users", 'userName eq "b7e4f0a2-random"')
    assert answer.status == 200
    assert (answer["totalResults"], answer["Resources"]) == (0, [])


@pytest.fixture
def crowd(world: ScimWorld) -> ScimWorld:
    """Give a service with seven users, made in order."""
    for number in range(7):
        world.post("/Users", a_user(f"u{number}", title="even" if number % 2 == 0 else "odd"))
    return world


PAGES = {
    (None, None): (1, 7),
    ("1", "3"): (1, 3),
    ("4", "3"): (4, 3),
    ("7", "3"): (7, 1),
    ("8", "3"): (8, 0),
    ("100", "3"): (100, 0),
    ("0", "2"): (1, 2),
    ("-5", "2"): (1, 2),
    ("1", "0"): (1, 0),
    ("1", "-1"): (1, 0),
    ("1", "1000000000"): (1, 7),
    ("1000000000000000000", "5"): (2147483648, 0),
    ("9" * 300, "5"): (2147483648, 0),
    ("-" + "9" * 300, "2"): (1, 2),
    ("0" * 300 + "2", "9" * 5_000): (2, 6),
    ("1", "-" + "9" * 5_000): (1, 0),
}


def test_pages_follow_the_edge_rules(crowd: ScimWorld) -> None:
    """D3, F2, SL-01: clamped, never an error; the total is always told."""
    for (start, count), (index, length) in PAGES.items():
        query = {k: v for k, v in {"startIndex": start, "count": count}.items() if v is not None}
        answer = crowd.get("/Users", query=query)
        assert answer.status == 200
        assert answer["totalResults"] == 7
        assert (answer["startIndex"], answer["itemsPerPage"]) == (index, length), query
        assert len(answer["Resources"]) == length
    for wrong in ("abc", "1.5", "--1", "0x10", "-", ""):
        for name in ("count", "startIndex"):
            answer = crowd.get("/Users", query={name: wrong})
            assert (answer.status, answer.scim_type) == (400, "invalidValue"), (name, wrong)


def test_pages_join_to_the_whole_list(crowd: ScimWorld) -> None:
    """D8, F1: a stable order over pages, however the list is sorted or narrowed."""
    by_title = {"sortBy": "title", "sortOrder": "descending"}
    for query in ({}, {"sortBy": "userName"}, by_title, by_title | {"filter": "emails pr"}):
        whole = [each["id"] for each in crowd.get("/Users", query=query)["Resources"]]
        paged = []
        for start in (1, 3, 5, 7):
            page = crowd.get("/Users", query={**query, "startIndex": str(start), "count": "2"})
            assert page["totalResults"] == len(whole)
            paged += [each["id"] for each in page["Resources"]]
        assert paged == whole
        assert query or whole == sorted(whole)


def test_the_root_asks_every_type(world: ScimWorld) -> None:
    """D5: one list over users and groups; a filter that one type alone knows; none that nobody knows."""
    user = world.post("/Users", a_user())["id"]
    group = world.post("/Groups", a_group(members=[{"value": user}]))["id"]

    def ids(**query: str) -> list[str]:
        answer = world.get("/", query=query)
        assert answer.status == 200, answer.body
        return [each["id"] for each in answer["Resources"]]

    assert ids() == [user, group]
    assert ids(startIndex="2", count="1") == [group]
    assert ids(filter='meta.resourceType eq "User"') == [user]
    assert ids(filter='meta.resourceType eq "Group"') == [group]
    assert ids(filter='userName eq "fieldn"') == [user]
    assert ids(filter="externalId pr") == [user, group]
    assert ids(filter='userName eq "fieldn" or members pr') == [user, group]
    assert ids(filter="not (members pr) and not (userName pr)") == []
    assert ids(filter="userName pr and members pr") == []
    assert ids(filter="members[value pr]", sortBy="userName") == [group]
    assert ids(filter="emails[value pr] or members[value pr]", sortBy="userName", sortOrder="descending") == [
        group,
        user,
    ]


def test_what_one_type_alone_has_is_without_a_value_in_the_other(world: ScimWorld) -> None:
    """D5, RFC 7644 §3.4.2.1: whoever cannot have a value answers as who has none does, ``ne`` and ``null`` too."""
    world.post("/Users", a_user("titled", title="Warden"))
    without = world.post("/Users", a_user("plain"))["id"]
    group = world.post("/Groups", a_group())["id"]
    for condition, met in (
        ('title ne "Warden"', True),
        ("title eq null", True),
        ('not (title eq "Warden")', True),
        ('emails.type ne "work" or title ne "Warden"', True),
        (f'{USER_EXTENSION}:custodianPersonId ne "1" and title ne "Warden"', True),
        ('title eq "x"', False),
        ("title ne null", False),
        ("title pr", False),
        ('title lt "x" and title ne "Warden"', False),
        ('ims[value ne "x"]', False),
    ):
        answer = world.get("/", query={"filter": condition})
        found = [each["id"] for each in answer["Resources"]]
        assert [each in found for each in (without, group)] == [met, met], condition


def test_what_no_type_has_is_refused_at_the_root(world: ScimWorld) -> None:
    """D5, E8, F1: whatever stands beside it, in a filter as in an order, asked in a query or in a body."""
    for asked, scim_type in (
        ({"filter": 'nothing eq "x"'}, "invalidFilter"),
        ({"filter": 'userName pr or nothing eq "x"'}, "invalidFilter"),
        ({"filter": "emails[nothing pr] or members pr"}, "invalidFilter"),
        ({"filter": "members pr", "sortBy": "nothing"}, "invalidPath"),
        ({"filter": "userName pr", "sortBy": "groups"}, "invalidPath"),
    ):
        for answer in (
            world.get("/", query=asked),
            world.post("/.search", {"schemas": [SEARCH_SCHEMA], **asked}),
        ):
            assert (answer.status, answer.scim_type) == (400, scim_type), asked


def test_one_comparison_is_one_statement() -> None:
    """The question every client asks most is read without the grammar, and means the same."""
    assert compile_filter('userName eq "A\\"b"', USERS) == Compare("username", Operator.EQ, 'a"b')
