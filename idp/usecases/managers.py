"""A manager is always an account of the same source, shown under the name that account has now.

These are parts of other deeds and work inside their units: a manager is looked for and held by the unit that
states it, and forgotten by the unit that takes it away.
"""

from __future__ import annotations

from functools import partial

from idp.domain.account import Account
from idp.domain.provisioning import AccountFacts, OwnManager, UnknownManager
from idp.domain.reporting_line import (
    document_with_name,
    document_without_manager,
    manager_in,
    name_value,
    with_manager_named,
)
from idp.storage.managers import hold_manager, restate_led
from kernel.store import Unit


def settle_manager(
    unit: Unit, facts: AccountFacts, *, source: str, account_id: str = "", document: str = "{}"
) -> AccountFacts | UnknownManager | OwnManager:
    """Return ``facts`` with the manager's name, or why that one cannot lead the account.

    ``document`` is the stored one: the manager it states stays as it is. It costs nothing where none is new.
    """
    if not facts.manager or facts.manager == manager_in(document):
        return facts
    if facts.manager == account_id:
        return OwnManager()
    name = hold_manager(unit.connection, facts.manager, source=source)
    if name is None:
        return facts if facts.free_manager else UnknownManager()
    return with_manager_named(facts, name)


def rename_manager(unit: Unit, manager: Account) -> None:
    """Call the manager of everybody ``manager`` leads by its present name."""
    restate_led(
        unit.connection,
        manager.id,
        source=manager.source,
        document=partial(document_with_name, name=manager.display_name),
        name=name_value(manager.display_name),
        now=unit.now,
    )


def forget_manager(unit: Unit, manager: Account) -> int | None:
    """Take the manager from everybody whom ``manager``, which is gone, led; return how many they were.

    None if one of them is protected: then nobody was touched, and the manager may not go.
    """
    return restate_led(
        unit.connection,
        manager.id,
        source=manager.source,
        document=document_without_manager,
        name=None,
        now=unit.now,
    )
