# ruff: noqa: RUF001 - names are written with more than one apostrophe
"""A person: what is asked for, what is accepted, and in which form it is kept (R-025, R-026, R-028)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final

import phonenumbers

from registration.domain.outcomes import Fault, FaultCode
from registration.domain.text import has_control, letters, tidy

PROVINCES: Final[Mapping[str, str]] = {
    "AB": "T",
    "BC": "V",
    "MB": "R",
    "NB": "E",
    "NL": "A",
    "NS": "B",
    "NT": "X",
    "NU": "X",
    "ON": "KLMNP",
    "PE": "C",
    "QC": "GHJ",
    "SK": "S",
    "YT": "Y",
}
"""Canadian provinces and territories, and the first letters of their postal codes."""

STATES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("CT", "MA", "ME", "NH", "NJ", "PR", "RI", "VT", "VI"), "0"),
    **dict.fromkeys(("DE", "PA"), "1"),
    "NY": "01",
    **dict.fromkeys(("DC", "MD", "NC", "SC", "VA", "WV"), "2"),
    **dict.fromkeys(("AL", "FL", "GA", "MS", "TN"), "3"),
    **dict.fromkeys(("IN", "KY", "MI", "OH"), "4"),
    **dict.fromkeys(("IA", "MN", "MT", "ND", "SD", "WI"), "5"),
    **dict.fromkeys(("IL", "KS", "MO", "NE"), "6"),
    **dict.fromkeys(("AR", "LA", "OK", "TX"), "7"),
    **dict.fromkeys(("AZ", "CO", "ID", "NM", "NV", "UT", "WY"), "8"),
    **dict.fromkeys(("AK", "AS", "CA", "GU", "HI", "MP", "OR", "WA"), "9"),
}
"""States, districts and territories of the USA, and the first digits of their ZIP codes."""

LANGUAGES: Final = ("en", "fr")

_NAME_FIELDS: Final = ("first_name", "last_name", "middle_name", "preferred_name")
_REQUIRED: Final = (
    "first_name",
    "last_name",
    "main_phone",
    "main_email",
    "address_1",
    "city",
    "province",
    "postal_code",
    "country",
)
_LONGEST: Final[Mapping[str, int]] = {"main_email": 254, "main_phone": 32, "extension": 12, "postal_code": 12}
_DEFAULT_LONGEST: Final = 80

_CANADIAN_CODE = re.compile(r"[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z][0-9][ABCEGHJ-NPRSTV-Z][0-9]")
_ZIP_CODE = re.compile(r"[0-9]{5}(-[0-9]{4})?")
_EXTENSION = re.compile(r"[0-9]{1,7}")
_MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class PersonForm:
    """What somebody typed to register a person; nothing here is trusted."""

    first_name: str = ""
    last_name: str = ""
    main_phone: str = ""
    extension: str = ""
    main_email: str = ""
    address_1: str = ""
    address_2: str = ""
    address_3: str = ""
    address_4: str = ""
    city: str = ""
    province: str = ""
    postal_code: str = ""
    country: str = ""
    middle_name: str = ""
    preferred_name: str = ""
    position: str = ""
    language: str = "en"

    @classmethod
    def of(cls, values: Mapping[str, object]) -> PersonForm:
        """Build a form of the values it knows, ignoring every other key (RG-10)."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: str(value) for name, value in values.items() if name in known})


@dataclass(frozen=True, slots=True)
class PersonDetails:
    """The checked attributes of a person, normalised: phone in E.164, codes in capitals, names tidy."""

    first_name: str
    last_name: str
    main_phone: str
    extension: str
    main_email: str
    address_1: str
    address_2: str
    address_3: str
    address_4: str
    city: str
    province: str
    postal_code: str
    country: str
    middle_name: str = ""
    preferred_name: str = ""
    position: str = ""
    language: str = "en"

    @property
    def full_name(self) -> str:
        """First, middle and last name."""
        return " ".join(part for part in (self.first_name, self.middle_name, self.last_name) if part)

    @property
    def display_name(self) -> str:
        """The preferred name if there is one, else first and last name (R-191)."""
        return self.preferred_name or f"{self.first_name} {self.last_name}"

    @property
    def phone_uri(self) -> str:
        """The main phone as an RFC 3966 URI, with its extension."""
        return f"tel:{self.main_phone};ext={self.extension}" if self.extension else f"tel:{self.main_phone}"


@dataclass(frozen=True, slots=True)
class Person:
    """A registered person. ``number`` is the Person ID, given once and never changed (R-016, I-08)."""

    id: str
    number: int
    version: int
    details: PersonDetails = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExistingPerson:
    """A choice: somebody who is registered already. ``person_id`` is the record's id, not the Person ID."""

    person_id: str


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A choice: somebody to register in the same deed (R-045)."""

    form: PersonForm = field(repr=False)


PersonChoice = ExistingPerson | NewPerson


class PersonWarning(StrEnum):
    """What the confirm page should point at; none of it stops the registration."""

    SHARED_PHONE = "shared-phone"
    SHARED_EMAIL = "shared-email"
    SAME_NAME = "same-name"


def masked(email: str) -> str:
    """Return an address that whoever knows it recognizes and nobody else learns: ``j***@acme.example``."""
    mailbox, _, domain = email.rpartition("@")
    return f"{mailbox[:1]}***@{domain}"


def check_person(form: PersonForm) -> PersonDetails | tuple[Fault, ...]:
    """Return the normalised details, or every fault of the form in the order of its fields.

    Canada and the USA have their provinces, states and codes checked; other countries are taken as they are.
    """
    values = {entry.name: tidy(getattr(form, entry.name)) for entry in fields(form)}
    faults = list(_text_faults(form, values))
    broken = {fault.field for fault in faults}
    for check in (_take_names, _take_country, _take_phone, _take_email, _take_language):
        faults.extend(fault for fault in check(values, broken) if fault.field not in broken)
        broken |= {fault.field for fault in faults}
    if faults:
        order = [entry.name for entry in fields(form)]
        return tuple(sorted(faults, key=lambda fault: order.index(fault.field)))
    return PersonDetails(**values)


def _text_faults(form: PersonForm, values: Mapping[str, str]) -> Iterator[Fault]:
    for name, value in values.items():
        if not value and name in _REQUIRED and not (name in {"province", "postal_code"} and _abroad(values)):
            yield Fault(name, FaultCode.MISSING)
        elif has_control(getattr(form, name).strip()):
            yield Fault(name, FaultCode.NOT_TEXT)
        elif len(value) > _LONGEST.get(name, _DEFAULT_LONGEST):
            yield Fault(name, FaultCode.TOO_LONG)


def _abroad(values: Mapping[str, str]) -> bool:
    country = values["country"].upper()
    return bool(country) and country not in {"CA", "US"}


def _take_names(values: dict[str, str], broken: set[str]) -> Iterator[Fault]:
    for name in _NAME_FIELDS:
        value = values[name]
        if not value or name in broken:
            continue
        if not all(char.isalpha() or char in " '’.-," or _is_mark(char) for char in value) or not any(
            char.isalpha() for char in value
        ):
            yield Fault(name, FaultCode.NOT_A_NAME)
        elif name in {"first_name", "last_name"} and not letters(value):
            yield Fault(name, FaultCode.NOT_LATIN)


def _is_mark(char: str) -> bool:
    return "\u0300" <= char <= "\u036f"


def _take_country(values: dict[str, str], broken: set[str]) -> Iterator[Fault]:
    if "country" in broken:
        return
    country = values["country"] = values["country"].upper()
    if country not in phonenumbers.SUPPORTED_REGIONS:
        yield Fault("country", FaultCode.NOT_A_COUNTRY)
    elif country in {"CA", "US"}:
        yield from _take_region(values, broken, PROVINCES if country == "CA" else STATES)


def _take_region(values: dict[str, str], broken: set[str], regions: Mapping[str, str]) -> Iterator[Fault]:
    province = values["province"] = values["province"].upper()
    known = province in regions
    if not known and "province" not in broken:
        yield Fault("province", FaultCode.NOT_A_PROVINCE)
    if "postal_code" in broken:
        return
    code = values["postal_code"].upper().replace(" ", "")
    if regions is PROVINCES:
        code = code.replace("-", "")
        shape = _CANADIAN_CODE
    else:
        shape = _ZIP_CODE
    if not shape.fullmatch(code):
        yield Fault("postal_code", FaultCode.NOT_A_POSTAL_CODE)
        return
    if known and code[0] not in regions[province]:
        yield Fault("postal_code", FaultCode.NOT_OF_THE_PROVINCE)
    values["postal_code"] = f"{code[:3]} {code[3:]}" if regions is PROVINCES else code


def _take_phone(values: dict[str, str], broken: set[str]) -> Iterator[Fault]:
    extension = values["extension"].lower().removeprefix("ext.").removeprefix("ext").removeprefix("x").strip()
    if "main_phone" not in broken:
        try:
            # The library also reads an extension out of the number itself.
            number = phonenumbers.parse(values["main_phone"], values["country"] or None)
        except phonenumbers.NumberParseException:
            number = None
        if number is None or not phonenumbers.is_valid_number(number):
            yield Fault("main_phone", FaultCode.NOT_A_PHONE)
        else:
            values["main_phone"] = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            extension = extension or number.extension or ""
    if extension and not _EXTENSION.fullmatch(extension) and "extension" not in broken:
        yield Fault("extension", FaultCode.NOT_AN_EXTENSION)
    values["extension"] = extension


def _take_email(values: dict[str, str], broken: set[str]) -> Iterator[Fault]:
    if "main_email" in broken:
        return
    mailbox, _, domain = values["main_email"].rpartition("@")
    labels = domain.lower().split(".")
    sound = (
        _MAILBOX.fullmatch(mailbox)
        and len(mailbox) <= 64
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )
    if sound:
        values["main_email"] = f"{mailbox}@{domain.lower()}"
    else:
        yield Fault("main_email", FaultCode.NOT_AN_EMAIL)


def _take_language(values: dict[str, str], broken: set[str]) -> Iterator[Fault]:
    del broken
    if values["language"] not in LANGUAGES:
        yield Fault("language", FaultCode.UNKNOWN_LANGUAGE)
