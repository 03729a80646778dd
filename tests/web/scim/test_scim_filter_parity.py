"""The database finds what the library matches: line E12, on resources and filters made by chance."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scim2_models import SCIMException, ScimFilter, ScimPolicy

from idp.domain.user_name import fold
from scim.domain.catalogue import USERS, Attribute
from scim.domain.models import USER_EXTENSION, USER_SCHEMA, User
from tests.support.scim import a_group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.scim import ScimWorld

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
TEXTS = ["alpha", "Alpha", "beta", "Stra\u00dfe", "STRASSE", "a%b_c", 'q"\\', "", "a"]
NAMES = ["ann", "Bob", "stra\u00dfe"]
WORDS = ["work", "home", "other"]
MOMENTS = ["2026-01-02T03:04:05Z", "2026-01-02T04:04:05+01:00", "2025-12-31T23:59:59.5Z"]
BINARY = ["YQ==", "YWI="]
ADDRESSES = ["10.0.0.0/8", "192.0.2.1/32"]
NUMBERS = [0, 3, 12]
OPERATORS = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
LISTS = {
    "emails": [{"value": f"{name}@acme.example"} for name in ("Ann", "bob", "carl")],
    "phoneNumbers": [{"value": "tel:+1-416-555-0100"}, {"value": "tel:+1-416-555-0199"}],
    "ims": [{"value": text} for text in ("alpha", "beta")],
    "photos": [{"value": "https://photos.example/Ann"}, {"value": "https://photos.example/bob"}],
    "addresses": [{"locality": "Toronto", "country": "CA"}, {"locality": "toronto", "postalCode": "a"}],
    "entitlements": [{"value": text} for text in ("Alpha", "beta")],
    "roles": [{"value": text} for text in ("alpha", "Stra\u00dfe")],
    "x509Certificates": [{"value": text} for text in BINARY],
}
# The server's own, that nobody can ask for; and a name that is shown on request (test_scim_managers).
Held = Mapping[str, list[str]]
UNASKED = {
    "meta.location",
    "meta.version",
    "groups.$ref",
    "enterprise:manager.$ref",
    "enterprise:manager.displayname",
}


def _some_entries(chance: random.Random, name: str) -> list[dict[str, Any]]:
    entries = []
    for entry in chance.sample(LISTS[name], chance.randrange(1, len(LISTS[name]) + 1)):
        more: dict[str, Any] = {"type": chance.choice(WORDS)} if chance.random() < 0.7 else {}
        if chance.random() < 0.4:
            more["display"] = chance.choice(["alpha", "Alpha"])
        if name == "addresses":
            more.pop("display", None)
        entries.append(entry | more)
    if chance.random() < 0.5:
        entries[-1]["primary"] = True
    return entries


def _some_user(chance: random.Random, number: int) -> dict[str, Any]:
    """Return a user with some of all attributes there are."""

    def some(**values: Any) -> dict[str, Any]:
        return {name: value for name, value in values.items() if chance.random() < 0.6}

    def text() -> str:
        return chance.choice(TEXTS)

    texts = ("displayName", "nickName", "title", "userType", "preferredLanguage")
    names = ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")
    extension = some(
        personId=text(),
        custodianPersonId=text(),
        tenant=text(),
        sourceVersion=chance.choice(NUMBERS),
        allowedAddresses=chance.sample(ADDRESSES, chance.randrange(1, 3)),
        organizations=[{"id": str(each), "shortName": chance.choice(["alpha", "Beta"])} for each in range(2)],
        activation={"send": False} | some(validDays=chance.choice([3, 12])),
        deactivation=some(at=chance.choice(MOMENTS)) | {"reason": text()},
    )
    enterprise = ("employeeNumber", "costCenter", "organization", "division", "department")
    return {
        "schemas": [USER_SCHEMA],
        "userName": f"{chance.choice(NAMES)}{number}",
        "active": chance.random() < 0.5,
        **some(externalId=f"acct:{chance.choice('aAbB')}{number}", profileUrl="https://acme.example/Ann"),
        **some(**{name: text() for name in texts}),
        **some(name=some(**{name: text() for name in names}) | {"familyName": "Adams"}),
        **some(**{name: _some_entries(chance, name) for name in LISTS}),
        USER_EXTENSION: extension,
        ENTERPRISE: some(**{name: text() for name in enterprise}),
    }


def _written(attribute: Attribute) -> str:
    """Return the name of a top-level attribute as a filter writes it."""
    extension = attribute.schema in USERS.extension_names.values()
    return f"{attribute.schema}:{attribute.name}" if extension else attribute.name


def _asked() -> Iterator[tuple[str, Attribute]]:
    """Give the names of all attributes that have a value to compare, as a filter writes them."""
    for attribute in USERS.every():
        name = _written(attribute)
        if not attribute.is_complex or (attribute.multi and "value" in attribute.parts):
            yield name, attribute.parts.get("value", attribute)
        for part in attribute.parts.values():
            if part.path not in UNASKED:
                yield f"{name}.{part.name}", part


def _operand(attribute: Attribute, held: Held) -> st.SearchStrategy[str]:
    if attribute.path in held:
        return st.sampled_from(held[attribute.path]).map(json.dumps)
    match attribute.type:
        case "boolean":
            return st.sampled_from(["true", "false", '"True"'])
        case "integer":
            return st.sampled_from([str(each) for each in (*NUMBERS, -1)])
        case "dateTime":
            return st.sampled_from(MOMENTS).map(json.dumps)
        case "binary":
            return st.sampled_from(BINARY).map(json.dumps)
    known = {"emails.value": "ann@acme", "externalid": "acct:a", "username": "ANN"}
    texts = [*TEXTS, *WORDS, *ADDRESSES, "toronto", "https://", known.get(attribute.path, "1")]
    return st.sampled_from(texts).map(json.dumps)


def _comparison(name: str, attribute: Attribute, held: Held) -> st.SearchStrategy[str]:
    compared = st.builds(
        lambda how, value: f"{name} {how} {value}", st.sampled_from(OPERATORS), _operand(attribute, held)
    )
    null = st.sampled_from([f"{name} eq null", f"{name} ne null", f"{name} pr", f"{name.upper()} PR"])
    return compared | null


def _joined(terms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    both = st.builds(lambda a, how, b: f"{a} {how} {b}", terms, st.sampled_from(["and", "or", "AND"]), terms)
    return terms | terms.map(lambda each: f"not ({each})") | both


def _selection(attribute: Attribute, held: Held) -> st.SearchStrategy[str]:
    parts = st.one_of(
        [_comparison(part.name, part, held) for part in attribute.parts.values() if part.path not in UNASKED]
    )
    return _joined(parts).map(lambda inner: f"{_written(attribute)}[{inner}]")


def _conditions(held: Held) -> st.SearchStrategy[str]:
    """Return filters of any shape; ``held`` are values that only the server knows."""
    plain = st.sampled_from(list(_asked())).flatmap(lambda each: _comparison(*each, held))
    selection = st.sampled_from([each for each in USERS.every() if each.multi and each.is_complex]).flatmap(
        lambda each: _selection(each, held)
    )
    whole = st.sampled_from([f"{name} pr" for name in ("name", *LISTS)])
    leaf = st.one_of(plain, plain, selection, whole)
    return st.recursive(
        leaf,
        lambda deeper: st.one_of(
            deeper.map(lambda each: f"not ({each})"),
            st.builds(lambda a, how, b: f"({a}) {how} {b}", deeper, st.sampled_from(["and", "or"]), deeper),
        ),
        max_leaves=5,
    )


def _held(users: list[dict[str, Any]]) -> Held:
    """Return the values that the server gave to users, by the path of the attribute."""
    groups = [group for user in users for group in user.get("groups", ())]
    return {
        "id": [user["id"] for user in users],
        "meta.created": [user["meta"]["created"] for user in users],
        "meta.lastmodified": [user["meta"]["lastModified"] for user in users],
        "meta.resourcetype": ["User", "Group", "user"],
        "schemas": [USER_SCHEMA, ENTERPRISE, ENTERPRISE.lower()],
        "groups.value": [group["value"] for group in groups],
        "groups.display": [group["display"] for group in groups],
        "groups.type": ["direct", "indirect", "Direct"],
        "enterprise:manager.value": [user["id"] for user in users[:3]],
    }


@pytest.fixture
def people(world: ScimWorld) -> ScimWorld:
    """Give a service with users made by chance, the same ones in every run; some lead, some are in groups."""
    chance = random.Random(7644)
    made: list[str] = []
    for number in range(14):
        user = _some_user(chance, number)
        if made and chance.random() < 0.5:
            user[ENTERPRISE]["manager"] = {"value": chance.choice(made[:3])}
        answer = world.post("/Users", user)
        assert answer.status == 201, answer.body
        made.append(answer["id"])
        world.later()
    for number in range(3):
        members = [{"value": each} for each in (*chance.sample(made, 3), *made[14:])]
        made.append(world.post("/Groups", a_group(f"role{number}", members=members))["id"])
    return world


def _comparison_key(binding: Any, value: str) -> str:
    return value if binding.case_exact else fold(value)


_COMPARING = ScimPolicy(unknown=ScimPolicy.Unknown.ignore, comparison_key=_comparison_key)
"""How filters compare, said in the library's words: as user names are unique (E14)."""


def test_the_database_finds_what_the_library_matches(people: ScimWorld) -> None:
    """E12, E1, E3, E4, E5, E14: SQL agrees with ScimFilter.match over every attribute and type, on either dialect."""
    found = people.get("/Users")["Resources"]
    users = [User.model_validate(each) for each in found]
    agreed: set[bool] = set()

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(condition=_conditions(_held(found)))
    def check(condition: str) -> None:
        people.later()  # so that the rate of requests is never the answer
        try:
            with _COMPARING:
                bound = ScimFilter[User](condition)  # type: ignore[valid-type]
                expected = [user.user_name for user in users if bound.match(user)]
        except SCIMException:
            answer = people.search("Users", condition)
            assert (answer.status, answer.scim_type) == (400, "invalidFilter"), condition
            return
        assert people.found("Users", condition) == expected, condition
        agreed.add(bool(expected))

    check()
    assert agreed == {True, False}
