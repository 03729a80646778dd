"""Carrying out a plan inside a unit of work: registry, desired state, request, outbox, letters, audit.

No deed of its own: a deed decides whether, this module does it, all or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Final

from kernel.audit import JsonValue
from kernel.store import Unit
from registration.domain.authority import NEXT_UP, Identity
from registration.domain.catalogue import OPERATOR
from registration.domain.letters import Letter, change_line, write
from registration.domain.membership import Effect
from registration.domain.outbox import Aggregate, Lane, lane_of, membership_id
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import Person
from registration.domain.plan import ChangeKind, RequestMade
from registration.domain.request import RequestKind
from registration.domain.user_names import Step, personal_candidates
from registration.storage import accounts, contacts, grants, numbers, outbox, persons, requests, tasks
from registration.storage.accounts import Account
from registration.usecases.actors import actor_of
from registration.usecases.planning import Outcome, Wish
from registration.usecases.services import RegistrationServices
from registration.usecases.standing import Standing, Subject

TAGS: Final = {
    RequestKind.NAME_FIRST_REPRESENTATIVE: "registration:contact:named",
    RequestKind.ADD_STAFF: "registration:staff:added",
    RequestKind.NAME_CONTACT: "registration:contact:named",
    RequestKind.END_CONTACT: "registration:contact:ended",
    RequestKind.GRANT_ACCESS: "registration:access:granted",
    RequestKind.REVOKE_ACCESS: "registration:access:revoked",
}


class UndoneError(Exception):
    """Rolls the unit of work back because the database refused a step; carries the refusal to answer with."""

    def __init__(self, refused: Refused) -> None:
        self.refused = refused
        super().__init__(refused.reason.value)


@dataclass(frozen=True, slots=True)
class Order:
    """A deed that was decided on."""

    kind: RequestKind
    standing: Standing
    subject: Subject
    wish: Wish
    idempotency_key: str
    fingerprint: str
    maker: Identity | None
    reason: str = ""
    ticket: str = ""


@dataclass(slots=True)
class _Work:
    """What has been done so far in the unit of work."""

    request_id: str
    number: int
    person: Person | None = None
    account: Account | None = None
    step: Step | None = None
    due: dict[tuple[Aggregate, str], Lane] = field(default_factory=dict)
    versions: dict[tuple[Aggregate, str], int] = field(default_factory=dict)


def carry_out(unit: Unit, services: RegistrationServices, order: Order, outcome: Outcome) -> RequestMade:
    """Do everything the plan says, in the unit of work of the deed.

    The order of the writes is fixed (registry, then outbox, then audit), so that two deeds never wait for
    each other in a circle.

    Raises:
        UndoneError: if the database refuses a step; nothing of the deed remains then.
    """
    identifier = unit.randomness.ulid(unit.now)
    work = _Work(identifier, _open_request(unit, services, order, identifier, outcome))
    _settle_person(unit, services, order, outcome, work)
    _settle_contacts(unit, order, work)
    _settle_grants(unit, order, work)
    _settle_memberships(unit, order, outcome, work)
    _enqueue(unit, work)
    _close_request(unit, order, outcome, work)
    _post_letters(unit, services, order, outcome, work)
    _audit(unit, order, outcome, work)
    services.failpoint("before-commit")
    person, account = _required(work.person), work.account
    return RequestMade(
        request_id=identifier,
        number=work.number,
        person_id=person.id,
        person_no=person.number,
        account_id=account.id if account else "",
        user_name=account.user_name if account else "",
    )


def _required(person: Person | None) -> Person:
    if person is None:
        raise UndoneError(Refused(Refusal.NOT_FOUND))
    return person


def _open_request(
    unit: Unit, services: RegistrationServices, order: Order, identifier: str, outcome: Outcome
) -> int:
    first = services.settings.first_request_number
    number = numbers.next_number(unit.connection, numbers.REQUEST, first=first)
    if not requests.add(
        unit.connection,
        identifier=identifier,
        number=number,
        kind=order.kind,
        organization_id=order.standing.organization.id,
        actor=actor_of(order.standing.caller),
        idempotency_key=order.idempotency_key,
        fingerprint=order.fingerprint,
        now=unit.now,
        plan={"digest": outcome.plan.digest, "changes": [asdict(change) for change in outcome.plan.changes]},
        reason=order.reason,
        ticket=order.ticket,
    ):  # another form with the key of this one was sent at this very moment, about another organization
        raise UndoneError(Refused(Refusal.KEY_REUSED))
    return number


def _settle_person(
    unit: Unit, services: RegistrationServices, order: Order, outcome: Outcome, work: _Work
) -> None:
    connection, actor = unit.connection, actor_of(order.standing.caller)
    work.person = order.subject.person
    if work.person is None:
        first = services.settings.first_person_number
        work.person = persons.add(
            connection,
            order.subject.details,
            identifier=unit.randomness.ulid(unit.now),
            number=numbers.next_number(connection, numbers.PERSON, first=first),
            now=unit.now,
            changed_by=actor.id,
            request_id=work.request_id,
        )
    persons.attach(
        connection,
        person_id=work.person.id,
        organization_id=order.standing.organization.id,
        now=unit.now,
        request_id=work.request_id,
    )
    work.account = order.subject.account
    if outcome.creates_account:
        _create_account(unit, services, work, work.person)


def _create_account(unit: Unit, services: RegistrationServices, work: _Work, person: Person) -> None:
    identifier = unit.randomness.ulid(unit.now)
    candidates = personal_candidates(
        first_name=person.details.first_name,
        last_name=person.details.last_name,
        middle_name=person.details.middle_name,
        policy=services.name_policy,
    )
    name = accounts.issue_name(unit.connection, candidates, account_id=identifier, now=unit.now)
    if name is None:
        raise UndoneError(Refused(Refusal.NO_USER_NAME))
    added = accounts.add_personal(
        unit.connection, identifier=identifier, person_id=person.id, user_name=name.name, now=unit.now
    )
    if not added:  # another organization's deed gave the person the account a moment ago
        raise UndoneError(Refused(Refusal.STALE_PLAN))
    work.account = accounts.find(unit.connection, identifier)
    work.step = name.step
    work.due[Aggregate.USER, identifier] = lane_of(Aggregate.USER, desired=True, known=False)


def _settle_contacts(unit: Unit, order: Order, work: _Work) -> None:
    person = _required(work.person)
    for key in order.wish.name:
        _add_contact(unit, order, work, person, key)
    for key in order.wish.end:
        ended = contacts.end(
            unit.connection,
            organization_id=order.standing.organization.id,
            role_key=key,
            person_id=person.id,
            now=unit.now,
            ended_by=order.standing.caller.account_id,
            reason=order.reason,
            request_id=work.request_id,
        )
        if not ended:
            raise UndoneError(Refused(Refusal.NOT_HELD if ended is None else Refusal.MINIMUM))


def _add_contact(unit: Unit, order: Order, work: _Work, person: Person, key: str) -> None:
    catalogue, organization = order.standing.catalogue, order.standing.organization
    new = contacts.NewContact(
        id=unit.randomness.ulid(unit.now),
        organization_id=organization.id,
        role_key=key,
        role=catalogue.contact_roles[key],
        person_id=person.id,
        slot=catalogue.contact_slot(key),
        started_at=unit.now,
        added_by=order.standing.caller.account_id,
        reason=order.reason,
        request_id=work.request_id,
    )
    added = contacts.add(unit.connection, new)
    refusals = {
        contacts.Added.HELD: Refusal.ALREADY_HELD,
        contacts.Added.EXCLUDED: Refusal.EXCLUDED,
        contacts.Added.MAXIMUM: Refusal.MAXIMUM,
    }
    if added in refusals:
        raise UndoneError(Refused(refusals[added]))
    tasks.close_vacancy(unit.connection, organization_id=organization.id, role_key=key, now=unit.now)
    _ask_for_the_next_below(unit, order, key)


def _ask_for_the_next_below(unit: Unit, order: Order, key: str) -> None:
    organization = order.standing.organization
    for vacant, candidates in NEXT_UP.items():
        if candidates != key or candidates == OPERATOR:
            continue
        if contacts.is_vacant(unit.connection, organization_id=organization.id, role_key=vacant):
            tasks.open_vacancy(
                unit.connection,
                identifier=unit.randomness.ulid(unit.now),
                organization_id=organization.id,
                role_key=vacant,
                candidates=candidates,
                now=unit.now,
            )


def _settle_grants(unit: Unit, order: Order, work: _Work) -> None:
    account = work.account
    organization_id, maker = order.standing.organization.id, order.standing.caller.account_id
    for key in order.wish.grant:
        granted = account is not None and grants.add(
            unit.connection,
            grants.NewAccessGrant(
                id=unit.randomness.ulid(unit.now),
                organization_id=organization_id,
                account_id=account.id,
                access_role=key,
                started_at=unit.now,
                granted_by=maker,
                reason=order.reason,
                ticket=order.ticket,
                request_id=work.request_id,
            ),
        )
        if not granted:
            raise UndoneError(Refused(Refusal.ALREADY_HELD))
    for key in order.wish.revoke:
        ended = account is not None and grants.end(
            unit.connection,
            organization_id=organization_id,
            account_id=account.id,
            access_role=key,
            now=unit.now,
            revoked_by=maker,
            reason=order.reason,
            request_id=work.request_id,
        )
        if not ended:
            raise UndoneError(Refused(Refusal.NOT_HELD))


def _settle_memberships(unit: Unit, order: Order, outcome: Outcome, work: _Work) -> None:
    account, organization = work.account, order.standing.organization
    if account is None:
        return
    here = {"organization_id": organization.id, "account_id": account.id}
    had_access = grants.has_any(unit.connection, **here)
    for key, effect in outcome.effects.items():
        if effect is Effect.NONE:
            continue
        put = grants.put_membership(
            unit.connection,
            **here,
            access_role=key,
            sources=len(outcome.after.get(key, ())),
            slot=order.standing.catalogue.exclusion_slot(key)
            if key in order.standing.catalogue.access_roles
            else None,
            now=unit.now,
        )
        if not put:
            raise UndoneError(Refused(Refusal.EXCLUDED))
        if effect is not Effect.STAYS:
            _move_member(unit, order, work, key, joins=effect is Effect.JOINS)
    has_access = grants.has_any(unit.connection, **here)
    if had_access != has_access and not outcome.creates_account:
        # The Gateway keeps the organizations an account acts for.
        accounts.touch(unit.connection, account.id)
        work.due[Aggregate.USER, account.id] = lane_of(Aggregate.USER, desired=True, known=True)


def _move_member(unit: Unit, order: Order, work: _Work, access_role: str, *, joins: bool) -> None:
    organization = order.standing.organization
    group, made = grants.raise_group(
        unit.connection,
        organization_id=organization.id,
        organization_number=organization.number,
        access_role=access_role,
    )
    if made:
        work.due[Aggregate.GROUP, group] = lane_of(Aggregate.GROUP, desired=True, known=False)
    account = work.account
    if account is not None:
        lane = lane_of(Aggregate.MEMBERSHIP, desired=joins, known=not joins)
        work.due[Aggregate.MEMBERSHIP, membership_id(account.id, group)] = lane


def _enqueue(unit: Unit, work: _Work) -> None:
    # In one order for everybody, so that two deeds never lock the same rows crosswise.
    for kind, identifier in sorted(work.due, key=lambda due: (due[0].value, due[1])):
        work.versions[kind, identifier] = outbox.enqueue(
            unit.connection,
            unit.randomness,
            kind=kind,
            aggregate_id=identifier,
            lane=work.due[kind, identifier],
            now=unit.now,
            request_id=work.request_id,
        )


def _close_request(unit: Unit, order: Order, outcome: Outcome, work: _Work) -> None:
    requests.complete(
        unit.connection,
        work.request_id,
        person_id=work.person.id if work.person else None,
        account_id=work.account.id if work.account else None,
    )
    requests.add_items(unit.connection, work.request_id, _items(order, outcome, work))
    requests.finish(unit.connection, work.request_id, now=unit.now)


def _items(order: Order, outcome: Outcome, work: _Work) -> Iterator[requests.Item]:
    told = {ChangeKind.ACCESS_GRANTED, ChangeKind.ACCESS_REVOKED}
    shown = {change.key for change in outcome.plan.of(*told)}
    for change in outcome.plan.changes:
        if change.kind is ChangeKind.MAIL_SENT:
            continue
        moved = {ChangeKind.GATEWAY_JOINED, ChangeKind.GATEWAY_LEFT}
        if change.kind in moved and change.key in shown:
            continue  # the line of the grant or revocation tells it already
        aggregate, identifier = _aggregate_of(order, work, change.kind, change.key)
        version = work.versions.get((aggregate, identifier), 0) if aggregate else 0
        yield requests.Item(
            kind=change.kind.value,
            key=change.key,
            name=change.name,
            detail=change.detail or change.application,
            aggregate=aggregate if version else None,
            aggregate_id=identifier if version else "",
            version=version,
        )


def _aggregate_of(order: Order, work: _Work, kind: ChangeKind, key: str) -> tuple[Aggregate | None, str]:
    account = work.account
    if account is None:
        return None, ""
    if kind is ChangeKind.ACCOUNT_CREATED:
        return Aggregate.USER, account.id
    roles = {
        ChangeKind.ACCESS_GRANTED,
        ChangeKind.ACCESS_REVOKED,
        ChangeKind.GATEWAY_JOINED,
        ChangeKind.GATEWAY_LEFT,
    }
    if kind in roles:
        group = f"{order.standing.organization.number}:{key}"
        return Aggregate.MEMBERSHIP, membership_id(account.id, group)
    return None, ""


def _post_letters(
    unit: Unit, services: RegistrationServices, order: Order, outcome: Outcome, work: _Work
) -> None:
    person = _required(work.person)
    for change in outcome.plan.of(ChangeKind.MAIL_SENT):
        letter = Letter(change.key)
        copy = letter in {Letter.ACCESS_CHANGED_COPY, Letter.CONTACT_CHANGED_COPY}
        language = order.maker.language if copy and order.maker else person.details.language
        lines = (change_line(line.kind.value, language, line.name) for line in outcome.plan.changes)
        requester = order.maker.display_name if order.maker else services.settings.operator_legal_name
        organization = order.standing.organization
        written = write(
            letter,
            language,
            {
                "product": services.settings.product,
                "registration_url": services.public_url,
                "request_url": services.request_url(work.number),
                "name": person.details.full_name if copy else person.details.display_name,
                "person_no": str(person.number),
                "user_name": work.account.user_name if work.account else "",
                "organization": f"{organization.legal_name} ({organization.number})",
                "requester": requester,
                "number": str(work.number),
                "changes": "\n".join(line for line in lines if line),
            },
        )
        unit.courier.post_email(
            to=order.maker.email if copy and order.maker else person.details.main_email,
            subject=written.subject,
            text=written.text,
            template=letter.value,
            language=language,
            dedupe_key=f"{work.request_id}:{letter.value}",
        )


def _audit(unit: Unit, order: Order, outcome: Outcome, work: _Work) -> None:
    actor, person = actor_of(order.standing.caller), _required(work.person)
    organization = str(order.standing.organization.number)
    if order.subject.person is None:
        unit.audit.record(
            "registration:person:registered",
            actor=actor,
            target=f"person:{person.number}",
            organization=organization,
            details={"request": work.number},
        )
    if outcome.creates_account and work.account is not None:
        unit.audit.record(
            "registration:account:requested",
            actor=actor,
            target=f"account:{work.account.id}",
            organization=organization,
            details={
                "request": work.number,
                "person": person.number,
                "user_name": work.account.user_name,
                "name_rule": work.step.value if work.step else "",
                "name_has_numeral": work.step is Step.NUMERAL,
            },
        )
    details: dict[str, JsonValue] = {
        "request": work.number,
        "person": person.number,
        "plan": outcome.plan.digest,
        "changes": [
            f"{change.kind.value} {change.key}".strip()
            for change in outcome.plan.changes
            if change.kind is not ChangeKind.MAIL_SENT
        ],
        "ticket": order.ticket,
    }
    unit.audit.record(
        TAGS[order.kind],
        actor=actor,
        target=f"person:{person.number}",
        reason=order.reason,
        organization=organization,
        details=details,
    )
