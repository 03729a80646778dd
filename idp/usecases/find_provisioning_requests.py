"""Why was this person not provisioned? What clients asked, found by whom it was about, and shown in full."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from idp.domain.account import Account
from idp.domain.group import GroupsOf
from idp.domain.provisioning_log import Outcome, Part, RequestRecord
from idp.storage.provisioning_log import (
    Range,
    find_request,
    members_of_request,
    page_of_all,
    page_of_subject,
    recorded_clients,
    targets_called,
)
from idp.storage.provisioning_subjects import accounts_called, groups_called, groups_of, present_names
from idp.storage.scim_register import find_scim_registration
from idp.usecases.provisioning_log import subject_key
from idp.usecases.services import IdpServices
from kernel.randomness import first_ulid

PAGE = 25
MOST_MEMBERS = 100


class Shown(StrEnum):
    """Which requests a list shows."""

    TOLD = "told"
    REFUSED = "refused"
    DONE = "done"
    EVERYTHING = "everything"

    @property
    def outcomes(self) -> frozenset[Outcome]:
        """The outcomes it is narrowed to; none of them means all."""
        return _OUTCOMES[self]


_OUTCOMES = {
    Shown.TOLD: frozenset({Outcome.DONE, Outcome.REFUSED}),
    Shown.REFUSED: frozenset({Outcome.REFUSED}),
    Shown.DONE: frozenset({Outcome.DONE}),
    Shown.EVERYTHING: frozenset(Outcome),
}


@dataclass(frozen=True, slots=True)
class Question:
    """What a list is narrowed to. ``subject`` is any name or id of an account or group.

    ``since`` is the first moment and ``until`` the first one after the last; ``older_than`` and
    ``newer_than`` are the ids at the ends of a page.
    """

    subject: str = ""
    client_id: str = ""
    shown: Shown = Shown.TOLD
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    older_than: str = ""
    newer_than: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A request in a list; ``name`` is what its target is called now, ``part`` what the subject has to do."""

    record: RequestRecord
    name: str
    part: Part


@dataclass(frozen=True, slots=True)
class AccountFound:
    """An account that the question may mean, and the groups it is in."""

    account: Account
    groups: GroupsOf


@dataclass(frozen=True, slots=True)
class GroupFound:
    """A group that the question may mean."""

    id: str
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Found:
    """A page of the answer; ``older`` and ``newer`` are where the next pages start, empty at the ends."""

    lines: tuple[Line, ...]
    older: str
    newer: str
    accounts: tuple[AccountFound, ...]
    groups: tuple[GroupFound, ...]
    clients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RequestDetail:
    """One request in full. ``members`` are part, id and present user name of who came and went.

    ``is_from_scim_client`` says that its sender is registered as a SCIM client.
    """

    record: RequestRecord
    name: str
    target_is_there: bool
    members: tuple[tuple[Part, str, str], ...]
    is_from_scim_client: bool


def find_provisioning_requests(services: IdpServices, question: Question) -> Found:
    """Return a page of the requests that the question means, newest first."""
    with services.store.read() as connection:
        clients = tuple(recorded_clients(connection))
        accounts, groups, keys = _meant(services, connection, question.subject.strip(), clients)
        wanted = _range(question)
        if question.subject.strip():
            found = page_of_subject(connection, keys, wanted)
        else:
            found = [(record, Part.TARGET) for record in page_of_all(connection, wanted)]
        rest = len(found) > PAGE
        if rest:
            found = found[1:] if wanted.newer else found[:PAGE]
        names = present_names(connection, {record.target_id for record, _ in found if record.target_id})
    lines = tuple(Line(record, names.get(record.target_id) or record.name, part) for record, part in found)
    first, last = (lines[0].record.id, lines[-1].record.id) if lines else ("", "")
    return Found(
        lines=lines,
        older=last if rest or wanted.newer else "",
        newer=first if (rest and wanted.newer) or question.older_than else "",
        accounts=accounts,
        groups=groups,
        clients=clients,
    )


def show_provisioning_request(services: IdpServices, record_id: str) -> RequestDetail | None:
    """Return one request in full, or None if there is none such."""
    with services.store.read() as connection:
        record = find_request(connection, record_id)
        if record is None:
            return None
        names = present_names(connection, {record.target_id} - {""})
        members = members_of_request(connection, record_id, limit=MOST_MEMBERS)
        sender = find_scim_registration(connection, record.client_id)
    return RequestDetail(
        record=record,
        name=names.get(record.target_id) or record.name,
        target_is_there=record.target_id in names,
        members=tuple(members),
        is_from_scim_client=sender is not None,
    )


def _meant(
    services: IdpServices, connection: Connection, text: str, clients: tuple[str, ...]
) -> tuple[tuple[AccountFound, ...], tuple[GroupFound, ...], list[str]]:
    """Return whom ``text`` may mean, and the keys of the requests about them and about the text itself."""
    if not text:
        return (), (), []
    accounts = accounts_called(connection, text, sources=clients)
    groups = groups_called(connection, text, sources=clients)
    called = subject_key(services.store.sealer, text)
    keys = [text.upper(), called, *targets_called(connection, called)]
    keys += [each.id for each in accounts] + [each for each, _, _ in groups]
    return (
        tuple(AccountFound(each, groups_of(connection, each.id)) for each in accounts),
        tuple(GroupFound(*each) for each in groups),
        list(dict.fromkeys(keys)),
    )


def _range(question: Question) -> Range:
    above = max(first_ulid(question.since) if question.since else "", question.newer_than)
    uppers = [first_ulid(question.until) if question.until else "", question.older_than]
    return Range(
        outcomes=frozenset() if question.shown is Shown.EVERYTHING else question.shown.outcomes,
        client_id=question.client_id,
        above=above,
        below=min((each for each in uppers if each), default=""),
        newer=bool(question.newer_than),
        limit=PAGE + 1,
    )
