"""A deed of provisioning, as whoever has to tell of it sees it."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.account import Account
from idp.domain.group import Group
from idp.domain.provisioning_log import Operation


@dataclass(frozen=True, slots=True)
class Deed:
    """What became of ``target``; ``before`` is None for a new one, ``document`` empty for one that is gone.

    ``changed`` are names of attributes; ``former`` and ``document`` are prepared JSON before and after;
    ``added`` and ``removed`` are ids of members.
    """

    operation: Operation
    target: Account | Group
    before: Account | Group | None
    changed: tuple[str, ...]
    former: str
    document: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    txn: str

    @property
    def is_deletion(self) -> bool:
        """Tell that the target is gone."""
        return not self.document
