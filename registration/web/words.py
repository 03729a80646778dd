"""The sentences people read for what the use cases answer in one stable word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from kernel.translations import mark
from kernel.web.forms import FormErrors
from kernel.web.language import gettext as _
from registration.domain.authority import (
    APPLICANT_REPRESENTATIVE,
    AUTHORIZED_REPRESENTATIVE,
    PRIMARY_CONTACT,
    RIGHTS_ADMINISTRATOR,
)
from registration.domain.organization import OrganizationStatus
from registration.domain.outcomes import Fault, FaultCode, Refusal, Refused
from registration.domain.person import PersonWarning
from registration.domain.request import RequestKind, WaitReason

REFUSALS: Final[Mapping[Refusal, str]] = {
    Refusal.NOT_ALLOWED: mark("You do not have permission to do this."),
    Refusal.NOT_FOUND: mark("It does not exist, or it does not belong to an organization you act for."),
    Refusal.STALE_PLAN: mark("Something changed since this page was shown. Check the changes again."),
    Refusal.INVALID: mark("Check what you entered."),
    Refusal.ROLE_NOT_OFFERED: mark("This role cannot be given in this organization."),
    Refusal.EXCLUDED: mark("This role cannot be held together with another one that was chosen or is held."),
    Refusal.MINIMUM: mark(
        "This is the last person in this role. Name another person first, or ask Customer Relations."
    ),
    Refusal.MAXIMUM: mark("This role already has as many people as it may have."),
    Refusal.ALREADY_HELD: mark("The person holds this role already."),
    Refusal.NOT_HELD: mark("The person no longer holds this role."),
    Refusal.NOTHING_CHOSEN: mark("Choose at least one role."),
    Refusal.NOT_REGISTERED: mark("The organization is not registered. Ask Customer Relations."),
    Refusal.NOT_VACANT: mark(
        "The organization has an Authorized Representative already, who names the next one."
    ),
    Refusal.NAME_TAKEN: mark("Another organization has this short name."),
    Refusal.NUMBER_TAKEN: mark("Another organization has this number."),
    Refusal.UNKNOWN_PARTICIPATION: mark("Choose participations from the list."),
    Refusal.EMPTY_SEARCH: mark("Enter a Person ID, a last name or a first name."),
    Refusal.TOO_MANY_STRANGERS: mark(
        "You looked up many people of other organizations today. Search for your own by last name alone, or "
        "ask Customer Relations."
    ),
    Refusal.NO_CATALOGUE: mark("The catalogue of roles is not loaded yet. Ask the operator."),
    Refusal.NO_USER_NAME: mark("No user ID can be made from this name. Enter a Latin spelling."),
    Refusal.KEY_REUSED: mark("This form was used for something else already. Start again."),
    Refusal.SIGN_IN_FAILED: mark("Signing in did not work. Try again."),
    Refusal.SIGN_IN_EXPIRED: mark("Signing in took too long, or was started in another browser. Try again."),
    Refusal.NO_ACCOUNT: mark("Your account is not known in Registration. Ask your Rights Administrator."),
    Refusal.PROVIDER_UNREACHABLE: mark("The Gateway cannot be reached at the moment. Try again in a minute."),
}

FAULTS: Final[Mapping[FaultCode, str]] = {
    FaultCode.MISSING: mark("%(field)s is missing"),
    FaultCode.TOO_LONG: mark("%(field)s: this is too long"),
    FaultCode.NOT_TEXT: mark("%(field)s: remove the characters that cannot be printed"),
    FaultCode.NOT_LATIN: mark("%(field)s: enter a spelling in Latin letters"),
    FaultCode.NOT_A_NAME: mark("%(field)s: use letters, spaces, hyphens and apostrophes only"),
    FaultCode.NOT_AN_EMAIL: mark("%(field)s: enter an address like name@example.com"),
    FaultCode.NOT_A_PHONE: mark("%(field)s: enter a complete number, like 416 555 0123"),
    FaultCode.NOT_AN_EXTENSION: mark("%(field)s: enter up to 7 digits"),
    FaultCode.NOT_A_COUNTRY: mark("%(field)s: choose a country from the list"),
    FaultCode.NOT_A_PROVINCE: mark("%(field)s: enter two letters, like ON or NY"),
    FaultCode.NOT_A_POSTAL_CODE: mark("%(field)s: enter a code like K1A 0B1 or 12345"),
    FaultCode.NOT_OF_THE_PROVINCE: mark("%(field)s: this code does not belong to the province or state"),
    FaultCode.NOT_A_NUMBER: mark("%(field)s: enter digits only, at most 9"),
    FaultCode.NOT_A_SHORT_NAME: mark(
        "%(field)s: use up to 40 capital letters without accents, digits, spaces and . & ' -"
    ),
    FaultCode.UNKNOWN_LANGUAGE: mark("%(field)s: choose English or French"),
}

FIELDS: Final[Mapping[str, str]] = {
    "first_name": mark("First name"),
    "last_name": mark("Last name"),
    "middle_name": mark("Middle name"),
    "preferred_name": mark("Preferred name"),
    "position": mark("Position"),
    "main_phone": mark("Main phone"),
    "extension": mark("Extension"),
    "main_email": mark("Main email"),
    "address_1": mark("Address line 1"),
    "address_2": mark("Address line 2"),
    "address_3": mark("Address line 3"),
    "address_4": mark("Address line 4"),
    "city": mark("City"),
    "province": mark("Province or state"),
    "postal_code": mark("Postal or ZIP code"),
    "country": mark("Country"),
    "language": mark("Language of emails"),
    "legal_name": mark("Legal name"),
    "short_name": mark("Short name"),
    "number": mark("Organization number"),
    "participations": mark("Participations"),
    "owns_facilities": mark("Facilities"),
    "evidence": mark("Agreement or letter reference"),
}

KINDS: Final[Mapping[RequestKind, str]] = {
    RequestKind.REGISTER_ORGANIZATION: mark("Register organization"),
    RequestKind.NAME_FIRST_REPRESENTATIVE: mark("Name first Authorized Representative"),
    RequestKind.ADD_STAFF: mark("Add Customer Relations staff"),
    RequestKind.NAME_CONTACT: mark("Add contact role"),
    RequestKind.END_CONTACT: mark("Remove contact role"),
    RequestKind.GRANT_ACCESS: mark("Grant access roles"),
    RequestKind.REVOKE_ACCESS: mark("Revoke access roles"),
}

STATUSES: Final[Mapping[OrganizationStatus, str]] = {
    OrganizationStatus.APPLIED: mark("Applied"),
    OrganizationStatus.REGISTERED: mark("Registered"),
    OrganizationStatus.SUSPENDED: mark("Suspended"),
    OrganizationStatus.CLOSED: mark("Closed"),
}

WAITING: Final[Mapping[WaitReason, str]] = {
    WaitReason.QUEUED: mark("Its turn comes soon"),
    WaitReason.UNREACHABLE: mark("The Gateway cannot be reached"),
    WaitReason.RETRYING: mark("The Gateway did not accept it yet; we try again"),
    WaitReason.BLOCKED: mark("An earlier change of the same account comes first"),
    WaitReason.DECISION: mark("Customer Relations have to decide"),
    WaitReason.FAILED: mark("The Gateway refused it; Customer Relations look after it"),
}

WARNINGS: Final[Mapping[PersonWarning, str]] = {
    PersonWarning.SHARED_PHONE: mark("Another registered person has the same phone number."),
    PersonWarning.SHARED_EMAIL: mark("Another registered person has the same email address."),
    PersonWarning.SAME_NAME: mark("Another registered person has the same name."),
}

LETTERS: Final[Mapping[str, str]] = {
    "user-name": mark("the user ID"),
    "access-changed": mark("a notice of the access change"),
    "access-changed-copy": mark("a copy of the notice of the access change"),
    "contact-changed": mark("a notice of the contact role change"),
    "contact-changed-copy": mark("a copy of the notice of the contact role change"),
    "request-complete": mark("a message once everything is in effect in the Gateway"),
}

NAMED_BY: Final[Mapping[str, str]] = {
    AUTHORIZED_REPRESENTATIVE: mark(
        "An Authorized Representative can do this. If there is none, Customer Relations."
    ),
    PRIMARY_CONTACT: mark(
        "An Authorized Representative or a Primary Contact of the organization can do this."
    ),
    RIGHTS_ADMINISTRATOR: mark("A Primary Contact of the organization can do this."),
    APPLICANT_REPRESENTATIVE: mark("A Rights Administrator of the organization can do this."),
}


def refusal_text(refused: Refused) -> str:
    """Return the sentence for a refusal."""
    return _(REFUSALS[refused.reason])


def kind_text(kind: RequestKind) -> str:
    """Return a request type as people call it."""
    return _(KINDS[kind])


def field_text(name: str) -> str:
    """Return the label of a field."""
    return _(FIELDS.get(name, name))


def fault_errors(faults: Iterable[Fault]) -> FormErrors:
    """Return the faults of a form as sentences at their fields."""
    errors = FormErrors()
    for fault in faults:
        errors.add(fault.field, _(FAULTS[fault.code], field=field_text(fault.field)))
    return errors
