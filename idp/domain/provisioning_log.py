"""The record of what provisioning clients asked, for whoever has to tell why a person was not provisioned.

A record names attributes and never holds a value of one, apart from the names by which account and group
are known: user name or display name, and external id.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class Operation(StrEnum):
    """What a request asks to be done."""

    CREATE = "create"
    READ = "read"
    SEARCH = "search"
    REPLACE = "replace"
    CHANGE = "change"
    DELETE = "delete"
    BULK = "bulk"
    OTHER = "other"

    @property
    def only_looks(self) -> bool:
        """Tell that a request of the kind changes nothing, whatever it is answered."""
        return self in (Operation.READ, Operation.SEARCH)


class Outcome(StrEnum):
    """How a request ended, as far as a list tells them apart."""

    DONE = "done"
    READ = "read"
    REFUSED = "refused"


class Part(StrEnum):
    """How an account or a group is involved in a request."""

    TARGET = "target"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request is found by: ``key`` is an id, or the keyed digest of a name."""

    key: str
    part: Part = Part.TARGET


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request, or ``times`` equal ones within a moment.

    ``left_out`` is how many members it named that nobody knows, and was done without.
    """

    id: str
    at: dt.datetime
    client_id: str
    request_id: str
    operation: Operation
    resource: str
    target_id: str
    external_id: str
    name: str
    outcome: Outcome
    status: int
    scim_type: str
    reason: str
    changed: tuple[str, ...]
    added: int
    removed: int
    left_out: int
    times: int
    in_bulk: bool


def outcome_of(operation: Operation, status: int) -> Outcome:
    """Return how a request that was answered with ``status`` ended."""
    if status >= 400:
        return Outcome.REFUSED
    return Outcome.READ if operation.only_looks else Outcome.DONE
