"""How a SCIM client hears of what it provisions: its stream of events, given, changed, paused, taken away."""

from __future__ import annotations

from dataclasses import replace

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web.client_fields import Choice, Field, Kind, Layout, Section
from gateway_ui.web.client_form_page import form_page
from gateway_ui.web.client_forms import Values, sent_values
from gateway_ui.web.context import pages, render
from gateway_ui.web.messages import (
    ALGORITHM_MISSING,
    CLIENT_OUTDATED,
    PROOF_OLD,
    PUSH_ADDRESS_WRONG,
    PUSH_HEADER_WRONG,
    TEXT_LONG,
    TOLD_MISSING,
    Message,
    complain,
)
from gateway_ui.web.scim_client_words import TOLD
from gateway_ui.web.scim_clients import ONE, address_of, done, known
from gateway_ui.web.staff import acting, has_proved_lately, late_proof, proved_operators_only
from idp.domain.security_events import Payload, StreamStatus
from idp.usecases.manage_event_streams import remove_event_stream, set_stream_status
from idp.usecases.show_scim_client import ScimClientDetail
from idp.usecases.store_event_stream import (
    StreamOrder,
    StreamRefused,
    StreamStored,
    store_event_stream,
    stream_version,
)
from kernel.translations import mark
from kernel.web.forms import FormErrors, single
from kernel.web.language import gettext as _

blueprint = flask.Blueprint("scim_client_events", __name__)
_BOTH = ["GET", "POST"]
_FIELDS = (
    Field(
        "provisioning",
        Kind.CHOICE,
        mark("What does an event tell?"),
        "",
        (
            Choice(Payload.NOTICE.value, TOLD[Payload.NOTICE]),
            Choice(
                Payload.FULL.value, TOLD[Payload.FULL], mark("Values are personal data of the people here.")
            ),
        ),
    ),
    Field(
        "endpoint_url",
        Kind.LINE,
        mark("Address that events are pushed to"),
        mark("It begins with https://. Empty: the client polls its events."),
    ),
    Field(
        "authorization",
        Kind.LINE,
        mark("Authorization header of the push"),
        mark(
            "As in: Bearer, a space and its token. It is sealed and never shown again. "
            "Empty: the one that this very address has stays."
        ),
    ),
    Field("description", Kind.LINE, mark("Description"), mark("What operators see.")),
    Field(
        "algorithm",
        Kind.DROP_DOWN,
        mark("Signature of its events"),
        "",
        prompt=mark("As the settings say"),
    ),
)
_REFUSED: dict[StreamRefused, tuple[str, Message]] = {
    StreamRefused.ADDRESS: ("endpoint_url", PUSH_ADDRESS_WRONG),
    StreamRefused.AUTHORIZATION: ("authorization", PUSH_HEADER_WRONG),
    StreamRefused.DESCRIPTION: ("description", TEXT_LONG),
    StreamRefused.ALGORITHM: ("algorithm", ALGORITHM_MISSING),
    StreamRefused.MEANWHILE: ("now", CLIENT_OUTDATED),
}


@blueprint.route(f"{ONE}/events", methods=_BOTH)
@proved_operators_only
def events() -> ResponseReturnValue:
    """Give a SCIM client its stream, or change it; of two people who do so at once the later is told."""
    detail, form = known(), _layout()
    if flask.request.method == "GET":
        return _form(form, _stored_values(detail), detail, stream_version(detail.stream))
    values, errors = sent_values(form), FormErrors()
    version = single(flask.request.form, "version", longest=40)
    if not has_proved_lately():
        complain(errors, "proof", PROOF_OLD)
    if values["provisioning"] not in (Payload.NOTICE, Payload.FULL):
        complain(errors, "provisioning", TOLD_MISSING)
    if errors:
        return _form(form, values, detail, version, errors)
    client_id = detail.line.registration.client.id
    order = StreamOrder(
        client_id,
        Payload(str(values["provisioning"])),
        str(values["description"]).strip(),
        str(values["algorithm"]),
        str(values["endpoint_url"]).strip(),
        str(values["authorization"]).strip() or None,
    )
    outcome = store_event_stream(pages().services, order, actor=acting(), known=version)
    if isinstance(outcome, StreamStored):
        return done(client_id, "told")
    if outcome is StreamRefused.CLIENT:
        flask.abort(404)
    if outcome is StreamRefused.MEANWHILE:
        detail = known()  # as it is by now, and not as it was before the deed
        if _stands(values, detail):
            return done(client_id, "told")  # of two clicks the first one did it
        version = stream_version(detail.stream)
    complain(errors, *_REFUSED[outcome])
    return _form(form, values, detail, version, errors)


def _layout() -> Layout:
    algorithms = tuple(Choice(each, each) for each in pages().services.signing.algorithms)
    fields = (replace(each, choices=algorithms) if each.name == "algorithm" else each for each in _FIELDS)
    return Layout((Section(mark("How they go out"), tuple(fields)),))


def _stored_values(detail: ScimClientDetail) -> Values:
    stream = detail.stream
    if stream is None:
        return {"provisioning": Payload.NOTICE.value}
    told = Payload.NOTICE if stream.provisioning is Payload.NONE else stream.provisioning
    return {
        "provisioning": told.value,
        "endpoint_url": stream.endpoint_url,
        "description": stream.description,
        "algorithm": stream.algorithm,
    }


def _stands(values: Values, detail: ScimClientDetail) -> bool:
    """Tell whether the stream is just as typed; a header that was typed cannot be compared."""
    stored = dict(_stored_values(detail))
    if stored.get("algorithm") == pages().services.settings.signing_algorithm and not values["algorithm"]:
        stored["algorithm"] = ""
    return detail.stream is not None and not values["authorization"] and {**values, **stored} == values


def _form(
    form: Layout, values: Values, detail: ScimClientDetail, version: str, errors: FormErrors | None = None
) -> Response:
    """Show the form; the header that was typed is never sent back."""
    client = detail.line.registration.client
    return form_page(
        form,
        {**values, "authorization": ""},
        errors,
        heading=_("Events of %(name)s", name=client.name),
        standing=version,
        action=address_of(client.id, "events"),
        back=address_of(client.id),
    )


@blueprint.route(f"{ONE}/pause-events", methods=_BOTH)
@proved_operators_only
def pause() -> ResponseReturnValue:
    """Keep the events of a client until they go on."""
    return _confirmed("pause-events")


@blueprint.route(f"{ONE}/resume-events", methods=_BOTH)
@proved_operators_only
def resume() -> ResponseReturnValue:
    """Let the events of a client go on."""
    return _confirmed("resume-events")


@blueprint.route(f"{ONE}/remove-events", methods=_BOTH)
@proved_operators_only
def remove() -> ResponseReturnValue:
    """Take the stream of a client away, with what waits in it."""
    return _confirmed("remove-events")


def _confirmed(deed: str) -> ResponseReturnValue:
    """Ask about a deed, and do it once it is confirmed."""
    detail = known()
    client = detail.line.registration.client
    if detail.stream is None:
        flask.abort(404)
    if flask.request.method == "GET":
        action, back = address_of(client.id, deed), address_of(client.id)
        return render(
            "scim_client_confirm.html",
            deed=deed,
            detail=detail,
            client=client,
            days=pages().services.settings.event_life.days,
            action=action,
            back=back,
        )
    late = late_proof()
    return late or done(client.id, _do(deed, client.id))


def _do(deed: str, client_id: str) -> str:
    """Do it and return the word for what was done; a stream that is gone by now is gone."""
    services, actor = pages().services, acting()
    if deed == "remove-events":
        remove_event_stream(services, client_id, actor=actor)
        return "silenced"
    status, word = {
        "pause-events": (StreamStatus.PAUSED, "paused"),
        "resume-events": (StreamStatus.ENABLED, "resumed"),
    }[deed]
    reason = single(flask.request.form, "reason", longest=500).strip()
    there = set_stream_status(services, client_id, status, reason=reason, actor=actor)
    return word if there else "silenced"
