"""Possession factors: authenticator apps and passkeys that are enrolled for an account."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from idp.domain.session import Acr, LiveSession, satisfies


class FactorKind(StrEnum):
    """What a factor is."""

    TOTP = "totp"
    PASSKEY = "passkey"


MOST: Mapping[FactorKind, int] = MappingProxyType({FactorKind.TOTP: 5, FactorKind.PASSKEY: 10})
"""How many factors of a kind an account may have."""

LONGEST_LABEL = 60
_LEFT_OUT = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@dataclass(frozen=True, slots=True)
class FactorSummary:
    """A confirmed factor as its owner sees it; an empty ``label`` lets the page name it by its kind."""

    id: str
    kind: FactorKind
    label: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class OwnFactor:
    """A confirmed factor as its owner looks after it."""

    id: str
    kind: FactorKind
    label: str
    created_at: dt.datetime
    last_used_at: dt.datetime | None
    transports: tuple[str, ...] = ()


class Removal(StrEnum):
    """Why a factor was not removed."""

    UNPROVED = "unproved"
    """Whoever asks has to prove anew who she is."""

    GONE = "gone"
    """She has none such."""

    LAST = "last"
    """It is the last one, and the policy demands one."""


PROOF_LIFE = dt.timedelta(minutes=10)
"""So long after a sign-in with a second step factors are named and removed by it (ASVS 7.5.1)."""


def has_proved_lately(session: LiveSession, *, now: dt.datetime) -> bool:
    """Tell whether a session was proved lately and by a second step, as a change of factors asks."""
    return now - session.authenticated_at <= PROOF_LIFE and satisfies(session.acr, (Acr.TWO_FACTORS,))


@dataclass(frozen=True, slots=True)
class TotpFactor:
    """A confirmed authenticator app. ``sealed_seed`` opens only for its own row."""

    id: str
    account_id: str
    sealed_seed: bytes
    last_step: int | None


@dataclass(frozen=True, slots=True)
class PasskeyFactor:
    """A confirmed passkey."""

    id: str
    account_id: str
    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    backup_eligible: bool


def clean_label(label: str) -> str:
    """Return a factor's name as it is stored: one line of 60 visible characters at most."""
    seen = "".join(character for character in label[:400] if unicodedata.category(character) not in _LEFT_OUT)
    return " ".join(seen.split())[:LONGEST_LABEL].strip()
