"""News, the first page; Actions, where requests start; the person's own information; and help."""

from __future__ import annotations

from dataclasses import dataclass

import flask
from flask.typing import ResponseReturnValue

from registration.domain.authority import Represented
from registration.domain.outcomes import Refused
from registration.domain.request import RequestRow, Shown
from registration.usecases.list_requests import list_requests
from registration.usecases.show_organization import show_organization
from registration.web.current import caller, identity, services, session, signed_in

PAGES = flask.Blueprint("home", __name__)
_MOST_ORGANIZATIONS = 10
_MOST_REQUESTS = 10


@dataclass(frozen=True, slots=True)
class Vacancy:
    """A role that nobody holds though somebody must (R-103, R-104)."""

    organization: Represented
    role_key: str
    role_name: str


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest requests of a kind, and how many there are of it."""

    rows: tuple[RequestRow, ...] = ()
    total: int = 0


@PAGES.get("/")
def news() -> ResponseReturnValue:
    """Show what is going on: changes under way and roles nobody holds (R-194). Strangers get a way in."""
    if session() is None:
        return flask.render_template("registration/welcome.html")
    waiting = _newest(Shown.WAITING)
    refused = _newest(Shown.REFUSED) if identity().is_staff else Newest()
    return flask.render_template(
        "registration/news.html", waiting=waiting, refused=refused, vacancies=_vacancies()
    )


@PAGES.get("/actions")
@signed_in
def actions() -> ResponseReturnValue:
    """Show what the person can start, by the roles held right now (S-02 to S-04)."""
    organizations = identity().organizations
    return flask.render_template(
        "registration/actions.html",
        granting=tuple(entry for entry in organizations if entry.may_grant),
        organizations=organizations,
    )


@PAGES.get("/me")
@signed_in
def me() -> ResponseReturnValue:
    """Show the person what is registered about them (S-04)."""
    return flask.render_template("registration/me.html")


@PAGES.get("/help")
def help_page() -> ResponseReturnValue:
    """Explain every step; pages link to its sections."""
    return flask.render_template("registration/help.html")


def _newest(show: Shown) -> Newest:
    """Return the newest requests the person may see: of all for staff, else of the organizations."""
    wanted: list[str | None] = [entry.organization_id for entry in identity().organizations]
    if identity().is_staff:
        wanted = [None]
    rows: list[RequestRow] = []
    total = 0
    for organization_id in wanted[:_MOST_ORGANIZATIONS]:
        found = list_requests(services(), caller=caller(), organization_id=organization_id, show=show)
        if not isinstance(found, Refused):
            rows.extend(found.rows)
            total += found.total
    newest = sorted(rows, key=lambda row: row.number, reverse=True)[:_MOST_REQUESTS]
    return Newest(tuple(newest), total)


def _vacancies() -> tuple[Vacancy, ...]:
    found = []
    for organization in identity().organizations[:_MOST_ORGANIZATIONS]:
        view = show_organization(services(), caller=caller(), organization_id=organization.organization_id)
        if isinstance(view, Refused):
            continue
        names = {offer.key: offer.name for offer in view.contacts}
        found += [Vacancy(organization, task.role_key, names.get(task.role_key, "")) for task in view.tasks]
    return tuple(found)
