"""The console of Customer Relations: organizations, their state, and registering a new one."""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue

from kernel.translations import mark
from kernel.web.forms import FormErrors, several, single
from registration.domain.draft import Draft
from registration.domain.organization import OrganizationForm, check_organization
from registration.domain.outcomes import Refusal, Refused
from registration.usecases.list_organizations import list_organizations
from registration.usecases.offer_participations import offer_participations
from registration.usecases.register_organization import register_organization
from registration.web.current import caller, identity, services, signed_in
from registration.web.drafts import (
    ORGANIZATION,
    address,
    begin,
    finish,
    go,
    keep,
    step_of,
    text,
    texts,
)
from registration.web.pages import wizard_page
from registration.web.refusals import refusal_page, staff_only
from registration.web.requests import page_number
from registration.web.words import STATUSES, fault_errors, refusal_text

PAGES = flask.Blueprint("operator", __name__)
_FIELD_OF = {
    Refusal.NAME_TAKEN: "short_name",
    Refusal.NUMBER_TAKEN: "number",
    Refusal.UNKNOWN_PARTICIPATION: "participations",
}


@PAGES.get("/operator/organizations")
@signed_in
def organizations() -> ResponseReturnValue:
    """List all organizations with their state, found by number or name."""
    if not identity().is_staff:
        return staff_only()
    search = single(flask.request.args, "search", longest=100)
    found = list_organizations(services(), caller=caller(), search=search, page=page_number())
    return flask.render_template(
        "registration/operator_organizations.html", found=found, search=search, statuses=STATUSES
    )


@PAGES.post("/operator/organizations/new")
@signed_in
def begin_organization() -> ResponseReturnValue:
    """Start to register an organization."""
    return begin(ORGANIZATION, None, "organization") if identity().is_staff else staff_only()


def _kept(draft: Draft) -> OrganizationForm:
    return OrganizationForm(
        legal_name=text(draft, "legal_name"),
        short_name=text(draft, "short_name"),
        number=text(draft, "number"),
        participations=tuple(texts(draft, "participations")),
        owns_facilities=draft.values.get("owns_facilities") is True,
    )


@PAGES.route("/drafts/<draft_id>/organization", methods=["GET", "POST"])
@step_of(ORGANIZATION)
def organization(draft: Draft) -> ResponseReturnValue:
    """Take number, names and participations of the organization."""
    offered = offer_participations(services(), caller=caller())
    if isinstance(offered, Refused):
        return staff_only() if offered.reason is Refusal.NOT_ALLOWED else refusal_page(offered)
    form, errors = _kept(draft), FormErrors()
    if flask.request.method == "POST":
        sent = flask.request.form
        form = OrganizationForm(
            legal_name=single(sent, "legal_name", longest=500),
            short_name=single(sent, "short_name", longest=200),
            number=single(sent, "number", longest=40),
            participations=tuple(several(sent, "participations")),
            owns_facilities=single(sent, "owns_facilities", longest=10) == "yes",
        )
        checked = check_organization(form)
        if isinstance(checked, tuple):
            errors = fault_errors(checked)
        else:
            kept = keep(
                draft,
                legal_name=form.legal_name,
                short_name=checked.short_name,
                number=form.number,
                participations=list(form.participations),
                owns_facilities=form.owns_facilities,
            )
            return refusal_page(kept) if isinstance(kept, Refused) else go(draft, "confirm-organization")
    return wizard_page(
        "organization_form.html",
        draft,
        step=mark("Organization"),
        errors=errors,
        form=form,
        offered=offered,
        back="/operator/organizations",
    )


@PAGES.route("/drafts/<draft_id>/confirm-organization", methods=["GET", "POST"])
@step_of(ORGANIZATION)
def confirm_organization(draft: Draft) -> ResponseReturnValue:
    """Show the organization as it would be registered, and register it once."""
    form = _kept(draft)
    if not form.legal_name:
        return go(draft, "organization")
    offered = offer_participations(services(), caller=caller())
    if isinstance(offered, Refused):
        return staff_only() if offered.reason is Refusal.NOT_ALLOWED else refusal_page(offered)
    errors = FormErrors()
    if flask.request.method == "POST":
        made = register_organization(services(), caller=caller(), form=form, idempotency_key=draft.id)
        if not isinstance(made, Refused):
            return finish(draft, f"/organizations/{made.organization_id}")
        if made.reason is Refusal.NOT_ALLOWED:
            return staff_only()
        errors.add(_FIELD_OF.get(made.reason, ""), refusal_text(made))
    return wizard_page(
        "confirm_organization.html",
        draft,
        step=mark("Confirm"),
        status=409 if errors else 200,
        errors=FormErrors([("", message["text"]) for message in errors.summary]),
        form=form,
        participations=[entry.name for entry in offered if entry.key in form.participations],
        back=address(draft, "organization"),
    )
