"""The operator's pages of clients: the list, one client whole, registering one, changing one."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlencode

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web import client_words as words
from gateway_ui.web.client_faults import add_faults
from gateway_ui.web.client_fields import Kind, Layout, layout
from gateway_ui.web.client_form_page import form_page, sent_version
from gateway_ui.web.client_forms import STARTS, Values, order_of, sent_values, stored_values
from gateway_ui.web.client_list import looked_through
from gateway_ui.web.context import pages, render
from gateway_ui.web.flows import go
from gateway_ui.web.messages import CLIENT_OUTDATED, PROOF_OLD, START_MISSING, complain
from gateway_ui.web.operator import NEW_SCIM_CLIENT, SCIM_CLIENT
from gateway_ui.web.shown_once import waits
from gateway_ui.web.staff import (
    PROOF,
    acting,
    has_proved_lately,
    keeps_what_was_typed,
    operators_only,
    proof_of,
    proved_operators_only,
)
from idp.domain.oauth import SECRET_METHODS
from idp.domain.scim_scopes import SCOPES
from idp.usecases.change_client import ClientChanged, ClientOutdated, NoSuchClient, change_client
from idp.usecases.register_client import ClientOrder, RegistrationRefused, register_client
from idp.usecases.show_client import ClientDetail, search_clients, show_client
from idp.usecases.show_client_secret import SecretOf
from kernel.web.forms import FormErrors, single
from kernel.web.language import gettext as _

blueprint = flask.Blueprint("clients", __name__)
ADDRESS = "/operator/clients"
NEW = "/operator/new-client"


def address_of(client_id: str, *parts: str) -> str:
    """Return the address of a client's page, or of one below it."""
    return "/".join((ADDRESS, client_id, *parts))


def known(client_id: str) -> ClientDetail:
    """Return the client of the address, or answer that there is none."""
    found = show_client(pages().services, client_id)
    if found is None:
        flask.abort(404)
    return found


def done(client_id: str, deed: str) -> Response:
    """Lead to the client's page, which says what was done; what was posted is not posted again."""
    return go(f"{address_of(client_id)}?done={deed}")


@blueprint.get(ADDRESS)
@operators_only
def listing() -> ResponseReturnValue:
    """List the clients by their ids, narrowed by words and state."""
    return render(
        "clients.html",
        **looked_through(partial(search_clients, pages().services), ADDRESS),
        said=_said("deleted"),
        new=NEW,
        address_of=address_of,
    )


def _said(*among: str) -> str:
    word = single(flask.request.args, "done", longest=20)
    return _(words.DONE[word]) if word in among else ""


@blueprint.get(f"{ADDRESS}/<client_id>")
@operators_only
def show(client_id: str) -> ResponseReturnValue:
    """Show a client whole: what it is, its secrets' ages, what lives of it, what was done to it."""
    detail = known(client_id)
    form = _layout(new=False)
    return render(
        "client.html",
        detail=detail,
        client=detail.registration.client,
        values=stored_values(detail.registration, form),
        form=form,
        kinds=Kind,
        words=words,
        has_secret=detail.registration.client.auth_method in SECRET_METHODS,
        said=_said(*(word for word in words.DONE if word != "deleted")),
        here=address_of(client_id),
        scim_client=f"{SCIM_CLIENT}?{urlencode({'id': client_id})}",
        new_scim_client=f"{NEW_SCIM_CLIENT}?{urlencode({'id': client_id})}",
        may_provision=bool(detail.registration.client.scopes & {*SCOPES}),
        address=ADDRESS,
    )


@blueprint.route(NEW, methods=["GET", "POST"])
@keeps_what_was_typed
@proved_operators_only
def register() -> ResponseReturnValue:
    """Register a client: what it is, then its form."""
    start = STARTS.get(single(flask.request.args, "kind", longest=20))
    if start is None:
        return _kinds()
    form = _layout(new=True)
    if flask.request.method == "GET":
        return _form(form, start.values)
    values, errors = sent_values(form), FormErrors()
    client_id = str(values["client_id"]).strip()
    order = order_of(client_id, values, form, errors)
    if not has_proved_lately():
        complain(errors, "proof", PROOF_OLD)
    if errors:
        return _form(form, values, errors=errors)
    made = register_client(pages().services, order, actor=acting())
    if not isinstance(made, RegistrationRefused):
        return _with_secret(client_id, made.secret, "registered")
    if _stands(order, form):
        return _second_click(client_id, "registered")
    add_faults(errors, made.faults, form)
    return _form(form, values, errors=errors)


def _kinds() -> Response:
    """Ask what the client is; a choice is a link, so there is nothing to lose."""
    errors = FormErrors()
    if {"asked", "kind"} & {*flask.request.args}:
        complain(errors, "kind", START_MISSING)
    choices = [{"value": name, "text": _(each.text), "hint": _(each.hint)} for name, each in STARTS.items()]
    return render("client_start.html", errors=errors, choices=choices, new=NEW, back=ADDRESS)


@blueprint.route(f"{ADDRESS}/<client_id>/change", methods=["GET", "POST"])
@keeps_what_was_typed
@proved_operators_only
def change(client_id: str) -> ResponseReturnValue:
    """Change a client; of two people who do so at once the later is told."""
    detail = known(client_id)
    form = _layout(new=False)
    if flask.request.method == "GET":
        return _form(form, stored_values(detail.registration, form), detail=detail)
    values, errors = sent_values(form), FormErrors()
    order = order_of(client_id, values, form, errors)
    if not has_proved_lately():
        complain(errors, "proof", PROOF_OLD)
    version = sent_version()
    if errors:
        return _form(form, values, detail=detail, errors=errors, version=version)
    outcome = change_client(pages().services, order, version=version, actor=acting())
    if isinstance(outcome, ClientChanged) and not outcome.changed and outcome.client.version != version:
        return _second_click(client_id, "changed")
    if isinstance(outcome, ClientChanged):
        return _with_secret(client_id, outcome.secret, "changed" if outcome.changed else "same")
    if isinstance(outcome, NoSuchClient):
        flask.abort(404)
    if isinstance(outcome, ClientOutdated):
        complain(errors, "now", CLIENT_OUTDATED)
        version = outcome.version
    else:
        add_faults(errors, outcome.faults, form)
    return _form(form, values, detail=detail, errors=errors, version=version)


def _with_secret(client_id: str, secret: str, deed: str) -> Response:
    """Lead to the page that shows a new secret, or to the client's page if none was made."""
    return go(address_of(client_id, "secret")) if secret else done(client_id, deed)


def _stands(order: ClientOrder, form: Layout) -> bool:
    """Tell whether there is a client that is just as ordered."""
    known = show_client(pages().services, order.id)
    return known is not None and order == order_of(
        order.id, stored_values(known.registration, form), form, FormErrors()
    )


def _second_click(client_id: str, deed: str) -> Response:
    """Lead to what the first of two clicks led to: a browser shows the answer to the second."""
    if waits(client_id, SecretOf.CLIENT):
        return go(address_of(client_id, "secret"))
    return done(client_id, deed)


@blueprint.get(PROOF)
@operators_only
def proof() -> ResponseReturnValue:
    """Ask anew who it is, in a tab beside the form that waits, and say that one can go back to it."""
    return render("operator_proof.html") if has_proved_lately() else proof_of(PROOF)


def _layout(*, new: bool) -> Layout:
    services = pages().services
    return layout(
        new=new,
        algorithms=services.signing.algorithms,
        certificates=bool(services.settings.certificate_header),
    )


def _form(
    form: Layout,
    values: Values,
    *,
    detail: ClientDetail | None = None,
    errors: FormErrors | None = None,
    version: int | None = None,
) -> Response:
    client = detail.registration.client if detail else None
    if version is None and client is not None:
        version = client.version
    return form_page(
        form,
        values,
        errors,
        heading=_("Change %(name)s", name=client.name) if client else _("Register a client"),
        standing=version,
        action=flask.request.full_path.rstrip("?"),
        back=address_of(client.id) if client else NEW,
    )
