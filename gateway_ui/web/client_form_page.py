"""The page of a form about a client, of either kind, and which version of it was filled in."""

from __future__ import annotations

import flask
from werkzeug.wrappers import Response

from gateway_ui.web.client_fields import Kind, Layout
from gateway_ui.web.client_forms import Values
from gateway_ui.web.context import render
from gateway_ui.web.staff import PROOF
from kernel.web.forms import FormErrors, single


def form_page(
    form: Layout,
    values: Values,
    errors: FormErrors | None,
    *,
    heading: str,
    standing: int | str | None,
    action: str,
    back: str,
) -> Response:
    """Show a form; ``standing`` is the version of what it changes, and None if it registers a client."""
    return render(
        "client_form.html",
        errors=errors,
        heading=heading,
        form=form,
        values=values,
        kinds=Kind,
        standing=standing,
        action=action,
        back=back,
        proof=PROOF,
    )


def sent_version() -> int:
    """Return the version that a form was filled from, 0 if it names none."""
    text = single(flask.request.form, "version", longest=9)
    return int(text) if text.isascii() and text.isdigit() else 0
