"""How a flow ends: in a session with a new token, in a browser that is known from then on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from idp.domain.account import Account
from idp.domain.login_flow import Flow, FlowKind, acr_of, amr_of, next_url, proves_anew
from idp.domain.session import Acr, EndReason, LiveSession, strength
from idp.domain.user_agent import LONGEST
from idp.outbound.mail import post_new_sign_in
from idp.storage.devices import remember_device
from idp.storage.flows import finish_flow, leave_unanswered
from idp.storage.sessions import NewSession, StandingSession, open_session, prove_again, standing_sessions
from idp.usecases.answer_at_once import answer_at_once, answerable
from idp.usecases.endings import end_session
from idp.usecases.flow_outcomes import Done, FlowLost
from idp.usecases.letterhead import letterhead
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.errors import UndoneError
from kernel.origin import current_origin
from kernel.store import Unit


def conclude(
    unit: Unit, services: IdpServices, flow: Flow, account: Account, *, token: str, since: Flow
) -> Done | FlowLost | None:
    """End ``flow`` in a session of ``account``, once.

    A step-up whose session ended meanwhile is lost, and so is a flow whose account was deactivated or was
    signed out everywhere.

    ``since`` is the flow as it is stored; None if another request moved or ended it first.

    The token is always new, so that nobody can have planted it (ASVS 7.2.4). A session of the same account in
    this browser goes on under the new token, because relying parties know it; one of another account ends.
    So it is with one that idled (SE-04), once its holder was proved anew: applications still hold of it.

    A client that waits is answered here, where nothing else is to be asked.

    Raises:
        StaleClientError: if that client was switched off a moment ago; the unit of work must be undone.
        UndoneError: if the session that was to go on ended a moment ago; so it must, to be done again.
    """
    standing = standing_sessions(
        unit.connection,
        browser=flow.browser,
        session_id=flow.session_id,
        now=unit.now,
        idle=services.settings.session_idle,
    )
    own = _own(flow, account, standing)
    if own is None and flow.kind is FlowKind.STEP_UP and not proves_anew(flow):
        return FlowLost(flow.client_name, flow.client_id)
    session_token = unit.randomness.token(32)
    life = services.settings.session_life
    new = _proved(unit, flow, account, own, digest=digest(session_token), life=life)
    live = _live(unit, account, own, new)
    waiting = answerable(services, unit, flow.request, session=live)
    if not finish_flow(
        unit.connection,
        since,
        reached=flow,
        session_id=new.id,
        answered=waiting is not None,
        now=unit.now,
    ):
        return None
    if own is not None and not prove_again(unit.connection, new, now=unit.now):
        raise UndoneError(retry_after=1)  # it ended a moment ago: done again, none goes on
    began_at = flow.began_at or unit.now
    if own is None and not open_session(unit.connection, new, began_at=began_at, now=unit.now):
        if waiting is not None:
            leave_unanswered(unit.connection, flow)
        return FlowLost(flow.client_name, flow.client_id)
    actor = Actor("account", account.id, new.id)
    for other in standing:
        if other.id != new.id:
            end_session(unit, services, session_id=other.id, reason=EndReason.REPLACED.value, actor=actor)
    _greet(unit, services, flow, account)
    unit.audit.record(
        "gateway:session:started" if own is None else "gateway:session:proved-again",
        actor=actor,
        target=account.id,
        details={"flow": flow.kind.value, "acr": new.acr, "amr": [*new.amr], "client": flow.client_id},
    )
    answer = None if waiting is None else answer_at_once(services, unit, waiting, live)
    return Done(session_token, new.id, next_url(flow.request, token), Acr(new.acr), answer)


def _live(unit: Unit, account: Account, own: StandingSession | None, new: NewSession) -> LiveSession:
    """Return the session as it is once this unit has stored it."""
    return LiveSession(
        id=new.id,
        account=account,
        started_at=own.started_at if own else unit.now,
        authenticated_at=new.authenticated_at,
        last_seen_at=unit.now,
        expires_at=new.expires_at,
        acr=new.acr,
        amr=new.amr,
    )


def _own(flow: Flow, account: Account, standing: Iterable[StandingSession]) -> StandingSession | None:
    """Return the session that goes on: the one that is stepped up, or the account's own in this browser."""
    anew = proves_anew(flow)
    mine = [each for each in standing if each.account_id == account.id and (anew or not each.idles)]
    stepped_up = [each for each in mine if each.id == flow.session_id]
    return next(iter(stepped_up or mine), None)


def _proved(
    unit: Unit,
    flow: Flow,
    account: Account,
    own: StandingSession | None,
    *,
    digest: bytes,
    life: dt.timedelta,
) -> NewSession:
    """Return the session as this flow leaves it: proved anew, or stronger by a second factor."""
    origin = current_origin()
    anew = own is None or proves_anew(flow)
    acr, amr = acr_of(flow).value, amr_of(flow)
    if own is not None and not anew:
        acr = max(own.acr, acr, key=strength)
        amr = tuple(dict.fromkeys((*own.amr, *amr)))
    return NewSession(
        id=own.id if own else unit.randomness.ulid(unit.now),
        digest=digest,
        browser=flow.browser,
        account_id=account.id,
        acr=acr,
        amr=amr,
        authenticated_at=own.authenticated_at if own is not None and not anew else unit.now,
        expires_at=own.expires_at if own is not None and not anew else unit.now + life,
        address=origin.address,
        user_agent=origin.user_agent[:LONGEST],
    )


def _greet(unit: Unit, services: IdpServices, flow: Flow, account: Account) -> None:
    """Remember the browser, and tell the holder of a sign-in from one that was never seen (ASVS 6.3.5)."""
    agent = current_origin().user_agent[:LONGEST]
    new = remember_device(unit.connection, account.id, flow.browser, user_agent=agent, now=unit.now)
    if new and flow.kind is not FlowKind.ACTIVATION:
        post_new_sign_in(unit, account, letterhead(services), user_agent=agent)
