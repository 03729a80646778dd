"""Accounts as their source changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idp.domain.provisioning import AccountFacts
from idp.domain.query import StoredAccount
from idp.storage.accounts import find_account
from idp.usecases.change_account import Changed, change_account
from kernel.audit import SYSTEM

if TYPE_CHECKING:
    from idp.usecases.services import IdpServices


def switched(services: IdpServices, account_id: str, *, active: bool) -> bool:
    """Deactivate or reactivate the account as its source does; true, or it fails."""
    with services.store.read() as connection:
        account = find_account(connection, account_id)
    assert account is not None
    facts = AccountFacts(
        kind=account.kind,
        user_name=account.user_name,
        external_id=account.external_id,
        display_name=account.display_name,
        given_name=account.given_name,
        family_name=account.family_name,
        middle_name="",
        email=account.email,
        phone=account.phone,
        language=account.language,
        active=active,
        invite=False,
        person_id=account.person_id,
        custodian_person_id="",
        organizations=(),
        allowed_addresses=(),
        source_version=account.source_version,
        document="{}",
        values=(),
    )
    done = change_account(services, actor=SYSTEM, stored=StoredAccount(account, "{}"), facts=facts)
    assert isinstance(done, Changed), done
    return True
