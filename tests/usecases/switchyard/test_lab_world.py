"""Furnishing a laboratory: through the product's deeds, again and again, and never over an installation."""

from __future__ import annotations

import dataclasses
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from idp.domain.client_metadata import _LISTS, _SWITCHES, _TEXTS, KNOWN
from idp.domain.scim_client import StoredScimClient
from idp.domain.security_events import Payload
from idp.storage import tables
from idp.storage.accounts import find_by_user_name
from idp.storage.clients import list_clients
from idp.storage.event_streams import find_stream
from idp.usecases.authenticate_provisioner import Provisioner, provisioner
from idp.usecases.list_scim_clients import list_scim_clients
from idp.usecases.store_scim_client import ScimClientOrder
from kernel.audit import verify_chains
from kernel.tables import courier_message
from switchyard.lab_faults import LabFileError
from switchyard.lab_file import parse
from switchyard.lab_world import SOURCE, NotALabError, check_database, furnish
from tests.support.devices import GRANT, ask, error_of, poll
from tests.support.oidc import Op, an_op
from tests.support.self_registration import post, registered, registering

if TYPE_CHECKING:
    from kernel.database import Database

WORLD: dict[str, Any] = {
    "accounts": [
        {"userName": "jdoe", "password": "a", "claims": {"name": "J", "email": "j@lab.example"}, "groups": ["A"]},
        {"userName": "kim", "password": "b", "second_factor": "required", "groups": ["A", "B"]},
    ],
    "groups": [{"displayName": "A", "application_key": "trading"}, {"displayName": "B"}],
    "clients": [{"client_id": "rp1", "client_secret": "short", "redirect_uris": ["http://127.0.0.1:9000/cb"]}],
    "scim_clients": [{"name": "idp", "token": "fixed-token", "profile": "entra"}],
}  # fmt: skip


@pytest.fixture
def op(gateway_database: Database) -> Op:
    return an_op(gateway_database, loopback_http_clients=True, short_client_secrets=True)


def furnished(op: Op, world: dict[str, Any]) -> None:
    furnish(op.services, parse(json.dumps(world), "lab.json"), name="lab.json")


def members(op: Op) -> set[tuple[str, str]]:
    """Return who is in which group."""
    statement = (
        select(tables.account.c.user_name, tables.group.c.display_name)
        .join(tables.membership, tables.membership.c.account_id == tables.account.c.id)
        .join(tables.group, tables.group.c.id == tables.membership.c.group_id)
    )
    with op.services.store.read() as connection:
        return {(row[0], row[1]) for row in connection.execute(statement)}


def test_an_installation_is_never_furnished(op: Op) -> None:
    """A database with an account, or with a client, that no laboratory made is refused."""
    check_database(op.services.store.database)
    op.client("emi")
    with pytest.raises(NotALabError, match="no laboratory made"):
        check_database(op.services.store.database)


def test_a_name_that_another_source_has_is_named(op: Op) -> None:
    op.account("jdoe")
    with pytest.raises(
        LabFileError, match=r"accounts\[0\].userName: is taken by an account that the file did not"
    ):
        furnished(op, WORLD)


def test_everything_that_is_refused_is_named_at_once(op: Op) -> None:
    broken = {
        "clients": [
            {"client_id": "rp1", "client_secret": "s", "redirect_uris": ["http://rp.example/"]},
            {
                "client_id": "rp2",
                "client_secret": "s",
                "redirect_uris": "https://rp.example/",
                "grant_types": 7,
            },
        ],
        "scim_clients": [
            {"name": SOURCE, "token": "x"},
            {"name": "n" * 65, "token": "y"},
            {"name": "a", "token": "a", "scope": "scim.read scim.admin"},
            {"name": "b", "token": "b", "requests_per_second": 24},
            {"name": "c", "token": "c", "allowed_addresses": ["127.0.0.1", "192.0.2.300/24"]},
            {"name": "d", "token": "d", "events": "full", "events_push": "http://127.0.0.1:9443/events"},
            {
                "name": "e",
                "token": "e",
                "events": "full",
                "events_push": "https://a.example/",
                "events_authorization": "a\nb",
            },
        ],
    }
    with pytest.raises(LabFileError) as caught:
        furnished(op, broken)
    keys = [fault.key for fault in caught.value.faults]
    assert keys == [
        "clients[0].redirect_uris",
        "clients[1].grant_types",
        "clients[1].redirect_uris",
        "scim_clients[0].name",
        "scim_clients[1].name",
        "scim_clients[2].scope",
        "scim_clients[3].requests_per_second",
        "scim_clients[4].allowed_addresses",
        "scim_clients[5].events_push",
        "scim_clients[6].events_authorization",
    ]


@pytest.mark.parametrize("wrong", [[], {}, 7, [7], True, "", "\N{SNOWMAN}", {"keys": {}}, [[]]])
def test_what_is_of_another_kind_is_refused_by_the_name_of_its_key(
    sqlite_gateway_database: Database, wrong: object
) -> None:
    """RFC 7591 §2: no list for a text, no text for a list, and nothing that is empty of the wrong kind."""
    op = an_op(sqlite_gateway_database, loopback_http_clients=True, short_client_secrets=True)
    about = {name: _fits(name, wrong) for name in sorted(KNOWN)}
    for name in [name for name, fits in about.items() if not fits]:
        client = {
            "client_id": "rp1",
            "client_secret": "s",
            "redirect_uris": ["http://127.0.0.1:9/"],
            name: wrong,
        }
        with pytest.raises(LabFileError) as caught:
            furnished(op, {"clients": [client]})
        assert f"clients[0].{name}" in {fault.key for fault in caught.value.faults}, name


def _fits(name: str, value: object) -> bool:
    """Tell whether a value is of the kind of its name, or stands for nothing: what it says is judged elsewhere."""
    if isinstance(value, bool):
        return name in _SWITCHES
    if isinstance(value, str):
        return name in _TEXTS
    if isinstance(value, list):
        return name in _LISTS and all(isinstance(each, str) for each in value)
    return isinstance(value, int) and name == "default_max_age"


def test_all_that_an_operator_can_set_of_a_scim_client_the_file_can_say(op: Op) -> None:
    """O4, O6, L5, P2: every field of what is registered, and whether it hears of what it does; and back again."""
    said = {
        "name": "idp",
        "token": "fixed-token",
        "profile": "strict",
        "scope": "scim.read scim.users.write",
        "require_match": True,
        "extension": True,
        "leave_out_unknown_members": True,
        "requests_per_second": 40,
        "allowed_addresses": ["127.0.0.0/8", "2001:db8::/32"],
        "disabled": True,
        "events": "full",
        "events_push": "https://127.0.0.1:9443/events",
        "events_authorization": "Bearer of-the-receiver",
    }
    furnished(op, WORLD | {"scim_clients": [said]})
    (view,) = list_scim_clients(op.services)
    assert view.client == StoredScimClient(
        "idp",
        "idp",
        "strict",
        frozenset({"scim.read", "scim.users.write"}),
        disabled=True,
        require_match=True,
        requests_per_second=40,
        events="full",
        allowed_addresses=("127.0.0.0/8", "2001:db8::/32"),
        extension=True,
        leave_out_unknown_members=True,
    )
    assert {field.name for field in dataclasses.fields(ScimClientOrder)} == {
        "id", "name", "profile", "scopes", "disabled", "require_match", "requests_per_second", "allowed_addresses",
        "extension", "leave_out_unknown_members",
    }  # fmt: skip
    stream = find_stream(op.services.store.database, "idp")
    assert stream is not None
    assert (stream.provisioning, stream.endpoint_url) == (Payload.FULL, "https://127.0.0.1:9443/events")

    furnished(op, WORLD)
    (view,) = list_scim_clients(op.services)
    assert view.client == StoredScimClient(
        "idp", "idp", "entra", frozenset({"scim.read", "scim.write"}), disabled=False
    )
    stream = find_stream(op.services.store.database, "idp")
    assert stream is not None
    assert (stream.provisioning, stream.endpoint_url) == (Payload.NONE, "")


def test_furnishing_again_changes_what_differs_and_keeps_the_rest(op: Op) -> None:
    """Ids, and so subjects, stay; memberships, tokens and profiles follow the file; nobody is written to."""
    furnished(op, WORLD)
    check_database(op.services.store.database)
    with op.services.store.read() as connection:
        first = {name: find_by_user_name(connection, name) for name in ("jdoe", "kim")}
    assert members(op) == {("jdoe", "A"), ("kim", "A"), ("kim", "B")}
    assert all(account is not None and account.is_usable for account in first.values())
    assert first["jdoe"].waived == ("question", "second_factor")  # type: ignore[union-attr]
    assert first["kim"].waived == ("question",)  # type: ignore[union-attr]

    changed = json.loads(json.dumps(WORLD))
    changed["accounts"][0] |= {"groups": ["B"], "second_factor": "required"}
    changed["scim_clients"] = [{"name": "idp", "token": "another-token", "profile": "okta"}]
    furnished(op, changed)
    with op.services.store.read() as connection:
        again = {name: find_by_user_name(connection, name) for name in ("jdoe", "kim")}
        assert connection.execute(select(courier_message)).all() == []
    assert [a.id for a in again.values() if a] == [a.id for a in first.values() if a]
    assert again["jdoe"].waived == ("question",)  # type: ignore[union-attr]
    assert members(op) == {("jdoe", "B"), ("kim", "A"), ("kim", "B")}
    assert provisioner(op.services, "fixed-token") is None
    found = provisioner(op.services, "another-token")
    assert found is not None
    assert (found.client_id, found.profile) == ("idp", "okta")
    assert verify_chains(op.services.store.database).faults == []


@pytest.mark.parametrize(
    ("account", "group", "named"),
    [
        ({"email": f"{'j' * 250}@lab.example"}, {}, "accounts[0].claims.email: The value of 'emails.value'"),
        (
            {"given_name": "J", "family_name": "\N{OWL}" * 900},
            {},
            "accounts[0].claims.family_name: The value of",
        ),
        ({"address": {"locality": "\N{OWL}" * 900}}, {}, "accounts[0].claims.address.locality: The value of"),
        ({}, {"displayName": "\N{OWL}" * 300}, "groups[0].displayName: 'displayName' is too long."),
        ({}, {"displayName": " "}, "groups[0].displayName: 'displayName' is empty."),
        ({}, {"displayName": "A", "organization_id": "1" * 3_000}, "groups[0].organization_id: The value of"),
    ],
)
def test_what_scim_would_refuse_is_named_by_the_key_of_the_file(
    op: Op, account: dict[str, Any], group: dict[str, Any], named: str
) -> None:
    """Lengths, names that nobody sees: refused as over SCIM, told in the words of the file."""
    world = {
        "accounts": [{"userName": "jdoe", "password": "a", "claims": account}],
        "groups": [group] if group else [],
    }
    with pytest.raises(LabFileError) as caught:
        furnished(op, world)
    (fault,) = caught.value.faults
    assert f"{fault.key}: {fault.message}".startswith(named)


def test_a_token_goes_to_the_client_that_the_file_names_now(op: Op) -> None:
    """O2: a client that is called otherwise keeps the token; two may change theirs. Each has one client."""

    def who(token: str) -> str | None:
        found = provisioner(op.services, token)
        return found.client_id if isinstance(found, Provisioner) else None

    for first, second in (("idp", "hr"), ("hr", "idp"), ("okta", "hr")):
        clients = [{"name": first, "token": "one"}, {"name": second, "token": "two"}]
        furnished(op, {"scim_clients": clients})
        assert (who("one"), who("two")) == (first, second)
    views = {view.client.id: len(view.tokens) for view in list_scim_clients(op.services)}
    assert views == {"idp": 0, "hr": 1, "okta": 1}


def test_who_is_told_to_stop_makes_no_more(op: Op) -> None:
    """However many accounts the file has; the next start makes the rest."""
    stop = threading.Event()
    stop.set()
    furnish(op.services, parse(json.dumps(WORLD), "lab.json"), name="lab.json", stop=stop)
    with op.services.store.read() as connection:
        assert find_by_user_name(connection, "jdoe") is None
    furnished(op, WORLD)
    assert members(op) == {("jdoe", "A"), ("kim", "A"), ("kim", "B")}


@pytest.mark.parametrize(("consent", "own"), [("skip", True), ("ask", False)])
def test_the_file_says_whether_people_are_asked_for_consent(op: Op, consent: str, *, own: bool) -> None:
    """OIDC Core §3.1.2.4: its applications are the operator's own, or others'."""
    furnished(op, {**WORLD, "consent": consent})
    with op.services.store.read() as connection:
        found = list_clients(connection)
    assert found
    assert {client.first_party for client in found} == {own}


def test_a_device_may_stand_in_the_file(op: Op) -> None:
    """RFC 8628 §3.1, §3.2: with the grant and no address to come back to."""
    device = {"client_id": "tv", "token_endpoint_auth_method": "none", "grant_types": [GRANT]}
    furnished(op, {"clients": [device]})
    assert error_of(poll(op, ask(op))) == "authorization_pending"


def test_a_machine_may_name_what_the_laboratory_serves_without_its_port(op: Op) -> None:
    """RFC 8707 §2: a path among the resources is one of the laboratory's own."""
    machine = {
        "client_id": "bot",
        "client_secret": "s",
        "grant_types": ["client_credentials"],
        "scope": "scim.read",
        "resources": ["/scim/v2", "https://elsewhere.example"],
    }
    furnished(op, {"clients": [machine]})
    for resource in (f"{op.services.issuer}/scim/v2", "https://elsewhere.example"):
        form = {"grant_type": "client_credentials", "resource": resource}
        assert op.post("/oauth2/token", form, headers=op.basic("bot", "s")).status == 200, resource


def test_the_file_may_let_applications_register_themselves_by_a_token_it_names(op: Op) -> None:
    """RFC 7591 §3: the same token after every start; who registered stays, and people are asked all the same."""
    for _start in range(2):
        furnished(op, {**WORLD, "registration": "token", "registration_token": "known-to-the-tests"})
    registering(op, "token")
    assert post(op, "guessed").status == 401
    told = registered(op, "known-to-the-tests", redirect_uris=["http://127.0.0.1:9000/cb"])
    furnished(op, WORLD)
    with op.services.store.read() as connection:
        (found,) = [each for each in list_clients(connection) if each.id == told["client_id"]]
    assert not found.first_party
    with pytest.raises(LabFileError, match="registration_token: cannot be used"):
        furnished(op, {**WORLD, "registration": "token", "registration_token": "swreg_mistyped"})
