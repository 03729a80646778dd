"""What a group opens reaches the accounts in the groups that are in it, and ends with any link (R-177, R-205)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from idp.domain.group import MemberChange
from idp.storage.access import access_rows
from idp.storage.accounts import find_account
from idp.storage.application_access import access_within
from idp.storage.provisioning_subjects import groups_of, holds_role
from idp.storage.tables import account, client, session
from idp.usecases.change_group import GroupChanged, GroupEdit, change_group
from idp.usecases.deprovision_group import GroupDeprovisioned, deprovision_group
from idp.usecases.list_apps import list_apps
from idp.usecases.provision_account import Provisioned, provision_account
from idp.usecases.provision_group import GroupProvisioned, provision_group
from kernel.audit import Actor
from scim.domain.mapping import account_facts, group_facts
from scim.domain.models import GROUP_EXTENSION
from tests.support.oidc import an_op, claims_of
from tests.support.scim import a_group, a_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.database import Database
    from tests.support.oidc import Op

SOURCE = "registration-worker"
WORKER = Actor("client", SOURCE)
NOBODY_MOVES = MemberChange()


class House:
    """Nora is in ``crew``, which is in ``staff``, which is in ``emi``: the group that opens an application."""

    def __init__(self, database: Database) -> None:
        self.op: Op = an_op(database)
        self.services = self.op.services
        self.op.client(
            "emi",
            application_key="emi",
            backchannel_logout_uri="https://e.example/",
        )
        self.op.client("other", application_key="other", backchannel_logout_uri="https://o.example/")
        made = provision_account(
            self.services, actor=WORKER, source=SOURCE, facts=account_facts(a_user("nora"))
        )
        assert isinstance(made, Provisioned)
        self.nora = made.record.id
        with self.services.store.write() as unit:
            unit.connection.execute(account.update().values(activated_at=unit.now))
            unit.connection.execute(client.update().values(launch_url="https://app.example/"))
        self.crew = self.group("crew", "", self.nora)
        self.staff = self.group("staff", "", self.crew)
        self.emi = self.group("emi", "emi", self.staff)
        self.others = self.group("others", "other", self.nora)
        self.spare = self.group("spare", "")

    def group(self, role: str, application: str, *members: str) -> str:
        """Provision a group that opens an application, or none."""
        body = a_group(role)
        body[GROUP_EXTENSION]["applicationKey"] = application
        made = provision_group(
            self.services, actor=WORKER, source=SOURCE, facts=group_facts(body), members=frozenset(members)
        )
        assert isinstance(made, GroupProvisioned), made
        return made.record.id

    def change(self, group: str, **change: frozenset[str]) -> None:
        """Change the members of a group."""
        edit = GroupEdit(members=MemberChange(**change))
        outcome = change_group(self.services, actor=WORKER, source=SOURCE, group_id=group, edit=edit)
        assert isinstance(outcome, GroupChanged), outcome

    def delete(self, group: str) -> None:
        """Take a group away."""
        outcome = deprovision_group(self.services, actor=WORKER, source=SOURCE, group_id=group)
        assert outcome == GroupDeprovisioned()

    def other_application(
        self, group: str, members: MemberChange = NOBODY_MOVES, *, version: int = 1
    ) -> None:
        """Let the group open another application than it did, and change its members with that."""
        body = a_group("emi")
        body[GROUP_EXTENSION]["applicationKey"] = "elsewhere"
        outcome = change_group(
            self.services,
            actor=WORKER,
            source=SOURCE,
            group_id=group,
            edit=GroupEdit(group_facts(body), members, expected_version=version),
        )
        assert isinstance(outcome, GroupChanged), outcome


def another_application_for_others(house: House) -> None:
    """Have Nora in the opening group herself, and take her out of it while it comes to open another one."""
    house.change(house.emi, whole=frozenset({house.nora}))
    house.other_application(house.emi, MemberChange(whole=frozenset()), version=2)


@pytest.fixture
def house(gateway_database: Database) -> House:
    """Give a Gateway with groups in groups; the test runs on both dialects."""
    return House(gateway_database)


def test_an_application_is_opened_through_groups(house: House) -> None:
    """J5: the claim, the dashboard, the sign-in and a role are those of a direct membership."""
    tokens = house.op.tokens(house.op.session(house.nora), scope="openid access")
    assert [row["role"] for row in claims_of(tokens["id_token"])["access"]] == ["emi"]
    with house.services.store.read() as connection:
        assert [row.role for row in access_rows(connection, house.nora)] == ["crew", "emi", "others", "staff"]
        assert [row.role for row in access_within(connection, house.nora, "emi")] == ["emi"]
        assert len(groups_of(connection, house.nora).names) == 4
        found = find_account(connection, house.nora)
    assert found is not None
    assert [each.client_id for each in list_apps(house.services, found)] == ["emi", "other"]
    database = house.services.store.database
    assert holds_role(database, house.nora, role="emi", source=SOURCE)
    assert not holds_role(database, house.nora, role="admin", source=SOURCE)


ENDINGS: dict[str, Callable[[House], None]] = {
    "the account leaves the innermost group": lambda h: h.change(h.crew, removed=frozenset({h.nora})),
    "the innermost list is stated without it": lambda h: h.change(h.crew, whole=frozenset()),
    "an inner link goes": lambda h: h.change(h.staff, removed=frozenset({h.crew})),
    "the outer link goes": lambda h: h.change(h.emi, removed=frozenset({h.staff})),
    "the outer list is stated without it": lambda h: h.change(h.emi, whole=frozenset({h.spare})),
    "the innermost group is deleted": lambda h: h.delete(h.crew),
    "the group between is deleted": lambda h: h.delete(h.staff),
    "the opening group is deleted": lambda h: h.delete(h.emi),
    "the group opens another application": lambda h: h.other_application(h.emi),
    "it opens another one and loses the group in it": lambda h: h.other_application(
        h.emi, MemberChange(whole=frozenset())
    ),
    "it opens another one and loses the account in it": another_application_for_others,
}


@pytest.mark.parametrize("name", ENDINGS)
def test_access_ends_with_any_link_of_the_way(house: House, name: str) -> None:
    """R-205, I4: tokens of that application end at once and it is told once; the session and others go on."""
    op = house.op
    cookie = op.session(house.nora)
    emi = op.tokens(cookie, scope="openid offline_access")
    other = op.redeem(op.code(cookie, client_id="other"), headers=op.basic("other")).json()
    ENDINGS[name](house)
    assert op.userinfo(emi["access_token"]).status == 401
    assert op.refresh(emi["refresh_token"]).status == 400
    assert [each["client_id"] for each in op.notices()] == ["emi"]
    assert op.userinfo(other["access_token"]).status == 200
    with house.services.store.read() as connection:
        assert connection.scalar(select(session.c.ended_at)) is None
        assert access_within(connection, house.nora, "emi") == ()


@pytest.mark.parametrize("name", ENDINGS)
def test_another_way_keeps_an_application_open(house: House, name: str) -> None:
    """R-205: nothing ends while a group, direct or around, still opens it."""
    second = house.group("second", "", house.nora)
    house.group("emi_too", "emi", second)
    tokens = house.op.tokens(house.op.session(house.nora))
    ENDINGS[name](house)
    assert house.op.userinfo(tokens["access_token"]).status == 200
    assert house.op.notices() == []
