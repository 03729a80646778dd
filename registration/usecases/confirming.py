"""From a confirm page to its effect: the one road every change of an organization's people takes.

No deed of its own. Idempotency key first, then the caller's rights, then the plan worked out afresh and held
against the one that was confirmed, and only then the change, all in one transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from kernel.sentences import in_a_sentence
from kernel.store import Unit
from registration.domain.authority import Caller, Identity
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import ExistingPerson, PersonChoice
from registration.domain.plan import Plan, RequestMade
from registration.domain.request import RequestKind
from registration.storage import accounts, identities, organizations, persons, requests
from registration.usecases.actors import actor_of
from registration.usecases.applying import TAGS, Order, UndoneError, carry_out
from registration.usecases.planning import Outcome, Wish, work_out
from registration.usecases.services import RegistrationServices
from registration.usecases.standing import Standing, Subject, choose, take_stand

Decision = Callable[[Connection, Standing, Subject], Wish | Refused]
"""A deed's own rule: what is to change for this person, or why the caller may not have it."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What came in with a confirmed form.

    ``plan_digest`` is the plan the person saw. None means that no plan was shown, which only the operator's
    command line and bootstrap deeds do.
    """

    kind: RequestKind
    caller: Caller
    organization_id: str
    person: PersonChoice
    asked: tuple[str, ...]
    plan_digest: str | None
    idempotency_key: str
    reason: str = ""
    ticket: str = ""

    @property
    def fingerprint(self) -> str:
        """Digest of everything asked for, by which a repeated form is told from another with its key."""
        person = self.person
        who = person.person_id if isinstance(person, ExistingPerson) else asdict(person.form)
        asked = [self.kind.value, self.organization_id, who, sorted(self.asked)]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def preview(
    services: RegistrationServices,
    *,
    caller: Caller,
    organization_id: str,
    person: PersonChoice,
    decide: Decision,
) -> Plan | Refused:
    """Return the plan that confirming now would carry out. Changes nothing."""
    with services.store.read() as connection:
        standing = take_stand(connection, caller, organization_id)
        if isinstance(standing, Refused):
            return standing
        found = _work_out(connection, standing, person, decide)
        return found if isinstance(found, Refused) else found[1].plan


def confirm(services: RegistrationServices, form: Confirmation, decide: Decision) -> RequestMade | Refused:
    """Carry out what a confirmed form asks for, or refuse; all or nothing.

    A plan that is no longer the one that was confirmed is refused as stale (I-21); a form that was confirmed
    before answers with the request it made then (I-22).
    """
    try:
        with services.store.write() as unit:
            answer = confirm_within(unit, services, form, decide)
    except UndoneError as undone:
        return undone.refused
    services.failpoint("after-commit")
    return answer


def confirm_within(
    unit: Unit, services: RegistrationServices, form: Confirmation, decide: Decision
) -> RequestMade | Refused:
    """Carry out a confirmed form inside a unit of work that a deed has opened.

    Raises:
        UndoneError: if the database refuses a step; the deed lets the unit roll back and answers the refusal.
    """
    connection = unit.connection
    # The lock makes a form sent twice at once wait for itself, so that the second finds the first one's key.
    organizations.find(connection, form.organization_id, lock=True)
    earlier = requests.by_key(connection, actor_of(form.caller), form.idempotency_key)
    if earlier is not None:
        return _made_before(connection, form, earlier)
    standing = take_stand(connection, form.caller, form.organization_id)
    if isinstance(standing, Refused):
        return _audited(unit, form, standing)
    found = _work_out(connection, standing, form.person, decide)
    if isinstance(found, Refused):
        return _audited(unit, form, found)
    subject, outcome, wish = found
    if form.plan_digest is not None and form.plan_digest != outcome.plan.digest:
        return Refused(Refusal.STALE_PLAN)
    order = Order(
        kind=form.kind,
        standing=standing,
        subject=subject,
        wish=wish,
        idempotency_key=form.idempotency_key,
        fingerprint=form.fingerprint,
        maker=_maker(connection, form.caller),
        reason=in_a_sentence(form.reason),
        ticket=in_a_sentence(form.ticket),
    )
    return carry_out(unit, services, order, outcome)


def _work_out(
    connection: Connection, standing: Standing, person: PersonChoice, decide: Decision
) -> tuple[Subject, Outcome, Wish] | Refused:
    subject = choose(connection, standing, person)
    if isinstance(subject, Refused):
        return subject
    wish = decide(connection, standing, subject)
    if isinstance(wish, Refused):
        return wish
    outcome = work_out(standing, subject, wish, maker=_maker(connection, standing.caller))
    return outcome if isinstance(outcome, Refused) else (subject, outcome, wish)


def _maker(connection: Connection, caller: Caller) -> Identity | None:
    return None if caller.at_console else identities.identity(connection, caller.account_id)


def _made_before(
    connection: Connection, form: Confirmation, found: requests.StoredRequest
) -> RequestMade | Refused:
    if found.fingerprint != form.fingerprint:
        return Refused(Refusal.KEY_REUSED)
    person = persons.find(connection, found.person_id) if found.person_id else None
    account = accounts.find(connection, found.account_id) if found.account_id else None
    return RequestMade(
        request_id=found.id,
        number=found.number,
        person_id=person.id if person else "",
        person_no=person.number if person else 0,
        account_id=account.id if account else "",
        user_name=account.user_name if account else "",
        repeated=True,
    )


def _audited(unit: Unit, form: Confirmation, refused: Refused) -> Refused:
    if refused.reason in {Refusal.NOT_ALLOWED, Refusal.NOT_FOUND}:
        unit.audit.record(
            TAGS[form.kind],
            actor=actor_of(form.caller),
            target=f"organization:{form.organization_id}"[:64],
            outcome="refused",
            reason=refused.reason.value,
        )
    return refused
