"""The caller of a deed as the audit names it. No deed of its own."""

from __future__ import annotations

from kernel.audit import Actor
from registration.domain.authority import Caller


def actor_of(caller: Caller) -> Actor:
    """Return the actor that every audit row of the caller's deeds carries."""
    return Actor(caller.kind, caller.account_id, caller.session)
