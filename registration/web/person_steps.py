"""The steps that find or register a person; granting access and naming contacts share them (R-169..R-172)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields

import flask
from babel import Locale
from flask.typing import ResponseReturnValue
from phonenumbers import SUPPORTED_REGIONS

from kernel.folding import in_the_alphabet
from kernel.translations import mark
from kernel.web.forms import FormErrors, single
from kernel.web.language import current_language
from kernel.web.language import gettext as _
from registration.domain.draft import Draft
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import PersonForm
from registration.domain.search import PersonSearch
from registration.usecases.preview_person import preview_person
from registration.usecases.search_persons import search_persons
from registration.web.current import caller, services
from registration.web.drafts import (
    ACCESS,
    NAME_CONTACT,
    REPRESENTATIVE,
    REVOKE,
    address,
    go,
    keep,
    kept_form,
    step_of,
    text,
)
from registration.web.pages import wizard_page
from registration.web.refusals import refusal_page
from registration.web.requests import page_number
from registration.web.words import WARNINGS, fault_errors, refusal_text

PAGES = flask.Blueprint("person_steps", __name__)
_KINDS = (ACCESS, NAME_CONTACT, REPRESENTATIVE)
_SEARCH_FIELDS = ("person_no", "last_name", "first_name")
_AFTER = {NAME_CONTACT: "confirm-contact", REPRESENTATIVE: "confirm-representative"}
_COMMON_COUNTRIES = ("CA", "US")
_ON_THE_PAGE = (
    "first_name",
    "middle_name",
    "last_name",
    "preferred_name",
    "position",
    "main_email",
    "main_phone",
    "extension",
    "language",
    "country",
    "address_1",
    "address_2",
    "address_3",
    "address_4",
    "city",
    "province",
    "postal_code",
)
"""The fields from top to bottom, as the summary of what is wrong names them."""


def _search_of(draft: Draft) -> PersonSearch | None:
    kept = draft.values.get("search")
    if not isinstance(kept, Mapping):
        return None
    return PersonSearch(**{name: str(kept.get(name, "")) for name in _SEARCH_FIELDS})


def _after_person(draft: Draft) -> str:
    if draft.kind == ACCESS:
        return "revoke" if text(draft, "type") == REVOKE else "roles"
    return _AFTER[draft.kind]


def _may_register(draft: Draft) -> bool:
    """Revoking never registers anybody (R-168)."""
    return text(draft, "type") != REVOKE


def _before_search(draft: Draft) -> str:
    if draft.kind == ACCESS:
        return address(draft, "account")
    return (
        f"/organizations/{draft.organization_id}" if draft.kind == NAME_CONTACT else "/operator/organizations"
    )


@PAGES.route("/drafts/<draft_id>/search", methods=["GET", "POST"])
@step_of(*_KINDS)
def search(draft: Draft) -> ResponseReturnValue:
    """Ask whom to look for: Person ID, last name or first name, at least one (R-020)."""
    wanted = _search_of(draft) or PersonSearch()
    errors = FormErrors()
    if flask.request.method == "POST":
        wanted = PersonSearch(
            **{name: single(flask.request.form, name, longest=100) for name in _SEARCH_FIELDS}
        )
        if not wanted.is_empty:
            kept = keep(draft, search=asdict(wanted))
            return refusal_page(kept) if isinstance(kept, Refused) else go(draft, "select")
        errors.add("person_no", refusal_text(Refused(Refusal.EMPTY_SEARCH)))
    return wizard_page(
        "search.html", draft, step=mark("Person"), errors=errors, wanted=wanted, back=_before_search(draft)
    )


@PAGES.route("/drafts/<draft_id>/select", methods=["GET", "POST"])
@step_of(*_KINDS)
def select(draft: Draft) -> ResponseReturnValue:
    """Show who was found, to choose one, search again or register somebody new (R-021..R-024, R-170)."""
    wanted = _search_of(draft)
    if wanted is None:
        return go(draft, "search")
    errors = FormErrors()
    if flask.request.method == "POST":
        person_id = single(flask.request.form, "person_id", longest=40)
        if person_id:
            kept = keep(draft, person_id=person_id, confirmed=False, roles=[])
            return refusal_page(kept) if isinstance(kept, Refused) else go(draft, _after_person(draft))
        errors.add("person_id", _("Choose a person"))
    found = search_persons(
        services(),
        caller=caller(),
        organization_id=draft.organization_id or "",
        search=wanted,
        page=page_number(),
    )
    if isinstance(found, Refused):
        return go(draft, "search") if found.reason is Refusal.EMPTY_SEARCH else refusal_page(found)
    return wizard_page(
        "select.html",
        draft,
        step=mark("Person"),
        errors=errors,
        found=found,
        wanted=wanted,
        chosen=text(draft, "person_id"),
        may_register=_may_register(draft),
        back=address(draft, "search"),
    )


@PAGES.route("/drafts/<draft_id>/register", methods=["GET", "POST"])
@step_of(*_KINDS)
def register(draft: Draft) -> ResponseReturnValue:
    """Take the attributes of a new person; only after a search has been made (R-024, R-025, R-171)."""
    wanted = _search_of(draft)
    if wanted is None or not _may_register(draft):
        return go(draft, "search")
    errors = FormErrors()
    form = kept_form(draft) or PersonForm(
        first_name=wanted.first_name.strip(),
        last_name=wanted.last_name.strip(),
        country="CA",
        language=current_language(),
    )
    if flask.request.method == "POST":
        form = PersonForm(
            **{
                entry.name: single(flask.request.form, entry.name, longest=500)
                for entry in fields(PersonForm)
            }
        )
        preview = preview_person(
            services(), caller=caller(), organization_id=draft.organization_id or "", form=form
        )
        if not isinstance(preview, Refused):
            kept = keep(draft, form=asdict(form), confirmed=False, person_id="", roles=[])
            return refusal_page(kept) if isinstance(kept, Refused) else go(draft, "confirm-person")
        if not preview.faults:
            return refusal_page(preview)
        errors = fault_errors(sorted(preview.faults, key=lambda fault: _ON_THE_PAGE.index(fault.field)))
    return wizard_page(
        "register.html",
        draft,
        step=mark("Person"),
        errors=errors,
        form=form,
        countries=_countries(),
        back=address(draft, "select"),
    )


@PAGES.route("/drafts/<draft_id>/confirm-person", methods=["GET", "POST"])
@step_of(*_KINDS)
def confirm_person(draft: Draft) -> ResponseReturnValue:
    """Show the new person as they would be registered; Go Back keeps what was typed (R-172, R-027)."""
    form = kept_form(draft)
    if form is None or not _may_register(draft):
        return go(draft, "register")
    preview = preview_person(
        services(), caller=caller(), organization_id=draft.organization_id or "", form=form
    )
    if isinstance(preview, Refused):
        return go(draft, "register") if preview.faults else refusal_page(preview)
    if flask.request.method == "POST":
        kept = keep(draft, confirmed=True, person_id="")
        return refusal_page(kept) if isinstance(kept, Refused) else go(draft, _after_person(draft))
    return wizard_page(
        "confirm_person.html",
        draft,
        step=mark("Person"),
        preview=preview,
        warnings=[_(WARNINGS[warning]) for warning in preview.warnings],
        country=_country_name(preview.details.country),
        back=address(draft, "register"),
    )


def _country_name(code: str) -> str:
    return str(Locale(current_language()).territories.get(code, code))


def _countries() -> list[dict[str, str]]:
    """Return all countries by name in the page's language, the usual ones first."""
    names = Locale(current_language()).territories
    named = {code: str(names.get(code, code)) for code in SUPPORTED_REGIONS - {*_COMMON_COUNTRIES}}
    rest = sorted(named, key=lambda code: in_the_alphabet(named[code]))
    named |= {code: str(names[code]) for code in _COMMON_COUNTRIES}
    return [{"value": code, "text": named[code]} for code in (*_COMMON_COUNTRIES, *rest)]
