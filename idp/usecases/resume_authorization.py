"""Taking up an authorization request again after its login flow ended: exactly once, in its own browser."""

from __future__ import annotations

from idp.domain.oauth import ErrorCode, Fault
from idp.domain.session import LiveSession
from idp.usecases.authorize import KIND, AuthorizeOutcome, ErrorPage, resume
from idp.usecases.services import IdpServices
from idp.usecases.start_login import take_up

_LOST = Fault(ErrorCode.INVALID_REQUEST, "The sign-in is over or was taken up before.", reason="flow_expired")
_LONGEST_TOKEN = 128


def resume_authorization(
    services: IdpServices, *, flow: str, browser: str, session: LiveSession | None
) -> AuthorizeOutcome:
    """Answer the request that waits in ``flow``, for the session which that flow opened and no other (AZ-21).

    One conditional statement takes the flow up, in the transaction that issues the code; a second visit, a
    foreign browser or another session finds nothing.
    """
    if not flow or not browser or len(flow) > _LONGEST_TOKEN:
        return ErrorPage(_LOST)
    with services.store.write() as unit:
        finished = take_up(unit, flow, browser)
        if finished is None or finished.request.get("kind") != KIND:
            return ErrorPage(_LOST)
        is_its_own = session is not None and session.id == finished.session_id
        return resume(services, unit, finished.request, session=session if is_its_own else None)
