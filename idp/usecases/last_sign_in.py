"""When somebody was here before: the line on the dashboard by which a stranger's visit is noticed."""

from __future__ import annotations

from idp.domain.session import LiveSession
from idp.storage.sessions import LastSignIn, sign_in_before
from idp.usecases.services import IdpServices


def last_sign_in(services: IdpServices, session: LiveSession) -> LastSignIn | None:
    """Return the account's sign-in before this session's, or None if that was the first."""
    with services.store.read() as connection:
        return sign_in_before(connection, session.account.id, session_id=session.id)
