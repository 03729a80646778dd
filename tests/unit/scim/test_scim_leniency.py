"""What the profiles do to requests before the models meet them: lines C9, C11, Q, R and S."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scim2_models import SCIMException, ScimFilter

from scim.domain.catalogue import GROUPS, USERS, Catalogue
from scim.domain.filters import LONGEST
from scim.domain.lenient_filters import lenient_filter
from scim.domain.lenient_patches import lenient_operations
from scim.domain.lenient_resources import lenient_resource
from scim.domain.models import GROUP_SCHEMA, USER_EXTENSION, USER_SCHEMA
from scim.domain.profile import Profile
from tests.support.scim import a_group, a_user
from tests.support.scim_contested import CONTESTED
from tests.support.scim_profiles import ENTERPRISE
from tests.support.scim_tolerances import table, told

DOCUMENT = Path(__file__).parents[3] / "docs" / "scim-clients.md"
NAMES = st.sampled_from(
    [
        *(
            "schemas",
            "userName",
            "NAME",
            "name",
            "emails",
            "active",
            "members",
            "id",
            "meta",
            "groups",
            "value",
        ),
        *(
            "profileUrl",
            "manager",
            "password",
            "primary",
            "type",
            "at",
            "nothing",
            "op",
            "path",
            "Operations",
        ),
        *(USER_SCHEMA, GROUP_SCHEMA, ENTERPRISE, USER_EXTENSION, "urn:x:y", f"{ENTERPRISE}:manager"),
        *(
            "name.givenName",
            "emails[type eq",
            'emails[type eq "work"].value',
            "members[",
            "a]b",
            ".",
            ":",
            "",
        ),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | NAMES | st.text(max_size=6)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
PROFILES = st.sampled_from(list(Profile))
CATALOGUES = st.sampled_from([USERS, GROUPS])


def test_the_documentation_tells_every_tolerance_as_it_is() -> None:
    """Q, R, S: the table of docs/scim-clients.md is the docstrings and the profiles themselves."""
    assert table() in DOCUMENT.read_text(), f"the table is to read:\n{table()}"


def test_every_tolerance_has_a_request_that_is_taken_and_one_that_is_not() -> None:
    """Q, R, S: a new tolerance comes with its row, and somebody has it and somebody has not."""
    assert [each.name for each in told()] == list(CONTESTED)
    for name in CONTESTED:
        assert {getattr(profile.tolerance, name) for profile in Profile} == {True, False}, name


@given(body=st.dictionaries(NAMES, JSON, max_size=5), profile=PROFILES, catalogue=CATALOGUES)
def test_any_resource_is_read_or_refused(
    body: dict[str, Any], profile: Profile, catalogue: Catalogue
) -> None:
    """B7, C2, C9, C11: whatever JSON a stranger sends, it is read or refused; what is the server's goes."""
    try:
        read = lenient_resource(body, catalogue, profile.tolerance)
    except SCIMException:
        return
    known = catalogue.core.keys() | catalogue.extensions.keys()
    assert read.keys() == {name for name in body if name.lower() in known - {"id", "meta", "groups"}}
    assert lenient_resource(read, catalogue, profile.tolerance) == read


@given(
    operations=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "op": st.sampled_from(["add", "Remove", "REPLACE", "move", 5]),
                "path": NAMES | SCALARS,
                "value": JSON,
                "more": SCALARS,
            },
        ),
        max_size=3,
    ),
    profile=PROFILES,
    catalogue=CATALOGUES,
)
def test_any_operations_are_read_or_refused(
    operations: list[dict[str, Any]], profile: Profile, catalogue: Catalogue
) -> None:
    """B7, H1: what is read has operations of the standard only, and is read the same a second time."""
    try:
        read = lenient_operations(operations, catalogue, profile.tolerance, own_id="X")
    except SCIMException:
        return
    assert {each["op"] for each in read} <= {"add", "remove", "replace"}
    assert lenient_operations(read, catalogue, profile.tolerance, own_id="X") == read


@given(text=st.text(alphabet='aeq "\\().[]:$1\x00é', max_size=60), profile=PROFILES, catalogue=CATALOGUES)
def test_any_filter_is_read_once_and_quoted_text_is_never_touched(
    text: str, profile: Profile, catalogue: Catalogue
) -> None:
    """E8, SF-01: reading a filter twice is reading it once, whatever it is."""
    read = lenient_filter(text, catalogue, profile.tolerance)
    assert lenient_filter(read, catalogue, profile.tolerance) == read
    quoted = f'displayName eq "{text.replace(chr(92), "").replace(chr(34), "")}"'
    assert lenient_filter(quoted, catalogue, profile.tolerance) == quoted


@pytest.mark.parametrize("profile", list(Profile))
def test_what_the_standard_writes_is_left_as_it_is(profile: Profile) -> None:
    """Q: no profile changes a request that needs no tolerance."""
    user = a_user() | {"schemas": [USER_SCHEMA, USER_EXTENSION]}
    assert lenient_resource(user, USERS, profile.tolerance) == user
    assert lenient_resource(a_group(), GROUPS, profile.tolerance) == a_group()
    operations: list[dict[str, Any]] = [
        {"op": "add", "path": "emails", "value": [{"value": "n@acme.example", "primary": True}]},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "m@acme.example"},
        {"op": "replace", "path": f"{USER_EXTENSION}:sourceVersion", "value": 7},
        {"op": "remove", "path": "title"},
    ]
    assert lenient_operations(operations, USERS, profile.tolerance, own_id="X") == operations
    for text in ('userName eq "a eq b" and active eq true', "not (title pr)", 'emails[type eq "work"]'):
        assert lenient_filter(text, USERS, profile.tolerance) == text


FILTERS = {
    "externalId eq jyoung": 'externalId eq "jyoung"',
    "externalId eq 0a21f0f2-8d2a and active eq true": 'externalId eq "0a21f0f2-8d2a" and active eq true',
    "userName eq 12": 'userName eq "12"',
    "externalId eq null": "externalId eq null",
    "(userName eq bob)": '(userName eq "bob")',
    "emails[type eq work].value eq a@b.example": 'emails[type eq "work"].value eq "a@b.example"',
    "emails eq a@b.example": 'emails eq "a@b.example"',
    f"{ENTERPRISE}:department eq Tours": f'{ENTERPRISE}:department eq "Tours"',
    f"{USER_EXTENSION}:sourceVersion eq 7": f"{USER_EXTENSION}:sourceVersion eq 7",
    f"id eq X1 and manager eq {ENTERPRISE}": f'id eq "X1" and {ENTERPRISE}:manager.value eq "{ENTERPRISE}"',
    f'{ENTERPRISE}:Manager ne "manager eq x"': f'{ENTERPRISE}:manager.value ne "manager eq x"',
    "(manager  eq null)": f"({ENTERPRISE}:manager.value  eq null)",
    f"{ENTERPRISE}:manager.displayName eq Omar": f'{ENTERPRISE}:manager.displayName eq "Omar"',
    'displayName eq "a userName eq b"': 'displayName eq "a userName eq b"',
}


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_of_entra_is_put_into_the_grammar(text: str) -> None:
    """E6, E8, R: quotes only where it is compared with text, a manager by the id, and for Entra only."""
    read = lenient_filter(text, USERS, Profile.ENTRA.tolerance)
    assert read == FILTERS[text]
    assert ScimFilter(read).ast is not None
    for profile in (Profile.STRICT, Profile.RFC, Profile.OKTA):
        assert lenient_filter(text, USERS, profile.tolerance) == text


@pytest.mark.parametrize("text", ["a" * LONGEST, "a eq " * (LONGEST // 5), "a" + " " * (LONGEST - 1)])
def test_a_long_filter_costs_no_more_than_its_length(text: str) -> None:
    """E11, SF-01: nothing in it is looked at twice; the test would run for minutes otherwise."""
    for _ in range(50):
        assert lenient_filter(text, USERS, Profile.ENTRA.tolerance) in {text, text.strip()}
