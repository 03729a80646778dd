"""Claims about a person: which scope opens which (OIDC Core §5.4).

They leave by userinfo only, never in an ID token.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from idp.domain.tokens import seconds

CLAIMS_OF_SCOPE: dict[str, tuple[str, ...]] = {
    "profile": (
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "preferred_username",
        "locale",
        "updated_at",
    ),
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """What userinfo can tell about an account."""

    user_name: str
    display_name: str
    given_name: str
    family_name: str
    middle_name: str
    email: str
    phone: str
    language: str
    activated_at: dt.datetime | None
    updated_at: dt.datetime


def profile_claims(profile: Profile, scope: Collection[str]) -> dict[str, object]:
    """Return the claims that ``scope`` opens (UI-02); what is not known is left out, never sent empty."""
    every: dict[str, object] = {
        "name": profile.display_name or f"{profile.given_name} {profile.family_name}".strip(),
        "given_name": profile.given_name,
        "family_name": profile.family_name,
        "middle_name": profile.middle_name,
        "preferred_username": profile.user_name,
        "locale": profile.language,
        "updated_at": seconds(profile.updated_at),
        "email": profile.email,
        "phone_number": profile.phone,
    }
    if profile.email:
        # The activation link went to this address, so who is activated has read mail there.
        every["email_verified"] = profile.activated_at is not None
    if profile.phone:
        every["phone_number_verified"] = False
    wanted = [name for key, names in CLAIMS_OF_SCOPE.items() if key in scope for name in names]
    return {name: every[name] for name in wanted if every.get(name) not in (None, "")}
