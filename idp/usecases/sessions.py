"""The live session behind a cookie."""

from __future__ import annotations

import datetime as dt

from idp.domain.one_time import is_token
from idp.domain.session import LiveSession
from idp.storage.sessions import find_live, find_standing_within, touch
from idp.usecases.services import IdpServices
from kernel.crypto import digest

TOUCHED_EVERY = dt.timedelta(minutes=1)


def find_session(services: IdpServices, token: str, *, in_use: bool = True) -> LiveSession | None:
    """Return the live session of a cookie's token, or None: one statement decides, with both limits (SE-04).

    A use is noted at most once a minute; ``in_use=False`` (a page that polls by itself) notes none. What does
    not have the form of our tokens is refused unseen (SE-10).
    """
    if not is_token(token):
        return None
    now = services.store.clock.now()
    idle = services.settings.session_idle
    found = find_live(services.store.database, digest(token), now=now, idle=idle)
    if found is not None and in_use and now - found.last_seen_at >= TOUCHED_EVERY:
        with services.store.write() as unit:
            touch(unit.connection, found.id, now=now, every=TOUCHED_EVERY)
    return found


def find_session_to_end(services: IdpServices, token: str) -> LiveSession | None:
    """Return the session of a cookie's token that somebody can sign out of, or None.

    It may idle: it opens nothing then, but what applications hold of it goes on until it ends (RT-08).
    """
    if not is_token(token):
        return None
    with services.store.read() as connection:
        return find_standing_within(connection, digest(token), now=services.store.clock.now())
