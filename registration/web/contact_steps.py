"""Naming and ending contacts: Authorized Representatives, Primary Contacts, Rights Administrators, others."""

from __future__ import annotations

from functools import partial

import flask
from flask.typing import ResponseReturnValue

from kernel.web.forms import single
from registration.domain.contact_roles import ContactRoleOffer
from registration.domain.draft import Draft
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import ExistingPerson
from registration.usecases.end_contact import end_contact
from registration.usecases.name_contact import name_contact
from registration.usecases.offer_contact_roles import offer_contact_roles
from registration.usecases.preview_contact import preview_contact
from registration.usecases.show_organization import show_organization
from registration.web.confirming import confirm_page, reason_given
from registration.web.current import caller, services, signed_in
from registration.web.drafts import (
    END_CONTACT,
    NAME_CONTACT,
    address,
    begin,
    chosen_person,
    go,
    step_of,
    text,
)
from registration.web.refusals import refusal_page, who_may_name

PAGES = flask.Blueprint("contact_steps", __name__)


def _offer(organization_id: str, role_key: str) -> ContactRoleOffer | Refused:
    offers = offer_contact_roles(services(), caller=caller(), organization_id=organization_id)
    if isinstance(offers, Refused):
        return offers
    return next((offer for offer in offers if offer.key == role_key), Refused(Refusal.NOT_FOUND))


def _begin(kind: str, organization_id: str, role_key: str, step: str, **values: str) -> ResponseReturnValue:
    view = show_organization(services(), caller=caller(), organization_id=organization_id)
    if isinstance(view, Refused):
        return refusal_page(view)
    offer = _offer(organization_id, role_key)
    if isinstance(offer, Refused):
        return refusal_page(offer)
    if not offer.may_change:
        return refusal_page(Refused(Refusal.NOT_ALLOWED), ask=who_may_name(role_key))
    return begin(
        kind,
        organization_id,
        step,
        role_key=role_key,
        role_name=offer.name,
        organization_number=str(view.number),
        organization_name=view.short_name,
        **values,
    )


@PAGES.post("/organizations/<organization_id>/contacts/<role_key>/name")
@signed_in
def begin_naming(organization_id: str, role_key: str) -> ResponseReturnValue:
    """Start to name somebody for a contact role."""
    return _begin(NAME_CONTACT, organization_id, role_key, "search")


@PAGES.post("/organizations/<organization_id>/contacts/<role_key>/end")
@signed_in
def begin_ending(organization_id: str, role_key: str) -> ResponseReturnValue:
    """Start to end somebody's contact role; the confirm page follows."""
    person_id = single(flask.request.form, "person_id", longest=40)
    return _begin(END_CONTACT, organization_id, role_key, "confirm-end", person_id=person_id)


@PAGES.route("/drafts/<draft_id>/confirm-contact", methods=["GET", "POST"])
@step_of(NAME_CONTACT)
def confirm_naming(draft: Draft) -> ResponseReturnValue:
    """Show exactly what naming this person would change, and do it once (S-11)."""
    person = chosen_person(draft)
    if person is None:
        return go(draft, "search")
    role_key = text(draft, "role_key")
    return confirm_page(
        draft,
        "confirm_contact.html",
        preview=partial(preview_contact, role_key=role_key, person=person),
        deed=partial(name_contact, role_key=role_key, person=person, reason=reason_given()),
        back=address(draft, "select" if text(draft, "person_id") else "confirm-person"),
        ask=who_may_name(role_key),
    )


@PAGES.route("/drafts/<draft_id>/confirm-end", methods=["GET", "POST"])
@step_of(END_CONTACT)
def confirm_ending(draft: Draft) -> ResponseReturnValue:
    """Show exactly what ending this contact role would change, and do it once."""
    role_key, person_id = text(draft, "role_key"), text(draft, "person_id")
    return confirm_page(
        draft,
        "confirm_end.html",
        preview=partial(
            preview_contact, role_key=role_key, person=ExistingPerson(person_id), ending_role=True
        ),
        deed=partial(end_contact, role_key=role_key, person_id=person_id, reason=reason_given()),
        back=f"/organizations/{draft.organization_id}",
        ask=who_may_name(role_key),
    )
