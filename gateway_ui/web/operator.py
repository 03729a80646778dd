"""The operator's pages: what provisioning clients asked, and why something was refused.

Open to the operator's own staff alone. Everything is a GET: a page can be bookmarked, sent to a colleague,
and linked to by the external id of an account.
"""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import flask
from flask.typing import ResponseReturnValue

from gateway_ui.web import provisioning_words as words
from gateway_ui.web.context import pages, render
from gateway_ui.web.messages import DAY_NOT_READ, DAYS_TURNED, complain
from gateway_ui.web.staff import operators_only
from idp.usecases.find_provisioning_requests import (
    MOST_MEMBERS,
    Question,
    Shown,
    find_provisioning_requests,
    show_provisioning_request,
)
from kernel.randomness import ULID
from kernel.web.forms import FormErrors, single
from kernel.web.language import gettext as _

blueprint = flask.Blueprint("operator", __name__)
ADDRESS = "/operator/provisioning"
SCIM_CLIENT = "/operator/scim-client"
"""The page of the SCIM client of an id, to which the pages of what it is and what it sent lead."""
HELP_DESK = "/operator/accounts"
"""Where the help desk looks for an account; its page stands below, under its id."""
NEW_SCIM_CLIENT = "/operator/new-scim-client"
_FEW = 5
"""So many attributes are named in a list; of more it tells the number."""
_FIELDS = ("q", "client", "show", "from", "to")
_LONGEST_NAME = 1_024
"""So long may an external id, or the name of a group, be; each is found by the whole of it."""


@blueprint.get(ADDRESS)
@operators_only
def requests() -> ResponseReturnValue:
    """List requests, newest first, narrowed by whom they are about, by sender, outcome and time."""
    errors = FormErrors()
    asked = {name: single(flask.request.args, name, longest=_LONGEST_NAME).strip() for name in _FIELDS}
    question = _question(asked, errors)
    found = find_provisioning_requests(pages().services, question)
    return render(
        "provisioning_requests.html",
        errors=errors,
        asked=asked | {"show": question.shown.value},
        is_narrowed=any(asked.values()) or bool(question.older_than or question.newer_than),
        found=found,
        words=words,
        desk=HELP_DESK,
        few=_FEW,
        shown=[{"value": each.value, "text": _(text)} for each, text in words.SHOWN.items()],
        older=_page_address(asked, older=found.older),
        newer=_page_address(asked, newer=found.newer),
    )


@blueprint.get(f"{ADDRESS}/<record_id>")
@operators_only
def request(record_id: str) -> ResponseReturnValue:
    """Show one request in full, what its refusal means and what to do about it."""
    detail = show_provisioning_request(pages().services, record_id) if ULID.fullmatch(record_id) else None
    if detail is None:
        flask.abort(404)
    record = detail.record
    return render(
        "provisioning_request.html",
        detail=detail,
        record=record,
        deed=words.deed(record),
        verdict=words.verdict(record),
        advice=words.advice(record),
        named=words.named(record),
        about=_page_address({"q": detail.record.target_id}) if record.target_id else "",
        called=_page_address({"q": record.name}) if record.name and not detail.target_is_there else "",
        address=ADDRESS,
        sender_address=f"{SCIM_CLIENT}?{urlencode({'id': record.client_id})}",
        most_members=MOST_MEMBERS,
    )


def _question(asked: dict[str, str], errors: FormErrors) -> Question:
    """Return what the form asks for; a day that cannot be read narrows nothing and is complained about."""
    first, last = read_day(asked["from"], "from", errors), read_day(asked["to"], "to", errors)
    if first is not None and last is not None and last < first:
        complain(errors, "to", DAYS_TURNED)
        first = last = None
    known = asked["show"] in {each.value for each in Shown}
    return Question(
        subject=asked["q"],
        client_id=asked["client"],
        shown=Shown(asked["show"]) if known else Shown.TOLD,
        since=midnight(first) if first else None,
        until=midnight(last + dt.timedelta(days=1)) if last else None,
        older_than=_id("older"),
        newer_than=_id("newer"),
    )


def read_day(written: str, field: str, errors: FormErrors) -> dt.date | None:
    """Return the day that was typed, None for none; what cannot be read is complained about."""
    if not written:
        return None
    try:
        day = dt.date.fromisoformat(written)
    except ValueError:
        day = None
    if day is None or not 2000 <= day.year <= 9000:
        complain(errors, field, DAY_NOT_READ)
        return None
    return day


def midnight(day: dt.date) -> dt.datetime:
    """Return when the day starts where the operator is."""
    return dt.datetime.combine(day, dt.time(), ZoneInfo(pages().services.zone)).astimezone(dt.UTC)


def _id(name: str) -> str:
    given = single(flask.request.args, name, longest=100)
    return given if ULID.fullmatch(given) else ""


def _page_address(asked: dict[str, str], **ends: str) -> str:
    """Return the address of a page of the list, empty where there is none in that direction."""
    if ends and not any(ends.values()):
        return ""
    stated = {name: value for name, value in {**asked, **ends}.items() if value}
    return f"{ADDRESS}?{urlencode(stated)}"
