"""Tasks: opening one when a role group is empty, closing it when it is filled."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, select, update

from kernel.database import insert
from registration.domain.task import Task, TaskKind
from registration.storage.tables import task


def open_vacancy(
    connection: Connection,
    *,
    identifier: str,
    organization_id: str,
    role_key: str,
    candidates: str,
    now: dt.datetime,
) -> None:
    """Ask ``candidates`` to fill a role group; a second time changes nothing (R-103, R-104)."""
    statement = insert(connection, task).on_conflict_do_nothing()
    connection.execute(
        statement,
        {
            "id": identifier,
            "kind": TaskKind.VACANCY.value,
            "organization_id": organization_id,
            "role_key": role_key,
            "candidates": candidates,
            "opened_at": now,
        },
    )


def close_vacancy(connection: Connection, *, organization_id: str, role_key: str, now: dt.datetime) -> None:
    """Close the vacancy of a role group that is filled."""
    connection.execute(
        update(task)
        .where(
            task.c.kind == TaskKind.VACANCY.value,
            task.c.organization_id == organization_id,
            task.c.role_key == role_key,
            task.c.ended_at.is_(None),
        )
        .values(ended_at=now)
    )


def open_tasks(connection: Connection, organization_id: str) -> tuple[Task, ...]:
    """Return the open tasks of an organization, eldest first."""
    statement = (
        select(task)
        .where(task.c.organization_id == organization_id, task.c.ended_at.is_(None))
        .order_by(task.c.opened_at, task.c.id)
    )
    return tuple(
        Task(row.id, TaskKind(row.kind), row.organization_id, row.role_key, row.candidates, row.opened_at)
        for row in connection.execute(statement)
    )
