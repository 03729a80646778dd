"""The operator's pages of SCIM clients: the list, one client whole, registering one, changing one.

An id may hold any character that can be seen, so it stands in the query of an address, not in its path.
"""

from __future__ import annotations

from functools import partial
from urllib.parse import urlencode

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web import scim_client_words as words
from gateway_ui.web.client_fields import Layout
from gateway_ui.web.client_form_page import form_page, sent_version
from gateway_ui.web.client_forms import Values, sent_values
from gateway_ui.web.client_list import looked_through
from gateway_ui.web.clients import ADDRESS as OAUTH_CLIENTS
from gateway_ui.web.context import pages, render
from gateway_ui.web.flows import go
from gateway_ui.web.messages import CLIENT_OUTDATED, PROOF_OLD, SCIM_ID_TAKEN, complain
from gateway_ui.web.operator import ADDRESS as REQUESTS
from gateway_ui.web.operator import NEW_SCIM_CLIENT, SCIM_CLIENT
from gateway_ui.web.scim_client_form import NEW_VALUES, add_faults, layout, order_of, stored_values
from gateway_ui.web.staff import (
    acting,
    has_proved_lately,
    keeps_what_was_typed,
    operators_only,
    proved_operators_only,
)
from idp.usecases.change_scim_client import (
    NoSuchScimClient,
    ScimClientChanged,
    ScimClientOutdated,
    change_scim_client,
)
from idp.usecases.issue_scim_token import MOST_LIVE
from idp.usecases.register_scim_client import ScimClientTaken, ScimOrderRefused, register_scim_client
from idp.usecases.show_scim_client import ScimClientDetail, search_scim_clients, show_scim_client
from idp.usecases.store_scim_client import ScimClientOrder
from kernel.web.forms import FormErrors, single
from kernel.web.language import gettext as _

blueprint = flask.Blueprint("scim_clients", __name__)
ADDRESS = "/operator/scim-clients"
ONE = SCIM_CLIENT
NEW = NEW_SCIM_CLIENT


def address_of(client_id: str, deed: str = "", **more: str) -> str:
    """Return the address of a client's page, or of one of its deeds."""
    return f"{ONE}/{deed}?{_query(client_id, more)}" if deed else f"{ONE}?{_query(client_id, more)}"


def _query(client_id: str, more: dict[str, str]) -> str:
    return urlencode({"id": client_id, **more})


def known() -> ScimClientDetail:
    """Return the client of the address, or answer that there is none."""
    found = show_scim_client(pages().services, single(flask.request.args, "id", longest=64))
    if found is None:
        flask.abort(404)
    return found


def base_address() -> str:
    """Return where clients find the SCIM service."""
    return f"{pages().services.issuer}/scim/v2"


def done(client_id: str, deed: str) -> Response:
    """Lead to the client's page, which says what was done; what was posted is not posted again."""
    return go(address_of(client_id, done=deed))


@blueprint.get(ADDRESS)
@operators_only
def listing() -> ResponseReturnValue:
    """List the SCIM clients by their ids, narrowed by words and state."""
    return render(
        "scim_clients.html",
        **looked_through(partial(search_scim_clients, pages().services), ADDRESS),
        moment_now=pages().services.store.clock.now(),
        words=words,
        address=ADDRESS,
        clients=OAUTH_CLIENTS,
        new=NEW,
        address_of=address_of,
    )


@blueprint.get(ONE)
@operators_only
def show() -> ResponseReturnValue:
    """Show a SCIM client whole: what it is, its tokens, when it was heard from, what was done to it."""
    detail = known()
    client = detail.line.registration.client
    word = single(flask.request.args, "done", longest=20)
    return render(
        "scim_client.html",
        detail=detail,
        client=client,
        form=layout(new=False),
        values=stored_values(client),
        words=words,
        moment_now=pages().services.store.clock.now(),
        said=_(words.DONE[word]) if word in words.DONE else "",
        base=base_address(),
        polled_at=f"{pages().services.issuer}/events/poll",
        oauth=f"{OAUTH_CLIENTS}/{client.id}" if detail.is_oauth_client else "",
        requests=f"{REQUESTS}?{urlencode({'client': client.id})}",
        address=ADDRESS,
        address_of=address_of,
        most_live=MOST_LIVE,
    )


@blueprint.route(NEW, methods=["GET", "POST"])
@keeps_what_was_typed
@proved_operators_only
def register() -> ResponseReturnValue:
    """Register a SCIM client; the page of an OAuth client leads here with its id."""
    form = layout(new=True)
    if flask.request.method == "GET":
        asked = single(flask.request.args, "id", longest=64)
        return _form(form, {**NEW_VALUES, "client_id": asked})
    values, errors = sent_values(form), FormErrors()
    order = order_of(str(values["client_id"]).strip(), values, errors)
    if not has_proved_lately():
        complain(errors, "proof", PROOF_OLD)
    if errors:
        return _form(form, values, errors=errors)
    made = register_scim_client(pages().services, order, actor=acting())
    if isinstance(made, ScimOrderRefused):
        add_faults(errors, made.faults, order)
    elif isinstance(made, ScimClientTaken) and not _stands(order):
        complain(errors, "client_id", SCIM_ID_TAKEN)
    else:
        return done(order.id, "registered")
    return _form(form, values, errors=errors)


@blueprint.route(f"{ONE}/change", methods=["GET", "POST"])
@keeps_what_was_typed
@proved_operators_only
def change() -> ResponseReturnValue:
    """Change a SCIM client; of two people who do so at once the later is told."""
    detail = known()
    form, client = layout(new=False), detail.line.registration.client
    if flask.request.method == "GET":
        return _form(form, stored_values(client), detail=detail)
    values, errors = sent_values(form), FormErrors()
    order = order_of(client.id, values, errors)
    if not has_proved_lately():
        complain(errors, "proof", PROOF_OLD)
    version = sent_version()
    if errors:
        return _form(form, values, detail=detail, errors=errors, version=version)
    outcome = change_scim_client(pages().services, order, version=version, actor=acting())
    if isinstance(outcome, ScimClientChanged):
        came_second = not outcome.changed and outcome.version != version  # of two clicks
        return done(client.id, "changed" if outcome.changed or came_second else "same")
    if isinstance(outcome, NoSuchScimClient):
        flask.abort(404)
    if isinstance(outcome, ScimClientOutdated):
        complain(errors, "now", CLIENT_OUTDATED)
        version = outcome.version
    else:
        add_faults(errors, outcome.faults, order)
    return _form(form, values, detail=detail, errors=errors, version=version)


def _stands(order: ScimClientOrder) -> bool:
    """Tell whether there is a client that is just as ordered: of two clicks the first one registered it."""
    known = show_scim_client(pages().services, order.id)
    return known is not None and order == order_of(
        order.id, stored_values(known.line.registration.client), FormErrors()
    )


def _form(
    form: Layout,
    values: Values,
    *,
    detail: ScimClientDetail | None = None,
    errors: FormErrors | None = None,
    version: int | None = None,
) -> Response:
    client = detail.line.registration.client if detail else None
    if version is None and detail is not None:
        version = detail.line.registration.version
    return form_page(
        form,
        values,
        errors,
        heading=_("Change %(name)s", name=client.name) if client else _("Register a SCIM client"),
        standing=version,
        action=address_of(client.id, "change") if client else NEW,
        back=address_of(client.id) if client else ADDRESS,
    )
