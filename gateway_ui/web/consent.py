"""What other parties' applications may have: asked once, shown, and taken back (OIDC Core §3.1.2.4).

The question waits in the database for the session it was put to; its token in the address opens nothing
without that session. It works without JavaScript. The logo is the one thing here that comes from another
address: the page's policy lets through images of that origin, and of no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web.client_names import name_here
from gateway_ui.web.context import live_session, pages, render
from gateway_ui.web.flows import go, sign_in_first
from gateway_ui.web.page_client import about_client, client_face, keep_opener
from idp.domain.login_flow import RESUME_PATH
from idp.usecases.consents import list_consents, revoke_consent
from idp.usecases.decide_consent import ConsentQuestion, decide_consent, look_at_consent
from kernel.translations import mark
from kernel.web.errors import refuse
from kernel.web.forms import single
from kernel.web.language import gettext as _

blueprint = flask.Blueprint("consent", __name__)

CONSENTS = "/allowed-applications"
"""Where a person sees what she allowed, and takes it back."""

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "openid": mark("know that it is you, by an identifier of your account"),
        "profile": mark("see your name, user ID and language"),
        "email": mark("see your email address"),
        "address": mark("see your postal address"),
        "phone": mark("see your telephone number"),
        "access": mark("see your organizations and your access roles there"),
        "scim.users.read": mark("see all that your account holds"),
        "scim.users.write": mark(
            "see all that your account holds, and change nickname, language, time zone, web page and photos"
        ),
        "offline_access": mark("keep this access while you are signed out"),
    }
)


def scope_words(scope: Iterable[str]) -> list[str]:
    """Return what scopes mean, in sentences for a person."""
    asked = set(scope)
    return [_(words) for each, words in _WORDS.items() if each in asked]


@blueprint.after_request
def keep_opener_of_question(response: Response) -> Response:
    """Leave the question to the window that opened it, as a part of a sign-in; the list is none."""
    return response if flask.request.path == CONSENTS else keep_opener(response)


@blueprint.get("/consent")
def ask() -> ResponseReturnValue:
    """Ask whether the application may have what it asks for."""
    session = live_session()
    if session is None:
        return _over()  # whoever signs in now is not asked it: it was put to a session that is gone
    question = look_at_consent(pages().services, token=_token(), session=session)
    return _over() if question is None else _page(question)


@blueprint.post("/consent")
def answer() -> ResponseReturnValue:
    """Keep the answer and go on to the application with it."""
    session = live_session()
    decision = single(flask.request.form, "decision", longest=10)
    if session is None or decision not in ("allow", "deny"):
        return _over()
    token = _token()
    if not decide_consent(pages().services, token=token, session=session, allowed=decision == "allow"):
        return _over()
    return go(f"{RESUME_PATH}?consent={token}")


@blueprint.get(CONSENTS)
def show() -> ResponseReturnValue:
    """Show what the person allowed."""
    session = live_session()
    if session is None:
        return sign_in_first(CONSENTS)
    found = list_consents(pages().services, session)
    named = [(each, name_here(each.client_id, each.client_name), scope_words(each.scope)) for each in found]
    is_done = single(flask.request.args, "done", longest=20) == "taken-back"
    return render("allowed_applications.html", found=named, is_done=is_done)


@blueprint.post(CONSENTS)
def take_back() -> ResponseReturnValue:
    """Take a consent back, with everything the application was given; a second time changes nothing."""
    session = live_session()
    if session is None:
        return sign_in_first(CONSENTS)
    client_id = single(flask.request.form, "client", longest=64)
    revoke_consent(pages().services, session, client_id=client_id)
    return go(f"{CONSENTS}?done=taken-back")


def _token() -> str:
    return single(flask.request.args, "request", longest=200)


def _page(question: ConsentQuestion) -> Response:
    client = question.client
    about_client(client)
    return render(
        "consent.html",
        client=client_face(),
        host=urlsplit(question.redirect_uri).netloc,
        words=scope_words(question.scope),
        action=f"/consent?request={_token()}",
    )


def _over() -> ResponseReturnValue:
    return refuse(
        410,
        _("This question is over"),
        _("It was answered already, or your session has ended."),
        _("Open the application again to go on."),
        back="/",
        back_text=_("Go to your applications"),
    )
