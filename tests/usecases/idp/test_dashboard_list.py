"""The dashboard's list: the applications the account may open, and no others (G-77, G-91)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import update

from idp.domain.account import AccountKind
from idp.domain.client_metadata import kept, metadata_faults
from idp.storage.consents import keep_consent, take_consent_back
from idp.storage.tables import client, group, membership
from idp.usecases.list_apps import Application, list_apps

if TYPE_CHECKING:
    from tests.support.gatehouse import Gatehouse


def an_application(
    gatehouse: Gatehouse, key: str, name: str, *, url: str = "https://app.example/", **more: object
) -> None:
    now = gatehouse.clock.now()
    with gatehouse.services.store.write() as unit:
        unit.connection.execute(
            client.insert(),
            {
                "id": key,
                "name": name,
                "description": f"What {name} does.",
                "application_key": key,
                "launch_url": url,
                "profile": "default",
                "first_party": True,
                "metadata": {},
                "version": 1,
                "created_at": now,
                "updated_at": now,
                **more,
            },
        )


def a_membership(gatehouse: Gatehouse, account_id: str, key: str, organization: str) -> None:
    now = gatehouse.clock.now()
    identifier = gatehouse.services.store.randomness.ulid(now)
    with gatehouse.services.store.write() as unit:
        unit.connection.execute(
            group.insert(),
            {
                "id": identifier,
                "source": "registration-worker",
                "external_id": f"grp:{organization}:{key}",
                "display_name": f"{organization}/{key}",
                "display_name_key": f"{organization}/{key}".casefold(),
                "organization_id": organization,
                "organization_short_name": organization,
                "access_role_key": key,
                "access_role_name": key,
                "application_key": key,
                "account_kinds": ["personal"],
                "source_version": 1,
                "version": 1,
                "document": "{}",
                "created_at": now,
                "updated_at": now,
            },
        )
        unit.connection.execute(
            membership.insert(), {"group_id": identifier, "account_id": account_id, "added_at": now}
        )


def test_without_a_membership_the_list_is_empty(gatehouse: Gatehouse) -> None:
    """G-91: what exists for others is not shown."""
    holder = gatehouse.a_holder()
    an_application(gatehouse, "emi", "Energy Market Interface")
    assert list_apps(gatehouse.services, holder.account) == ()


def test_what_a_membership_opens_is_listed_with_its_organizations(gatehouse: Gatehouse) -> None:
    """G-77: by name, each once, for whom one may open it."""
    holder = gatehouse.a_holder()
    other = gatehouse.a_holder("other")
    for key, name in (("reports", "Reports"), ("emi", "Energy Market Interface"), ("hidden", "Hidden")):
        an_application(gatehouse, key, name, url="" if key == "hidden" else f"https://{key}.example/")
    for key, organization in (("reports", "ACME"), ("emi", "ACME"), ("emi", "BORA"), ("hidden", "ACME")):
        a_membership(gatehouse, holder.id, key, organization)
    a_membership(gatehouse, other.id, "reports", "CORA")
    assert list_apps(gatehouse.services, holder.account) == (
        Application(
            "emi",
            "Energy Market Interface",
            "What Energy Market Interface does.",
            "https://emi.example/",
            ("ACME", "BORA"),
        ),
        Application("reports", "Reports", "What Reports does.", "https://reports.example/", ("ACME",)),
    )


def test_a_disabled_application_is_not_listed(gatehouse: Gatehouse) -> None:
    """G-77: a tile that leads nowhere is none."""
    holder = gatehouse.a_holder()
    an_application(gatehouse, "emi", "EMI", disabled_at=gatehouse.clock.now())
    a_membership(gatehouse, holder.id, "emi", "ACME")
    assert list_apps(gatehouse.services, holder.account) == ()


def test_a_machine_account_has_no_list_whatever_it_is_a_member_of(gatehouse: Gatehouse) -> None:
    """G-24."""
    holder = gatehouse.a_holder("APIIESO00001", kind=AccountKind.MACHINE)
    an_application(gatehouse, "emi", "EMI")
    a_membership(gatehouse, holder.id, "emi", "ACME")
    assert list_apps(gatehouse.services, holder.account) == ()


START = "https://app.example/start"


def test_a_client_that_begins_sign_ins_itself_is_opened_there(gatehouse: Gatehouse) -> None:
    """OIDC Core §4: with iss, with the start page that is registered, and without a hint at the person."""
    holder = gatehouse.a_holder()
    an_application(gatehouse, "emi", "EMI", metadata={"initiate_login_uri": f"{START}?x=1"})
    an_application(
        gatehouse, "lab", "Lab", url="", application_key="", metadata={"initiate_login_uri": START}
    )
    a_membership(gatehouse, holder.id, "emi", "ACME")
    emi, lab = (urlsplit(each.url) for each in list_apps(gatehouse.services, holder.account))
    assert f"{emi.scheme}://{emi.netloc}{emi.path}" == f"{lab.scheme}://{lab.netloc}{lab.path}" == START
    issuer = gatehouse.services.issuer
    assert parse_qs(emi.query) == {"x": ["1"], "iss": [issuer], "target_link_uri": ["https://app.example/"]}
    assert parse_qs(lab.query) == {"iss": [issuer]}


@pytest.mark.parametrize("registered_by", ["", "open"], ids=["by an operator", "by itself"])
def test_a_client_of_others_comes_on_the_dashboards_of_who_agreed_to_it(
    gatehouse: Gatehouse, registered_by: str
) -> None:
    """Whoever registers a client cannot put a link before everybody; taking the consent back takes it away."""
    holder, other = gatehouse.a_holder(), gatehouse.a_holder("other")
    metadata = {"initiate_login_uri": START}
    an_application(gatehouse, "lab", "Lab", url="", application_key="", first_party=False, metadata=metadata)
    with gatehouse.services.store.write() as unit:
        unit.connection.execute(update(client).values(registered_by=registered_by))
    assert list_apps(gatehouse.services, holder.account) == ()
    with gatehouse.services.store.write() as unit:
        keep_consent(unit.connection, holder.id, "lab", ("openid",), now=unit.now)
    assert [each.client_id for each in list_apps(gatehouse.services, holder.account)] == ["lab"]
    assert list_apps(gatehouse.services, other.account) == ()
    with gatehouse.services.store.write() as unit:
        assert take_consent_back(unit.connection, holder.id, "lab")
    assert list_apps(gatehouse.services, holder.account) == ()


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example/start",
        "http://localhost:8443/start",
        "https://app.example/start#x",
        "javascript:alert(1)",
        "//app.example",
        "https:",
    ],
)
def test_where_sign_ins_begin_is_https(uri: str) -> None:
    """OIDC Core §4: the scheme is https; a loopback address only where the client's sign-in lives there."""
    metadata = {"redirect_uris": ["https://app.example/cb", "https://localhost:8443/cb"]}
    faults = metadata_faults(kept(metadata | {"initiate_login_uri": uri}), loopback_http=True)
    assert [fault.name for fault in faults] == ["initiate_login_uri"]
    assert metadata_faults(kept(metadata | {"initiate_login_uri": "https://other.example/start"})) == ()
