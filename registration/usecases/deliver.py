"""Deliver one due aggregate to the Gateway: claim, build from the present state, send, settle.

Killed at any point it does no harm: an unsettled lease runs out, and the same request is built and sent
again, which the Gateway takes as a repeat (I-11, I-12).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy import Connection

from kernel.store import Unit
from registration.domain.letters import Letter, write
from registration.domain.outbox import (
    HIGHEST_VERSION,
    IMMEDIATE_TRIES,
    PROBE_EVERY,
    Action,
    Aggregate,
    Health,
    Lane,
    Row,
    Verdict,
    after_failure,
    blocked,
    dependency,
    may_send,
    membership_id,
    settle,
)
from registration.domain.person import Person
from registration.domain.provisioning import Answer, DesiredGroup, DesiredMembership, DesiredUser
from registration.storage import (
    accounts,
    catalogues,
    desired,
    organizations,
    outbox,
    persons,
    requests,
)
from registration.usecases.services import RegistrationServices

_log = structlog.get_logger(__name__)

_AGAIN: Final = frozenset({Verdict.STALE, Verdict.CHANGED, Verdict.RECREATE})
"""What is built and sent again at once, a few times: the state was read too early, or is gone."""


@dataclass(slots=True)
class _Trip:
    """What happened while one row was out."""

    row: Row
    verdict: Verdict = Verdict.ACK
    waits_for: str | None = None
    link: tuple[str, int] | None = None
    attempts: list[tuple[Answer, Verdict]] = field(default_factory=list)

    def note(self, answer: Answer, action: Action, *, active: bool = True) -> Verdict:
        """Keep an answer and what it means."""
        self.verdict = answer.verdict(action, active=active)
        self.attempts.append((answer, self.verdict))
        return self.verdict

    @property
    def last(self) -> Answer | None:
        """The last answer that came, or None if nothing was sent."""
        return self.attempts[-1][0] if self.attempts else None


def deliver_once(services: RegistrationServices, *, worker: str, lanes: Iterable[Lane] = tuple(Lane)) -> bool:
    """Deliver the most urgent due row of ``lanes``; False when there is nothing that may be sent now."""
    wanted = tuple(lanes)
    row = _claim(services, worker, wanted)
    if row is None:
        return False
    services.failpoint("after-claim")
    trip = _Trip(row)
    travel = {
        Aggregate.USER: _deliver_user,
        Aggregate.GROUP: _deliver_group,
        Aggregate.MEMBERSHIP: _deliver_membership,
    }
    travel[row.kind](services, trip)
    if trip.verdict is Verdict.ACK:
        services.failpoint("after-2xx")
    _settle(services, trip, worker)
    services.failpoint("after-mark")
    _wake(services, trip)
    return True


def _claim(services: RegistrationServices, worker: str, lanes: tuple[Lane, ...]) -> Row | None:
    now = services.store.clock.now()
    with services.store.read() as connection:
        if not outbox.has_due(connection, now=now, lanes=lanes):
            return None
        health = outbox.health(connection)
    if not may_send(health, now=now):
        return None
    with services.store.write() as unit:
        if health.is_open and not outbox.take_probe(
            unit.connection, now=unit.now, until=unit.now + PROBE_EVERY
        ):
            return None
        return outbox.claim(unit.connection, owner=worker, now=unit.now, lanes=lanes)


# --- users ----------------------------------------------------------------------------------------------


def _deliver_user(services: RegistrationServices, trip: _Trip) -> None:
    for _ in range(IMMEDIATE_TRIES + 1):
        with services.store.read() as connection:
            catalogue = catalogues.current(connection)
            wanted = desired.user(
                connection,
                trip.row.aggregate_id,
                activation_days=services.settings.activation_days,
                tenant=catalogue.tenant if catalogue else "",
            )
            remote = _linked(connection, trip)
        if wanted is None:
            return
        if remote is not None:
            again = _change_user(services, trip, remote, wanted)
        elif wanted.active:
            again = _create_user(services, trip, wanted)
        else:
            # Never created as far as we know; but the answer to a creation may have been lost.
            again = _adopt_user(services, trip, wanted)
        if not again:
            return


def _create_user(services: RegistrationServices, trip: _Trip, wanted: DesiredUser) -> bool:
    answer = services.directory.create_user(wanted)
    verdict = trip.note(answer, Action.CREATE)
    if verdict is Verdict.ACK and answer.remote_id:
        trip.link = (answer.remote_id, wanted.version)
    if verdict is not Verdict.TAKEN:
        return False
    if _adopt_user(services, trip, wanted):
        return True
    if trip.verdict is Verdict.ACK:  # asked, and none of ours is there: the name is somebody else's
        trip.verdict = Verdict.TAKEN
    return False


def _adopt_user(services: RegistrationServices, trip: _Trip, wanted: DesiredUser) -> bool:
    """Link the Gateway's user that carries our external id; never one that carries another (section 9)."""
    answer, found = services.directory.find_user(external_id=wanted.external_id)
    if trip.note(answer, Action.FIND) is not Verdict.ACK or found is None:
        return False
    trip.link = (found.remote_id, wanted.version)
    return True


def _change_user(services: RegistrationServices, trip: _Trip, remote: str, wanted: DesiredUser) -> bool:
    answer = services.directory.change_user(remote, wanted)
    verdict = trip.note(answer, Action.CHANGE, active=wanted.active)
    if verdict is Verdict.ACK:
        trip.link = (remote, wanted.version)
    if verdict is Verdict.RECREATE:
        _forget_user(services, trip, remote)
    if verdict is Verdict.STALE:
        _catch_up(services, trip, Aggregate.USER, wanted.account_id, remote)
    return verdict in _AGAIN


def _linked(connection: Connection, trip: _Trip) -> str | None:
    if trip.link is not None:
        return trip.link[0]
    return outbox.remote_id(connection, trip.row.kind, trip.row.aggregate_id)


def _forget_user(services: RegistrationServices, trip: _Trip, remote: str) -> None:
    """The Gateway lost the account: it and all its memberships have to be made again."""
    trip.link = None
    account_id = trip.row.aggregate_id
    with services.store.write() as unit:
        if outbox.unlink(unit.connection, Aggregate.USER, account_id, remote=remote):
            groups = desired.memberships_of_account(unit.connection, account_id)
            _enqueue_memberships(unit, [membership_id(account_id, group) for group in groups])


def _enqueue_memberships(unit: Unit, identifiers: Iterable[str]) -> None:
    for identifier in sorted(identifiers):
        _enqueue(unit, Aggregate.MEMBERSHIP, identifier, Lane.GRANT)


def _enqueue(unit: Unit, kind: Aggregate, identifier: str, lane: Lane) -> None:
    outbox.enqueue(
        unit.connection,
        unit.randomness,
        kind=kind,
        aggregate_id=identifier,
        lane=lane,
        now=unit.now,
        request_id=None,
    )


# --- groups ---------------------------------------------------------------------------------------------


def _deliver_group(services: RegistrationServices, trip: _Trip) -> None:
    for _ in range(IMMEDIATE_TRIES + 1):
        with services.store.read() as connection:
            catalogue = catalogues.current(connection)
            wanted = desired.group(connection, trip.row.aggregate_id, catalogue) if catalogue else None
            remote = _linked(connection, trip)
        if wanted is None:
            return
        if remote is None:
            again = _create_group(services, trip, wanted)
        else:
            again = _change_group(services, trip, remote, wanted)
        if not again:
            return


def _create_group(services: RegistrationServices, trip: _Trip, wanted: DesiredGroup) -> bool:
    answer = services.directory.create_group(wanted)
    verdict = trip.note(answer, Action.CREATE)
    if verdict is Verdict.ACK and answer.remote_id:
        trip.link = (answer.remote_id, wanted.version)
    if verdict is not Verdict.TAKEN:
        return False
    answer, found = services.directory.find_group(external_id=wanted.external_id)
    if trip.note(answer, Action.FIND) is not Verdict.ACK:
        return False
    if found is None:
        trip.verdict = Verdict.TAKEN
        return False
    trip.link = (found.remote_id, wanted.version)
    return True


def _change_group(services: RegistrationServices, trip: _Trip, remote: str, wanted: DesiredGroup) -> bool:
    answer = services.directory.change_group(remote, wanted)
    verdict = trip.note(answer, Action.CHANGE)
    if verdict is Verdict.ACK:
        trip.link = (remote, wanted.version)
    if verdict is Verdict.RECREATE:
        trip.link = None
        _forget_group(services, trip.row.aggregate_id, remote, requeue_group=False)
    if verdict is Verdict.STALE:
        _catch_up(services, trip, Aggregate.GROUP, wanted.group_id, remote)
    return verdict in _AGAIN


def _forget_group(services: RegistrationServices, group: str, remote: str, *, requeue_group: bool) -> None:
    """The Gateway lost the group: it and all its members have to be made again."""
    with services.store.write() as unit:
        if not outbox.unlink(unit.connection, Aggregate.GROUP, group, remote=remote):
            return
        if requeue_group:
            _enqueue(unit, Aggregate.GROUP, group, Lane.CREATE)
        members = desired.members_of_group(unit.connection, group)
        _enqueue_memberships(unit, [membership_id(account_id, group) for account_id in members])


# --- memberships ----------------------------------------------------------------------------------------


def _deliver_membership(services: RegistrationServices, trip: _Trip) -> None:
    for _ in range(IMMEDIATE_TRIES + 1):
        with services.store.read() as connection:
            wanted = desired.membership(connection, trip.row.aggregate_id)
            if wanted is None:
                return
            user = outbox.remote_id(connection, Aggregate.USER, wanted.account_id)
            group = outbox.remote_id(connection, Aggregate.GROUP, wanted.group_id)
        if user is None or group is None:
            _wait_for(trip, wanted, needs_user=user is None)
            return
        if not _move_member(services, trip, wanted, user, group):
            return


def _wait_for(trip: _Trip, wanted: DesiredMembership, *, needs_user: bool) -> None:
    if wanted.present:
        waits_for = (Aggregate.USER, wanted.account_id) if needs_user else (Aggregate.GROUP, wanted.group_id)
        trip.waits_for = dependency(*waits_for)
    # What the Gateway never had needs no removing: the row is done.


def _move_member(
    services: RegistrationServices, trip: _Trip, wanted: DesiredMembership, user: str, group: str
) -> bool:
    if wanted.present:
        answer = services.directory.add_member(group, user, version=wanted.version)
        verdict = trip.note(answer, Action.ADD_MEMBER)
    else:
        answer = services.directory.remove_member(group, user, version=wanted.version)
        verdict = trip.note(answer, Action.REMOVE_MEMBER)
    if verdict is Verdict.RECREATE:
        _forget_group(services, wanted.group_id, group, requeue_group=True)
        trip.waits_for = dependency(Aggregate.GROUP, wanted.group_id)
        return False
    if verdict is Verdict.REFUSED and wanted.present and answer.status == 400:
        # Perhaps the Gateway no longer has the account. Delivering that finds out.
        with services.store.write() as unit:
            _enqueue(unit, Aggregate.USER, wanted.account_id, Lane.UPDATE)
    if verdict is Verdict.STALE:
        _catch_up(services, trip, Aggregate.GROUP, wanted.group_id, group)
    return verdict in {Verdict.STALE, Verdict.CHANGED}


# --- a registry that is behind --------------------------------------------------------------------------


def _catch_up(services: RegistrationServices, trip: _Trip, kind: Aggregate, local: str, remote: str) -> None:
    """Count on from the version that the Gateway holds, if we never gave one so high.

    Mostly another worker was faster, and reading the state again is enough. But a registry that came back
    from a backup counts again what it had counted before; the Gateway would refuse all of that.
    """
    answer, held = services.directory.held_version(kind, remote)
    trip.attempts.append((answer, answer.verdict(Action.FIND)))
    if held is None or not 0 < held < HIGHEST_VERSION:
        return
    with services.store.write() as unit:
        desired.outpace(unit.connection, kind, local, held=held)


# --- settling -------------------------------------------------------------------------------------------


def _settle(services: RegistrationServices, trip: _Trip, worker: str) -> None:
    row, last = trip.row, trip.last
    with services.store.write() as unit:
        connection = unit.connection
        for answer, verdict in trip.attempts:
            outbox.record_attempt(
                connection, unit.randomness, row, answer, verdict, worker=worker, now=unit.now
            )
        if trip.link is not None:
            remote, version = trip.link
            outbox.link(connection, row.kind, row.aggregate_id, remote, version=version, now=unit.now)
        settled = (
            blocked(row, trip.waits_for, now=unit.now)
            if trip.waits_for
            else settle(
                row,
                trip.verdict,
                now=unit.now,
                spread=unit.randomness.below(2001) / 1000 - 1,
                retry_after=last.retry_after if last else None,
            )
        )
        held = outbox.settle(connection, row, settled, now=unit.now, status=last.status if last else None)
        if held and trip.verdict is Verdict.ACK and not trip.waits_for:
            _tell_live(unit, services, row)
        if last is not None:
            _keep_health(connection, unit, trip.verdict)


def _tell_live(unit: Unit, services: RegistrationServices, row: Row) -> None:
    if row.kind is Aggregate.USER:
        accounts.mark_provisioned(unit.connection, row.aggregate_id)
    completed = requests.mark_live(
        unit.connection,
        kind=row.kind,
        aggregate_id=row.aggregate_id,
        version=row.desired_version,
        now=unit.now,
    )
    for request_id in completed:
        _post_completion(unit, services, request_id)


def _keep_health(connection: Connection, unit: Unit, verdict: Verdict) -> None:
    health = outbox.health(connection)
    if verdict in {Verdict.UNREACHABLE, Verdict.UNAUTHORIZED}:
        refused = verdict is Verdict.UNAUTHORIZED
        failed = after_failure(health, now=unit.now, cause=verdict.value, at_once=refused)
        outbox.put_health(connection, failed)
        if health.cause != failed.cause:
            _log.error("delivery.gateway_fails", cause=failed.cause)
    elif health != Health():
        outbox.put_health(connection, Health())
        _log.info("delivery.gateway_is_back", failed_since=str(health.failing_since))


def _wake(services: RegistrationServices, trip: _Trip) -> None:
    if trip.link is None or trip.row.kind is Aggregate.MEMBERSHIP:
        return
    with services.store.write() as unit:
        outbox.wake(unit.connection, dependency(trip.row.kind, trip.row.aggregate_id), now=unit.now)


def _post_completion(unit: Unit, services: RegistrationServices, request_id: str) -> None:
    """Tell maker and person that a request is complete: created by the ack, never before (R-209).

    Of what a later request overtook nobody is told that it is in effect: it never was.
    """
    found = requests.by_id(unit.connection, request_id)
    if found is None:
        return
    overtaken = any(item.overtaken for item in requests.items_of(unit.connection, request_id))
    letter = Letter.REQUEST_OVERTAKEN if overtaken else Letter.REQUEST_COMPLETE
    organization = organizations.find(unit.connection, found.organization_id)
    for recipient in _recipients(unit, found):
        written = write(
            letter,
            recipient.details.language,
            {
                "product": services.settings.product,
                "registration_url": services.public_url,
                "request_url": services.request_url(found.number),
                "recipient": recipient.details.display_name,
                "organization": f"{organization.legal_name} ({organization.number})" if organization else "",
                "number": str(found.number),
            },
        )
        unit.courier.post_email(
            to=recipient.details.main_email,
            subject=written.subject,
            text=written.text,
            template=letter.value,
            language=recipient.details.language,
            dedupe_key=f"{request_id}:{letter.value}:{recipient.id}",
        )


def _recipients(unit: Unit, found: requests.StoredRequest) -> list[Person]:
    identifiers: list[str] = []
    if found.actor_kind == "account":
        maker = accounts.find(unit.connection, found.actor_id)
        if maker is not None:
            identifiers.append(maker.person_id)
    if found.person_id and found.person_id not in identifiers:
        identifiers.append(found.person_id)
    people = (persons.find(unit.connection, identifier) for identifier in identifiers)
    return [person for person in people if person is not None]
