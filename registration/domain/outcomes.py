"""What a deed answers when it does not happen: an expected refusal is a value, never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Refusal(StrEnum):
    """Why a deed was refused; stable, for pages to put into words."""

    NOT_ALLOWED = "not-allowed"
    NOT_FOUND = "not-found"
    STALE_PLAN = "stale-plan"
    INVALID = "invalid"
    ROLE_NOT_OFFERED = "role-not-offered"
    EXCLUDED = "excluded"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    ALREADY_HELD = "already-held"
    NOT_HELD = "not-held"
    NOTHING_CHOSEN = "nothing-chosen"
    NOT_REGISTERED = "not-registered"
    NOT_VACANT = "not-vacant"
    NAME_TAKEN = "name-taken"
    NUMBER_TAKEN = "number-taken"
    UNKNOWN_PARTICIPATION = "unknown-participation"
    EMPTY_SEARCH = "empty-search"
    TOO_MANY_STRANGERS = "too-many-strangers"
    NO_CATALOGUE = "no-catalogue"
    NO_USER_NAME = "no-user-name"
    KEY_REUSED = "key-reused"
    SIGN_IN_FAILED = "sign-in-failed"
    SIGN_IN_EXPIRED = "sign-in-expired"
    NO_ACCOUNT = "no-account"
    PROVIDER_UNREACHABLE = "provider-unreachable"


class FaultCode(StrEnum):
    """What is wrong with one field of a form."""

    MISSING = "missing"
    TOO_LONG = "too-long"
    NOT_TEXT = "not-text"
    NOT_LATIN = "not-latin"
    NOT_A_NAME = "not-a-name"
    NOT_AN_EMAIL = "not-an-email"
    NOT_A_PHONE = "not-a-phone"
    NOT_AN_EXTENSION = "not-an-extension"
    NOT_A_COUNTRY = "not-a-country"
    NOT_A_PROVINCE = "not-a-province"
    NOT_A_POSTAL_CODE = "not-a-postal-code"
    NOT_OF_THE_PROVINCE = "not-of-the-province"
    NOT_A_NUMBER = "not-a-number"
    NOT_A_SHORT_NAME = "not-a-short-name"
    UNKNOWN_LANGUAGE = "unknown-language"


@dataclass(frozen=True, slots=True)
class Fault:
    """One field that cannot be taken as it is; ``field`` is the name it has in the form."""

    field: str
    code: FaultCode


@dataclass(frozen=True, slots=True)
class Refused:
    """A deed that did not happen. ``details`` are safe to show to whoever asked."""

    reason: Refusal
    faults: tuple[Fault, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
