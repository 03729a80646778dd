"""The help desk without its pages: every deed as somebody of staff does it, and what is seen of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idp.domain.account_lock import LockReason
from idp.domain.help_desk import Check, Desk, Verification
from idp.usecases.end_account_sessions import end_account_sessions
from idp.usecases.find_accounts import AccountCard, show_card
from idp.usecases.invite_again import invite_again
from idp.usecases.issue_temporary_password import issue_temporary_password
from idp.usecases.lock_account import lock_account
from idp.usecases.remove_lost_factors import remove_lost_factors
from idp.usecases.unlock_account import unlock_account
from kernel.audit import Actor
from tests.support.gateway import SOURCE
from tests.support.staff import STAFF_ROLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.gatehouse import Gatehouse

SURE = Verification("INC-4711", frozenset(Check))


def card(gatehouse: Gatehouse, account_id: str, staff_id: str = "") -> AccountCard:
    """Return what the help desk sees of an account."""
    found = show_card(gatehouse.services, account_id, staff_id=staff_id, role=STAFF_ROLE, source=SOURCE)
    assert found is not None
    return found


def deeds(
    gatehouse: Gatehouse, staff_id: str, account_id: str, user_name: str, stated: Verification = SURE
) -> dict[str, Callable[[], object]]:
    """Return every deed of the help desk, as somebody of staff does it to an account."""
    services, actor = gatehouse.services, Actor("account", staff_id)
    desk = Desk(staff_id, account_id, STAFF_ROLE, SOURCE, stated)
    seen = card(gatehouse, account_id)
    factors = [each.id for each in seen.detail.factors]
    former = seen.detail.password.set_at if seen.detail.password else None
    return {
        "lock": lambda: lock_account(
            services, user_name, reason=LockReason.COMPROMISED, actor=actor, desk=desk
        ),
        "unlock": lambda: unlock_account(
            services,
            user_name,
            actor=actor,
            desk=desk,
            former=card(gatehouse, account_id).account.locked_at,
        ),
        "reset": lambda: issue_temporary_password(services, user_name, actor=actor, desk=desk, former=former),
        "remove": lambda: remove_lost_factors(services, user_name, factors, actor=actor, desk=desk),
        "end": lambda: end_account_sessions(services, user_name, actor=actor, desk=desk),
        "invite": lambda: invite_again(services, user_name, former=seen.invited_at, actor=actor, desk=desk),
    }
