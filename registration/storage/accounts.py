"""Accounts and the registry of every user name ever issued."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, select, update
from sqlalchemy.exc import IntegrityError

from kernel.database import insert
from registration.domain.user_names import Candidate, name_key
from registration.storage.tables import account, user_name_registry


@dataclass(frozen=True, slots=True)
class Account:
    """What signs in. ``version`` is the fence of everything sent about it."""

    id: str
    kind: str
    user_name: str
    person_id: str
    status: str
    version: int

    @property
    def is_active(self) -> bool:
        """Whether the account may be used at all."""
        return self.status not in {"suspended", "deactivated"}


def _account(row: RowMapping) -> Account:
    return Account(
        id=row["id"],
        kind=row["kind"],
        user_name=row["user_name"],
        person_id=row["person_id"],
        status=row["status"],
        version=row["version"],
    )


def find(connection: Connection, account_id: str) -> Account | None:
    """Return an account, or None."""
    row = connection.execute(select(account).where(account.c.id == account_id)).mappings().first()
    return _account(row) if row else None


def personal_of(connection: Connection, person_id: str) -> Account | None:
    """Return the person's primary personal account, or None (R-039, R-177)."""
    statement = select(account).where(
        account.c.person_id == person_id,
        account.c.kind == "personal",
        account.c.scope_org_id.is_(None),
        account.c.status != "deactivated",
    )
    row = connection.execute(statement).mappings().first()
    return _account(row) if row else None


def add_personal(
    connection: Connection, *, identifier: str, person_id: str, user_name: str, now: dt.datetime
) -> bool:
    """Add the person's one personal account; False if another deed was first (R-039)."""
    try:
        with connection.begin_nested():
            connection.execute(
                account.insert(),
                {
                    "id": identifier,
                    "kind": "personal",
                    "user_name": user_name,
                    "person_id": person_id,
                    "status": "requested",
                    "version": 1,
                    "created_at": now,
                },
            )
    except IntegrityError:
        return False
    return True


def issue_name(
    connection: Connection, candidates: Iterable[Candidate], *, account_id: str, now: dt.datetime
) -> Candidate | None:
    """Reserve the first candidate nobody ever had, and return it; None when there is none.

    The insert decides: of two namesakes at the same moment one gets the name, the other waits for that to be
    sure and goes on to the next candidate (R-043, R-063, I-07). A name stays issued for ever.
    """
    for candidate in candidates:
        statement = (
            insert(connection, user_name_registry)
            .values(
                name_ci=name_key(candidate.name),
                account_id=account_id,
                step=candidate.step.value,
                issued_at=now,
            )
            .on_conflict_do_nothing()
            .returning(user_name_registry.c.name_ci)
        )
        if connection.execute(statement).first() is not None:
            return candidate
    return None


def first_free(connection: Connection, candidates: Iterable[Candidate]) -> Candidate | None:
    """Return the first candidate that nobody has had so far; only :func:`issue_name` makes it anybody's."""
    for candidate in candidates:
        taken = select(user_name_registry.c.name_ci).where(
            user_name_registry.c.name_ci == name_key(candidate.name)
        )
        if connection.execute(taken).first() is None:
            return candidate
    return None


def touch(connection: Connection, account_id: str) -> int:
    """Raise the account's version because something the Gateway keeps has changed, and return it."""
    statement = (
        update(account)
        .where(account.c.id == account_id)
        .values(version=account.c.version + 1)
        .returning(account.c.version)
    )
    return int(connection.execute(statement).scalar_one())


def mark_provisioned(connection: Connection, account_id: str) -> None:
    """Record that the Gateway has the account."""
    connection.execute(
        update(account)
        .where(account.c.id == account_id, account.c.status == "requested")
        .values(status="provisioned")
    )
