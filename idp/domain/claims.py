"""Claims about a person: which scope opens which, and where each comes from (OIDC Core §5.1, §5.4).

They leave by userinfo only, never in an ID token. What the account's columns do not tell is taken from the
prepared SCIM document, and what SCIM has no attribute for was stated for the account as a claim.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import from_json

from idp.domain.scope import ACCESS
from idp.domain.tokens import seconds

CLAIMS_OF_SCOPE: dict[str, tuple[str, ...]] = {
    "profile": (
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}
CLAIMS_TO_ASK_FOR = CLAIMS_OF_SCOPE | {ACCESS: (ACCESS,)}
"""Which single claims each scope opens (OIDC Core §5.5); ``access`` is opened by the scope of its name."""
_IN_DOCUMENT = frozenset({"nickname", "profile", "picture", "zoneinfo", "locale", "address"})
_ADDRESS = {
    "formatted": "formatted",
    "streetAddress": "street_address",
    "locality": "locality",
    "region": "region",
    "postalCode": "postal_code",
    "country": "country",
}
"""Parts of an address: SCIM's name (RFC 7643 §4.1.2), and OpenID Connect's (OIDC Core §5.1.1)."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What userinfo can tell about an account.

    ``document`` is the account's prepared SCIM JSON; ``stated`` are claims stated for it, which go before.
    """

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
    document: str = "{}"
    stated: Mapping[str, object] | None = None


def profile_claims(profile: Profile, scope: Collection[str]) -> dict[str, object]:
    """Return the claims that ``scope`` opens (UI-02); what is not known is left out, never sent empty."""
    return _claims(profile, _opened_by(frozenset(scope)))


@lru_cache(maxsize=64)
def _opened_by(scope: frozenset[str]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(name for key, names in CLAIMS_OF_SCOPE.items() if key in scope for name in names)
    )


def claims_named(profile: Profile, names: Iterable[str]) -> dict[str, object]:
    """Return the claims of these names that are known, each once."""
    return _claims(profile, tuple(dict.fromkeys(names)))


def _claims(profile: Profile, wanted: tuple[str, ...]) -> dict[str, object]:
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
    if not _IN_DOCUMENT.isdisjoint(wanted):
        every |= _stated_in(profile.document)
    every |= profile.stated or {}
    return {name: every[name] for name in wanted if every.get(name) not in (None, "", {})}


@lru_cache(maxsize=1_024)
def _stated_in(document: str) -> Mapping[str, object]:
    """Return the claims of a stored SCIM user by its very text, since the same people are asked about."""
    return document_claims(from_json(document))


def document_claims(user: Mapping[str, Any]) -> dict[str, object]:
    """Return the claims that a SCIM user states beyond the account's columns (RFC 7643 §4.1).

    A claim that has to be the URL of a page is not made of what is none.
    """
    found: dict[str, object] = {
        "nickname": user.get("nickName"),
        "profile": _web_address(user.get("profileUrl")),
        "picture": _web_address(_main(user.get("photos")).get("value")),
        "zoneinfo": user.get("timezone"),
        "locale": (user.get("locale") or "").replace("_", "-"),
        "address": _address(_main(user.get("addresses"))),
    }
    return {name: value for name, value in found.items() if value}


def _main(entries: Sequence[Mapping[str, Any]] | None) -> Mapping[str, Any]:
    """Return the primary entry of a list, else the first."""
    stated = entries or ()
    return next((each for each in stated if each.get("primary") is True), next(iter(stated), {}))


def _address(entry: Mapping[str, Any]) -> dict[str, str]:
    return {claim: entry[part] for part, claim in _ADDRESS.items() if entry.get(part)}


def _web_address(text: str | None) -> str:
    try:
        parts = urlsplit(text or "")
    except ValueError:
        return ""
    return text or "" if parts.scheme in ("http", "https") and parts.netloc else ""
