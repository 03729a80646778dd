"""A wizard's state on the server: each step has an address of its own, and the back button is safe.

Nothing is decided by walking through a wizard: only its confirm page commits, with the draft's id as the
key that makes a double submit one request (I-22). Two wizards in two tabs are two drafts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import flask
from flask.typing import ResponseReturnValue

from kernel.local_paths import local_path
from kernel.web.errors import refuse
from kernel.web.language import gettext as _
from registration.domain.draft import Draft
from registration.domain.outcomes import Refused
from registration.domain.person import ExistingPerson, NewPerson, PersonChoice, PersonForm
from registration.usecases.expect_user_name import expect_user_name
from registration.usecases.save_draft import save_draft
from registration.usecases.show_draft import show_draft
from registration.usecases.start_draft import start_draft
from registration.web.current import caller, services, signed_in

P = ParamSpec("P")
Step = Callable[Concatenate[Draft, P], ResponseReturnValue]

GRANT, REVOKE = "grant", "revoke"
ACCESS, NAME_CONTACT, END_CONTACT = "access", "name-contact", "end-contact"
REPRESENTATIVE, ORGANIZATION = "first-representative", "register-organization"


def begin(kind: str, organization_id: str | None, step: str, **values: Any) -> ResponseReturnValue:  # noqa: ANN401 - JSON
    """Start a wizard and go to its first step."""
    draft = start_draft(
        services(), caller=caller(), kind=kind, organization_id=organization_id, values=values
    )
    return go(draft, step)


def go(draft: Draft, step: str) -> ResponseReturnValue:
    """Lead to a step of a wizard."""
    return flask.redirect(address(draft, step), 303)


def address(draft: Draft, step: str) -> str:
    """Return the address of a step."""
    return f"/drafts/{draft.id}/{step}"


def finish(draft: Draft, where: str) -> ResponseReturnValue:
    """Close a wizard whose deed is done, and lead to ``where`` it can be followed."""
    keep(draft, done=where)
    return flask.redirect(where, 303)


def keep(draft: Draft, **values: Any) -> Draft | Refused:  # noqa: ANN401 - JSON
    """Keep what was typed on a step, on top of whatever is kept of the others.

    No version is asked for: a page that the back button shows may be sent again. What is shown on the confirm
    page is what the deed does, by the digest of its plan.
    """
    return save_draft(services(), caller=caller(), draft_id=draft.id, values=values)


def step_of(*kinds: str) -> Callable[[Step[P]], Callable[..., ResponseReturnValue]]:
    """Serve a step of the wizards of these kinds, to the one who started it and as long as it is open.

    A wizard that was confirmed leads to its request, whatever page of it the back button shows.
    """

    def wrap(page: Step[P]) -> Callable[..., ResponseReturnValue]:
        @wraps(page)
        def opened(draft_id: str, *args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            draft = show_draft(services(), caller=caller(), draft_id=draft_id)
            if draft is None or draft.kind not in kinds:
                return expired()
            if text(draft, "done"):
                return flask.redirect(local_path(text(draft, "done")), 303)
            return page(draft, *args, **kwargs)

        return signed_in(opened)

    return wrap


def expired() -> ResponseReturnValue:
    """Return the page for a wizard that is gone."""
    return refuse(
        404,
        _("This form is no longer open"),
        _("It was not finished in time, or it belongs to somebody else. Nothing was changed."),
        back="/actions",
        back_text=_("Start again from Actions"),
    )


def text(draft: Draft, name: str) -> str:
    """Return a kept text, or an empty one."""
    value = draft.values.get(name)
    return value if isinstance(value, str) else ""


def texts(draft: Draft, name: str) -> list[str]:
    """Return kept texts, or none."""
    value = draft.values.get(name)
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def kept_form(draft: Draft) -> PersonForm | None:
    """Return the kept form of a new person, or None."""
    value = draft.values.get("form")
    return PersonForm.of(value) if isinstance(value, Mapping) else None


def chosen_person(draft: Draft) -> PersonChoice | None:
    """Return whom the wizard is about, or None before that step."""
    person_id = text(draft, "person_id")
    if person_id:
        return ExistingPerson(person_id)
    form = kept_form(draft)
    return NewPerson(form) if form is not None and draft.values.get("confirmed") is True else None


def expected_name(draft: Draft) -> str:
    """Return the user name that the person of the wizard has, or would get now."""
    person = chosen_person(draft)
    if person is None:
        return ""
    return expect_user_name(
        services(), caller=caller(), organization_id=draft.organization_id or "", person=person
    )
