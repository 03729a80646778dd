"""Add a member of the operator's Customer Relations: the first from the command line, others by staff."""

from __future__ import annotations

from kernel.store import Unit
from registration.domain.authority import Caller
from registration.domain.organization import Organization, OrganizationDetails, OrganizationKind
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import PersonChoice
from registration.domain.plan import RequestMade
from registration.domain.request import RequestKind
from registration.storage import catalogues, identities, organizations
from registration.usecases.actors import not_allowed
from registration.usecases.applying import UndoneError
from registration.usecases.confirming import Confirmation, confirm_within
from registration.usecases.services import RegistrationServices
from registration.usecases.staffing import staffing


def add_operator_staff(
    services: RegistrationServices,
    *,
    caller: Caller,
    person: PersonChoice,
    idempotency_key: str,
    plan_digest: str | None = None,
) -> RequestMade | Refused:
    """Give a person Customer Relations functions; the operator's organization is made with its first one."""
    if plan_digest is None and not caller.at_console:
        return Refused(Refusal.STALE_PLAN)
    try:
        with services.store.write() as unit:
            if catalogues.current(unit.connection) is None:
                return Refused(Refusal.NO_CATALOGUE)
            if not identities.staff_rights(unit.connection, caller).is_staff:
                return not_allowed(unit, caller, "registration:staff:added")
            operator = organizations.find_operator(unit.connection) or _found(unit, services, caller)
            form = Confirmation(
                kind=RequestKind.ADD_STAFF,
                caller=caller,
                organization_id=operator.id,
                person=person,
                asked=(),
                plan_digest=plan_digest,
                idempotency_key=idempotency_key,
            )
            answer = confirm_within(unit, services, form, staffing)
            _undo_if_refused(answer)
    except UndoneError as undone:
        return undone.refused
    services.failpoint("after-commit")
    return answer


def _undo_if_refused(answer: RequestMade | Refused) -> None:
    """Let the operator's organization not stay without its first staff."""
    if isinstance(answer, Refused):
        raise UndoneError(answer)


def _found(unit: Unit, services: RegistrationServices, caller: Caller) -> Organization:
    settings = services.settings
    organizations.add(
        unit.connection,
        OrganizationDetails(
            legal_name=settings.operator_legal_name,
            short_name=settings.operator_short_name.upper(),
            number=None,
            participations=(),
            owns_facilities=False,
        ),
        identifier=unit.randomness.ulid(unit.now),
        number=organizations.free_number(unit.connection, first=settings.first_organization_number),
        kind=OrganizationKind.OPERATOR,
        now=unit.now,
        changed_by=caller.account_id,
    )
    operator = organizations.find_operator(unit.connection)
    if operator is None:  # a participant has taken the operator's short name
        raise UndoneError(Refused(Refusal.NAME_TAKEN))
    return operator
