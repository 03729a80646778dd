"""What an operator does to a client beside changing it; each deed is asked about before it is done."""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web import client_words as words
from gateway_ui.web.clients import ADDRESS, address_of, done, known
from gateway_ui.web.context import pages, render
from gateway_ui.web.flows import go
from gateway_ui.web.messages import NAME_NOT_TYPED, STILL_ROTATING, complain
from gateway_ui.web.shown_once import take_up, waits
from gateway_ui.web.staff import acting, late_proof, operators_only, proved_operators_only
from idp.domain.oauth import SECRET_METHODS
from idp.usecases.delete_client import delete_client
from idp.usecases.disable_client import disable_client
from idp.usecases.enable_client import enable_client
from idp.usecases.retire_client_secret import retire_client_secret
from idp.usecases.rotate_client_secret import SecretRotated, rotate_client_secret
from idp.usecases.secret_renewal import StillRotating
from idp.usecases.show_client import ClientDetail, show_client
from idp.usecases.show_client_secret import SecretOf
from kernel.web.forms import FormErrors, single
from kernel.web.language import gettext as _

blueprint = flask.Blueprint("client_deeds", __name__)
_ONE = f"{ADDRESS}/<client_id>"
_BOTH = ["GET", "POST"]


def _asks() -> bool:
    """Tell whether the page is to be shown rather than its deed done."""
    return flask.request.method == "GET"


@blueprint.route(f"{_ONE}/new-secret", methods=_BOTH)
@proved_operators_only
def rotate(client_id: str) -> ResponseReturnValue:
    """Give a client a new secret; the former works on for as long as one chooses."""
    detail = known(client_id)
    if detail.registration.client.auth_method not in SECRET_METHODS:
        flask.abort(404)
    if _asks():
        return _rotate_page(detail)
    late = late_proof()
    if late:
        return late
    chosen = single(flask.request.form, "overlap", longest=10)
    overlap, _text = words.OVERLAPS.get(chosen, words.OVERLAPS["day"])
    outcome = rotate_client_secret(pages().services, client_id, actor=acting(), overlap=overlap)
    if isinstance(outcome, StillRotating):
        if waits(client_id, SecretOf.CLIENT):
            return go(address_of(client_id, "secret"))
        errors = FormErrors()
        complain(errors, "overlap", STILL_ROTATING)
        return _rotate_page(detail, errors, chosen)
    if not isinstance(outcome, SecretRotated):
        flask.abort(404)
    return go(address_of(client_id, "secret"))


def _rotate_page(detail: ClientDetail, errors: FormErrors | None = None, chosen: str = "day") -> Response:
    return render(
        "client_new_secret.html",
        errors=errors,
        client=detail.registration.client,
        former=next((age for age in detail.secrets if age.expires_at), None),
        choices=[{"value": name, "text": _(text)} for name, (_span, text) in words.OVERLAPS.items()],
        chosen=chosen,
        back=address_of(detail.registration.client.id),
    )


@blueprint.get(f"{_ONE}/secret")
@operators_only
def secret(client_id: str) -> ResponseReturnValue:
    """Show a new secret to whoever asked for it, this once (CA-09)."""
    detail = known(client_id)
    found = take_up(client_id, SecretOf.CLIENT)
    return render(
        "client_secret.html",
        client=detail.registration.client,
        secret=found,
        back=address_of(client_id),
    )


@blueprint.route(f"{_ONE}/retire-secret", methods=_BOTH)
@proved_operators_only
def retire(client_id: str) -> ResponseReturnValue:
    """Let the former secret stop working now."""
    detail = known(client_id)
    if _asks():
        return _confirm("retire", detail)
    late = late_proof()
    if late:
        return late
    retire_client_secret(pages().services, client_id, actor=acting())
    return done(client_id, "retired")


@blueprint.route(f"{_ONE}/disable", methods=_BOTH)
@proved_operators_only
def disable(client_id: str) -> ResponseReturnValue:
    """Disable a client: what it holds ends at once."""
    detail = known(client_id)
    if _asks():
        return _confirm("disable", detail)
    late = late_proof()
    if late:
        return late
    reason = single(flask.request.form, "reason", longest=500).strip()
    disable_client(pages().services, client_id, actor=acting(), reason=reason)
    return done(client_id, "disabled")


@blueprint.route(f"{_ONE}/enable", methods=_BOTH)
@proved_operators_only
def enable(client_id: str) -> ResponseReturnValue:
    """Enable a client again."""
    detail = known(client_id)
    if _asks():
        return _confirm("enable", detail)
    late = late_proof()
    if late:
        return late
    enable_client(pages().services, client_id, actor=acting())
    return done(client_id, "enabled")


@blueprint.route(f"{_ONE}/delete", methods=_BOTH)
@proved_operators_only
def delete(client_id: str) -> ResponseReturnValue:
    """Delete a client, whose ID is typed to show that it is meant; a second click finds it deleted."""
    is_meant = single(flask.request.form, "client_id", longest=100).strip() == client_id
    if is_meant and show_client(pages().services, client_id) is None:
        return go(f"{ADDRESS}?done=deleted")
    detail = known(client_id)
    if _asks():
        return _confirm("delete", detail)
    late = late_proof()
    if late:
        return late
    if not is_meant:
        errors = FormErrors()
        complain(errors, "client_id", NAME_NOT_TYPED)
        return _confirm("delete", detail, errors)
    reason = single(flask.request.form, "reason", longest=500).strip()
    delete_client(pages().services, client_id, actor=acting(), reason=reason)
    return go(f"{ADDRESS}?done=deleted")


def _confirm(deed: str, detail: ClientDetail, errors: FormErrors | None = None) -> Response:
    return render(
        "client_confirm.html",
        errors=errors,
        deed=deed,
        detail=detail,
        client=detail.registration.client,
        reason=single(flask.request.form, "reason", longest=500),
        back=address_of(detail.registration.client.id),
    )
