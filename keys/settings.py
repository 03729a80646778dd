"""Settings of the signing keys."""

from __future__ import annotations

import datetime as dt
from typing import Literal, Self

from pydantic import model_validator

from kernel.settings import Section, Span

_MOST_CACHE = dt.timedelta(minutes=5)


class KeySettings(Section):
    """Signing keys: algorithms, rotation, and how long others may remember our key set."""

    algorithms: tuple[Literal["ES256", "PS256", "EdDSA", "RS256"], ...] = ("ES256", "RS256")
    """Algorithms for which a signing key is kept: `ES256`, `PS256`, `EdDSA` (Ed25519) or `RS256`; each client
    chooses among them. OpenID Connect asks for `RS256`."""

    encryption_algorithms: tuple[Literal["RSA-OAEP-256", "ECDH-ES"], ...] = ()
    """Algorithms for which a key is kept that applications encrypt their request objects with; `ECDH-ES`
    serves its forms with key wrapping, too. Without one, none is taken encrypted."""

    rotate_after: dt.timedelta = dt.timedelta(days=90)
    """A key is replaced when it has been active for this long."""

    publish_ahead: dt.timedelta = dt.timedelta(hours=1)
    """How long a new key stands in the key set before it signs, and how long every node knows a key for
    encryption before others see it."""

    retain: dt.timedelta = dt.timedelta(days=1)
    """How long a replaced key stays in the key set, so that what it signed can still be verified; one for
    encryption leaves the key set at once, and opens for as long what others encrypted with it."""

    jwks_max_age: dt.timedelta = dt.timedelta(minutes=5)
    """How long relying parties may cache the key set. Never more than five minutes (DJ-05)."""

    refresh: Span = dt.timedelta(seconds=5)
    """How often a process looks for keys that other processes made, rotated or revoked."""

    @model_validator(mode="after")
    def _leave_nobody_behind(self) -> Self:
        if not dt.timedelta(0) < self.jwks_max_age <= _MOST_CACHE:
            raise ValueError("jwks_max_age has to be above zero and at most five minutes")
        if self.publish_ahead < self.jwks_max_age + 2 * self.refresh:
            raise ValueError(
                "publish_ahead has to be at least jwks_max_age and twice refresh, or relying parties meet "
                "tokens signed by a key they have not seen"
            )
        if self.retain < dt.timedelta(hours=1):
            raise ValueError("retain has to be at least an hour: longer than any token of ours lives")
        if self.rotate_after < 2 * self.publish_ahead:
            raise ValueError("rotate_after has to be at least twice publish_ahead")
        if not self.algorithms:
            raise ValueError("algorithms has to name at least one")
        return self

    @property
    def kept(self) -> tuple[str, ...]:
        """Every algorithm for which a key is kept."""
        return (*self.algorithms, *self.encryption_algorithms)
