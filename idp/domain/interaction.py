"""When a person has to be asked: what a live session is worth for a request (OIDC Core §3.1.2.3)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from idp.domain.login_flow import Demands
from idp.domain.session import LiveSession, satisfies, strength

FRESH_PROMPTS = frozenset({"login", "select_account"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks of the sign-in. ``subject`` is the account an id_token_hint names, or empty.

    ``acr_is_voluntary`` tells that the client asked for a class itself, and takes another one rather than no
    answer; a class that the operator registered for it is not voluntary.
    """

    prompts: tuple[str, ...]
    max_age: int | None
    acr: tuple[str, ...]
    subject: str = ""
    acr_is_essential: bool = False
    acr_is_voluntary: bool = False

    @property
    def silent(self) -> bool:
        """Tell whether nobody may be asked (prompt=none)."""
        return "none" in self.prompts

    @property
    def demands(self) -> Demands:
        """What the login flow has to reach."""
        fresh = self.max_age == 0 or bool(FRESH_PROMPTS.intersection(self.prompts))
        return Demands(acr=self.acr, fresh=fresh, max_age=self.max_age)


def must_ask(wanted: Wanted, session: LiveSession | None, *, now: dt.datetime) -> bool:
    """Tell whether the session does not do: there is none, it is another's, too old, or too weak.

    ``max_age=0`` always asks, as ``prompt=login`` does (AZ-18). Where nobody may be asked, a class that is a
    voluntary claim is no reason to: the client hears the session's own (OIDC Core §5.5.1.1).
    """
    if session is None or (wanted.subject and session.account.id != wanted.subject):
        return True
    demands = wanted.demands
    if demands.wants_fresh(authenticated_at=session.authenticated_at, now=now):
        return True
    if wanted.silent and wanted.acr_is_voluntary:
        return False
    return not satisfies(session.acr, wanted.acr)


def may_step_up(wanted: Wanted, session: LiveSession | None) -> bool:
    """Tell whether the sign-in may build on the session: not if another person is wanted."""
    if session is None or "select_account" in wanted.prompts:
        return False
    return not wanted.subject or session.account.id == wanted.subject


def may_continue(wanted: Wanted, session: LiveSession | None) -> bool:
    """Tell whether a session that a login flow just made answers the request.

    The flow itself saw to freshness and strength; what is left is whether it is the person who was named.
    """
    return session is not None and (not wanted.subject or session.account.id == wanted.subject)


def is_met(wanted: Wanted, acr: str) -> bool:
    """Tell whether a sign-in of class ``acr`` is an answer: only an essential class can be missed."""
    return not wanted.acr_is_essential or bool(_reached(wanted, acr))


def class_told(wanted: Wanted, acr: str) -> str:
    """Return the class the ID token tells: the session's own, or the strongest asked for that it reaches."""
    if not wanted.acr_is_essential or acr in wanted.acr:
        return acr
    return max(_reached(wanted, acr), key=strength)


def _reached(wanted: Wanted, acr: str) -> list[str]:
    return [one for one in wanted.acr if 0 <= strength(one) <= strength(acr)]
