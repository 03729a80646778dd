"""What the operator's staff do to an account: lock it, unlock it, reset its password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idp.domain.account_lock import LockReason
from idp.usecases.issue_temporary_password import TemporaryPassword, issue_temporary_password
from idp.usecases.lock_account import AccountLocked, lock_account
from idp.usecases.unlock_account import AccountUnlocked, unlock_account
from kernel.audit import Actor

if TYPE_CHECKING:
    from idp.usecases.services import IdpServices

STAFF = Actor("operator", "console")


def lock(services: IdpServices, user_name: str = "fieldn") -> AccountLocked:
    """Lock the account, or fail."""
    done = lock_account(services, user_name, reason=LockReason.COMPROMISED, ticket="INC-4711", actor=STAFF)
    assert isinstance(done, AccountLocked), done
    return done


def unlock(services: IdpServices, user_name: str = "fieldn") -> AccountUnlocked:
    """Unlock the account, or fail."""
    done = unlock_account(services, user_name, actor=STAFF)
    assert isinstance(done, AccountUnlocked), done
    return done


def reset(services: IdpServices, user_name: str = "fieldn") -> TemporaryPassword:
    """Reset the password of the account, or fail."""
    done = issue_temporary_password(services, user_name, ticket="INC-4711", actor=STAFF)
    assert isinstance(done, TemporaryPassword), done
    return done
