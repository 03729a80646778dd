"""Naming and ending contacts, and Customer Relations' console (step 2 of the first story; R-001..R-006, R-082..R-111)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.forms import form_with, submit, token_of
from tests.web.registration.conftest import NORA

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.web.registration.conftest import Pages

NAMERS = {
    "authorized-representative": {"ar"},
    "primary-contact": {"ar", "pc"},
    "rights-administrator": {"pc"},
    "applicant-representative": {"ra"},
}


def begin_naming(pages: Pages, client: FlaskClient, role: str) -> TestResponse:
    page = client.get(f"/organizations/{pages.organization_id}")
    path = f"/organizations/{pages.organization_id}/contacts/{role}/name"
    return client.post(path, data={"csrf_token": token_of(page.text)})


def begin_ending(pages: Pages, client: FlaskClient, role: str, who: str) -> TestResponse:
    page = client.get(f"/organizations/{pages.organization_id}")
    path = f"/organizations/{pages.organization_id}/contacts/{role}/end"
    person_id = pages.world.people[who].person_id
    return client.post(path, data={"csrf_token": token_of(page.text), "person_id": person_id})


@pytest.mark.parametrize("role", NAMERS)
@pytest.mark.parametrize("who", ["ar", "pc", "ra", "cr"])
def test_only_who_names_a_role_can_start_to(pages: Pages, role: str, who: str) -> None:
    """R-084..R-090: others get a page that says who can."""
    answer = begin_naming(pages, pages.browser(who), role)
    if who in NAMERS[role]:
        assert answer.status_code == 303
        assert answer.location.endswith("/search")
    else:
        assert answer.status_code == 403
        assert "can do this." in answer.text


def test_buttons_stand_only_where_they_work(pages: Pages) -> None:
    """The page offers what the person may do, and nothing else."""
    for who, roles in (("ar", {"authorized-representative", "primary-contact"}), ("cr", set())):
        text = pages.browser(who).get(f"/organizations/{pages.organization_id}").text
        assert set(re.findall(r"/contacts/([a-z-]+)/name", text)) >= roles, who
        assert not roles or "/contacts/rights-administrator/" not in text
        assert roles or "/contacts/" not in text


def test_a_role_that_does_not_exist_is_not_found(pages: Pages) -> None:
    """Nor does it start anything."""
    assert begin_naming(pages, pages.browser("pc"), "made-up").status_code == 404


def test_starting_needs_a_form_of_ours(pages: Pages) -> None:
    """SE-05: neither a link nor a form without token starts a wizard."""
    client = pages.browser("pc")
    path = f"/organizations/{pages.organization_id}/contacts/rights-administrator/name"
    assert client.get(path).status_code == 405
    assert client.post(path).status_code == 403


def test_a_primary_contact_names_a_rights_administrator(pages: Pages) -> None:
    """R-088, R-111: search, register, confirm with every change, request."""
    client = pages.browser("pc")
    here = begin_naming(pages, client, "rights-administrator").location.rpartition("/")[0]
    confirm = pages.register(client, here)
    assert confirm.request.path == f"{here}/confirm-contact"
    assert "<dd>Add contact role</dd>" in confirm.text
    assert "<dd>Rights Administrator</dd>" in confirm.text
    assert "The contact role Rights Administrator is added." in confirm.text
    assert "fieldn" in confirm.text
    done = {submit(client, confirm, {"reason": "new"}).location for _ in range(2)}
    assert len(done) == 1
    assert "Contact role added: Rights Administrator" in client.get(done.pop()).text
    assert "Nora Field" in client.get(f"/organizations/{pages.organization_id}").text


def test_a_registered_person_can_be_named(pages: Pages) -> None:
    """Without being registered again."""
    client = pages.browser("ar")
    here = begin_naming(pages, client, "primary-contact").location.rpartition("/")[0]
    confirm = pages.choose(client, here, "Rights")
    assert confirm.request.path == f"{here}/confirm-contact"
    assert "is registered as a person" not in confirm.text
    assert submit(client, confirm, {"reason": ""}).status_code == 303


def test_who_holds_the_role_already_is_not_named_twice(pages: Pages) -> None:
    """Said on the page instead of a confirm button."""
    client = pages.browser("ar")
    here = begin_naming(pages, client, "primary-contact").location.rpartition("/")[0]
    page = pages.choose(client, here, "Prime")
    assert page.status_code == 409
    assert "The person holds this role already." in page.text
    assert 'name="plan"' not in page.text


def test_the_last_holder_of_a_required_role_cannot_be_removed(pages: Pages) -> None:
    """C-10, R-096: and the page says what to do first."""
    client = pages.browser("pc")
    answer = begin_ending(pages, client, "rights-administrator", "ra")
    page = client.get(answer.location)
    assert page.status_code == 409
    assert "Name another person first" in page.text


def test_a_second_holder_can_be_removed(pages: Pages) -> None:
    """R-088: the confirm page names what ends; the request follows."""
    pages.world.name("pc", "rights-administrator", pages.world.person("ar"))
    client = pages.browser("pc")
    answer = begin_ending(pages, client, "rights-administrator", "ra")
    confirm = client.get(answer.location)
    assert "The contact role Rights Administrator ends." in confirm.text
    assert "<dd>Remove contact role</dd>" in confirm.text
    done = submit(client, confirm, {"reason": "left"})
    assert "Contact role ended: Rights Administrator" in client.get(done.location).text
    assert pages.browser("ra").get("/access").status_code == 403


@pytest.mark.parametrize("who", ["ar", "pc", "ra"])
def test_the_console_is_for_customer_relations_only(pages: Pages, who: str) -> None:
    """R-004: others learn who can."""
    client = pages.browser(who)
    page = client.get("/operator/organizations")
    assert page.status_code == 403
    assert "Only Customer Relations can do this." in page.text
    token = token_of(page.text)
    for path in (
        "/operator/organizations/new",
        f"/operator/organizations/{pages.organization_id}/representative",
    ):
        assert client.post(path, data={"csrf_token": token}).status_code == 403, path
    assert 'href="/operator/organizations"' not in client.get("/actions").text


def test_an_organization_is_found_by_number_and_name(pages: Pages) -> None:
    """The list of the console."""
    client = pages.browser("cr")
    page = client.get("/operator/organizations")
    assert "ACME GENERATION" in page.text
    found = submit(client, page, {"search": "acme"})
    assert "ACME GENERATION" in found.text
    assert "No organization found." in submit(client, page, {"search": "nobody"}).text


def begin_organization(client: FlaskClient) -> str:
    page = client.get("/operator/organizations")
    return submit(client, page, {}, action="/operator/organizations/new").location.rpartition("/")[0]


def test_every_fault_of_an_organization_is_named(pages: Pages) -> None:
    """R-003: number, short name, legal name."""
    client = pages.browser("cr")
    here = begin_organization(client)
    assert client.get(f"{here}/confirm-organization").location == f"{here}/organization"
    page = submit(
        client, client.get(f"{here}/organization"), {"legal_name": "", "short_name": "a/b", "number": "x"}
    )
    assert page.status_code == 422
    for sentence in (
        "Legal name is missing",
        "Short name: use up to 40",
        "Organization number: enter digits only",
    ):
        assert sentence in page.text, sentence


def test_a_short_name_that_is_taken_is_refused_at_the_end(pages: Pages) -> None:
    """The database decides; the page says so."""
    client = pages.browser("cr")
    here = begin_organization(client)
    values = {"legal_name": "Acme Again", "short_name": "ACME GENERATION", "participations": ["generator"]}
    submit(client, client.get(f"{here}/organization"), values)
    page = submit(client, client.get(f"{here}/confirm-organization"), {}, action="")
    assert page.status_code == 409
    assert "Another organization has this short name." in page.text


def test_customer_relations_register_an_organization_and_its_first_representative(pages: Pages) -> None:
    """R-001..R-006, R-120: twice confirmed is once done."""
    client = pages.browser("cr")
    here = begin_organization(client)
    values = {
        "legal_name": "North River Power Limited",
        "short_name": "NORTH RIVER",
        "participations": ["generator"],
    }
    submit(client, client.get(f"{here}/organization"), values)
    confirm = client.get(f"{here}/confirm-organization")
    assert "The next free number" in confirm.text
    made = {submit(client, confirm, {}, action="").location for _ in range(2)}
    assert len(made) == 1
    address = made.pop()
    organization = client.get(address)
    assert "NORTH RIVER" in organization.text
    assert "has no Authorized Representative yet" in organization.text

    begun = submit(client, organization, {}, action=f"/operator{address}/representative")
    wizard = begun.location.rpartition("/")[0]
    page = pages.register(client, wizard, **{**NORA, "main_email": "nora@northriver.example"})
    assert page.request.path == f"{wizard}/confirm-representative"
    missing = submit(client, page, {"evidence": " "})
    assert missing.status_code == 422
    assert "Enter the reference of the agreement or letter" in missing.text
    done = submit(client, missing, {"evidence": "Agreement 2026-11"})
    assert done.status_code == 303
    assert "Authorized Representative" in client.get(done.location).text
    again = client.get(address)
    assert "Nora Field" in again.text
    assert "has no Authorized Representative yet" not in again.text


def test_a_second_first_representative_is_refused(pages: Pages) -> None:
    """R-006: the organization names the next one itself."""
    client = pages.browser("cr")
    page = client.get(f"/organizations/{pages.organization_id}")
    path = f"/operator/organizations/{pages.organization_id}/representative"
    here = client.post(path, data={"csrf_token": token_of(page.text)}).location.rpartition("/")[0]
    refused = pages.register(client, here)
    assert refused.status_code == 409
    assert "has an Authorized Representative already" in refused.text
    assert form_with(refused.text, "language")
