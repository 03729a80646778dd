"""The provisioning request that is being served, and its record: one row, whatever becomes of it.

The request is ambient (a context variable), as its origin is. A deed that changes something writes the record
in its own transaction (:func:`record_deed`). Once the request is answered, the face says how
(:func:`record_answer`): what no deed recorded, or what ended otherwise than its deed, waits in memory for the
next batch.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Self

from idp.domain.account import Account
from idp.domain.deed import Deed
from idp.domain.group import Group
from idp.domain.provisioning_log import (
    Operation,
    Part,
    RequestRecord,
    Subject,
    outcome_of,
)
from idp.domain.user_name import fold
from idp.storage.provisioning_log import forget_names, insert_request, known_requests
from idp.storage.request_buffer import RequestBuffer
from idp.usecases.services import IdpServices
from kernel.crypto import Sealer
from kernel.errors import UndoneError
from kernel.origin import current_origin
from kernel.randomness import Randomness
from kernel.store import Unit

_LONGEST = 256
_LONGEST_TYPE = 32
_DONE = {Operation.CREATE: 201, Operation.DELETE: 204}
UNDONE = "Another operation of its circle of references failed."


Announce = Callable[[Unit, str, Deed], None]
"""Tell of a deed of a client to whoever hears of it, in the deed's own transaction."""


class ServedRequest:
    """A request while it is being served; what is not known yet is empty.

    ``announce`` is called with each of its deeds. ``txn`` is what its events have in common; one is drawn
    for a request that was given none. ``part_txn`` is that of the operation of a job which comes next.
    ``left_out`` is how many members that nobody knows it is done without.
    A plain class, because every request makes one.
    """

    __slots__ = (
        "announce",
        "around",
        "client_id",
        "external_id",
        "left_out",
        "name",
        "operation",
        "part_txn",
        "parts",
        "resource",
        "target_id",
        "token",
        "txn",
        "written",
    )

    def __init__(self, operation: Operation, resource: str, target_id: str) -> None:
        self.operation = operation
        self.resource = resource
        self.target_id = target_id
        self.client_id = self.external_id = self.name = ""
        self.txn = self.part_txn = ""
        self.left_out = 0
        self.announce: Announce | None = None
        self.written: RequestRecord | None = None
        self.around: ServedRequest | None = None
        self.parts: list[RequestRecord] = []
        self.token: Token[ServedRequest | None]

    @property
    def in_bulk(self) -> bool:
        """Tell that the request is an operation of a bulk job, the request around it."""
        return self.around is not None

    def __enter__(self) -> Self:
        """Serve the body of the ``with`` as this request."""
        around = _current.get()
        if around is not None:
            self.around, self.client_id, self.announce = around, around.client_id, around.announce
            self.txn = around.part_txn
        self.token = _current.set(self)
        return self

    def __exit__(self, *_raised: object) -> None:
        """Serve whatever was served before."""
        _current.reset(self.token)


_current: ContextVar[ServedRequest | None] = ContextVar("served", default=None)


def note_client(client_id: str, announce: Announce | None = None, *, txn: str = "") -> None:
    """Note whose request it is, as soon as that is known, who hears of its deeds, and by which txn."""
    served = _current.get()
    if served is not None:
        served.client_id, served.announce, served.txn = client_id, announce, txn


def begin_part(number: int) -> None:
    """Note which operation of a job comes next: its events have the job's txn, if any, and ``number``."""
    job = _current.get()
    if job is not None and job.txn:
        job.part_txn = f"{job.txn}:{number}"


def note_target_names(*, name: object, external_id: object) -> None:
    """Note the names that the request itself states of its target; what is no text is no name."""
    served = _current.get()
    if served is not None:
        served.name = _plain(name)
        served.external_id = _plain(external_id)


def note_left_out(count: int) -> None:
    """Note how many members that nobody knows the request is done without, before its deed is recorded."""
    served = _current.get()
    if served is not None:
        served.left_out = count


def subject_key(sealer: Sealer, name: str) -> str:
    """Return the key by which requests about ``name`` are found: a digest that nobody can make or turn back.

    Names are the same in any case and Unicode form, as user names are.
    """
    folded = fold(name).encode(errors="replace")
    return "~" + sealer.mac("provisioning-subject", folded)[:20].hex()


def record_deed(
    unit: Unit,
    target: Account | Group,
    *,
    changed: Iterable[str] = (),
    before: Account | Group | None = None,
    added: Iterable[str] = (),
    removed: Iterable[str] = (),
    former: str = "",
    document: str = "",
) -> None:
    """Record the request that is being served, in the transaction of the deed that did what it asks.

    ``changed`` are names of attributes. ``before`` is the target as it was: if its name changed, the record
    is found by either name, and leads from it to the id and so to every other request. ``added`` and
    ``removed`` are the ids of members; ``former`` and ``document`` the prepared JSON of an account before
    and after (a group carries its own).
    """
    served = _current.get()
    if served is None:
        return
    changed, added, removed = tuple(changed), tuple(added), tuple(removed)
    came = [Subject(each, Part.ADDED) for each in added]
    went = [Subject(each, Part.REMOVED) for each in removed]
    keys = [target.id, *(subject_key(unit.sealer, name) for name in _new_names(target, before))]
    record = dataclasses.replace(
        _record(unit.randomness, unit.now, served, _DONE.get(served.operation, 200)),
        target_id=target.id,
        external_id=target.external_id or "",
        name=_name(target),
        changed=changed,
        added=len(came),
        removed=len(went),
    )
    _write(unit, served, record, (*map(Subject, keys), *came, *went))
    if served.announce is not None:
        if isinstance(target, Group):
            former, document = before.document if isinstance(before, Group) else "{}", target.document
        deed = Deed(
            served.operation, target, before, changed, former, document, added, removed, _txn(unit, served)
        )
        served.announce(unit, served.client_id, deed)


def record_deletion(unit: Unit, target: Account | Group) -> None:
    """Record a deletion, and wipe the names of a deleted account from every earlier record (I3)."""
    keys = [target.id, *(subject_key(unit.sealer, name) for name in _names(target))]
    is_account = isinstance(target, Account)
    if is_account:
        forget_names(unit.transaction, keys)
    served = _current.get()
    if served is not None:
        record = dataclasses.replace(
            _record(unit.randomness, unit.now, served, _DONE.get(served.operation, 200)),
            target_id=target.id,
            external_id="" if is_account else target.external_id or "",
            name="" if is_account else _name(target),
        )
        _write(unit, served, record, map(Subject, keys))
        if served.announce is not None:
            deed = Deed(served.operation, target, target, (), "", "", (), (), _txn(unit, served))
            served.announce(unit, served.client_id, deed)


@contextmanager
def forgetting_undone() -> Iterator[None]:
    """Take back what deeds in the body recorded if they are undone for another's sake, to be done again."""
    served = _current.get()
    if served is None:
        yield
        return
    written, parts = served.written, [] if served.around is None else served.around.parts
    before = len(parts)
    try:
        yield
    except UndoneError:
        served.written = written
        del parts[before:]
        raise


def record_answer(
    services: IdpServices, served: ServedRequest, *, status: int, scim_type: str = "", reason: str = ""
) -> None:
    """Record how a request was answered, as far as its deed did not; it waits in memory for the next batch.

    Nothing is kept of a request whose client is not known, so that no stranger fills a table.
    """
    if not served.client_id:
        return
    if served.parts:
        _keep_undone(services, served)
    store, waiting, written = services.store, services.requests, served.written
    if written is not None:
        if status >= 400:
            _keep(store.sealer, waiting, _otherwise(written, status, scim_type, reason))
        return
    same = (
        served.client_id,
        served.operation,
        served.resource,
        served.target_id,
        served.external_id,
        served.name,
        status,
        scim_type,
        reason,
        served.in_bulk,
        served.left_out,
    )
    if not waiting.counted(same):
        record = _record(store.randomness, store.clock.now(), served, status, scim_type, reason)
        waiting.add(record, _subjects(store.sealer, record), same=same)


def flush_requests(services: IdpServices) -> None:
    """Write what waits. Never inside a unit of work."""
    services.requests.flush(services.store.database)


def _txn(unit: Unit, served: ServedRequest) -> str:
    return served.txn or unit.randomness.token(16)


def _write(unit: Unit, served: ServedRequest, record: RequestRecord, subjects: Iterable[Subject]) -> None:
    insert_request(unit.transaction, record, subjects)
    served.written = record
    if served.around is not None:
        served.around.parts.append(record)


def _keep_undone(services: IdpServices, job: ServedRequest) -> None:
    """Keep the operations of a bulk job that were done and then undone with the rest of their circle."""
    with services.store.read() as connection:
        standing = known_requests(connection, [each.id for each in job.parts])
    for each in job.parts:
        if each.id not in standing:
            _keep(services.store.sealer, services.requests, _otherwise(each, 409, "", UNDONE))


def _keep(sealer: Sealer, waiting: RequestBuffer, record: RequestRecord) -> None:
    """Keep the record of a deed with how its request ended after all."""
    waiting.add(record, _subjects(sealer, record), same=record.id)


def _otherwise(written: RequestRecord, status: int, scim_type: str, reason: str) -> RequestRecord:
    return dataclasses.replace(
        written,
        outcome=outcome_of(written.operation, status),
        status=status,
        scim_type=scim_type[:_LONGEST_TYPE],
        reason=reason,
    )


def _record(
    randomness: Randomness,
    at: dt.datetime,
    served: ServedRequest,
    status: int,
    scim_type: str = "",
    reason: str = "",
) -> RequestRecord:
    return RequestRecord(
        id=randomness.ulid(at),
        at=at,
        client_id=served.client_id,
        request_id=current_origin().request_id,
        operation=served.operation,
        resource=served.resource,
        target_id=served.target_id,
        external_id=served.external_id,
        name=served.name,
        outcome=outcome_of(served.operation, status),
        status=status,
        scim_type=scim_type[:_LONGEST_TYPE],
        reason=reason,
        changed=(),
        added=0,
        removed=0,
        left_out=served.left_out if status < 400 else 0,
        times=1,
        in_bulk=served.in_bulk,
    )


def _plain(name: object) -> str:
    """Return a name as it can be shown and stored: its visible characters, of a text."""
    if not isinstance(name, str):
        return ""
    return "".join(character for character in name[:_LONGEST] if character.isprintable())


def _name(target: Account | Group) -> str:
    return target.user_name if isinstance(target, Account) else target.display_name


def _names(target: Account | Group) -> list[str]:
    return [name for name in (target.external_id, _name(target)) if name]


def _new_names(target: Account | Group, before: Account | Group | None) -> list[str]:
    """Return the names that lead to the target from this request on; of any other an earlier one tells."""
    names, former = _names(target), [] if before is None else _names(before)
    return [] if names == former else list(dict.fromkeys(names + former))


def _subjects(sealer: Sealer, record: RequestRecord) -> tuple[Subject, ...]:
    keys = [subject_key(sealer, name) for name in (record.external_id, record.name) if name]
    return tuple(Subject(key) for key in ([record.target_id] if record.target_id else []) + keys)
