"""What our answers mean to Registration's worker: both sides have the words of their own, and nobody else ties them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from idp.usecases.protect_account import protect_account
from kernel.audit import SYSTEM
from registration.domain.outbox import Action, Verdict, judge
from scim.domain.models import USER_EXTENSION
from tests.support.scim import a_group, a_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.scim import Answer, ScimWorld

FENCE = f"{USER_EXTENSION}:sourceVersion"
NOBODY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def meaning(action: Action, answer: Answer) -> Verdict:
    known = answer.json() if answer.body else {}
    words = {"scim_type": known.get("scimType", ""), "detail": known.get("detail", "")}
    return judge(action, status=answer.status, **words)


def change(world: ScimWorld, path: str, **options: object) -> Answer:
    """Switch an account off, as of its second version."""
    off = {"op": "replace", "path": "active", "value": False}
    return world.patch(path, off, {"op": "replace", "path": FENCE, "value": 2}, **options)


def of_a_later_version(world: ScimWorld, path: str) -> Answer:
    world.patch(path, {"op": "replace", "path": FENCE, "value": 3})
    return change(world, path)


def of_a_protected_account(world: ScimWorld, path: str) -> Answer:
    protect_account(world.services, "fieldn", actor=SYSTEM)
    return change(world, path)


@pytest.mark.parametrize(
    ("deed", "verdict"),
    [
        (of_a_later_version, Verdict.STALE),
        (of_a_protected_account, Verdict.REFUSED),
        (lambda world, path: change(world, path, headers={"If-Match": 'W/"9"'}), Verdict.CHANGED),
        (lambda world, path: change(world, path, token=world.token(scope="scim.read")), Verdict.UNAUTHORIZED),
        (lambda world, path: change(world, path, token="none"), Verdict.UNAUTHORIZED),
        (lambda world, _path: change(world, f"/Users/{NOBODY}"), Verdict.RECREATE),
        (change, Verdict.ACK),
    ],
    ids=["stale", "protected", "moved", "scope", "token", "missing", "done"],
)
def test_a_change_is_taken_as_it_was_meant(
    world: ScimWorld, deed: Callable[[ScimWorld, str], Answer], verdict: Verdict
) -> None:
    """OB-04, SA-07: what concerns one account holds up nobody else, and a late packet is not tried again."""
    path = f"/Users/{world.post('/Users', a_user())['id']}"
    assert meaning(Action.CHANGE, deed(world, path)) is verdict


def test_the_version_that_a_resource_is_held_at_can_be_asked_for(world: ScimWorld) -> None:
    """OB-11: by it a registry that came back from a backup counts on; nobody but its own client reads it."""
    path = f"/Users/{world.post('/Users', a_user())['id']}"
    world.patch(path, {"op": "replace", "path": FENCE, "value": 7})
    assert world.get(path, query={"attributes": FENCE}).json()[USER_EXTENSION] == {"sourceVersion": 7}


def test_a_name_that_is_taken_and_a_member_that_is_no_more_are_understood(world: ScimWorld) -> None:
    """OB-03: the account is looked for by its external id then; the membership is as it should be."""
    member = world.post("/Users", a_user())["id"]
    assert meaning(Action.CREATE, world.post("/Users", a_user())) is Verdict.TAKEN
    group = f"/Groups/{world.post('/Groups', a_group())['id']}"
    gone = {"op": "remove", "path": f'members[value eq "{member}"]'}
    assert meaning(Action.REMOVE_MEMBER, world.patch(group, gone)) is Verdict.ACK
    world.delete(group)
    assert meaning(Action.REMOVE_MEMBER, world.patch(group, gone)) is Verdict.ACK
