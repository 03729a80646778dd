"""Tasks: what somebody is asked to do. Here: to fill an empty role group (R-006, R-103, R-104)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class TaskKind(StrEnum):
    """The kinds of task."""

    VACANCY = "vacancy"


@dataclass(frozen=True, slots=True)
class Task:
    """An open task: the holders of ``candidates`` (a contact role, or ``operator``) are asked to act."""

    id: str
    kind: TaskKind
    organization_id: str
    role_key: str
    candidates: str
    opened_at: dt.datetime
