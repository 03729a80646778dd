"""How many people of other organizations somebody comes to see. No deed of its own.

Whoever knows somebody finds her (:func:`registration.storage.persons.search`), and whoever guesses finds
some. Those who work with people know a few strangers a day; one who is shown a hundred guesses.
"""

from __future__ import annotations

import datetime as dt

from kernel.ratelimit import Limit, take
from kernel.store import Unit
from registration.domain.authority import Caller
from registration.usecases.actors import actor_of

STRANGERS = Limit("strangers", 100, dt.timedelta(days=1))
"""Answers of one day that show people of other organizations, for one account."""


def may_meet(unit: Unit, caller: Caller) -> bool:
    """Tell whether the caller may be shown strangers today."""
    return take(unit.connection, STRANGERS, caller.account_id, now=unit.now, cost=0).allowed


def meets(unit: Unit, caller: Caller) -> bool:
    """Count an answer that shows strangers; False if it is one too many, of which the first is recorded."""
    taken = take(unit.connection, STRANGERS, caller.account_id, now=unit.now)
    if taken.used == STRANGERS.count + 1:
        unit.audit.record(
            "registration:search:limited", actor=actor_of(caller), outcome="refused", reason=STRANGERS.name
        )
    return taken.allowed
