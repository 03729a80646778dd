"""What ends with a user who is switched off or deleted, and what is left: lines I1..I5 and K1 over HTTP.

The provider that people sign in at, and the SCIM service, stand on one database as they do in the product.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

import idp.storage.tables as gateway_tables
import kernel.tables as kernel_tables
from idp.storage.tables import account
from scim.domain.bulk import BULK_REQUEST
from tests.support.oidc import an_op
from tests.support.scim import ISSUER, PATCH_SCHEMA, a_group, a_scim_world_of, a_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.database import Database
    from tests.support.oidc import Op
    from tests.support.scim import Answer, ScimWorld


class House:
    """A provider and its SCIM service; an application that people sign in to is ``emi``."""

    def __init__(self, database: Database) -> None:
        self.op: Op = an_op(database)
        self.scim: ScimWorld = a_scim_world_of(dataclasses.replace(self.op.services, issuer=ISSUER))
        self.op.client("emi")

    def user(self, name: str) -> str:
        """Make a user who has activated the account; return its path."""
        made = self.scim.post("/Users", a_user(name))["id"]
        with self.op.services.store.write() as unit:
            unit.connection.execute(update(account).where(account.c.id == made).values(activated_at=unit.now))
        return f"/Users/{made}"


class Holdings:
    """All that a person who signed in holds: a session, both kinds of token, a code that nobody redeemed."""

    def __init__(self, house: House, path: str) -> None:
        self._op = house.op
        self._cookie = house.op.session(path.rpartition("/")[2])
        tokens = house.op.tokens(self._cookie, scope="openid offline_access")
        self._access, self._refresh = tokens["access_token"], tokens["refresh_token"]
        self._code = house.op.code(self._cookie)

    def reads(self) -> list[Any]:
        """Return what the session and the access token still do, which changes nothing."""
        op = self._op
        return [
            op.userinfo(self._access).status,
            op.introspect(self._access)["active"],
            op.introspect(self._refresh)["active"],
            "code" in op.authorize(self._cookie).header("location"),
        ]

    def spends(self) -> list[int]:
        """Return what redeeming the code and the refresh token answers."""
        return [self._op.redeem(self._code).status, self._op.refresh(self._refresh).status]


def _patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH_SCHEMA], "Operations": [*operations]}


def _patched(scim: ScimWorld, path: str, _name: str) -> Answer:
    return scim.request("PATCH", path, _patch({"op": "replace", "path": "active", "value": False}))


def _patched_without_path(scim: ScimWorld, path: str, _name: str) -> Answer:
    return scim.request("PATCH", path, _patch({"op": "Replace", "value": {"active": False}}))


def _replaced(scim: ScimWorld, path: str, name: str) -> Answer:
    return scim.put(path, a_user(name, active=False))


def _in_a_job(scim: ScimWorld, path: str, _name: str) -> Answer:
    change = _patch({"op": "replace", "path": "active", "value": False})
    operation = {"method": "PATCH", "path": path, "data": change}
    answer = scim.post("/Bulk", {"schemas": [BULK_REQUEST], "Operations": [operation]})
    assert [each["status"] for each in answer["Operations"]] == ["200"]
    return answer


WAYS: dict[str, Callable[[ScimWorld, str, str], Answer]] = {
    "patch": _patched,
    "pathless": _patched_without_path,
    "put": _replaced,
    "bulk": _in_a_job,
}


@pytest.fixture
def house(gateway_database: Database) -> House:
    """Give a provider with its SCIM service; the test runs on both dialects."""
    return House(gateway_database)


def test_who_is_switched_off_holds_nothing_any_more_however_it_is_worded(house: House) -> None:
    """I4, I5, K1, IPSIE: sessions, codes, both kinds of token end with the answer; none comes back to life."""
    for name, switch_off in WAYS.items():
        path = house.user(name)
        held, untouched = Holdings(house, path), Holdings(house, house.user(f"{name}-other"))
        assert held.reads() == [200, True, True, True], name
        assert switch_off(house.scim, path, name).status == 200
        assert held.reads() == [401, False, False, False], name
        shown = house.scim.get(path)
        assert (shown.status, shown["active"]) == (200, False)
        assert house.scim.found("Users", f'userName eq "{name}" and active eq false') == [name]
        back = house.scim.patch(path, {"op": "replace", "path": "active", "value": True})
        assert (back.status, back["active"]) == (200, True)
        assert held.reads() == [401, False, False, False], name
        assert held.spends() == [400, 400], name
        assert Holdings(house, path).reads() == [200, True, True, True], name
        assert untouched.reads() == [200, True, True, True], name
        assert untouched.spends() == [200, 200], name


_MARKS = ("7f3a", "Marrow", "555-7734")


def test_who_is_deleted_holds_nothing_any_more_and_leaves_no_name(house: House) -> None:
    """I1, I2, I3: tokens end with the answer; no table holds a value of the person, the audit has the id."""
    op, scim = house.op, house.scim
    path = house.user("quill-7f3a")
    scim.post("/Groups", a_group("crew", members=[{"value": path.rpartition("/")[2]}]))
    marks = {
        "displayName": "Quill-7f3a Marrow",
        "nickName": "quillo-7f3a",
        "title": "keeper-7f3a",
        "name": {"familyName": "Marrow-7f3a", "givenName": "Quill-7f3a"},
        "emails": [{"value": "quill-7f3a@acme.example", "primary": True}],
        "phoneNumbers": [{"value": "tel:+1-416-555-7734"}],
    }
    assert scim.put(path, a_user("quill-7f3a", **marks)).status == 200
    assert scim.put(path, a_user("renamed-7f3a", **marks)).status == 200
    held = Holdings(house, path)
    assert all(_is_kept(house, mark) for mark in _MARKS)
    assert scim.delete(path).status == 204
    assert held.reads() == [401, False, False, False]
    assert held.spends() == [400, 400]
    assert [mark for mark in _MARKS if _is_kept(house, mark)] == []
    assert _is_kept(house, path.rpartition("/")[2])
    again = scim.post("/Users", a_user("quill-7f3a", **marks))
    assert again.status == 201
    assert f"/Users/{again['id']}" != path
    assert [each.target for each in op.audit("gateway:account:deleted")] == [path.rpartition("/")[2]]


def _is_kept(house: House, mark: str) -> bool:
    """Tell whether any row of any table holds this text."""
    with house.op.services.store.read() as connection:
        return any(
            mark.casefold() in json.dumps([*row], default=repr).casefold()
            for module in (kernel_tables, gateway_tables)
            for table in module.METADATA.sorted_tables
            for row in connection.execute(table.select())
        )
