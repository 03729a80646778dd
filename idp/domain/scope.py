"""Scopes: which there are, and which of those asked for a client gets (RFC 6749 §3.3)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from idp.domain.scim_scopes import USERS_READ, USERS_WRITE

OPENID = "openid"
OFFLINE_ACCESS = "offline_access"
ACCESS = "access"

SIGN_IN_SCOPES = (OPENID, "profile", "email", "address", "phone", ACCESS, OFFLINE_ACCESS)
"""Scopes of a person's sign-in. A machine's scopes are whatever else its client is registered for."""

PERSONAL_SCOPES = (*SIGN_IN_SCOPES, USERS_READ, USERS_WRITE)
"""What a person can let an application have: the last two open the own resource, and no other user's."""

_WELL_FORMED = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*")
_LONGEST = 1_000


def split_scope(text: str) -> tuple[str, ...] | None:
    """Return the scopes of a parameter in order, each once; None if the text is not well-formed."""
    if len(text) > _LONGEST or not _WELL_FORMED.fullmatch(text):
        return None
    return tuple(dict.fromkeys(text.split(" ")))


def granted_at_sign_in(
    asked: Iterable[str], *, allowed: Collection[str], may_refresh: bool
) -> tuple[str, ...]:
    """Return what a sign-in grants: what was asked, we know, and the client is registered for.

    A scope that is not understood is ignored (OIDC Core §3.1.2.1); so is ``offline_access`` where nothing
    that comes could refresh (§11).
    """
    return tuple(
        scope
        for scope in asked
        if scope in PERSONAL_SCOPES and scope in allowed and (scope != OFFLINE_ACCESS or may_refresh)
    )


def granted_to_machine(asked: tuple[str, ...] | None, *, allowed: Collection[str]) -> tuple[str, ...] | None:
    """Return what client credentials grant, or None if more was asked than the client has (TK-07).

    Nothing asked means everything registered, apart from the scopes of a person's sign-in.
    """
    own = sorted(scope for scope in allowed if scope not in SIGN_IN_SCOPES)
    if asked is None:
        return tuple(own)
    return asked if all(scope in own for scope in asked) else None


def narrowed(asked: tuple[str, ...] | None, *, granted: Collection[str]) -> tuple[str, ...] | None:
    """Return the scopes of a refreshed token, or None if more was asked than was granted (RFC 6749 §6)."""
    if asked is None:
        return tuple(granted)
    return asked if all(scope in granted for scope in asked) else None
