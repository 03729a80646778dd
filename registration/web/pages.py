"""What every page of a wizard repeats: organization, request type, steps and help."""

from __future__ import annotations

from typing import Any, Final

import flask

from kernel.translations import mark
from kernel.web.language import gettext as _
from registration.domain.draft import Draft
from registration.domain.request import RequestKind
from registration.web.drafts import (
    ACCESS,
    END_CONTACT,
    NAME_CONTACT,
    ORGANIZATION,
    REPRESENTATIVE,
    REVOKE,
    text,
)
from registration.web.words import LETTERS, kind_text

ACCESS_STEPS: Final = (
    mark("Request type"),
    mark("Account type"),
    mark("Person"),
    mark("Access roles"),
    mark("Confirm"),
)
_STEPS: Final = {
    ACCESS: ACCESS_STEPS,
    NAME_CONTACT: (mark("Person"), mark("Confirm")),
    REPRESENTATIVE: (mark("Person"), mark("Confirm")),
    ORGANIZATION: (mark("Organization"), mark("Confirm")),
    END_CONTACT: (),
}
_KINDS: Final = {
    NAME_CONTACT: RequestKind.NAME_CONTACT,
    END_CONTACT: RequestKind.END_CONTACT,
    REPRESENTATIVE: RequestKind.NAME_FIRST_REPRESENTATIVE,
    ORGANIZATION: RequestKind.REGISTER_ORGANIZATION,
}
_HELP: Final = {
    ACCESS: "access",
    NAME_CONTACT: "contacts",
    END_CONTACT: "contacts",
    REPRESENTATIVE: "operator",
    ORGANIZATION: "operator",
}


def request_kind(draft: Draft) -> RequestKind:
    """Return the request type of a wizard."""
    if draft.kind == ACCESS:
        return RequestKind.REVOKE_ACCESS if text(draft, "type") == REVOKE else RequestKind.GRANT_ACCESS
    return _KINDS[draft.kind]


def context_of(draft: Draft) -> list[tuple[str, str]]:
    """Return the line that each page repeats: organization, request type and, if there is one, the role."""
    pairs = []
    if text(draft, "organization_number"):
        name = f"{text(draft, 'organization_number')} {text(draft, 'organization_name')}"
        pairs.append((_("Organization"), name))
    pairs.append((_("Request type"), kind_text(request_kind(draft))))
    if text(draft, "role_name"):
        pairs.append((_("Contact role"), text(draft, "role_name")))
    return pairs


def wizard_page(
    template: str,
    draft: Draft,
    *,
    step: str = "",
    status: int = 0,
    person: str = "",
    **facts: Any,  # noqa: ANN401 - whatever the template shows
) -> tuple[str, int]:
    """Render a step of a wizard; a page with errors answers 422. ``person`` is whom it is about by now."""
    steps = _STEPS[draft.kind]
    pairs = context_of(draft) + ([(_("Person"), person)] if person else [])
    page = flask.render_template(
        f"registration/{template}",
        draft=draft,
        context=pairs,
        steps=[_(name) for name in steps],
        current_step=steps.index(step) + 1 if step in steps else 0,
        help_at=_HELP[draft.kind],
        here=f"/drafts/{draft.id}",
        letters=LETTERS,
        **facts,
    )
    return page, status or (422 if facts.get("errors") else 200)
