"""A source looks at accounts and groups in one sorted list."""

from __future__ import annotations

from idp.domain.query import Interleaving, Search
from idp.storage.interleaving import interleaved
from idp.storage.search import ACCOUNTS, GROUPS
from idp.usecases.services import IdpServices


def interleave_resources(
    services: IdpServices, *, source: str, accounts: Search, groups: Search
) -> Interleaving:
    """Return how accounts (0) and groups (1) of ``source`` follow one another on a page of one list (F1)."""
    with services.store.snapshot() as connection:
        return interleaved(connection, ((ACCOUNTS, accounts), (GROUPS, groups)), source=source)
