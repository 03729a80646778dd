"""The database finds what the library matches: line E12, on resources and filters made by chance."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scim2_models import SCIMException, ScimFilter

from scim.domain.catalogue import USERS, Attribute
from scim.domain.models import COMPARING, USER_EXTENSION, USER_SCHEMA, User

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
UNASKED = {"id", "meta", "schemas", "groups"}


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


def _asked() -> Iterator[tuple[str, Attribute]]:
    """Give the names of all attributes that have a value to compare, as a filter writes them."""
    for attribute in USERS.every():
        if attribute.path in UNASKED or attribute.path == "enterprise:manager":
            continue
        extension = attribute.schema in USERS.extension_names.values()
        name = f"{attribute.schema}:{attribute.name}" if extension else attribute.name
        if not attribute.is_complex or (attribute.multi and "value" in attribute.parts):
            yield name, attribute.parts.get("value", attribute)
        for part in attribute.parts.values():
            yield f"{name}.{part.name}", part


def _operand(attribute: Attribute) -> st.SearchStrategy[str]:
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


def _comparison(name: str, attribute: Attribute) -> st.SearchStrategy[str]:
    compared = st.builds(
        lambda how, value: f"{name} {how} {value}", st.sampled_from(OPERATORS), _operand(attribute)
    )
    null = st.sampled_from([f"{name} eq null", f"{name} ne null", f"{name} pr", f"{name.upper()} PR"])
    return compared | null if ":" not in name else compared | st.just(f"{name} pr")


def _joined(terms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    both = st.builds(lambda a, how, b: f"{a} {how} {b}", terms, st.sampled_from(["and", "or", "AND"]), terms)
    return terms | terms.map(lambda each: f"not ({each})") | both


def _selection(attribute: Attribute) -> st.SearchStrategy[str]:
    parts = st.one_of([_comparison(part.name, part) for part in attribute.parts.values()])
    return _joined(parts).map(lambda inner: f"{attribute.name}[{inner}]")


def _conditions() -> st.SearchStrategy[str]:
    plain = st.sampled_from(list(_asked())).flatmap(lambda each: _comparison(*each))
    selection = st.sampled_from(sorted(LISTS)).map(lambda name: USERS.core[name.lower()]).flatmap(_selection)
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


@pytest.fixture
def people(world: ScimWorld) -> ScimWorld:
    """Give a service with users made by chance, the same ones in every run."""
    chance = random.Random(7644)
    for number in range(14):
        made = world.post("/Users", _some_user(chance, number))
        assert made.status == 201, made.body
        world.later()
    return world


def test_the_database_finds_what_the_library_matches(people: ScimWorld) -> None:
    """E12, E1, E3, E4, E5, E14: SQL agrees with ScimFilter.match over every attribute and type, on either dialect."""
    users = [
        User.model_validate({name: value for name, value in each.items() if name != "meta"})
        for each in people.get("/Users")["Resources"]
    ]
    agreed: set[bool] = set()

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(condition=_conditions())
    def check(condition: str) -> None:
        people.later()  # so that the rate of requests is never the answer
        try:
            with COMPARING:
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
