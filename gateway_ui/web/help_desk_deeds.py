"""What the help desk does to an account: each deed tells what it does, and asks who was verified (G-65)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

import flask
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from gateway_ui.web import help_desk_words as words
from gateway_ui.web.context import pages, render
from gateway_ui.web.flows import go
from gateway_ui.web.help_desk import ADDRESS, address_of, done, known
from gateway_ui.web.messages import (
    CHECKS_MISSING,
    DOUBT_MISSING,
    FACTORS_MISSING,
    GROUND_MISSING,
    LOCK_REASON_MISSING,
    TICKET_WRONG,
    complain,
)
from gateway_ui.web.shown_once import take_up, waits
from gateway_ui.web.staff import acting, late_proof, operator_session, operators_only, proved_operators_only
from idp.domain.account_lock import LockReason
from idp.domain.factors import MOST
from idp.domain.help_desk import Check, Desk, DeskRefusal, Doubt, Ground, Verification
from idp.domain.provisioning import Missing
from idp.domain.temporary_password import spelled
from idp.usecases.deny_request import RequestDenied, deny_request
from idp.usecases.end_account_sessions import SessionsEnded, end_account_sessions
from idp.usecases.find_accounts import AccountCard
from idp.usecases.invite_again import InvitedAgain, invite_again
from idp.usecases.issue_temporary_password import TemporaryPassword, issue_temporary_password
from idp.usecases.lock_account import AccountLocked, lock_account
from idp.usecases.remove_lost_factors import FactorsRemoved, NoneOfThose, remove_lost_factors
from idp.usecases.show_client_secret import SecretOf
from idp.usecases.unlock_account import AccountUnlocked, unlock_account
from kernel.web.forms import FormErrors, several, single
from kernel.web.language import gettext as _

blueprint = flask.Blueprint("help_desk_deeds", __name__)
_ONE = f"{ADDRESS}/<account_id>"
_BOTH = ["GET", "POST"]
_LONGEST_TICKET = 200
_NO_MOMENT = "none"
_MOST_FACTORS = sum(MOST.values())
T = TypeVar("T", Check, Ground, LockReason, Doubt)


@blueprint.route(f"{_ONE}/deny", methods=_BOTH)
@proved_operators_only
def deny(account_id: str) -> ResponseReturnValue:
    """Record that a request was denied, and why; of whatever account."""
    card, errors = known(account_id), FormErrors()
    if flask.request.method == "GET":
        return _deny_page(card, errors)
    late = late_proof()
    if late:
        return late
    doubt, ticket, asked_at = _chosen("doubt", Doubt), _ticket(), _moment()
    if doubt is None:
        complain(errors, "doubt", DOUBT_MISSING)
    if not Verification(ticket).has_ticket:
        complain(errors, "ticket", TICKET_WRONG)
    if doubt is None or errors:
        return _deny_page(card, errors)
    outcome = deny_request(
        pages().services, account_id, doubt=doubt, ticket=ticket, actor=acting(), asked_at=asked_at
    )
    if not isinstance(outcome, RequestDenied):
        flask.abort(404)
    return done(account_id, "deny")


@blueprint.get(f"{_ONE}/password")
@operators_only
def password(account_id: str) -> ResponseReturnValue:
    """Show a temporary password to whoever asked for it, this once (G-67, G-69)."""
    card = known(account_id)
    shown = take_up(account_id, SecretOf.ACCOUNT)
    stored = card.detail.password
    return render(
        "help_desk_password.html",
        account=card.account,
        password=shown,
        groups=list(zip(shown.split("-"), spelled(shown), strict=True)) if shown else [],
        until=stored.temporary_until if stored else None,
        back=address_of(account_id),
        again=address_of(account_id, "temporary-password") if card.has_password else "",
    )


@blueprint.route(f"{_ONE}/<deed>", methods=_BOTH)
@proved_operators_only
def ask(account_id: str, deed: str) -> ResponseReturnValue:
    """Say what a deed will do, ask how its holder was verified, and do it."""
    card, described = known(account_id), words.DEEDS.get(deed)
    if described is None:
        flask.abort(404)
    if card.left_alone is not None:  # its page says why
        return go(address_of(account_id))
    if flask.request.method == "GET":
        return (
            _page(card, deed, described, FormErrors()) if described.fits(card) else go(address_of(account_id))
        )
    late = late_proof()
    if late:
        return late
    errors = FormErrors()
    verification = _verification(described, errors)
    if deed == "lock" and not _is_reason(_chosen("reason", LockReason), verification.ground):
        complain(errors, "reason", LOCK_REASON_MISSING)
    if deed == "second-steps" and not _lost():
        complain(errors, "factors", FACTORS_MISSING)
    if not verification.has_ticket:
        complain(errors, "ticket", TICKET_WRONG)
    if errors:
        return _page(card, deed, described, errors)
    settings = pages().settings
    desk = Desk(
        operator_session().account.id,
        account_id,
        settings.operator_role,
        settings.operator_source,
        verification,
    )
    return _DEEDS[deed](card, desk)


def _verification(described: words.Deed, errors: FormErrors) -> Verification:
    """Return what staff state of who asked, and complain about what is missing."""
    ground = _chosen("ground", Ground) if described.protects else Ground.HOLDER
    if ground is None:
        complain(errors, "ground", GROUND_MISSING)
    ticked = several(flask.request.form, "checks", most=len(Check))
    checks = frozenset(each for each in Check if each.value in ticked)
    stated = Verification(_ticket(), checks, ground or Ground.STAFF)
    if DeskRefusal.UNVERIFIED in stated.faults(protects=described.protects):
        complain(errors, "checks", CHECKS_MISSING)
    return stated


def _is_reason(reason: LockReason | None, ground: Ground) -> bool:
    """Tell whether a reason was chosen that can be: nobody asked for what its holder did not ask for."""
    return reason is not None and (reason is not LockReason.REQUESTED or ground is Ground.HOLDER)


def _lock(card: AccountCard, desk: Desk) -> Response:
    outcome = lock_account(
        pages().services,
        card.account.user_name,
        reason=_chosen("reason", LockReason) or LockReason.REQUESTED,
        actor=acting(),
        desk=desk,
    )
    if isinstance(outcome, AccountLocked):
        return done(card.account.id, "meanwhile" if outcome.again else "lock")
    return _refused(card, outcome)


def _unlock(card: AccountCard, desk: Desk) -> Response:
    outcome = unlock_account(
        pages().services, card.account.user_name, actor=acting(), desk=desk, former=_seen()
    )
    if outcome is DeskRefusal.MEANWHILE:
        return done(card.account.id, "locked-anew")
    if isinstance(outcome, AccountUnlocked):
        return done(card.account.id, "unlock" if outcome.was_locked or outcome.guesses else "nothing")
    return _refused(card, outcome)


def _reset(card: AccountCard, desk: Desk) -> Response:
    outcome = issue_temporary_password(
        pages().services, card.account.user_name, actor=acting(), desk=desk, former=_seen()
    )
    is_second_click = outcome is DeskRefusal.MEANWHILE and waits(card.account.id, SecretOf.ACCOUNT)
    if isinstance(outcome, TemporaryPassword) or is_second_click:
        return go(address_of(card.account.id, "password"))
    return _refused(card, outcome)


def _remove(card: AccountCard, desk: Desk) -> Response:
    outcome = remove_lost_factors(
        pages().services, card.account.user_name, _lost(), actor=acting(), desk=desk
    )
    if isinstance(outcome, FactorsRemoved):
        return done(card.account.id, "second-steps")
    return done(card.account.id, "meanwhile") if outcome == NoneOfThose() else _refused(card, outcome)


def _invite(card: AccountCard, desk: Desk) -> Response:
    outcome = invite_again(
        pages().services, card.account.user_name, former=_seen(), actor=acting(), desk=desk
    )
    return (
        done(card.account.id, "invitation") if isinstance(outcome, InvitedAgain) else _refused(card, outcome)
    )


def _end(card: AccountCard, desk: Desk) -> Response:
    outcome = end_account_sessions(pages().services, card.account.user_name, actor=acting(), desk=desk)
    return (
        done(card.account.id, "sign-out") if isinstance(outcome, SessionsEnded) else _refused(card, outcome)
    )


_DEEDS: Mapping[str, Callable[[AccountCard, Desk], Response]] = MappingProxyType(
    {
        "temporary-password": _reset,
        "second-steps": _remove,
        "unlock": _unlock,
        "invitation": _invite,
        "sign-out": _end,
        "lock": _lock,
    }
)


def _refused(card: AccountCard, outcome: object) -> Response:
    """Lead to the account as it is now: it changed while somebody was on the page of the deed."""
    if isinstance(outcome, Missing):
        flask.abort(404)
    return done(card.account.id, "meanwhile" if outcome is DeskRefusal.MEANWHILE else "nothing")


def _ticket() -> str:
    return single(flask.request.form, "ticket", longest=_LONGEST_TICKET).strip()


def _lost() -> list[str]:
    """Return the ids of the second steps that were ticked."""
    return several(flask.request.form, "factors", most=_MOST_FACTORS)


def _chosen(field: str, of: type[T]) -> T | None:
    """Return what was chosen, or None for nothing or for what cannot be chosen."""
    value = single(flask.request.form, field, longest=40)
    return next((each for each in of if each.value == value), None)


def _seen() -> dt.datetime | None:
    """Return since when what the deed replaces or takes off was there, as the page was shown, or None."""
    return None if single(flask.request.form, "seen", longest=40) == _NO_MOMENT else _moment()


def _moment() -> dt.datetime:
    """Return the moment that the page wrote into its form; what is none, is no form of ours."""
    try:
        written = dt.datetime.fromisoformat(single(flask.request.form, "seen", longest=40))
        return written.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        flask.abort(400)


def _there_since(card: AccountCard, deed: str) -> str:
    """Return the same for a page that is shown now."""
    password = card.detail.password
    times = {
        "temporary-password": password.set_at if password else None,
        "unlock": card.account.locked_at,
        "invitation": card.invited_at,
    }
    since = times.get(deed)
    return since.isoformat() if since else _NO_MOMENT


def _page(card: AccountCard, deed: str, described: words.Deed, errors: FormErrors) -> Response:
    form = flask.request.form
    return render(
        "help_desk_deed.html",
        errors=errors,
        account=card.account,
        deed=deed,
        described=described,
        name=card.account.display,
        grounds=[{"value": each.value, "text": _(text)} for each, text in words.GROUNDS.items()],
        ground=single(form, "ground", longest=40),
        checks=words.checks(card.account),
        ticked=several(form, "checks", most=len(Check)),
        factors=words.factors(card),
        lost=_lost(),
        reasons=[{"value": each.value, "text": _(text)} for each, text in words.REASONS.items()],
        reason=single(form, "reason", longest=40),
        ticket=_ticket(),
        seen=single(form, "seen", longest=40) or _there_since(card, deed),
        sessions=card.detail.sessions,
        action=address_of(card.account.id, deed),
        deny=address_of(card.account.id, "deny"),
        back=address_of(card.account.id),
    )


def _deny_page(card: AccountCard, errors: FormErrors) -> Response:
    return render(
        "help_desk_deny.html",
        errors=errors,
        account=card.account,
        doubts=[{"value": each.value, "text": _(text)} for each, text in words.DOUBTS.items()],
        doubt=single(flask.request.form, "doubt", longest=40),
        ticket=_ticket(),
        seen=single(flask.request.form, "seen", longest=40) or pages().services.store.clock.now().isoformat(),
        action=address_of(card.account.id, "deny"),
        back=address_of(card.account.id),
    )
