"""Customer Relations name an organization's first Authorized Representative, on a letter (R-004)."""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue

from kernel.translations import mark
from kernel.web.forms import FormErrors, single
from kernel.web.language import gettext as _
from registration.domain.draft import Draft
from registration.domain.outcomes import Refusal, Refused
from registration.usecases.preview_first_authorized_representative import (
    preview_first_authorized_representative,
)
from registration.usecases.register_first_authorized_representative import (
    register_first_authorized_representative,
)
from registration.usecases.show_organization import show_organization
from registration.web.current import caller, identity, services, signed_in
from registration.web.drafts import (
    REPRESENTATIVE,
    address,
    begin,
    chosen_person,
    expected_name,
    finish,
    go,
    step_of,
    text,
)
from registration.web.pages import wizard_page
from registration.web.refusals import refusal_page, staff_only
from registration.web.words import refusal_text

PAGES = flask.Blueprint("representative_steps", __name__)


@PAGES.post("/operator/organizations/<organization_id>/representative")
@signed_in
def begin_representative(organization_id: str) -> ResponseReturnValue:
    """Start to name the first Authorized Representative."""
    if not identity().is_staff:
        return staff_only()
    view = show_organization(services(), caller=caller(), organization_id=organization_id)
    if isinstance(view, Refused):
        return refusal_page(view, back="/operator/organizations")
    return begin(
        REPRESENTATIVE,
        organization_id,
        "search",
        organization_number=str(view.number),
        organization_name=view.short_name,
    )


@PAGES.route("/drafts/<draft_id>/confirm-representative", methods=["GET", "POST"])
@step_of(REPRESENTATIVE)
def confirm_representative(draft: Draft) -> ResponseReturnValue:
    """Ask for the letter or agreement, show exactly what would change, and do it once."""
    person = chosen_person(draft)
    if person is None:
        return go(draft, "search")
    organization_id = draft.organization_id or ""
    errors = FormErrors()
    evidence = ""
    if flask.request.method == "POST":
        evidence = single(flask.request.form, "evidence", longest=200).strip()
        if evidence:
            made = register_first_authorized_representative(
                services(),
                caller=caller(),
                organization_id=organization_id,
                person=person,
                evidence=evidence,
                idempotency_key=draft.id,
                plan_digest=single(flask.request.form, "plan", longest=100),
            )
            if not isinstance(made, Refused):
                return finish(draft, f"/requests/{made.number}")
            if made.reason in (Refusal.NOT_ALLOWED, Refusal.NOT_FOUND):
                return staff_only()
            errors.add("", refusal_text(made))
        else:
            errors.add("evidence", _("Enter the reference of the agreement or letter"))
    plan = preview_first_authorized_representative(
        services(), caller=caller(), organization_id=organization_id, person=person
    )
    back = address(draft, "select" if text(draft, "person_id") else "confirm-person")
    if isinstance(plan, Refused):
        if plan.reason in (Refusal.NOT_ALLOWED, Refusal.NOT_FOUND):
            return staff_only()
        errors = FormErrors([("", refusal_text(plan))])
        return wizard_page(
            "cannot_confirm.html", draft, step=mark("Confirm"), status=409, errors=errors, back=back
        )
    return wizard_page(
        "confirm_representative.html",
        draft,
        step=mark("Confirm"),
        errors=errors,
        plan=plan,
        user_name=expected_name(draft),
        evidence=evidence,
        back=back,
    )
