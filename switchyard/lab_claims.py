"""The standard claims of an account of the laboratory (OIDC Core §5.1), and where each of them is kept.

What SCIM has an attribute for becomes part of the account's SCIM resource, so that an account of the file and
one that came over SCIM are alike; the rest is stated for the account as claims.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, field_validator

from scim.domain.models import USER_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

_BIRTHDATE = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))?")
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,2}")
_EMAIL = re.compile(r"[^@\s<>,;\"\\]+@[^@\s<>,;\"'\\]+")

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Part(BaseModel):
    """A part of the file: unknown keys are refused, and no value is taken for another's kind."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("has to be a web address")
    return text


WebAddress = Annotated[Text, AfterValidator(_web_address)]


class AddressClaim(Part):
    """The claim ``address`` (OIDC Core §5.1.1)."""

    formatted: Text | None = None
    street_address: Text | None = None
    locality: Text | None = None
    region: Text | None = None
    postal_code: Text | None = None
    country: Text | None = None


class StandardClaims(Part):
    """The claims an account can have; ``sub`` is not among them, since the Gateway gives each its own."""

    name: Text | None = None
    given_name: Text | None = None
    family_name: Text | None = None
    middle_name: Text | None = None
    nickname: Text | None = None
    preferred_username: Text | None = None
    profile: WebAddress | None = None
    picture: WebAddress | None = None
    website: WebAddress | None = None
    email: Text | None = None
    email_verified: bool = True
    gender: Text | None = None
    birthdate: Text | None = None
    zoneinfo: Text | None = None
    locale: Text | None = None
    phone_number: Text | None = None
    phone_number_verified: bool = False
    address: AddressClaim | None = None
    updated_at: int | None = None

    @field_validator("email")
    @classmethod
    def _email(cls, text: str | None) -> str | None:
        if text is not None and not _EMAIL.fullmatch(text):
            raise ValueError("has to be an e-mail address")
        return text

    @field_validator("birthdate")
    @classmethod
    def _birthdate(cls, text: str | None) -> str | None:
        if text is not None and not _BIRTHDATE.fullmatch(text):
            raise ValueError("has to be written as 1975-03-31, 0000-03-31 or 1975")
        return text

    @field_validator("locale")
    @classmethod
    def _locale(cls, text: str | None) -> str | None:
        if text is not None and not _TAG.fullmatch(text):
            raise ValueError("has to be a language tag such as en-CA")
        return text

    def resource(self, user_name: str) -> dict[str, Any]:
        """Return the account as the SCIM resource that says as much of it as SCIM can."""
        tag = (self.locale or "").replace("_", "-")
        found: dict[str, Any] = {
            "schemas": [USER_SCHEMA],
            "userName": user_name,
            "name": _stated(
                {
                    "formatted": self.name,
                    "givenName": self.given_name,
                    "familyName": self.family_name,
                    "middleName": self.middle_name,
                }
            ),
            "displayName": self.name,
            "nickName": self.nickname,
            "profileUrl": self.profile,
            "timezone": self.zoneinfo,
            "locale": tag,
            "preferredLanguage": tag,
            "active": True,
            "emails": _entries(self.email, "work"),
            "phoneNumbers": _entries(self.phone_number, "work"),
            "photos": _entries(self.picture, "photo"),
            "addresses": [self._address()] if self._address() else None,
        }
        return _stated(found)

    def statements(self) -> dict[str, object]:
        """Return the claims that no attribute of SCIM can carry."""
        found = {
            "preferred_username": self.preferred_username,
            "website": self.website,
            "gender": self.gender,
            "birthdate": self.birthdate,
            "email_verified": self.email_verified if self.email else None,
            "phone_number_verified": self.phone_number_verified if self.phone_number else None,
            "updated_at": self.updated_at,
        }
        return {name: value for name, value in found.items() if value is not None}

    def _address(self) -> dict[str, Any]:
        given = self.address or AddressClaim()
        parts = _stated(
            {
                "formatted": given.formatted,
                "streetAddress": given.street_address,
                "locality": given.locality,
                "region": given.region,
                "postalCode": given.postal_code,
                "country": given.country,
            }
        )
        return parts | {"type": "home", "primary": True} if parts else {}


def _entries(value: str | None, kind: str) -> list[dict[str, Any]] | None:
    return [{"value": value, "type": kind, "primary": True}] if value else None


def _stated(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", {})}
