"""What a page answers when a use case refuses: the reason in words, and whom to ask."""

from __future__ import annotations

from typing import Final

from flask.typing import ResponseReturnValue

from kernel.web.errors import refuse
from kernel.web.language import gettext as _
from registration.domain.outcomes import Refusal, Refused
from registration.web.words import NAMED_BY, refusal_text

_STATUS: Final = {
    Refusal.NOT_ALLOWED: 403,
    Refusal.NO_ACCOUNT: 403,
    Refusal.NOT_FOUND: 404,
    Refusal.TOO_MANY_STRANGERS: 429,
    Refusal.PROVIDER_UNREACHABLE: 503,
    Refusal.NO_CATALOGUE: 503,
}


def refusal_page(refused: Refused, *, ask: str = "", back: str = "/actions") -> ResponseReturnValue:
    """Return the page for a refusal that ends a page. ``ask`` says who can do it instead."""
    status = _STATUS.get(refused.reason, 409)
    headings = {403: _("You cannot do that"), 404: _("Page not found"), 503: _("Not possible at the moment")}
    heading = headings.get(status, _("This was not done"))
    lines = [refusal_text(refused)]
    if status == 403:
        lines.append(ask or _("Ask a Rights Administrator of the organization, or Customer Relations."))
    return refuse(status, heading, *lines, back=back, back_text=_("Go back to Actions"))


def staff_only() -> ResponseReturnValue:
    """Return the page for whoever is not of Customer Relations and asks for a page of theirs."""
    return refusal_page(Refused(Refusal.NOT_ALLOWED), ask=only_staff())


def only_staff() -> str:
    """Return the sentence that tells who does what only Customer Relations do."""
    return _("Only Customer Relations can do this.")


def who_may_name(role_key: str) -> str:
    """Return the sentence that tells who adds and removes holders of a contact role."""
    known = NAMED_BY.get(role_key)
    return _(known) if known else _("An Applicant Representative of the organization can do this.")
