"""A source looks at its own: one account or group by id, or a page of them."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.group import Member, Membership
from idp.domain.query import Heavy, Page, Record, Search, StoredAccount
from idp.storage.accounts import find_own
from idp.storage.members import (
    members_of,
    memberships_of,
    memberships_of_one,
)
from idp.storage.page_weights import MOST_LINKS, fitting_accounts, fitting_groups
from idp.storage.pages import (
    find_page,
    find_record,
    find_record_within,
    unique_comparison,
)
from idp.storage.search import ACCOUNTS, GROUPS
from idp.usecases.services import IdpServices


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account and the groups it is a member of."""

    record: Record
    groups: tuple[Membership, ...]


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group and all its members, or None where the list was not asked for."""

    record: Record
    members: tuple[Member, ...] | None


@dataclass(frozen=True, slots=True)
class AccountPage:
    """A page of accounts, as it was found."""

    page: Page
    accounts: tuple[AccountView, ...]


@dataclass(frozen=True, slots=True)
class GroupPage:
    """A page of groups, as it was found."""

    page: Page
    groups: tuple[GroupView, ...]


def find_own_account(
    services: IdpServices, *, source: str, account_id: str, with_groups: bool = True
) -> AccountView | None:
    """Return the account if ``source`` owns it: another's is not there (D1, O7)."""
    return _account_by(services, "id", account_id, source=source, with_groups=with_groups)


def find_account_to_change(
    services: IdpServices, *, source: str, account_id: str
) -> tuple[StoredAccount, tuple[Membership, ...]] | None:
    """Return the account, whole, and the groups it is a member of, if ``source`` owns it."""
    database = services.store.database
    stored = find_own(database, account_id, source=source)
    return None if stored is None else (stored, memberships_of_one(database, account_id))


def _account_by(
    services: IdpServices, path: str, key: str, *, source: str, with_groups: bool
) -> AccountView | None:
    database = services.store.database
    record = find_record(database, ACCOUNTS, key, source=source, path=path)
    if record is None:
        return None
    return AccountView(record, memberships_of_one(database, record.id) if with_groups else ())


def find_own_group(
    services: IdpServices,
    *,
    source: str,
    group_id: str,
    with_members: bool = True,
    with_names: bool = False,
) -> GroupView | None:
    """Return the group if ``source`` owns it; the list of members is read only when it is wanted (D7).

    The members are those of the very version that is told with them (L1).
    """
    if not with_members:
        record = find_record(services.store.database, GROUPS, group_id, source=source)
        return None if record is None else GroupView(record, None)
    with services.store.snapshot() as connection:
        record = find_record_within(connection, GROUPS, group_id, source=source)
        if record is None:
            return None
        members = members_of(connection, [group_id], with_names=with_names)
        return GroupView(record, tuple(member for _, member in members))


def search_accounts(
    services: IdpServices, *, source: str, search: Search, with_groups: bool = True
) -> AccountPage | Heavy:
    """Return a page of the accounts of ``source`` that meet the condition, unless it is too large."""
    unique = unique_comparison(ACCOUNTS, search)
    if unique is not None:
        view = _account_by(services, unique.path, unique.value, source=source, with_groups=with_groups)
        return AccountPage(Page(0), ()) if view is None else AccountPage(Page(1, (view.record,)), (view,))
    with services.store.snapshot() as connection:
        page = find_page(connection, ACCOUNTS, search, source=source)
        if isinstance(page, Heavy):
            return page
        groups: dict[str, list[Membership]] = {}
        if with_groups:
            ids, most = _linked(page, search)
            found = memberships_of(connection, ids, most=most)
            if len(found) == most:
                return fitting_accounts(connection, ids)
            for each in found:
                groups.setdefault(each.account_id, []).append(each)
    views = tuple(AccountView(record, tuple(groups.get(record.id, ()))) for record in page.records)
    return AccountPage(page, views)


def search_groups(
    services: IdpServices,
    *,
    source: str,
    search: Search,
    with_members: bool = True,
    with_names: bool = False,
) -> GroupPage | Heavy:
    """Return a page of the groups of ``source`` that meet the condition, unless it is too large."""
    with services.store.snapshot() as connection:
        page = find_page(connection, GROUPS, search, source=source)
        if isinstance(page, Heavy):
            return page
        members: dict[str, list[Member]] = {}
        if with_members:
            ids, most = _linked(page, search)
            found = tuple(members_of(connection, ids, with_names=with_names, most=most))
            if len(found) == most:
                return fitting_groups(connection, ids)
            for group_id, member in found:
                members.setdefault(group_id, []).append(member)
    views = tuple(
        GroupView(record, tuple(members.get(record.id, ())) if with_members else None)
        for record in page.records
    )
    return GroupPage(page, views)


def _linked(page: Page, search: Search) -> tuple[list[str], int | None]:
    """Return the ids of a page in the order of its walk, and how many links of theirs are one too many.

    A resource that is alone on its page is told whole, however many it has (J8).
    """
    ids = [record.id for record in page.records]
    if search.walk is not None and search.walk.back:
        ids.reverse()
    return ids, MOST_LINKS + 1 if len(ids) > 1 else None
