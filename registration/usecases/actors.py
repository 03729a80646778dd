"""The caller of a deed as the audit names it. No deed of its own."""

from __future__ import annotations

from kernel.audit import Actor
from kernel.store import Unit
from registration.domain.authority import Caller
from registration.domain.outcomes import Refusal, Refused


def actor_of(caller: Caller) -> Actor:
    """Return the actor that every audit row of the caller's deeds carries."""
    return Actor(caller.kind, caller.account_id, caller.session)


def not_allowed(unit: Unit, caller: Caller, tag: str) -> Refused:
    """Write down that the caller may not do the deed of ``tag``, and return the refusal (ASVS 16.3.2)."""
    unit.audit.record(tag, actor=actor_of(caller), outcome="refused", reason=Refusal.NOT_ALLOWED.value)
    return Refused(Refusal.NOT_ALLOWED)
