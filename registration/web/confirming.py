"""The last page of every wizard about a person: it shows what would change, and does exactly that, once."""

from __future__ import annotations

from typing import Any, Final, Protocol

import flask
from flask.typing import ResponseReturnValue

from kernel.translations import mark
from kernel.web.forms import FormErrors, single
from registration.domain.authority import Caller
from registration.domain.draft import Draft
from registration.domain.outcomes import Refusal, Refused
from registration.domain.plan import Plan, RequestMade
from registration.usecases.services import RegistrationServices
from registration.web.current import caller, services
from registration.web.drafts import expected_name, finish
from registration.web.pages import wizard_page
from registration.web.refusals import refusal_page
from registration.web.words import refusal_text

_ENDS_THE_PAGE: Final = frozenset({Refusal.NOT_ALLOWED, Refusal.NOT_FOUND, Refusal.NO_CATALOGUE})


class Preview(Protocol):
    """What would change, of all that was chosen."""

    def __call__(
        self, services: RegistrationServices, /, *, caller: Caller, organization_id: str
    ) -> Plan | Refused:
        """Return the plan, or refuse. Changes nothing."""
        ...


class Deed(Protocol):
    """What is confirmed, with all that was chosen."""

    def __call__(
        self,
        services: RegistrationServices,
        /,
        *,
        caller: Caller,
        organization_id: str,
        plan_digest: str,
        idempotency_key: str,
    ) -> RequestMade | Refused:
        """Do it if that is still the plan, once for each key, or refuse."""
        ...


def reason_given() -> str:
    """Return the reason that was typed on the page, if one was."""
    return single(flask.request.form, "reason", longest=500)


def confirm_page(
    draft: Draft,
    template: str,
    *,
    preview: Preview,
    deed: Deed,
    back: str,
    ask: str,
    errors: FormErrors | None = None,
    **facts: Any,  # noqa: ANN401 - whatever the template shows beside
) -> ResponseReturnValue:
    """Show what ``deed`` would change; do it once that was confirmed, and lead to its request (I-21, I-22).

    Who was refused sees the plan as it is by then, with the reason above it; where there is none any more,
    only the reason. ``ask`` says who can do it instead. With ``errors`` of the form nothing is done.
    """
    organization_id, errors = draft.organization_id or "", errors or FormErrors()
    status = 422 if errors else 200
    if flask.request.method == "POST" and not errors:
        made = deed(
            services(),
            caller=caller(),
            organization_id=organization_id,
            plan_digest=single(flask.request.form, "plan", longest=100),
            idempotency_key=draft.id,
        )
        if not isinstance(made, Refused):
            return finish(draft, f"/requests/{made.number}")
        if made.reason in _ENDS_THE_PAGE:
            return refusal_page(made, ask=ask)
        errors.add("", refusal_text(made))
        status = 409
    plan = preview(services(), caller=caller(), organization_id=organization_id)
    if isinstance(plan, Refused):
        if plan.reason in _ENDS_THE_PAGE:
            return refusal_page(plan, ask=ask)
        template, status, errors = "cannot_confirm.html", 409, FormErrors([("", refusal_text(plan))])
    return wizard_page(
        template,
        draft,
        step=mark("Confirm"),
        status=status,
        errors=errors,
        plan=plan,
        user_name=expected_name(draft),
        reason=flask.request.form.get("reason", ""),
        back=back,
        **facts,
    )
