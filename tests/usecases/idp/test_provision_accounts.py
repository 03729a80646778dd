"""Provisioning of accounts and groups as deeds: who is told, what ends, what the audit keeps."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from idp.domain.group import Member, MemberChange
from idp.domain.provisioning import (
    Immutable,
    Missing,
    Moved,
    Protected,
    Stale,
    Taken,
    UniqueAttribute,
    UnknownMembers,
)
from idp.domain.query import StoredAccount
from idp.storage.access import access_rows
from idp.storage.accounts import find_account, find_by_user_name, protect
from idp.storage.application_access import access_within
from idp.storage.members import first_members
from idp.storage.standing import candidates
from idp.storage.tables import account, one_time_secret
from idp.usecases.change_account import Changed, change_account
from idp.usecases.change_group import GroupChanged, GroupEdit, change_group
from idp.usecases.deprovision_account import Deprovisioned, deprovision_account
from idp.usecases.deprovision_group import GroupDeprovisioned, deprovision_group
from idp.usecases.provision_account import Provisioned, provision_account
from idp.usecases.provision_group import GroupProvisioned, provision_group
from idp.usecases.search_accounts import find_account_to_change
from kernel.audit import Actor, verify_chains
from kernel.courier.memory import MemoryCarrier
from kernel.courier.worker import CourierWorker
from kernel.tables import audit_event, courier_message
from scim.domain.mapping import account_facts, group_facts
from scim.domain.models import GROUP_EXTENSION, USER_EXTENSION
from tests.support.oidc import Op, an_op
from tests.support.scim import a_group, a_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.database import Database

SOURCE = "registration-worker"
WORKER = Actor("client", SOURCE)
PASSWORD_WORDS = ("nora", "acme.example", "416")


class House:
    """A Gateway whose source provisions."""

    def __init__(self, database: Database) -> None:
        self.op: Op = an_op(database)
        self.services = self.op.services
        self.mail = MemoryCarrier()

    def make(self, user_name: str = "fieldn", **attributes: Any) -> str:
        """Provision an account and return its id."""
        facts = account_facts(a_user(user_name, **attributes))
        made = provision_account(self.services, actor=WORKER, source=SOURCE, facts=facts)
        assert isinstance(made, Provisioned), made
        return made.record.id

    def change(
        self, account_id: str, version: int | None = None, source: str = SOURCE, **attributes: Any
    ) -> Any:
        """Store a user's attributes over the account, at its present version unless told otherwise."""
        stored = self.read(account_id, source)
        return Missing() if stored is None else self.change_over(stored, version, **attributes)

    def read(self, account_id: str, source: str = SOURCE) -> StoredAccount | None:
        """Read the account as a change of it is computed from."""
        found = find_account_to_change(self.services, source=source, account_id=account_id)
        return found and found[0]

    def change_over(self, stored: StoredAccount, version: int | None = None, **attributes: Any) -> Any:
        """Store a user's attributes over what was read."""
        if version is not None:
            stored = replace(stored, account=replace(stored.account, version=version))
        user = a_user(**{"user_name": stored.account.user_name, **attributes})
        facts = account_facts(user, stored=json.loads(stored.document))
        return change_account(self.services, actor=WORKER, stored=stored, facts=facts)

    def group(self, *members: str, role: str = "emi_user", application: str = "emi") -> str:
        """Provision a group and return its id."""
        body = a_group(role)
        body[GROUP_EXTENSION]["applicationKey"] = application
        made = provision_group(
            self.services, actor=WORKER, source=SOURCE, facts=group_facts(body), members=frozenset(members)
        )
        assert isinstance(made, GroupProvisioned), made
        return made.record.id

    def members(self, group_id: str, change: MemberChange, **options: Any) -> Any:
        """Change the members of a group."""
        edit = GroupEdit(members=change, **options)
        return change_group(self.services, actor=WORKER, source=SOURCE, group_id=group_id, edit=edit)

    def activate(self, account_id: str) -> None:
        """Mark the account as activated."""
        with self.services.store.write() as unit:
            unit.connection.execute(
                update(account).where(account.c.id == account_id).values(activated_at=unit.now)
            )

    def mails(self) -> list[tuple[str, str]]:
        """Send what waits and return template and recipient of every mail so far."""
        CourierWorker(self.services.store, {"email": self.mail}, node="test").run_once()
        return [(each.template, str(each.payload["to"])) for each in self.mail.sent]

    def live_links(self, account_id: str) -> int:
        """Return how many one-time secrets of the account still work."""
        with self.services.store.read() as connection:
            rows = connection.execute(
                select(one_time_secret.c.digest).where(
                    one_time_secret.c.account_id == account_id, one_time_secret.c.used_at.is_(None)
                )
            )
            return len(rows.all())

    def audit(self) -> list[Any]:
        """Return the rows of provisioning in order."""
        with self.services.store.read() as connection:
            rows = connection.execute(
                select(audit_event)
                .where(
                    audit_event.c.tag.like("gateway:account:%") | audit_event.c.tag.like("gateway:group:%")
                )
                .order_by(audit_event.c.seq)
            )
            return list(rows)


@pytest.fixture
def house(gateway_database: Database) -> House:
    """Give a Gateway; the test runs on both dialects."""
    return House(gateway_database)


# --- refusals ------------------------------------------------------------------------------------


def test_a_taken_name_leaves_nothing_behind(house: House) -> None:
    """C4, OB-02: no account, no mail, no audit row of a refused second."""
    house.make()
    before = house.mails(), len(house.audit())
    for body, attribute in (
        (a_user("FIELDN", externalId="other"), UniqueAttribute.USER_NAME),
        (a_user("other", externalId="acct:fieldn"), UniqueAttribute.EXTERNAL_ID),
    ):
        outcome = provision_account(house.services, actor=WORKER, source=SOURCE, facts=account_facts(body))
        assert outcome == Taken(attribute)
    assert (house.mails(), len(house.audit())) == before
    assert verify_chains(house.services.store.database).faults == []


def test_a_change_is_refused_by_the_row_it_meets(house: House) -> None:
    """L4, OB-11, O7: another version, a lower fence, another source, another kind, a taken name."""
    one, two = house.make("one"), house.make("two")
    assert house.change(one, version=9) == Moved()
    lower = a_user("one")[USER_EXTENSION] | {"sourceVersion": 0}
    assert house.change(one, **{USER_EXTENSION: lower}) == Stale(1)
    assert house.change(one, source="okta") == Missing()
    assert house.change(two, user_name="ONE", externalId="acct:two") == Taken(UniqueAttribute.USER_NAME)
    house.activate(one)
    machine = a_user("one")[USER_EXTENSION] | {"accountKind": "machine"}
    assert house.change(one, **{USER_EXTENSION: machine}) == Immutable("accountKind")


def test_a_change_is_refused_by_what_became_of_the_row_since_it_was_read(house: House) -> None:
    """L4, O7, OB-11: one statement decides over what was read; nothing is written where it finds no row."""

    def ahead(account_id: str) -> None:
        house.change(account_id, **{USER_EXTENSION: a_user("x")[USER_EXTENSION] | {"sourceVersion": 7}})

    def shielded(account_id: str) -> None:
        with house.services.store.write() as unit:
            protect(unit.connection, "shielded", since=unit.now)

    def gone(account_id: str) -> None:
        deprovision_account(house.services, actor=WORKER, source=SOURCE, account_id=account_id)

    meanwhile: dict[str, tuple[Callable[[str], object], object]] = {
        "activated": (house.activate, Moved()),
        "ahead": (ahead, Stale(7)),
        "shielded": (shielded, Protected()),
        "gone": (gone, Missing()),
    }
    for name, (happens, answer) in meanwhile.items():
        one = house.make(name)
        read = house.read(one)
        assert read is not None
        happens(one)
        before = house.read(one), len(house.audit())
        assert house.change_over(read, displayName="Somebody Else", active=False) == answer
        assert (house.read(one), len(house.audit())) == before


def test_members_that_do_not_exist_undo_everything(house: House) -> None:
    """J2, H2: also the members that do exist, and the fence."""
    one, two = house.make("one"), house.make("two")
    group = house.group(one)
    nobody = "01KT1GW6G0R5GAV2QNXRSS0P82"
    change = MemberChange(added=frozenset({two, nobody}), removed=frozenset({one}))
    assert house.members(group, change, source_version=9) == UnknownMembers((nobody,))
    assert house.members(group, MemberChange(), source_version=0) == Stale(1)
    with house.services.store.read() as connection:
        assert [each.member_id for each in first_members(connection, group, 9)] == [one]
    assert isinstance(house.members(group, MemberChange(), source_version=1), GroupChanged)


def test_a_group_is_told_with_the_members_of_that_version(house: House) -> None:
    """L1: what is answered was true at the version in its tag; of many members none is told."""
    first, *rest = (house.make(f"m{n}") for n in range(4))
    facts = group_facts(a_group("role"))
    made = provision_group(
        house.services, actor=WORKER, source=SOURCE, facts=facts, members=frozenset({first})
    )
    assert isinstance(made, GroupProvisioned)
    assert made.members == (Member(first, ""),)

    def told(edit: GroupEdit, most: int) -> tuple[Member, ...] | None:
        outcome = change_group(
            house.services, actor=WORKER, source=SOURCE, group_id=made.record.id, edit=edit, most_shown=most
        )
        assert isinstance(outcome, GroupChanged)
        return outcome.members

    some = GroupEdit(members=MemberChange(added=frozenset(rest)))
    everybody = tuple(Member(each, "") for each in sorted((first, *rest)))
    assert told(some, 3) is None
    assert told(some, 0) is None
    assert told(some, 4) == everybody


# --- who is told ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "invited"),
    [
        ({}, True),
        ({USER_EXTENSION: {"accountKind": "machine", "custodianPersonId": "100002"}}, True),
        ({"active": False}, False),
        ({"emails": []}, False),
        ({USER_EXTENSION: {"activation": {"send": False}}}, False),
    ],
    ids=["personal", "machine", "inactive", "without an address", "not wanted"],
)
def test_a_new_account_is_invited(house: House, attributes: dict[str, Any], invited: bool) -> None:  # noqa: FBT001
    """G-11: one link to the account's address in the same transaction, for a machine its custodian's."""
    made = house.make(**attributes)
    assert house.live_links(made) == int(invited)
    assert house.mails() == ([("activation", "fieldn@acme.example")] if invited else [])


def test_a_new_address_before_activation_gets_a_new_link(house: House) -> None:
    """G-23: the old link is dead, the new one goes to the new address; other changes send nothing."""
    made = house.make()
    house.change(made, title="Guide")
    assert house.mails() == [("activation", "fieldn@acme.example")]
    house.change(made, emails=[{"value": "nora@new.example"}])
    assert house.mails()[1:] == [("activation", "nora@new.example")]
    assert house.live_links(made) == 1


def test_switching_off_kills_the_link_and_on_sends_another(house: House) -> None:
    """I5: an account that nobody activated is invited anew when it comes back."""
    made = house.make()
    house.change(made, active=False)
    assert house.live_links(made) == 0
    house.change(made, active=True)
    assert house.live_links(made) == 1
    assert [template for template, _ in house.mails()] == ["activation", "activation"]


def test_the_holder_hears_of_a_new_address_at_both(house: House) -> None:
    """G-86, SP-10: old and new address; never the values; pending links to the old one are dead."""
    made = house.make()
    house.activate(made)
    house.mails()
    house.change(
        made, emails=[{"value": "nora@new.example"}], phoneNumbers=[{"value": "tel:+1-416-555-0199"}]
    )
    told = house.mails()[1:]
    assert sorted(told) == [
        ("account-changed", "fieldn@acme.example"),
        ("account-changed", "nora@new.example"),
    ]
    for letter in house.mail.sent[1:]:
        assert "555-0199" not in json.dumps(dict(letter.payload))
    assert house.live_links(made) == 0
    house.change(
        made,
        emails=[{"value": "nora@new.example"}],
        title="Guide",
        phoneNumbers=[{"value": "tel:+1-416-555-0199"}],
    )
    assert len(house.mails()) == 3


# --- what ends -----------------------------------------------------------------------------------


def test_switching_off_ends_everything_at_once(house: House) -> None:
    """I4, IPSIE: sessions, codes, access and refresh tokens die in the deed; every application is told."""
    op = house.op
    made = house.make()
    house.activate(made)
    house.group(made)
    op.client("emi", application_key="emi", backchannel_logout_uri="https://emi.example/backchannel-logout")
    cookie = op.session(made)
    tokens = op.tokens(cookie, scope="openid offline_access")
    code = op.code(cookie)
    assert op.userinfo(tokens["access_token"]).status == 200
    assert isinstance(house.change(made, active=False), Changed)
    assert op.userinfo(tokens["access_token"]).status == 401
    assert op.introspect(tokens["access_token"]) == {"active": False}
    assert op.refresh(tokens["refresh_token"]).status == 400
    assert op.redeem(code).status == 400
    assert "code" not in op.authorize(cookie).header("location")
    assert [each["client_id"] for each in op.notices()] == ["emi"]
    house.change(made, active=True)
    assert op.refresh(tokens["refresh_token"]).status == 400
    assert op.userinfo(tokens["access_token"]).status == 401


def test_losing_the_last_membership_ends_access_to_that_application(house: House) -> None:
    """R-205: its tokens and its notice only; another group of the same application keeps it open."""
    op = house.op
    made = house.make()
    house.activate(made)
    first, second = house.group(made), house.group(made, role="emi_admin")
    op.client("emi", application_key="emi", backchannel_logout_uri="https://emi.example/backchannel-logout")
    cookie = op.session(made)
    tokens = op.tokens(cookie, scope="openid offline_access")
    gone = MemberChange(removed=frozenset({made}))
    house.members(first, gone, source_version=2)
    assert op.userinfo(tokens["access_token"]).status == 200
    assert op.notices() == []
    house.members(second, gone, source_version=2)
    assert op.userinfo(tokens["access_token"]).status == 401
    assert op.refresh(tokens["refresh_token"]).status == 400
    assert [each["client_id"] for each in op.notices()] == ["emi"]
    with house.services.store.read() as connection:
        assert access_rows(connection, made) == ()
    house.members(second, gone, source_version=2)
    assert len(op.notices()) == 1


def test_a_deleted_group_ends_the_access_it_gave(house: House) -> None:
    """I1: as if every member had been removed."""
    op = house.op
    made = house.make()
    house.activate(made)
    group = house.group(made)
    op.client("emi", application_key="emi")
    tokens = op.tokens(op.session(made))
    outcome = deprovision_group(house.services, actor=WORKER, source=SOURCE, group_id=group)
    assert outcome == GroupDeprovisioned()
    assert op.userinfo(tokens["access_token"]).status == 401


def test_a_deleted_account_leaves_no_trace_but_the_audit(house: House) -> None:
    """I3: rows, tokens and names are gone; the audit names the id, no personal data."""
    op = house.op
    made = house.make()
    house.activate(made)
    house.group(made)
    op.client("emi", application_key="emi")
    tokens = op.tokens(op.session(made))
    assert deprovision_account(house.services, actor=WORKER, source="okta", account_id=made) == Missing()
    assert (
        deprovision_account(house.services, actor=WORKER, source=SOURCE, account_id=made) == Deprovisioned()
    )
    assert op.userinfo(tokens["access_token"]).status == 401
    with house.services.store.read() as connection:
        assert find_account(connection, made) is None
        assert find_by_user_name(connection, "fieldn") is None
        assert candidates(connection, "fieldn@acme.example", b"") == (None, ())
    row = house.audit()[-1]
    assert (row.tag, row.target, row.actor_id) == ("gateway:account:deleted", made, SOURCE)


# --- what is kept --------------------------------------------------------------------------------


def test_the_audit_names_what_changed_and_no_value(house: House) -> None:
    """O11: actor, target, names of attributes; no personal data, no secret."""
    made = house.make()
    house.activate(made)
    house.change(made, emails=[{"value": "nora@new.example"}], displayName="Nora Meadow")
    house.change(made, active=False)
    house.change(made, active=True)
    group = house.group(made)
    house.members(group, MemberChange(removed=frozenset({made})), source_version=2)
    rows = house.audit()
    assert [row.tag.removeprefix("gateway:") for row in rows if row.actor_id == SOURCE] == [
        "account:provisioned",
        "account:changed",
        "account:deactivated",
        "account:reactivated",
        "group:provisioned",
        "group:changed",
    ]
    changed = next(row for row in rows if row.tag == "gateway:account:changed")
    assert set(changed.details["attributes"]) == {"emails", "displayName"}
    assert changed.organization == "10001"
    assert next(row for row in rows if row.tag == "gateway:group:changed").details["removed"] == [made]
    written = json.dumps([row.details for row in rows]).lower()
    assert not any(word in written for word in PASSWORD_WORDS)
    assert verify_chains(house.services.store.database).faults == []


def test_names_and_addresses_are_found_in_any_form(house: House) -> None:
    """SF-07: one key for uniqueness, sign-in and search."""
    made = house.make("FieldN")
    with house.services.store.read() as connection:
        for written in ("fieldn", "FIELDN", "\uff46ieldn"):
            found = find_by_user_name(connection, written)
            assert found is not None
            assert found.id == made
        assert [each.account.id for each in candidates(connection, "FieldN@ACME.example", b"")[1]] == [made]
        assert find_by_user_name(connection, "fieldn ") is None


def test_memberships_say_what_they_open(house: House) -> None:
    """R-177: for which organization which role; by application or all; members are told by id."""
    one, two = house.make("one"), house.make("two")
    emi = house.group(one, two)
    house.group(one, role="reports_user", application="reports")
    with house.services.store.read() as connection:
        rows = access_rows(connection, one)
        assert [(row.org, row.org_name, row.role, row.application_key) for row in rows] == [
            ("10001", "ACME GENERATION", "emi_user", "emi"),
            ("10001", "ACME GENERATION", "reports_user", "reports"),
        ]
        assert [row.role for row in access_within(connection, two, "emi")] == ["emi_user"]
        assert access_within(connection, two, "reports") == ()
        [first] = first_members(connection, emi, 1)
        assert first.member_id == min(one, two)


def test_a_packet_that_comes_twice_changes_nothing(house: House) -> None:
    """OB-03, H12: the same members and the same version again: no version, no audit row."""
    made = house.make()
    group = house.group()
    add = MemberChange(added=frozenset({made}))
    first = house.members(group, add, source_version=3)
    rows = len(house.audit())
    again = house.members(group, add, source_version=3)
    assert (first.changed, again.changed) == (True, False)
    assert again.record == first.record
    assert len(house.audit()) == rows
    assert house.mails() == [("activation", "fieldn@acme.example")]
    with house.services.store.read() as connection:
        assert connection.execute(select(courier_message.c.id)).all()
