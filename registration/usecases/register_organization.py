"""Register an organization with its approved participations: a deed of staff (R-001..R-003, R-120)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from kernel.store import Unit
from registration.domain.authority import AUTHORIZED_REPRESENTATIVE, Caller
from registration.domain.catalogue import OPERATOR
from registration.domain.organization import (
    OrganizationDetails,
    OrganizationForm,
    OrganizationKind,
    check_organization,
)
from registration.domain.outcomes import Refusal, Refused
from registration.domain.request import RequestKind
from registration.storage import catalogues, identities, numbers, organizations, requests, tasks
from registration.storage.requests import StoredRequest
from registration.usecases.actors import actor_of, not_allowed
from registration.usecases.applying import UndoneError
from registration.usecases.services import RegistrationServices

_TAKEN = frozenset({Refusal.NAME_TAKEN, Refusal.NUMBER_TAKEN})


@dataclass(frozen=True, slots=True)
class OrganizationRegistered:
    """A registered organization and the request that did it."""

    organization_id: str
    number: int
    short_name: str
    request_number: int
    repeated: bool = False


def register_organization(
    services: RegistrationServices, *, caller: Caller, form: OrganizationForm, idempotency_key: str
) -> OrganizationRegistered | Refused:
    """Register an organization; a task asks the operator for its first Authorized Representative.

    Once for each key, also of a form that is sent twice at once (I-22).
    """
    details = check_organization(form)
    if isinstance(details, tuple):
        return Refused(Refusal.INVALID, details)
    answer = _tried(services, caller, details, idempotency_key)
    if isinstance(answer, Refused) and answer.reason in _TAKEN:
        # No row can be held for what is not there yet. Whoever took the name has committed by now; if it was
        # this very form, its key is found.
        answer = _tried(services, caller, details, idempotency_key)
    return answer


def _tried(
    services: RegistrationServices, caller: Caller, details: OrganizationDetails, idempotency_key: str
) -> OrganizationRegistered | Refused:
    try:
        with services.store.write() as unit:
            return _register(unit, services, caller, details, idempotency_key)
    except UndoneError as undone:
        return undone.refused


def _register(  # noqa: PLR0911 - one line for each reason to refuse
    unit: Unit,
    services: RegistrationServices,
    caller: Caller,
    details: OrganizationDetails,
    idempotency_key: str,
) -> OrganizationRegistered | Refused:
    connection = unit.connection
    if not identities.staff_rights(connection, caller).is_staff:
        return not_allowed(unit, caller, "registration:organization:registered")
    fingerprint = hashlib.sha256(json.dumps(asdict(details), sort_keys=True).encode()).hexdigest()
    earlier = requests.by_key(connection, actor_of(caller), idempotency_key)
    if earlier is not None:
        return _made_before(unit, earlier, fingerprint)
    catalogue = catalogues.current(connection)
    if catalogue is None:
        return Refused(Refusal.NO_CATALOGUE)
    unknown = [key for key in details.participations if key not in catalogue.participations]
    if unknown:
        return Refused(Refusal.UNKNOWN_PARTICIPATION, details={"participation": unknown[0]})
    if organizations.short_name_is_taken(connection, details.short_name):
        return Refused(Refusal.NAME_TAKEN)
    if details.number is not None and organizations.number_is_taken(connection, details.number):
        return Refused(Refusal.NUMBER_TAKEN)
    return _write(unit, services, caller, details, idempotency_key, fingerprint)


def _made_before(unit: Unit, earlier: StoredRequest, fingerprint: str) -> OrganizationRegistered | Refused:
    organization = organizations.find(unit.connection, earlier.organization_id)
    if earlier.fingerprint != fingerprint or organization is None:
        return Refused(Refusal.KEY_REUSED)
    return OrganizationRegistered(
        organization.id, organization.number, organization.short_name, earlier.number, repeated=True
    )


def _write(
    unit: Unit,
    services: RegistrationServices,
    caller: Caller,
    details: OrganizationDetails,
    idempotency_key: str,
    fingerprint: str,
) -> OrganizationRegistered:
    connection, identifier = unit.connection, unit.randomness.ulid(unit.now)
    number = details.number or organizations.free_number(
        unit.connection, first=services.settings.first_organization_number
    )
    added = organizations.add(
        connection,
        details,
        identifier=identifier,
        number=number,
        kind=OrganizationKind.PARTICIPANT,
        now=unit.now,
        changed_by=caller.account_id,
    )
    if not added:  # somebody registered the same name or number at this very moment
        raise UndoneError(Refused(Refusal.NAME_TAKEN))
    for key in details.participations:
        organizations.approve_participation(
            connection,
            identifier=unit.randomness.ulid(unit.now),
            organization_id=identifier,
            type_key=key,
            now=unit.now,
        )
    tasks.open_vacancy(
        connection,
        identifier=unit.randomness.ulid(unit.now),
        organization_id=identifier,
        role_key=AUTHORIZED_REPRESENTATIVE,
        candidates=OPERATOR,
        now=unit.now,
    )
    request_id = unit.randomness.ulid(unit.now)
    request_number = numbers.next_number(
        connection, numbers.REQUEST, first=services.settings.first_request_number
    )
    if not requests.add(
        connection,
        identifier=request_id,
        number=request_number,
        kind=RequestKind.REGISTER_ORGANIZATION,
        organization_id=identifier,
        actor=actor_of(caller),
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
        now=unit.now,
    ):  # another form with the key of this one was sent at this very moment
        raise UndoneError(Refused(Refusal.KEY_REUSED))
    requests.add_items(connection, request_id, _items(details, number))
    requests.finish(connection, request_id, now=unit.now)
    unit.audit.record(
        "registration:organization:registered",
        actor=actor_of(caller),
        target=f"organization:{number}",
        organization=str(number),
        details={"request": request_number, "participations": list(details.participations)},
    )
    return OrganizationRegistered(identifier, number, details.short_name, request_number)


def _items(details: OrganizationDetails, number: int) -> Iterable[requests.Item]:
    yield requests.Item("organization-registered", str(number), details.legal_name, details.short_name)
    for key in details.participations:
        yield requests.Item("participation-approved", key, key)
