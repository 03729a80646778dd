"""Which unique index refused a write, told alike by both dialects."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from idp.domain.provisioning import Taken


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
