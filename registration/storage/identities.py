"""Who a caller is and what she may do, from the registry as it is now."""

from __future__ import annotations

from sqlalchemy import Connection

from registration.domain.authority import Caller, Identity, Represented, Rights
from registration.domain.catalogue import CUSTOMER_RELATIONS
from registration.storage import accounts, contacts, grants, organizations, persons


def is_staff(connection: Connection, account_id: str) -> bool:
    """Tell whether an active account belongs to Customer Relations."""
    operator = organizations.find_operator(connection)
    if operator is None:
        return False
    return grants.is_staff(
        connection, account_id=account_id, operator_id=operator.id, access_role=CUSTOMER_RELATIONS
    )


def rights(connection: Connection, caller: Caller, organization_id: str) -> Rights:
    """Return what the caller may do in an organization; nothing for an account that is not active."""
    if caller.at_console:
        return Rights(is_staff=True)
    account = accounts.find(connection, caller.account_id)
    if account is None or not account.is_active:
        return Rights()
    held = contacts.roles_of(connection, person_id=account.person_id, organization_id=organization_id)
    return Rights(frozenset(held), is_staff(connection, account.id))


def staff_rights(connection: Connection, caller: Caller) -> Rights:
    """Return what the caller may do outside any organization."""
    if caller.at_console:
        return Rights(is_staff=True)
    account = accounts.find(connection, caller.account_id)
    if account is None or not account.is_active:
        return Rights()
    return Rights(is_staff=is_staff(connection, account.id))


def identity(connection: Connection, account_id: str) -> Identity | None:
    """Return the person behind an active personal account, with whom she acts for, or None."""
    account = accounts.find(connection, account_id)
    if account is None or not account.is_active or account.kind != "personal":
        return None
    person = persons.find(connection, account.person_id)
    if person is None:
        return None
    roles = contacts.represented_by(connection, account_id)
    represented = tuple(
        Represented(found.id, found.number, found.short_name, found.legal_name, roles[found.id])
        for found in organizations.all_of(connection, roles)
    )
    return Identity(
        account_id=account.id,
        user_name=account.user_name,
        person_id=person.id,
        person_no=person.number,
        display_name=person.details.display_name,
        email=person.details.main_email,
        language=person.details.language,
        is_staff=is_staff(connection, account_id),
        organizations=represented,
    )
