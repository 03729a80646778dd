"""What a PATCH may cost: what is ignored costs nothing, and what is compared has an end (SF-01, RX-13)."""

from __future__ import annotations

from typing import Any

import pytest
from scim2_models import TooManyException

from scim.domain.catalogue import USERS
from scim.domain.lenient_patches import lenient_operations
from scim.domain.models import USER_EXTENSION, User
from scim.domain.patch_effort import MOST_COMPARISONS, Effort, comparisons
from scim.domain.patching import Patch
from scim.domain.profile import Profile
from tests.support.scim import a_user

SELECTED = {
    "op": "replace",
    "path": 'emails[value eq "a0@acme.example" or type eq "home"].display',
    "value": "x",
}


def _read(*operations: dict[str, Any]) -> list[dict[str, Any]]:
    return lenient_operations(operations, USERS, Profile.RFC.tolerance, own_id="x")


def _user(addresses: int) -> Any:
    listed = [{"value": f"a{number}@acme.example"} for number in range(addresses)]
    return User.model_validate(a_user(emails=listed))


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ({"nothing": 1, "title": "Guide"}, {"title": "Guide"}),
        ({"name": {"nothing": 1, "FAMILYNAME": "Field"}}, {"name": {"FAMILYNAME": "Field"}}),
        ({"emails": [{"nothing": 1, "value": "n@acme.example"}]}, {"emails": [{"value": "n@acme.example"}]}),
        ({USER_EXTENSION: {"nothing": 1}}, {USER_EXTENSION: {}}),
    ],
)
def test_what_is_ignored_is_left_out(value: dict[str, Any], left: dict[str, Any]) -> None:
    """C11, H4: eighty thousand unknown names in a value kept a process busy for ten seconds."""
    assert _read({"op": "replace", "value": value}) == [{"op": "replace", "value": left}]


def test_a_value_of_unknown_names_alone_is_no_operation() -> None:
    """C11: nothing is left to be done."""
    assert _read({"op": "add", "value": {"nothing": 1, "more": {"of": "it"}}}) == []


def test_every_entry_counts_for_every_term_of_every_operation() -> None:
    """RX-13: also the entries that the operations themselves bring; what has no lists costs nothing."""
    more = {"op": "add", "path": "emails", "value": [{"value": "b@acme.example"}] * 2}
    plain = {"op": "replace", "path": "title", "value": "Guide"}
    assert comparisons(_user(10), [SELECTED]) == 10 * 2
    assert comparisons(_user(10), [SELECTED, SELECTED, more, plain]) == (10 + 2) * (2 + 2 + 1)
    assert comparisons(_user(10), [plain]) == 0


@pytest.mark.parametrize("profile", list(Profile))
def test_a_request_compares_so_many_values_and_no_more(profile: Profile) -> None:
    """RX-13: each of a thousand operations looked at thousands of entries, for minutes."""
    entries = 100
    most = [SELECTED] * (MOST_COMPARISONS // (2 * (entries + 5)))
    assert Patch(User, most, profile.tolerance, Effort()).apply(_user(entries), "")
    with pytest.raises(TooManyException):
        Patch(User, [*most, SELECTED], profile.tolerance, Effort()).apply(_user(entries), "")


def test_the_operations_of_a_job_share_what_a_request_may_cost() -> None:
    """RX-13: a job is one request; what is computed again because another came first counts once."""
    effort = Effort()
    effort.spend(MOST_COMPARISONS - 2 * (10 + 5))
    patch = Patch(User, [SELECTED], Profile.RFC.tolerance, effort)
    assert patch.apply(_user(10), "")
    assert patch.apply(_user(10), "")
    with pytest.raises(TooManyException):
        Patch(User, [SELECTED], Profile.RFC.tolerance, effort)


def test_selections_cost_something_where_they_meet_nothing() -> None:
    """RX-13: to read them takes longer than to compare by them."""
    wordy = {"op": "remove", "path": f"emails[{' or '.join(['value pr'] * 200)}]"}
    few = [wordy] * (MOST_COMPARISONS // (5 * 200))
    Patch(User, few, Profile.RFC.tolerance, Effort())
    with pytest.raises(TooManyException):
        Patch(User, [*few, wordy], Profile.RFC.tolerance, Effort())
