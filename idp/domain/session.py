"""Sessions: how strongly somebody signed in, and how long that lasts.

``acr`` tells the strength, ``amr`` the means (RFC 8176). Nothing here knows cookies or tables.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from idp.domain.account import Account


class Acr(StrEnum):
    """Authentication context classes, from weak to strong."""

    ONE_FACTOR = "urn:switchyard:acr:1fa"
    TWO_FACTORS = "urn:switchyard:acr:2fa"
    PHISHING_RESISTANT = "phr"


_ORDER = tuple(Acr)


class EndReason(StrEnum):
    """Why a session ended."""

    SIGNED_OUT = "signed-out"
    SIGNED_OUT_EVERYWHERE = "signed-out-everywhere"
    REPLACED = "replaced"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - a reason
    FACTOR_REMOVED = "factor-removed"
    LOCKED = "locked"
    PASSWORD_RESET = "password-reset"  # noqa: S105 - a reason
    ENDED_BY_STAFF = "ended-by-staff"


def strength(acr: str) -> int:
    """Return the rank of ``acr``: higher is stronger, an unknown one is weaker than every known one."""
    return _ORDER.index(Acr(acr)) if acr in _ORDER else -1


def satisfies(acr: str, wanted: Iterable[str]) -> bool:
    """Tell whether ``acr`` is as strong as the weakest known class in ``wanted`` (OIDC Core §3.1.2.1).

    A request that names no class we know asks for nothing.
    """
    known = [strength(one) for one in wanted if one in _ORDER]
    return not known or strength(acr) >= min(known)


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that was live when it was read. ``id`` is the ``sid`` in tokens, unless that is pairwise."""

    id: str
    account: Account
    started_at: dt.datetime
    authenticated_at: dt.datetime
    last_seen_at: dt.datetime
    expires_at: dt.datetime
    acr: str
    amr: tuple[str, ...]


def ends_at(*, expires_at: dt.datetime, last_seen_at: dt.datetime, idle: dt.timedelta) -> dt.datetime:
    """Return when a session ends if nobody uses it again: the sooner of its two limits (SE-04)."""
    return min(expires_at, last_seen_at + idle)
