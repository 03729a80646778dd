"""What refused a write, a unique index or a column that may not be empty, told alike by both dialects."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column
from sqlalchemy.exc import IntegrityError

from idp.domain.provisioning import Taken

_NOT_NULL = "23502"
"""What PostgreSQL says of it (appendix A)."""


class TakenError(Exception):
    """Undoes the unit of work: ``taken`` names the attribute that another resource has already.

    A use case turns it into its refusal once the unit is closed.
    """

    def __init__(self, taken: Taken) -> None:
        self.taken = taken
        super().__init__(taken.attribute)


def violated(error: IntegrityError) -> str:
    """Return the name of the violated constraint (PostgreSQL) or of its columns (SQLite)."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return str(diagnosis.constraint_name or "")
    # SQLite: "UNIQUE constraint failed: account.source, account.external_id"; it quotes no values.
    return str(error.orig)


def is_missing(error: IntegrityError, column: Column[Any]) -> bool:
    """Tell whether a row was refused because it has no value in ``column``."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        told = (diagnosis.sqlstate, diagnosis.table_name, diagnosis.column_name)
        return bool(told == (_NOT_NULL, column.table.name, column.name))
    # SQLite: "NOT NULL constraint failed: access_token.client_id".
    return str(error.orig) == f"NOT NULL constraint failed: {column.table.name}.{column.name}"
