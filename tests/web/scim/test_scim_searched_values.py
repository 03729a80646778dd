"""What a user is searched by is what its document states, whatever was written and whatever was left alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from idp.domain.reporting_line import ENTERPRISE
from idp.storage.tables import account, account_value
from scim.domain.catalogue import USERS
from scim.domain.models import USER_EXTENSION
from scim.domain.values import searchable_values
from tests.support.scim import ScimWorld, a_user

if TYPE_CHECKING:
    from idp.domain.provisioning import AttributeValue

_MANAGER = f"{ENTERPRISE}:manager"


def _assert_in_step(world: ScimWorld, why: object) -> None:
    """Compare the stored values of every user with those of its document."""
    with world.services.store.read() as connection:
        documents = connection.execute(select(account.c.id, account.c.document)).all()
        rows = connection.execute(select(account_value)).all()
    stored = sorted((row.account_id, row.path, _place(row), row.value) for row in rows)
    wanted = sorted(
        (each, value.path, _place(value), value.value)
        for each, document in documents
        for value in _values(document)
    )
    assert stored == wanted, why


def _place(value: Any) -> int:
    """Return the entry of a value; that of a schema may leave a gap and means nothing."""
    return 0 if value.path == "schemas" else int(value.item)


def _values(document: str) -> tuple[AttributeValue, ...]:
    return searchable_values(USERS, json.loads(document))


def _replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def test_values_stay_in_step_with_the_document(world: ScimWorld) -> None:
    """E7, H4..H6, H8, H13, G2: of a change only what differs is written, and nothing stays behind."""
    boss, other = (world.post("/Users", a_user(name))["id"] for name in ("boss", "other"))
    user = f"/Users/{world.post('/Users', a_user(roles=[{'value': 'a'}, {'value': 'b'}]))['id']}"
    home = {"value": "home@acme.example", "type": "home", "primary": True}
    led = a_user(title="Engineer") | {ENTERPRISE: {"manager": {"value": boss}}}
    led["schemas"] = [*led["schemas"], ENTERPRISE]
    for change in (
        _replace("displayName", "Nora F."),
        _replace("active", value=False),
        {"op": "add", "path": "emails", "value": [home]},
        {"op": "remove", "path": 'emails[type eq "work"]'},
        _replace('emails[type eq "home"].value', "field@acme.example"),
        _replace("roles", [{"value": "b"}, {"value": "c", "primary": True}]),
        {"op": "remove", "path": "roles"},
        _replace("name", {"familyName": "Meadow"}),
        _replace("title", ""),
        _replace("title", "Ranger"),
        _replace("title", ""),
        {"op": "add", "path": f"{USER_EXTENSION}:allowedAddresses", "value": ["10.0.0.0/8", "192.0.2.0/24"]},
        {"op": "remove", "path": f"{USER_EXTENSION}:allowedAddresses"},
        {"op": "add", "path": f"{ENTERPRISE}:department", "value": "Tours"},
        {"op": "add", "path": _MANAGER, "value": {"value": boss}},
        _replace(f"{_MANAGER}.value", other),
        {"op": "remove", "path": ENTERPRISE},
    ):
        assert world.patch(user, change).status == 200, change
        _assert_in_step(world, change)
    for body in (led, a_user(), led | {"nickName": "N"}, led):
        assert world.put(user, body).status == 200
        _assert_in_step(world, body)
    assert world.patch(f"/Users/{boss}", _replace("displayName", "The Boss")).status == 200
    _assert_in_step(world, "the manager has another name")
    assert world.delete(f"/Users/{boss}").status == 204
    _assert_in_step(world, "the manager is gone")
    assert world.found("Users", f'schemas eq "{ENTERPRISE}"') == []
