"""Reading single claims of any token: what is absent, of the wrong kind, or out of time."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

SKEW = timedelta(seconds=60)
"""How far the provider's clock and ours may be apart (RFC 7519 §4.1.4: no more than a few minutes)."""

LATEST = 253_402_300_799
"""The last second of the year 9999; later times are mistakes or attacks."""


def text(claims: Mapping[str, object], name: str) -> str | None:
    """Return the claim if it is a text that says something, else None."""
    value = claims.get(name)
    return value if isinstance(value, str) and value else None


def texts(claims: Mapping[str, object], name: str) -> tuple[str, ...] | None:
    """Return the claim if it is absent (empty) or a list of texts, else None."""
    value = claims.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return None
    return tuple(value)


def instant(claims: Mapping[str, object], name: str) -> datetime | None:
    """Return the claim as a time if it is a NumericDate (RFC 7519 §2), else None."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST:
        return None
    return datetime.fromtimestamp(value, tz=UTC)


def is_past(at: datetime, now: datetime) -> bool:
    """Tell whether ``at`` is over, by the most generous reading of both clocks."""
    return now >= at + SKEW


def is_future(at: datetime, now: datetime) -> bool:
    """Tell whether ``at`` is still to come, by the most generous reading of both clocks."""
    return at > now + SKEW


def is_for(claims: Mapping[str, object], audience: str) -> bool:
    """Tell whether the token is for ``audience`` and for nobody else: a text, or a list of just that text."""
    value = claims.get("aud")
    return value == audience or (isinstance(value, list) and value == [audience])


def includes(claims: Mapping[str, object], audience: str) -> bool:
    """Tell whether ``audience`` is one of those the token is for."""
    value = claims.get("aud")
    return value == audience or (isinstance(value, list) and audience in value)
