"""What an access token is bound to: a key or a certificate of whoever may use it (RFC 9449, RFC 8705)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Binding(StrEnum):
    """Ways to prove that one may use a token: the members of the claim ``cnf``."""

    KEY = "jkt"
    CERTIFICATE = "x5t#S256"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The thumbprint of a key or of a certificate."""

    binding: Binding
    thumbprint: str

    def to_json(self) -> dict[str, str]:
        """Return the claim ``cnf`` (RFC 7800 §3.1)."""
        return {self.binding.value: self.thumbprint}

    def __str__(self) -> str:
        """Return the form that is stored."""
        return f"{self.binding}:{self.thumbprint}"


def confirmation_of(stored: str | None) -> Confirmation | None:
    """Return what :meth:`Confirmation.__str__` stored; None for a token that is bound to nothing."""
    if not stored:
        return None
    binding, _, thumbprint = stored.partition(":")
    return Confirmation(Binding(binding), thumbprint)


def token_type(confirmation: Confirmation | None) -> str:
    """Return how a token is presented (RFC 6750, RFC 9449 §5); a certificate needs no word (RFC 8705 §3)."""
    return "DPoP" if confirmation is not None and confirmation.binding is Binding.KEY else "Bearer"
