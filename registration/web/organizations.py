"""An organization's page: who speaks for it in which contact role, and what is still on its way."""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue

from registration.domain.outcomes import Refused
from registration.usecases.list_requests import list_requests
from registration.usecases.show_organization import show_organization
from registration.usecases.show_person import show_person
from registration.web.current import caller, services, signed_in
from registration.web.refusals import refusal_page, who_may_name
from registration.web.words import KINDS, STATUSES

PAGES = flask.Blueprint("organizations", __name__)
_MOST_REQUESTS = 5


@PAGES.get("/organizations/<organization_id>")
@signed_in
def organization(organization_id: str) -> ResponseReturnValue:
    """Show an organization with its contact roles, who holds them (R-124), and its latest requests."""
    view = show_organization(services(), caller=caller(), organization_id=organization_id)
    if isinstance(view, Refused):
        return refusal_page(view)
    requests = list_requests(services(), caller=caller(), organization_id=organization_id)
    return flask.render_template(
        "registration/organization.html",
        view=view,
        latest=() if isinstance(requests, Refused) else requests.rows[:_MOST_REQUESTS],
        kinds=KINDS,
        statuses=STATUSES,
        who_may_name=who_may_name,
    )


@PAGES.get("/organizations/<organization_id>/persons/<person_id>")
@signed_in
def person(organization_id: str, person_id: str) -> ResponseReturnValue:
    """Show a person of an organization: accounts and access, and since when it is live."""
    view = show_organization(services(), caller=caller(), organization_id=organization_id)
    if isinstance(view, Refused):
        return refusal_page(view)
    found = show_person(services(), caller=caller(), organization_id=organization_id, person_id=person_id)
    if isinstance(found, Refused):
        return refusal_page(found)
    return flask.render_template("registration/person.html", organization=view, person=found)
