"""Who is meant by what somebody typed: a login name, or an e-mail address that several accounts may share."""

from __future__ import annotations

from collections.abc import Iterable

from idp.domain.account import Account

LONGEST_IDENTIFIER = 1_024


def typed_identifier(text: str) -> str:
    """Return what is looked up for a typed login name or address: without spaces around it, and bounded."""
    return text[:LONGEST_IDENTIFIER].strip()


def meant_by_email(sharing: tuple[Account, ...], known: Iterable[str]) -> Account | None:
    """Return the one account that an address means, or None where it cannot be told (G-06, LG-14).

    Of several, the only one that may sign in is meant; of several such, the only one that this browser has
    signed in to (``known`` are ids). A password is never tried against one account after the other: how many
    share an address would show in the time it takes.
    """
    if len(sharing) == 1:
        return sharing[0]
    usable = tuple(account for account in sharing if account.is_usable)
    if len(usable) == 1:
        return usable[0]
    familiar = tuple(account for account in usable if account.id in set(known))
    return familiar[0] if len(familiar) == 1 else None
