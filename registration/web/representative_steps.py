"""Customer Relations name an organization's first Authorized Representative, on a letter (R-004)."""

from __future__ import annotations

from functools import partial

import flask
from flask.typing import ResponseReturnValue

from kernel.web.forms import FormErrors, single
from kernel.web.language import gettext as _
from registration.domain.draft import Draft
from registration.domain.outcomes import Refused
from registration.usecases.preview_first_authorized_representative import (
    preview_first_authorized_representative,
)
from registration.usecases.register_first_authorized_representative import (
    register_first_authorized_representative,
)
from registration.usecases.show_organization import show_organization
from registration.web.confirming import confirm_page
from registration.web.current import caller, identity, services, signed_in
from registration.web.drafts import (
    REPRESENTATIVE,
    address,
    begin,
    chosen_person,
    go,
    step_of,
    text,
)
from registration.web.refusals import only_staff, refusal_page, staff_only

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
    errors = FormErrors()
    evidence = single(flask.request.form, "evidence", longest=200).strip()
    if flask.request.method == "POST" and not evidence:
        errors.add("evidence", _("Enter the reference of the agreement or letter"))
    return confirm_page(
        draft,
        "confirm_representative.html",
        preview=partial(preview_first_authorized_representative, person=person),
        deed=partial(register_first_authorized_representative, person=person, evidence=evidence),
        back=address(draft, "select" if text(draft, "person_id") else "confirm-person"),
        ask=only_staff(),
        errors=errors,
        evidence=evidence,
    )
