"""Who may open the operator's pages, and how lately they must have proved who they are to change things."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web.context import live_session, pages, render
from gateway_ui.web.flows import sign_in_first, start
from idp.domain.login_flow import Demands
from idp.domain.session import LiveSession
from idp.usecases.operators import is_operator
from kernel.audit import Actor
from kernel.web import csrf
from kernel.web.errors import refuse
from kernel.web.language import gettext as _
from kernel.web.links import this_page

P = ParamSpec("P")
PROOF = "/operator/proof"
"""Where one proves anew who one is, in a tab beside the form that waits."""


def stands_as_operator() -> bool:
    """Tell whether whoever is signed in may open the operator's pages; asked once a request."""
    if "is_operator" not in flask.g:
        session, settings = live_session(), pages().settings
        flask.g.is_operator = session is not None and is_operator(
            pages().services, session, role=settings.operator_role, source=settings.operator_source
        )
    return bool(flask.g.is_operator)


def operators_only(page: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Serve a page to the operator's staff only: others sign in first, or are told that it is not theirs."""

    @wraps(page)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if live_session() is None:
            return sign_in_first(this_page())
        if not stands_as_operator():
            return refuse(
                403,
                _("You cannot do that"),
                _("Only %(office)s can open this page.", office=pages().contact.office),
                back="/",
                back_text=_("Go to your applications"),
            )
        return page(*args, **kwargs)

    return guarded


def has_proved_lately() -> bool:
    """Tell whether whoever is signed in proved who they are a moment ago, as changes demand (ASVS 7.5.3)."""
    session = live_session()
    if session is None:
        return False
    age = pages().services.store.clock.now() - session.authenticated_at
    return age <= pages().settings.operator_proof_life


def proof_of(path: str) -> ResponseReturnValue:
    """Ask anew who it is, with both factors, and come back to ``path``."""
    life = int(pages().settings.operator_proof_life.total_seconds())
    return start(path, demands=Demands(max_age=life))


def late_proof() -> Response | None:
    """Return the way to a new proof for a form that came back too late; its page then asks again."""
    return None if has_proved_lately() else flask.make_response(proof_of(this_page()))


def proved_operators_only(page: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Serve the page of a deed to staff that proved lately who they are; others prove it first.

    Only the way to the page is guarded so. A form that comes back too late is the page's own to answer, so
    that nothing that was typed is lost.
    """

    @operators_only
    @wraps(page)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if flask.request.method == "GET" and not has_proved_lately():
            return proof_of(this_page())
        return page(*args, **kwargs)

    return guarded


def keeps_what_was_typed(page: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let a long form that is sent after its session has ended wait on a page of its own, to be sent again.

    Nobody knows who sends it then, so the page shows nothing but what came with it.
    """

    @wraps(page)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if flask.request.method == "GET" or live_session() is not None:
            return page(*args, **kwargs)
        sent = flask.request.form.items(multi=True)
        fields = [pair for pair in sent if pair[0] != csrf.FIELD]
        return render("form_waits.html", status=422, action=this_page(), fields=fields, proof=PROOF)

    return guarded


def operator_session() -> LiveSession:
    """Return the session of the operator on whose page one is."""
    session = live_session()
    if session is None:
        flask.abort(403)
    return session


def acting() -> Actor:
    """Return who acts, for the audit."""
    session = operator_session()
    return Actor("account", session.account.id, session.id)
