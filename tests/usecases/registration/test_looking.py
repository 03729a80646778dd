"""What can be looked at, and by whom: persons, requests, organizations, the catalogue (EN-07, RG-02, RG-20)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from kernel.tables import audit_event
from registration.domain.authority import Caller
from registration.domain.catalogue import parse_catalogue
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import NewPerson, PersonDetails, PersonWarning, check_person
from registration.domain.plan import RequestMade
from registration.domain.search import MOST_RESULTS, Page, PersonSearch
from registration.storage import persons
from registration.usecases.add_operator_staff import add_operator_staff
from registration.usecases.list_organizations import list_organizations
from registration.usecases.list_requests import list_requests
from registration.usecases.load_catalogue import CatalogueLoaded, load_catalogue
from registration.usecases.offer_participations import offer_participations
from registration.usecases.preview_operator_staff import preview_operator_staff
from registration.usecases.preview_person import PersonPreview, preview_person
from registration.usecases.search_persons import search_persons
from registration.usecases.show_organization import OrganizationView, show_organization
from registration.usecases.show_person import PersonView, show_person
from registration.usecases.show_request import show_request
from registration.usecases.strangers import STRANGERS
from tests.support.registration_world import CATALOGUE, REPORTS, World, a_form, a_registration, a_world

if TYPE_CHECKING:
    from kernel.database import Database


@pytest.fixture
def world(registration_database: Database) -> World:
    world = a_world(registration_database, staff=True)
    world.people["other"] = world.people["ra"]
    elsewhere = world.add_organization("OTHER POWER", ("physical-market",))
    world.add_trust(elsewhere, "Other")
    for first, last in (("Ann", "Blacksmith"), ("Zoë", "Smith"), ("Bob", "Smithson")):
        made = world.grant("ra", NewPerson(a_form(first, last)), REPORTS)
        assert isinstance(made, RequestMade), made
        world.people[first] = made
    return world


def found(world: World, who: str, **search: str) -> list[str]:
    page = search_persons(
        world.services,
        caller=world.caller(who),
        organization_id=world.organization_id,
        search=PersonSearch(**search),
    )
    assert not isinstance(page, Refused), page
    return [f"{row.first_name} {row.last_name}" for row in page.rows]


def refusal(made: object) -> Refusal:
    assert isinstance(made, Refused), made
    return made.reason


def test_own_people_are_found_by_any_part_of_a_name_best_match_first(world: World) -> None:
    """R-021, R-022: accents and case do not matter."""
    assert found(world, "ra", last_name="SMITH") == ["Zoë Smith", "Bob Smithson", "Ann Blacksmith"]
    assert found(world, "ra", first_name="zoe") == ["Zoë Smith"]
    assert found(world, "ra", last_name="smith", first_name="b") == ["Bob Smithson"]
    assert found(world, "ra", person_no=str(world.people["Ann"].person_no)) == ["Ann Blacksmith"]
    assert found(world, "ra", last_name="%") == []
    assert found(world, "ra", last_name="_mith") == []


def test_strangers_are_found_only_by_whoever_knows_them(world: World) -> None:
    """EN-07: nobody leafs through the registry by counting up Person IDs."""
    stranger = str(world.people["Otherpc"].person_no)
    assert found(world, "ra", person_no=stranger) == []
    assert found(world, "ra", last_name="OtherPri") == []
    assert found(world, "ra", last_name="OtherPrime") == []
    assert found(world, "ra", last_name="OtherPrime", first_name="P") == []
    assert found(world, "ra", last_name="otherprime", first_name="paul") == ["Paul OtherPrime"]
    assert found(world, "ra", last_name="OtherPrime", person_no=stranger) == ["Paul OtherPrime"]
    assert found(world, "cr", last_name="OtherPri") == ["Paul OtherPrime"], "staff see everybody"


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("O'Neil", ["o'neil", "O\N{RIGHT SINGLE QUOTATION MARK}Neil", "oneil"]),
        ("O\N{RIGHT SINGLE QUOTATION MARK}Neil", ["O'Neil", "oneil"]),
        ("Côté-St-Pierre", ["cote st pierre", "St-Pierre", "Côté St-Pierre"]),
        ("L'Écuyer", ["lecuyer", "l'ecuyer", "L\N{RIGHT SINGLE QUOTATION MARK}ÉCUYER"]),
    ],
)
def test_a_name_is_found_however_its_signs_are_written(world: World, written: str, asked: list[str]) -> None:
    """R-021: telephones write another apostrophe; who is not found would be registered twice."""
    made = world.grant("ra", NewPerson(a_form("Zoë", written)), REPORTS)
    assert isinstance(made, RequestMade), made
    for name in asked:
        assert found(world, "ra", last_name=name) == [f"Zoë {written}"], name


def test_a_stranger_is_known_by_the_whole_name_however_it_is_written(world: World) -> None:
    """EN-07: whole names alone, but not letter by letter."""
    made = world.grant("ra", NewPerson(a_form("Marc-André", "O'Neil")), REPORTS)
    assert isinstance(made, RequestMade), made
    other = world.people["Otherra"]

    def seen(**search: str) -> int:
        page = search_persons(
            world.services,
            caller=Caller(other.account_id),
            organization_id=organization_of(world, other),
            search=PersonSearch(**search),
        )
        assert not isinstance(page, Refused)
        return page.total

    assert seen(last_name="oneil", first_name="marc andre") == 1
    assert seen(last_name="onei", first_name="marc andre") == 0
    assert seen(last_name="oneil", first_name="marc") == 0


def organization_of(world: World, made: RequestMade) -> str:
    view = show_request(world.services, caller=Caller.console(), number=made.number)
    assert not isinstance(view, Refused)
    return view.organization_id


def test_a_search_that_finds_too_many_says_so(world: World) -> None:
    """R-022: a number that is none would send whoever searches to register the person again."""
    with world.services.store.write() as unit:
        for number in range(MOST_RESULTS + 1):
            identifier = unit.randomness.ulid(unit.now)
            details = check_person(a_form("Jim", "Multitude"))
            assert isinstance(details, PersonDetails)
            persons.add(
                unit.connection,
                details,
                identifier=identifier,
                number=900_000 + number,
                now=unit.now,
                changed_by="test",
                request_id="",
            )
            persons.attach(
                unit.connection,
                person_id=identifier,
                organization_id=world.organization_id,
                now=unit.now,
                request_id="",
            )

    def many(**search: str) -> tuple[int, bool]:
        page = search_persons(
            world.services,
            caller=world.caller("ra"),
            organization_id=world.organization_id,
            search=PersonSearch(**search),
        )
        assert not isinstance(page, Refused)
        return page.total, page.is_cut

    assert many(last_name="multitude") == (MOST_RESULTS, True)
    assert many(last_name="multitude", person_no="900001") == (1, False)


def test_nobody_is_shown_strangers_by_the_hundred(world: World) -> None:
    """EN-07, RG-20: who tries names and numbers finds some; a day's worth is bounded, and written down."""
    services, ra = world.services, world.caller("ra")

    def search(**fields: str) -> object:
        search, organization_id = PersonSearch(**fields), world.organization_id
        return search_persons(services, caller=ra, organization_id=organization_id, search=search)

    def similar() -> list[str]:
        form = a_form("Paul", "OtherPrime")
        seen = preview_person(services, caller=ra, organization_id=world.organization_id, form=form)
        assert isinstance(seen, PersonPreview)
        return [row.last_name for row in seen.similar]

    known = {"last_name": "OtherPrime", "first_name": "Paul"}
    for _ in range(STRANGERS.count - 1):
        assert isinstance(search(**known), Page)
        assert isinstance(search(last_name="Smith", first_name="Zoe"), Page), "own people are not counted"
    assert similar() == ["OtherPrime"]
    assert similar() == [], "the form goes on without them"
    for asked in (known, {**known, "first_name": "Nobody"}, {"last_name": "OtherPrime", "person_no": "1"}):
        assert refusal(search(**asked)) is Refusal.TOO_MANY_STRANGERS, "nor is told that there is none"
    assert found(world, "ra", last_name="Smith", first_name="") == [
        "Zoë Smith",
        "Bob Smithson",
        "Ann Blacksmith",
    ]
    assert found(world, "cr", **known) == ["Paul OtherPrime"]
    with services.store.read() as connection:
        told = select(audit_event.c.actor_id).where(audit_event.c.tag == "registration:search:limited")
        assert connection.scalars(told).all() == [ra.account_id]
    world.clock.advance(dt.timedelta(days=1))
    assert found(world, "ra", **known) == ["Paul OtherPrime"]


def test_a_search_needs_a_field_and_a_right(world: World) -> None:
    """R-020, R-019, I-14."""
    services, organization_id = world.services, world.organization_id

    def search(caller: Caller, **fields: str) -> object:
        return search_persons(
            services, caller=caller, organization_id=organization_id, search=PersonSearch(**fields)
        )

    assert refusal(search(world.caller("ra"))) is Refusal.EMPTY_SEARCH
    assert refusal(search(world.caller("Otherra"), last_name="Smith")) is Refusal.NOT_FOUND
    assert refusal(search(world.caller("Ann"), last_name="Smith")) is Refusal.NOT_FOUND


def test_results_are_paged(world: World) -> None:
    """R-022."""
    for number in range(23):
        letters = "abcdefghijklmnopqrstuvwx"[number]
        assert isinstance(
            world.grant("ra", NewPerson(a_form("Many", f"Crowd{letters}")), REPORTS), RequestMade
        )
    page = search_persons(
        world.services,
        caller=world.caller("ra"),
        organization_id=world.organization_id,
        search=PersonSearch(last_name="crowd"),
        page=2,
    )
    assert not isinstance(page, Refused)
    assert (len(page.rows), page.page, page.pages, page.total) == (3, 2, 2, 23)


def test_a_new_person_is_looked_at_twice_before_registering(world: World) -> None:
    """R-018, R-019, R-028: likely mistakes are pointed at, none of them stops."""

    def look(**more: str) -> PersonPreview | Refused:
        return preview_person(
            world.services,
            caller=world.caller("ra"),
            organization_id=world.organization_id,
            form=a_form(**more),
        )

    same = look(first="Zoe", last="Smith", main_email="zoe.smith@acme.example", extension="")
    assert isinstance(same, PersonPreview)
    assert same.warnings == (PersonWarning.SHARED_EMAIL, PersonWarning.SAME_NAME)
    assert [row.person_no for row in same.similar] == [world.people["Zoë"].person_no]
    made = world.grant("ra", NewPerson(a_form("General", "Number", extension="")), REPORTS)
    assert isinstance(made, RequestMade)
    shared = look(first="New", last="Person", extension="")
    assert isinstance(shared, PersonPreview)
    assert shared.warnings == (PersonWarning.SHARED_PHONE,)
    assert refusal(look(first="", last="Person")) is Refusal.INVALID


def test_a_person_is_shown_to_her_organizations_administrators_only(world: World) -> None:
    """RG-02, RG-20: no contact data of anybody else's people."""

    def show(who: str, person: str) -> PersonView | Refused:
        return show_person(
            world.services,
            caller=world.caller(who),
            organization_id=world.organization_id,
            person_id=world.people[person].person_id,
        )

    mine = show("ra", "Ann")
    assert isinstance(mine, PersonView)
    assert mine.details.main_email == "ann.blacksmith@acme.example"
    assert [role.key for role in mine.access_roles] == [REPORTS]
    contact = show("ra", "pc")
    assert isinstance(contact, PersonView)
    assert contact.contact_roles == (("primary-contact", "Primary Contact"),)
    assert refusal(show("ra", "Otherpc")) is Refusal.NOT_FOUND
    assert refusal(show("Otherra", "Ann")) is Refusal.NOT_FOUND
    assert isinstance(show("cr", "Otherpc"), PersonView)


def test_a_request_somebody_may_not_see_does_not_exist(world: World) -> None:
    """EN-07: number n+1 of another organization answers like a number nobody has."""
    number = world.people["Ann"].number
    for who in ("ra", "ar", "cr", "Ann"):
        seen = show_request(world.services, caller=world.caller(who), number=number)
        assert not isinstance(seen, Refused), who
    strangers = [
        show_request(world.services, caller=world.caller(who), number=number) for who in ("Otherra", "Zoë")
    ]
    strangers.append(show_request(world.services, caller=world.caller("ra"), number=99_999_999))
    strangers.append(show_request(world.services, caller=Caller("01NOBODY"), number=number))
    assert {answer == Refused(Refusal.NOT_FOUND) for answer in strangers} == {True}


def test_requests_are_listed_newest_first_to_those_who_administer(world: World) -> None:
    """R-011, R-237."""
    mine = list_requests(world.services, caller=world.caller("ra"), organization_id=world.organization_id)
    assert not isinstance(mine, Refused)
    numbers = [row.number for row in mine.rows]
    assert numbers == sorted(numbers, reverse=True)
    assert mine.rows[0].person_name == "Bob Smithson"
    assert mine.rows[0].made_by == "Rita Rights"
    assert {row.organization_name for row in mine.rows} == {"ACME GENERATION"}
    everything = list_requests(world.services, caller=world.caller("cr"))
    assert not isinstance(everything, Refused)
    assert everything.total > mine.total
    for caller, organization_id in (
        (world.caller("ra"), None),
        (world.caller("Otherra"), world.organization_id),
        (world.caller("Ann"), world.organization_id),
    ):
        answer = list_requests(world.services, caller=caller, organization_id=organization_id)
        assert refusal(answer) is Refusal.NOT_FOUND


def test_organizations_are_listed_to_those_who_act_for_them(world: World) -> None:
    """R-012, R-013: one organization means no choice."""
    own = list_organizations(world.services, caller=world.caller("ra"))
    assert [row.short_name for row in own.rows] == ["ACME GENERATION"]
    assert own.rows[0].waiting > 0
    world.drain()
    assert list_organizations(world.services, caller=world.caller("ra")).rows[0].waiting == 0
    every = list_organizations(world.services, caller=world.caller("cr"))
    assert [row.short_name for row in every.rows] == ["ACME GENERATION", "OPERATOR", "OTHER POWER"]
    assert [
        row.short_name
        for row in list_organizations(world.services, caller=world.caller("cr"), search="other").rows
    ] == ["OTHER POWER"]
    assert list_organizations(world.services, caller=world.caller("Ann")).total == 0
    view = show_organization(world.services, caller=world.caller("ra"), organization_id=world.organization_id)
    assert isinstance(view, OrganizationView)
    assert (view.number, view.waiting) == (100_002, 0)
    stranger = show_organization(
        world.services, caller=world.caller("Otherra"), organization_id=world.organization_id
    )
    assert refusal(stranger) is Refusal.NOT_FOUND


def test_participations_are_offered_to_staff(world: World) -> None:
    """R-113, R-114."""
    offers = offer_participations(world.services, caller=world.caller("cr"))
    assert not isinstance(offers, Refused)
    assert {offer.category for offer in offers} == {"market", "program", "service-provider"}
    assert refusal(offer_participations(world.services, caller=world.caller("ra"))) is Refusal.NOT_ALLOWED


def test_staff_add_staff_and_nobody_else_does(world: World) -> None:
    """Bootstrap: the first from the command line, others by staff through a confirmed plan."""
    someone = NewPerson(a_form("Carl", "Helper", main_email="carl@operator.example"))
    operator = next(
        row
        for row in list_organizations(world.services, caller=world.caller("cr")).rows
        if row.short_name == "OPERATOR"
    )
    plan = preview_operator_staff(
        world.services, caller=world.caller("cr"), organization_id=operator.organization_id, person=someone
    )
    assert not isinstance(plan, Refused)
    for who, digest, expected in (
        ("ra", plan.digest, Refusal.NOT_ALLOWED),
        ("cr", None, Refusal.STALE_PLAN),
        ("cr", "another", Refusal.STALE_PLAN),
    ):
        answer = add_operator_staff(
            world.services,
            caller=world.caller(who),
            person=someone,
            idempotency_key=world.key(),
            plan_digest=digest,
        )
        assert refusal(answer) is expected
    made = add_operator_staff(
        world.services,
        caller=world.caller("cr"),
        person=someone,
        idempotency_key="staff",
        plan_digest=plan.digest,
    )
    assert isinstance(made, RequestMade)
    world.people["carl"] = made
    assert list_organizations(world.services, caller=world.caller("carl")).total == 3


def test_a_catalogue_is_put_into_force_once_by_the_operator(world: World) -> None:
    services = world.services
    same = load_catalogue(services, caller=Caller.console(), catalogue=CATALOGUE)
    assert same == CatalogueLoaded(1, changed=False)
    document = CATALOGUE.document()
    document["access_roles"]["access_roles"][0]["name"] = "Registration visitor"
    changed = parse_catalogue(document)
    assert (
        refusal(load_catalogue(services, caller=world.caller("ra"), catalogue=changed)) is Refusal.NOT_ALLOWED
    )
    assert load_catalogue(services, caller=world.caller("cr"), catalogue=changed) == CatalogueLoaded(
        2, changed=True
    )


def test_without_a_catalogue_nothing_can_be_done(sqlite_registration_database: Database) -> None:
    empty = a_registration(sqlite_registration_database)
    answer = add_operator_staff(
        empty.services, caller=Caller.console(), person=NewPerson(a_form()), idempotency_key="x"
    )
    assert refusal(answer) is Refusal.NO_CATALOGUE
    assert refusal(offer_participations(empty.services, caller=Caller.console())) is Refusal.NO_CATALOGUE


def test_a_reason_stands_in_one_line(world: World) -> None:
    """CVE-2021-42574: others read it among what the pages and the audit say of the request."""
    made = world.name("ra", "applicant-representative", world.person("ra"), reason="asked\nby \u202eher")
    assert isinstance(made, RequestMade), made
    shown = show_request(world.services, caller=world.caller("cr"), number=made.number)
    assert not isinstance(shown, Refused)
    assert shown.reason == "asked by her"
