"""The help desk looks for somebody's account, by whatever she says she is called, and at how it stands."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from idp.domain.account import Account
from idp.domain.group import GroupsOf
from idp.domain.help_desk import DeskRefusal
from idp.domain.one_time import Purpose
from idp.domain.provisioning import Protected
from idp.domain.recorded_deed import RecordedDeed
from idp.storage.account_names import accounts_named
from idp.storage.deeds import deeds_on, last_deed_on
from idp.storage.one_time import last_issued_at, live_until
from idp.storage.provisioning_subjects import groups_of
from idp.storage.sessions import LastSignIn, latest_sign_in
from idp.usecases.account_standing import AccountDetail, account_detail
from idp.usecases.help_desk import left_alone_by
from idp.usecases.services import IdpServices

MOST = 20
_MOST_DEEDS = 10
_LOCKED = "gateway:account:locked"
_DEEDS = (
    _LOCKED,
    "gateway:account:unlocked",
    "gateway:password:reset",
    "gateway:account:factors-removed",
    "gateway:account:sessions-ended",
    "gateway:account:invited-again",
    "gateway:account:request-denied",
    "gateway:account:protected",
    "gateway:account:unprotected",
)


@dataclass(frozen=True, slots=True)
class FoundAccounts:
    """Whom some words may mean; ``more`` tells that there are others."""

    accounts: tuple[Account, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class AccountCard:
    """An account as the help desk sees it: no secret, no answer, and no more of its holder than is needed.

    ``left_alone`` is why these staff may do nothing to it. ``lock`` is who locked it last, and why;
    ``invited_at`` when the newest activation link was issued, and ``link_until`` how long it works;
    ``deeds`` are those of staff, newest first.
    """

    detail: AccountDetail
    left_alone: DeskRefusal | Protected | None
    last_sign_in: LastSignIn | None
    invited_at: dt.datetime | None
    link_until: dt.datetime | None
    groups: GroupsOf
    lock: RecordedDeed | None
    deeds: tuple[RecordedDeed, ...]

    @property
    def account(self) -> Account:
        """The account itself."""
        return self.detail.account

    @property
    def can_be_unlocked(self) -> bool:
        """Tell whether staff keep it locked, or wrong guesses do."""
        return self.account.locked_at is not None or self.detail.guessed_until is not None

    @property
    def has_password(self) -> bool:
        """Tell whether there is a password in use that could be reset."""
        return self.account.activated_at is not None and self.account.is_wanted

    @property
    def can_be_invited(self) -> bool:
        """Tell whether it waits for activation, and its holder can be written to."""
        return self.account.awaits_activation and bool(self.account.email)


def find_accounts(services: IdpServices, words: str) -> FoundAccounts:
    """Return the accounts that somebody may mean who is called ``words``; nobody for no words at all."""
    if not words:
        return FoundAccounts((), more=False)
    with services.store.read() as connection:
        found = accounts_named(connection, words, limit=MOST + 1)
    return FoundAccounts(tuple(found[:MOST]), more=len(found) > MOST)


def show_card(
    services: IdpServices, account_id: str, *, staff_id: str, role: str, source: str
) -> AccountCard | None:
    """Return how the account with this id stands, for staff who are known by ``role`` of ``source``."""
    now = services.store.clock.now()
    with services.store.snapshot() as connection:
        detail = account_detail(connection, account_id, now=now)
        if detail is None:
            return None
        return AccountCard(
            detail,
            left_alone_by(connection, staff_id, detail.account, role=role, source=source),
            latest_sign_in(connection, account_id),
            last_issued_at(connection, account_id, purpose=Purpose.ACTIVATION),
            live_until(connection, account_id, purpose=Purpose.ACTIVATION, now=now),
            groups_of(connection, account_id),
            lock=last_deed_on(connection, account_id, _LOCKED) if detail.account.locked_at else None,
            deeds=deeds_on(connection, account_id, _DEEDS, limit=_MOST_DEEDS),
        )
