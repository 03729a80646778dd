"""Taking up an authorization request again after its login flow ended: exactly once, in its own browser."""

from __future__ import annotations

from idp.domain.oauth import ErrorCode, Fault
from idp.domain.one_time import is_token
from idp.domain.session import LiveSession
from idp.storage.consents import take_up_consent_request
from idp.storage.flows import resume_flow
from idp.usecases.authorize import (
    AuthorizeOutcome,
    ErrorPage,
    resume,
    resume_decided,
    resume_refused,
)
from idp.usecases.judge_authorization import KIND
from idp.usecases.services import IdpServices
from kernel.crypto import digest

_LOST = Fault(ErrorCode.INVALID_REQUEST, "The sign-in is over or was taken up before.", reason="flow_expired")
_LONGEST_TOKEN = 128


def resume_authorization(
    services: IdpServices, *, flow: str, browser: str, session: LiveSession | None
) -> AuthorizeOutcome:
    """Answer the request that waits in ``flow``, for the session which that flow opened and no other (AZ-21).

    One conditional statement takes the flow up, in the transaction that issues the code; a second visit, a
    foreign browser or another session finds nothing. If the person gave up, the client hears of it.
    """
    if not flow or not browser or len(flow) > _LONGEST_TOKEN:
        return ErrorPage(_LOST)
    with services.store.write() as unit:
        finished = resume_flow(unit.connection, digest(flow), digest(browser), now=unit.now)
        if finished is None or finished.request.get("kind") != KIND:
            return ErrorPage(_LOST)
        if finished.session_id is None:
            return resume_refused(services, unit, finished.request)
        is_its_own = session is not None and session.id == finished.session_id
        return resume(services, unit, finished.request, session=session if is_its_own else None)


def resume_after_consent(
    services: IdpServices, *, question: str, session: LiveSession | None
) -> AuthorizeOutcome:
    """Answer the request that waited for ``question``, to the session that was asked and to no other (AZ-21).

    A question that nobody answered yet, a second visit or another session finds nothing.
    """
    if session is None or not is_token(question):
        return ErrorPage(_LOST)
    with services.store.write() as unit:
        found = take_up_consent_request(unit.connection, digest(question), session.id, now=unit.now)
        if found is None:
            return ErrorPage(_LOST)
        waiting, allowed = found
        return resume_decided(services, unit, waiting.request, session=session, allowed=allowed)
