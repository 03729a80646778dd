"""Where a person sees, names, removes and adds passkeys and authenticator apps of her own (G-33, MF-14).

Works without JavaScript. Who changes something proves first who she is, with both steps; a form that comes
back too late leads there too, and then to its page again.
"""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web.context import live_session, pages, render
from gateway_ui.web.flows import go, sign_in_first, start
from gateway_ui.web.messages import NAME_LONG, complain
from idp.domain.factors import LONGEST_LABEL, PROOF_LIFE, FactorKind, OwnFactor, Removal, clean_label
from idp.domain.login_flow import Demands
from idp.domain.session import Acr, LiveSession
from idp.usecases.name_factor import name_factor
from idp.usecases.own_factors import is_proved, list_own_factors, needs_one
from idp.usecases.remove_factor import remove_factor
from kernel.translations import mark
from kernel.web.forms import FormErrors, single
from kernel.web.language import gettext as _

blueprint = flask.Blueprint("second_steps", __name__)
ADDRESS = "/second-steps"
_ADD = f"{ADDRESS}/add"
_ONE = f"{ADDRESS}/<factor_id>"
_BOTH = ["GET", "POST"]
_DONE = {
    "named": mark("The name is saved."),
    "removed": mark("It is removed. We sent you an email about it."),
    "removed-elsewhere": mark(
        "It is removed, and you are signed out everywhere else. We sent you an email about it."
    ),
}


@blueprint.get("/.well-known/passkey-endpoints")
def passkey_endpoints() -> Response:
    """Tell where passkeys are added and looked after (Passkey Endpoints, W3C)."""
    here = pages().services.public_url
    return flask.jsonify({"enroll": here + _ADD, "manage": here + ADDRESS})


@blueprint.get(ADDRESS)
def listing() -> ResponseReturnValue:
    """Show what whoever is signed in has."""
    session = live_session()
    if session is None:
        return sign_in_first(ADDRESS)
    done = _DONE.get(single(flask.request.args, "done", longest=20))
    return render(
        "second_steps.html",
        found=[(each, _name(each)) for each in list_own_factors(pages().services, session)],
        address=ADDRESS,
        add=_ADD,
        said=_(done) if done else "",
        passkey=FactorKind.PASSKEY,
    )


@blueprint.get(_ADD)
def add() -> ResponseReturnValue:
    """Lead whoever is signed in to where one is added, once both steps were proved anew."""
    return start(ADDRESS, demands=Demands(fresh=True, review=True))


@blueprint.route(f"{_ONE}/name", methods=_BOTH)
def name(factor_id: str) -> ResponseReturnValue:
    """Ask for a name, and keep it."""
    found = _standing(factor_id)
    if isinstance(found, Response):
        return found
    session, factor = found
    if flask.request.method == "GET":
        return _name_page(factor, factor.label)
    typed = single(flask.request.form, "label", longest=400)
    if len(" ".join(typed.split())) > LONGEST_LABEL:
        errors = FormErrors()
        complain(errors, "label", NAME_LONG)
        return _name_page(factor, clean_label(typed), errors)
    done = name_factor(pages().services, session, factor_id, label=typed)
    return _proof_of(flask.request.path) if done is None else go(f"{ADDRESS}?done=named")


@blueprint.route(f"{_ONE}/remove", methods=_BOTH)
def remove(factor_id: str) -> ResponseReturnValue:
    """Ask whether it is meant, and remove it."""
    found = _standing(factor_id)
    if isinstance(found, Response):
        return found
    session, factor = found
    services = pages().services
    if flask.request.method == "GET":
        is_last = needs_one(services, session) and len(list_own_factors(services, session)) == 1
        return _remove_page(factor, is_last=is_last)
    elsewhere = single(flask.request.form, "elsewhere", longest=5) == "yes"
    outcome = remove_factor(services, session, factor_id, elsewhere=elsewhere)
    if outcome is Removal.UNPROVED:
        return _proof_of(flask.request.path)
    if outcome is Removal.LAST:
        return _remove_page(factor, is_last=True, status=409)
    return go(f"{ADDRESS}?done={'removed-elsewhere' if elsewhere else 'removed'}")


def _standing(factor_id: str) -> tuple[LiveSession, OwnFactor] | Response:
    """Return who is signed in and the factor of hers that the page is about, or the way to a proof."""
    session = live_session()
    if session is None:
        return sign_in_first(flask.request.path)
    own = list_own_factors(pages().services, session)
    factor = next((each for each in own if each.id == factor_id), None)
    if factor is None:
        return go(ADDRESS)  # removed meanwhile, or never hers
    if flask.request.method == "GET" and not is_proved(pages().services, session):
        return _proof_of(flask.request.path)
    return session, factor


def _proof_of(path: str) -> Response:
    """Ask anew who it is, with both steps, and come back to ``path``."""
    life = int(PROOF_LIFE.total_seconds())
    return start(path, demands=Demands(acr=(Acr.TWO_FACTORS.value,), max_age=life))


def _name(factor: OwnFactor) -> str:
    kind = _("Passkey") if factor.kind is FactorKind.PASSKEY else _("Authenticator app")
    return factor.label or kind


def _name_page(factor: OwnFactor, label: str, errors: FormErrors | None = None) -> Response:
    return render(
        "second_step_name.html",
        errors=errors,
        name=_name(factor),
        label=label,
        longest=LONGEST_LABEL,
        action=f"{ADDRESS}/{factor.id}/name",
        back=ADDRESS,
    )


def _remove_page(factor: OwnFactor, *, is_last: bool, status: int = 200) -> Response:
    return render(
        "second_step_remove.html",
        status=status,
        factor=factor,
        name=_name(factor),
        is_last=is_last,
        action=f"{ADDRESS}/{factor.id}/remove",
        add=_ADD,
        back=ADDRESS,
    )
