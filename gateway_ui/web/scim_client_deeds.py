"""What an operator does to a SCIM client beside changing it; each deed is asked about before it is done."""

from __future__ import annotations

import datetime as dt

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web import scim_client_words as words
from gateway_ui.web.context import pages, render
from gateway_ui.web.flows import go
from gateway_ui.web.messages import (
    DAY_NOT_READ,
    END_MISSING,
    END_WRONG,
    LABEL_WRONG,
    TOKENS_CHANGED,
    TOKENS_FULL,
    Message,
    complain,
)
from gateway_ui.web.operator import midnight, read_day
from gateway_ui.web.scim_client_form import on_one_line
from gateway_ui.web.scim_clients import ONE, address_of, base_address, done, known
from gateway_ui.web.shown_once import take_up, waits
from gateway_ui.web.staff import acting, late_proof, operators_only, proved_operators_only
from idp.domain.scim_client import StoredToken
from idp.usecases.issue_scim_token import (
    LONGEST_LABEL,
    MOST_LIVE,
    ScimTokenIssued,
    ScimTokenRefused,
    issue_scim_token,
)
from idp.usecases.revoke_scim_token import ScimTokenRevoked, revoke_scim_token
from idp.usecases.show_client_secret import SecretOf
from idp.usecases.show_scim_client import ScimClientDetail
from idp.usecases.switch_scim_client import switch_scim_client
from kernel.web.forms import FormErrors, single
from kernel.web.language import gettext as _

blueprint = flask.Blueprint("scim_client_deeds", __name__)
_BOTH = ["GET", "POST"]
_REFUSED: dict[ScimTokenRefused, tuple[str, Message]] = {
    ScimTokenRefused.TWO_LIVE: ("", TOKENS_FULL),
    ScimTokenRefused.MEANWHILE: ("", TOKENS_CHANGED),
    ScimTokenRefused.LABEL: ("label", LABEL_WRONG),
    ScimTokenRefused.LIFE: ("day", END_WRONG),
}
_BESIDE = (ScimTokenRefused.TWO_LIVE, ScimTokenRefused.MEANWHILE)
"""What the second of two clicks is refused for: the first made the token that is to be shown."""


@blueprint.route(f"{ONE}/new-token", methods=_BOTH)
@proved_operators_only
def new_token() -> ResponseReturnValue:
    """Make a static token beside the one that the client has; a third is refused (O2)."""
    detail = known()
    if flask.request.method == "GET":
        return _new_token_page(detail)
    late = late_proof()
    if late:
        return late
    errors, label = FormErrors(), on_one_line(single(flask.request.form, "label"))
    if len(label) > LONGEST_LABEL:
        complain(errors, "label", LABEL_WRONG)
    life = _life(errors)
    if errors:
        return _new_token_page(detail, errors)
    client = detail.line.registration.client
    outcome = issue_scim_token(
        pages().services,
        client.id,
        actor=acting(),
        life=life,
        label=label,
        beside=single(flask.request.form, "beside", longest=100).split(),
    )
    if not isinstance(outcome, ScimTokenIssued):
        if outcome in _BESIDE and waits(client.id, SecretOf.SCIM_CLIENT):
            return go(address_of(client.id, "token"))
        complain(errors, *_REFUSED[outcome])
        return _new_token_page(known(), errors)
    return go(address_of(client.id, "token"))


def _life(errors: FormErrors) -> dt.timedelta | dt.datetime | None:
    """Return how long the token is to live, the moment at which it ends, or None for no end of its own."""
    chosen = single(flask.request.form, "ends", longest=10)
    if chosen not in words.ENDS:
        complain(errors, "ends", END_MISSING)
        return None
    if chosen != "day":
        span, _text = words.ENDS[chosen]
        return span
    written = single(flask.request.form, "day", longest=40).strip()
    if not written:
        complain(errors, "day", DAY_NOT_READ)
    last = read_day(written, "day", errors)
    return midnight(last + dt.timedelta(days=1)) if last else None


def _new_token_page(detail: ScimClientDetail, errors: FormErrors | None = None) -> Response:
    form, client = flask.request.form, detail.line.registration.client
    return render(
        "scim_token_new.html",
        errors=errors,
        client=client,
        tokens=detail.line.tokens,
        is_full=len(detail.line.tokens) >= MOST_LIVE,
        ends=[{"value": name, "text": _(text)} for name, (_span, text) in words.ENDS.items()],
        chosen=single(form, "ends", longest=10) or ("" if errors else "year"),
        label=single(form, "label"),
        day=single(form, "day", longest=40),
        action=address_of(client.id, "new-token"),
        back=address_of(client.id),
        address_of=address_of,
    )


@blueprint.get(f"{ONE}/token")
@operators_only
def token() -> ResponseReturnValue:
    """Show a new token to whoever asked for it, this once, with what to do with it (O2)."""
    detail = known()
    client = detail.line.registration.client
    shown = take_up(client.id, SecretOf.SCIM_CLIENT)
    advice, address_name, token_name = words.pasted(client.profile)
    return render(
        "scim_token.html",
        client=client,
        token=shown,
        stored=detail.holding(shown) if shown else None,
        advice=advice,
        address_name=address_name,
        token_name=token_name,
        base=base_address(),
        back=address_of(client.id),
    )


@blueprint.route(f"{ONE}/revoke-token", methods=_BOTH)
@proved_operators_only
def revoke_token() -> ResponseReturnValue:
    """Revoke one token of the client, named by its whole fingerprint."""
    detail = known()
    client_id, name = detail.line.registration.client.id, single(flask.request.args, "token", longest=12)
    found = detail.named(name)
    if flask.request.method == "GET":
        if found is None:
            flask.abort(404)
        return _confirm("revoke-token", detail, found)
    late = late_proof()
    if late:
        return late
    if found is None:
        return done(client_id, "gone")
    outcome = revoke_scim_token(pages().services, client_id, name, actor=acting())
    return done(client_id, "revoked" if isinstance(outcome, ScimTokenRevoked) else "gone")


@blueprint.route(f"{ONE}/disable", methods=_BOTH)
@proved_operators_only
def disable() -> ResponseReturnValue:
    """Let a SCIM client in no more."""
    return _switch("disable", enabled=False)


@blueprint.route(f"{ONE}/enable", methods=_BOTH)
@proved_operators_only
def enable() -> ResponseReturnValue:
    """Let a SCIM client in again."""
    return _switch("enable", enabled=True)


def _switch(deed: str, *, enabled: bool) -> ResponseReturnValue:
    detail = known()
    if flask.request.method == "GET":
        return _confirm(deed, detail)
    late = late_proof()
    if late:
        return late
    client_id = detail.line.registration.client.id
    reason = single(flask.request.form, "reason", longest=500).strip()
    switch_scim_client(pages().services, client_id, enabled=enabled, actor=acting(), reason=reason)
    return done(client_id, f"{deed}d")


def _confirm(deed: str, detail: ScimClientDetail, found: StoredToken | None = None) -> Response:
    client = detail.line.registration.client
    more = {"token": found.fingerprint} if found else {}
    return render(
        "scim_client_confirm.html",
        deed=deed,
        detail=detail,
        client=client,
        token=found,
        action=address_of(client.id, deed, **more),
        back=address_of(client.id),
    )
