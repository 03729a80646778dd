"""Granting and revoking access roles on the pages (R-164..R-185, I-21, I-22, RG-13, RG-14)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from registration.domain.person import ExistingPerson
from registration.web.access_steps import role_page
from tests.support.forms import form_with, forms_of, submit, token_of
from tests.support.registration_world import EMI_SUBMIT, EMI_VIEW

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.web.registration.conftest import Pages


def requests_made(pages: Pages) -> int:
    """Return how many requests there are: staff sees all of them."""
    text = pages.browser("cr").get("/requests").text
    return len(re.findall(r'<a class="govuk-link" href="/requests/\d+">', text))


def chosen_roles(pages: Pages, client: FlaskClient, *roles: str) -> tuple[str, str]:
    """Walk to the confirm page of a grant for a new person; return the wizard's address and the page."""
    here = pages.begin(client)
    page = pages.register(client, here)
    answer = submit(client, page, {"role": list(roles or (EMI_SUBMIT,))})
    return here, client.get(answer.location).text


@pytest.mark.parametrize("who", ["ar", "pc", "cr"])
def test_only_a_rights_administrator_may_grant(pages: Pages, who: str) -> None:
    """R-089, R-110: others get a page that says whom to ask."""
    client = pages.browser(who)
    for path in ("/access", f"/organizations/{pages.organization_id}/access"):
        page = client.get(path)
        assert page.status_code == 403
        assert "Only a Rights Administrator" in page.text
    assert "Grant or revoke access" not in client.get("/actions").text


def test_an_organization_one_does_not_act_for_cannot_be_chosen(pages: Pages) -> None:
    """RG-02: not by its address either."""
    other = pages.world.add_organization("NORTH RIVER", ("generator",))
    client = pages.browser("ra")
    assert client.get(f"/organizations/{other}/access").status_code == 403
    assert client.get(f"/organizations/{other}").status_code == 404
    assert client.get(f"/requests?organization={other}").text.count("There are no requests yet.") == 1


def test_who_acts_for_one_organization_skips_the_chooser(pages: Pages) -> None:
    """R-013."""
    page = pages.browser("ra").get("/access")
    assert page.location == f"/organizations/{pages.organization_id}/access"


def test_who_acts_for_several_chooses_first(pages: Pages) -> None:
    """R-012, R-165."""
    other = pages.world.add_organization("NORTH RIVER", ("generator",))
    pages.world.add_trust(other, "n")
    named = pages.world.name("npc", "rights-administrator", pages.world.person("ra"), organization_id=other)
    assert named
    client = pages.browser("ra")
    page = client.get("/access")
    assert page.status_code == 200
    assert "NORTH RIVER" in page.text
    assert client.get("/access?chosen=yes").status_code == 422
    assert client.get("/access?chosen=yes&organization=made-up").status_code == 422
    picked = submit(client, page, {"organization": other})
    assert picked.location == f"/organizations/{other}/access"


def test_each_choice_is_asked_for(pages: Pages) -> None:
    """Nothing chosen is an error with its field, never a guess."""
    client = pages.browser("ra")
    start = client.get("/access", follow_redirects=True)
    assert submit(client, start, {}, action="").status_code == 422
    assert submit(client, start, {"type": "everything"}).status_code == 422
    here = pages.begin(client)
    account = client.get(f"{here}/account")
    assert submit(client, account, {"account_kind": "robot"}).status_code == 422
    machine = submit(client, account, {"account_kind": "machine"})
    assert machine.status_code == 422
    assert "Machine accounts are registered by Customer Relations." in machine.text
    empty = submit(client, client.get(f"{here}/search"), {"last_name": "  "})
    assert empty.status_code == 422
    assert "Enter a Person ID, a last name or a first name." in empty.text


def test_every_page_repeats_organization_request_type_and_the_way_to_help(pages: Pages) -> None:
    """R-003, R-011; section 2."""
    client = pages.browser("ra")
    here = pages.begin(client)
    page = pages.register(client, here)
    answer = submit(client, page, {"role": [EMI_SUBMIT]})
    steps = ("account", "search", "select", "register", "confirm-person", "roles", "confirm-grant")
    assert answer.location == f"{here}/confirm-grant"
    for step in steps:
        text = client.get(f"{here}/{step}").text
        assert re.search(r"<dd>\d+ ACME GENERATION</dd>", text), step
        assert "<dd>Grant access roles</dd>" in text, step
        assert 'href="/help#access">Need help?</a>' in text, step


def test_a_person_is_registered_only_after_a_search(pages: Pages) -> None:
    """R-024, R-170."""
    client = pages.browser("ra")
    here = pages.begin(client)
    for step in ("select", "register", "confirm-person", "roles", "confirm-grant"):
        response = client.get(f"{here}/{step}", follow_redirects=True)
        assert response.request.path == f"{here}/search", step


def test_a_search_without_result_offers_to_register(pages: Pages) -> None:
    """R-024: and fills in what was searched for."""
    client = pages.browser("ra")
    here = pages.begin(client)
    submit(client, client.get(f"{here}/search"), {"last_name": "Field", "first_name": "Nora"})
    found = client.get(f"{here}/select")
    assert "0 persons found." in found.text
    assert f'href="{here}/register"' in found.text
    form = form_with(client.get(f"{here}/register").text, "first_name")
    assert form.fields["first_name"] == ["Nora"]
    assert form.fields["last_name"] == ["Field"]


@pytest.mark.parametrize(
    ("language", "one", "after"), [("fr", "Éthiopie", "Fidji"), ("en", "Åland Islands", "Albania")]
)
def test_countries_stand_as_in_a_dictionary(pages: Pages, language: str, one: str, after: str) -> None:
    """R-025: the usual ones first; no accent sends a country behind the Z, where nobody looks for it."""
    client = pages.browser("ra")
    here = pages.begin(client)
    submit(client, client.get(f"{here}/search"), {"last_name": "Field"})
    if language == "fr":
        submit(client, client.get("/"), {"language": "fr"})
    select = client.get(f"{here}/register").text.partition('id="country"')[2].partition("</select>")[0]
    names = [name.strip() for name in re.findall(r"<option[^>]*>([^<]+)<", select)]
    assert names[1] == "Canada"
    assert names.index(one) < names.index(after)


def test_nobody_is_chosen_by_pressing_next_alone(pages: Pages) -> None:
    """An error at the list."""
    client = pages.browser("ra")
    here = pages.begin(client)
    submit(client, client.get(f"{here}/search"), {"last_name": "Prime"})
    page = submit(client, client.get(f"{here}/select"), {}, action="")
    assert page.status_code == 422
    assert "Choose a person" in page.text


def test_every_fault_of_a_new_person_is_named_at_its_field(pages: Pages) -> None:
    """R-025: what was typed stays."""
    client = pages.browser("ra")
    here = pages.begin(client)
    submit(client, client.get(f"{here}/search"), {"last_name": "Field"})
    page = submit(
        client,
        client.get(f"{here}/register"),
        {
            "first_name": "Nora",
            "main_email": "nobody",
            "main_phone": "12",
            "province": "XX",
            "postal_code": "1",
        },
    )
    assert page.status_code == 422
    for sentence in (
        "Main email: enter an address like name@example.com",
        "Main phone: enter a complete number, like 416 555 0123",
        "Address line 1 is missing",
        "Province or state: enter two letters, like ON or NY",
    ):
        assert page.text.count(sentence) == 2, sentence
    assert form_with(page.text, "first_name").fields["first_name"] == ["Nora"]
    named = re.findall(r'href="#(\w+)">[^<]', page.text.partition("error-summary")[2])
    asked = [name for name in re.findall(r'<(?:input|select)[^>]* id="(\w+)"', page.text) if name in named]
    assert named == asked, "the summary goes down the page"
    assert len(named) > 5
    assert client.get(f"{here}/roles", follow_redirects=True).request.path == f"{here}/search"


def test_going_back_keeps_what_was_typed_and_commits_nothing(pages: Pages) -> None:
    """R-172, R-176, I-22."""
    client = pages.browser("ra")
    before = requests_made(pages)
    here, confirm = chosen_roles(pages, client, EMI_SUBMIT)
    assert "Nora Field" in confirm
    form = form_with(client.get(f"{here}/register").text, "city")
    assert form.fields["city"] == ["Toronto"]
    roles = form_with(client.get(f"{here}/roles").text, "role")
    assert roles.fields["role"] == [EMI_SUBMIT]
    assert requests_made(pages) == before


def test_the_confirm_page_says_exactly_what_will_change(pages: Pages) -> None:
    """I-21: person, user name, roles, Gateway and every mail."""
    _, text = chosen_roles(pages, pages.browser("ra"), EMI_SUBMIT)
    for sentence in (
        "Nora Field is registered as a person and gets a Person ID.",
        "Its user ID will be fieldn, unless a namesake is registered first.",
        "nora.field@acme.example gets the user ID.",
        "Given when you confirm",
        "Energy Market Interface",
    ):
        assert sentence in text, sentence


def test_confirming_grants_and_shows_the_request(pages: Pages) -> None:
    """R-177, R-237: registered at once, active in the Gateway after the push, the page reloads until then."""
    client = pages.browser("ra")
    here, _ = chosen_roles(pages, client, EMI_SUBMIT)
    done = submit(client, client.get(f"{here}/confirm-grant"), {"reason": "New trader", "ticket": "CHG-7"})
    assert done.status_code == 303
    waiting = client.get(done.location)
    assert '<meta http-equiv="refresh"' in waiting.text
    assert "On its way" in waiting.text
    for sentence in ("fieldn", "Nora Field", "New trader", "CHG-7", "ACME GENERATION"):
        assert sentence in waiting.text, sentence
    pages.world.settle()
    live = client.get(done.location)
    assert '<meta http-equiv="refresh"' not in live.text
    assert "All of it has been in effect since" in live.text


def test_a_double_submit_makes_one_request(pages: Pages) -> None:
    """I-22: the same page sent twice, and sent again with the back button."""
    client = pages.browser("ra")
    here, _ = chosen_roles(pages, client, EMI_SUBMIT)
    confirm = client.get(f"{here}/confirm-grant")
    before = requests_made(pages)
    answers = {submit(client, confirm, {"reason": "x"}).location for _ in range(3)}
    assert len(answers) == 1
    assert requests_made(pages) == before + 1
    for step in ("search", "select", "register", "roles", "confirm-grant"):
        assert client.get(f"{here}/{step}").location in answers, step


def test_two_wizards_in_two_tabs_do_not_mix(pages: Pages) -> None:
    """Each has a state of its own."""
    client = pages.browser("ra")
    one, two = pages.begin(client), pages.begin(client)
    first = pages.register(client, one)
    second = pages.register(
        client, two, first_name="Otto", main_email="otto@acme.example", main_phone="416 555 0111"
    )
    submit(client, first, {"role": [EMI_SUBMIT]})
    submit(client, second, {"role": [EMI_VIEW]})
    assert "Nora Field" in client.get(f"{one}/confirm-grant").text
    assert "Otto Field" in client.get(f"{two}/confirm-grant").text


def test_a_wizard_belongs_to_who_started_it(pages: Pages) -> None:
    """RG-19: its address opens nothing for anybody else."""
    here = pages.begin(pages.browser("ra"))
    for who in ("pc", "cr"):
        assert pages.browser(who).get(f"{here}/search").status_code == 404
    assert pages.browser("ra").get("/drafts/made-up/search").status_code == 404


def test_a_wizard_of_another_kind_does_not_open_a_step(pages: Pages) -> None:
    """A grant cannot be finished as a contact."""
    client = pages.browser("ra")
    here = pages.begin(client)
    for step in ("confirm-contact", "confirm-end", "confirm-representative", "organization"):
        assert client.get(f"{here}/{step}").status_code == 404, step


def test_a_plan_that_changed_meanwhile_is_shown_again(pages: Pages) -> None:
    """I-21: what is confirmed is what was shown."""
    client = pages.browser("ra")
    here = pages.begin(client)
    page = pages.choose(client, here, "Prime")
    submit(client, page, {"role": [EMI_SUBMIT]})
    confirm = client.get(f"{here}/confirm-grant")
    submit(client, client.get(f"{here}/roles"), {"role": [EMI_SUBMIT, "dispatch-service-viewer"]})
    again = submit(client, confirm, {"reason": ""})
    assert again.status_code == 409
    assert "Something changed since this page was shown." in again.text
    assert "Dispatch Service viewer" in again.text


def test_what_cannot_be_granted_is_told_instead_of_a_button(pages: Pages) -> None:
    """I-18, I-21: roles that exclude each other, and what was granted meanwhile; the way back is to the choice."""
    client, world = pages.browser("ra"), pages.world
    here, text = chosen_roles(pages, client, EMI_SUBMIT, EMI_VIEW)
    assert "This role cannot be held together with another one" in text
    known = pages.begin(client)
    confirm = client.get(
        submit(client, pages.choose(client, known, "Prime"), {"role": [EMI_SUBMIT]}).location
    )
    world.grant("ra", world.person("pc"), EMI_SUBMIT)
    held = submit(client, confirm, {"reason": ""})
    assert "The person holds this role already." in held.text
    for answer, wizard in ((client.get(f"{here}/confirm-grant"), here), (held, known)):
        assert answer.status_code == 409
        assert 'name="plan"' not in answer.text
        assert f'href="{wizard}/roles"' in answer.text


def test_a_forged_plan_changes_nothing(pages: Pages) -> None:
    """The digest is checked, not believed."""
    client = pages.browser("ra")
    here, text = chosen_roles(pages, client, EMI_SUBMIT)
    before = requests_made(pages)
    answer = client.post(f"{here}/confirm-grant", data={"csrf_token": token_of(text), "plan": "0" * 64})
    assert answer.status_code == 409
    assert requests_made(pages) == before


@pytest.mark.parametrize(
    "role", ["registration-primary-contact", "registration-customer-relations", "mim-submit", "made-up"]
)
def test_a_role_that_is_not_offered_cannot_be_smuggled_in(pages: Pages, role: str) -> None:
    """RG-14, R-174: the page's boxes are the only choice."""
    client = pages.browser("ra")
    here = pages.begin(client)
    page = pages.register(client, here)
    answer = client.post(f"{here}/roles", data={"csrf_token": token_of(page.text), "page": "1", "role": role})
    assert answer.status_code == 422
    assert "Choose at least one role." in answer.text


def test_an_administrator_whose_role_ended_cannot_finish(pages: Pages) -> None:
    """RG-13: the page in the browser gives no right."""
    client = pages.browser("ra")
    here, _ = chosen_roles(pages, client, EMI_SUBMIT)
    confirm = client.get(f"{here}/confirm-grant")
    second = pages.world.name("pc", "rights-administrator", pages.world.person("pc"))
    assert second
    end = pages.browser("pc")
    org = end.get(f"/organizations/{pages.organization_id}")
    path = f"/organizations/{pages.organization_id}/contacts/rights-administrator/end"
    ra = pages.world.people["ra"].person_id
    begun = end.post(path, data={"csrf_token": token_of(org.text), "person_id": ra})
    assert submit(end, end.get(begun.location), {"reason": "left"}).status_code == 303
    refused = submit(client, confirm, {"reason": "x"})
    assert refused.status_code == 404
    assert "Nora" not in pages.browser("cr").get("/requests").text


def test_roles_are_grouped_by_participation_and_paged(pages: Pages) -> None:
    """R-175: what is ticked on one page stays when one turns to another."""
    client = pages.browser("ra")
    here = pages.begin(client)
    page = pages.register(client, here)
    assert "Page 1 of" in page.text
    first = re.findall(r'name="role" type="checkbox" value="([^"]+)"', page.text)
    assert len(first) == 10
    turned = submit(client, page, {"role": [first[0]], "turn": "2"})
    second_page = client.get(turned.location)
    second = re.findall(r'name="role" type="checkbox" value="([^"]+)"', second_page.text)
    assert not set(first) & set(second)
    assert "1 role is chosen on other pages." in second_page.text
    submit(client, second_page, {"role": [second[0]]})
    kept = form_with(client.get(f"{here}/roles?page=1").text, "role")
    assert kept.fields["role"] == [first[0]]
    assert role_page((), 7).pages == 1


def test_revoking_never_registers_anybody(pages: Pages) -> None:
    """R-168."""
    client = pages.browser("ra")
    here = pages.begin(client, "revoke")
    submit(client, client.get(f"{here}/search"), {"last_name": "Nobody"})
    assert "Register New Person" not in client.get(f"{here}/select").text
    assert client.get(f"{here}/register").location == f"{here}/search"
    assert client.get(f"{here}/roles").location == f"{here}/search"


def test_whose_roles_are_chosen_stands_above_them(pages: Pages) -> None:
    """Of two namesakes nobody takes the roles of the wrong one: the Person ID tells them apart."""
    client = pages.browser("ra")
    number = pages.world.people["pc"].person_no
    for kind in ("grant", "revoke"):
        page = pages.choose(client, pages.begin(client, kind), "Prime")
        assert f"<dd>Paul Prime ({number})</dd>" in page.text
    new = pages.register(client, pages.begin(client), last_name="Field")
    assert "<dd>Nora Field</dd>" in new.text


def test_who_holds_nothing_but_what_comes_with_a_contact_role_has_nothing_to_revoke(pages: Pages) -> None:
    """R-178: the page says so, and of what it comes with; it was a failure of ours."""
    client = pages.browser("ra")
    page = pages.choose(client, pages.begin(client, "revoke"), "Prime")
    assert page.status_code == 200
    assert "None of the person's roles can be revoked here." in page.text
    assert "comes with the contact role Primary Contact" in page.text
    assert "Revoke All" not in page.text
    assert '<a class="govuk-link" href="/actions">Go back to Actions</a>' in page.text


def test_only_held_roles_can_be_revoked_one_by_one_or_all(pages: Pages) -> None:
    """R-178, R-179, R-180, R-181; a role that comes with a contact role is told, not offered."""
    pages.world.grant("ra", pages.world.person("pc"), EMI_SUBMIT, "settlement-forms")
    client = pages.browser("ra")
    here = pages.begin(client, "revoke")
    page = pages.choose(client, here, "Prime")
    offered = re.findall(r'name="role" type="checkbox" value="([^"]+)"', page.text)
    assert sorted(offered) == sorted([EMI_SUBMIT, "settlement-forms"])
    assert "comes with the contact role Primary Contact" in page.text
    assert submit(client, page, {}, action="").status_code == 422
    smuggled = client.post(
        f"{here}/revoke", data={"csrf_token": token_of(page.text), "role": "registration-base"}
    )
    assert smuggled.status_code == 422
    every = submit(client, page, {"every": "yes"})
    confirm = client.get(every.location)
    assert confirm.text.count("is revoked.") == 2
    done = submit(client, confirm, {"reason": "moved"})
    pages.world.settle()
    assert "Access role revoked" in client.get(done.location).text
    account = pages.world.people["pc"].account_id
    assert not [
        group
        for member, group in pages.world.gateway.memberships()
        if member == account and EMI_SUBMIT in group
    ]


def test_a_person_of_another_organization_is_not_found(pages: Pages) -> None:
    """RG-16, RG-20: a person id typed into a form opens nothing."""
    other = pages.world.add_organization("NORTH RIVER", ("generator",))
    pages.world.add_trust(other, "n")
    client = pages.browser("ra")
    foreign = pages.world.people["nra"].person_id
    assert ExistingPerson(foreign)
    assert client.get(f"/organizations/{pages.organization_id}/persons/{foreign}").status_code == 404
    here = pages.begin(client, "revoke")
    submit(client, client.get(f"{here}/search"), {"last_name": "Prime"})
    page = client.get(f"{here}/select")
    client.post(f"{here}/select", data={"csrf_token": token_of(page.text), "person_id": foreign})
    held = client.get(f"{here}/revoke")
    assert "nra" not in held.text
    assert not [form for form in forms_of(held.text) if "role" in form.names]
