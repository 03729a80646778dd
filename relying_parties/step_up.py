"""Asking for a stronger or fresher sign-in than the one that was shown (RFC 9470)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from relying_parties import claims

ERROR = "insufficient_user_authentication"
DESCRIPTION = "a stronger or more recent sign-in is needed"


class SignIn(Protocol):
    """What a token says of the sign-in behind it."""

    @property
    def acr(self) -> str:
        """Its authentication context, or nothing."""

    @property
    def signed_in_at(self) -> datetime | None:
        """When the person gave a proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a page or a service asks of the sign-in; nothing where both are empty."""

    acr: tuple[str, ...] = ()
    max_age: timedelta | None = None

    def is_met(self, sign_in: SignIn, *, now: datetime) -> bool:
        """Tell whether the sign-in is strong and recent enough.

        One that does not say how or when is neither (ASVS 6.8.4).
        """
        if self.acr and sign_in.acr not in self.acr:
            return False
        if self.max_age is None:
            return True
        return sign_in.signed_in_at is not None and now - sign_in.signed_in_at <= self.max_age + claims.SKEW

    def challenge(self) -> dict[str, str]:
        """Return the parameters of ``WWW-Authenticate`` that say it (§3), for a client to send on (§4)."""
        said = {"error": ERROR, "error_description": DESCRIPTION}
        if self.acr:
            said["acr_values"] = " ".join(self.acr)
        if self.max_age is not None:
            said["max_age"] = str(int(self.max_age.total_seconds()))
        return said


def challenge_header(parameters: dict[str, str]) -> str:
    """Return the value of ``WWW-Authenticate`` with those parameters that say something (RFC 6750 §3)."""
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value)
