"""The help desk's pages: finding somebody's account, and how it stands. Open to the operator's staff alone.

An account is named in addresses by its id, so that no log and no history of a browser names a person.
"""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web import help_desk_words as words
from gateway_ui.web.client_words import who
from gateway_ui.web.context import pages, render
from gateway_ui.web.flows import go
from gateway_ui.web.operator import ADDRESS as REQUESTS
from gateway_ui.web.operator import HELP_DESK
from gateway_ui.web.provisioning_words import groups, state
from gateway_ui.web.staff import operator_session, operators_only
from idp.usecases.find_accounts import AccountCard, find_accounts, show_card
from kernel.randomness import ULID
from kernel.web.forms import single
from kernel.web.language import gettext as _

blueprint = flask.Blueprint("help_desk", __name__)
ADDRESS = HELP_DESK
_LONGEST = 256


def address_of(account_id: str, deed: str = "") -> str:
    """Return the address of an account's page, or of one of its deeds."""
    return f"{ADDRESS}/{account_id}/{deed}" if deed else f"{ADDRESS}/{account_id}"


def known(account_id: str) -> AccountCard:
    """Return the account of the address, or answer that there is none."""
    settings = pages().settings
    found = None
    if ULID.fullmatch(account_id):
        found = show_card(
            pages().services,
            account_id,
            staff_id=operator_session().account.id,
            role=settings.operator_role,
            source=settings.operator_source,
        )
    if found is None:
        flask.abort(404)
    return found


def done(account_id: str, deed: str) -> Response:
    """Lead to the account's page, which says what was done; what was posted is not posted again."""
    return go(f"{address_of(account_id)}?done={deed}")


@blueprint.get(ADDRESS)
@operators_only
def search() -> ResponseReturnValue:
    """Look for an account by whatever its holder says she is called; nobody is listed unasked."""
    asked = single(flask.request.args, "q", longest=_LONGEST).strip()
    return render(
        "help_desk.html",
        asked=asked,
        found=find_accounts(pages().services, asked),
        state=state,
        address=ADDRESS,
        address_of=address_of,
    )


@blueprint.get(f"{ADDRESS}/<account_id>")
@operators_only
def show(account_id: str) -> ResponseReturnValue:
    """Show how an account stands, what staff may do to it, and what they did."""
    card = known(account_id)
    word = single(flask.request.args, "done", longest=20)
    return render(
        "help_desk_account.html",
        card=card,
        account=card.account,
        standing=words.standing(card, now=pages().services.store.clock.now()),
        state=state(card.account),
        groups=groups(card.groups),
        words=words,
        who=who,
        said=_(words.DONE[word]) if word in words.DONE else "",
        not_done=_(words.NOT_DONE[word]) if word in words.NOT_DONE else "",
        deeds=[name for name, each in words.DEEDS.items() if each.fits(card)],
        requests=f"{REQUESTS}?q={card.account.id}",
        address=ADDRESS,
        address_of=address_of,
    )
