"""A form that was sent after its session had ended: it waits here until its owner has signed in again."""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue

from kernel.local_paths import local_path
from registration.usecases.keep_form import KEPT
from registration.usecases.show_draft import show_draft
from registration.web.current import caller, services, signed_in
from registration.web.drafts import expired

PAGES = flask.Blueprint("kept_forms", __name__)


@PAGES.get("/kept/<draft_id>")
@signed_in
def kept(draft_id: str) -> ResponseReturnValue:
    """Offer to send the form now; nothing of it was done so far."""
    draft = show_draft(services(), caller=caller(), draft_id=draft_id)
    if draft is None or draft.kind != KEPT:
        return expired()
    fields = draft.values["fields"]
    return flask.render_template(
        "registration/kept.html", path=local_path(str(draft.values["path"])), fields=fields
    )
