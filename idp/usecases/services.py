"""What every deed of the identity provider stands on, built once by the wiring."""

from __future__ import annotations

from dataclasses import dataclass

from idp.settings import IdpSettings
from kernel.crypto import PasswordHasher
from kernel.store import Store
from keys.usecases.signing import SigningKeys


@dataclass(frozen=True, slots=True)
class IdpServices:
    """``issuer`` and ``public_url`` carry no trailing slash; links are built from ``public_url`` only (OR-03)."""

    store: Store
    settings: IdpSettings
    passwords: PasswordHasher
    signing: SigningKeys
    issuer: str
    public_url: str
    product: str = "Gateway"
    environment: str = ""
