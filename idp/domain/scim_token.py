"""The form of static bearer tokens of SCIM clients."""

from __future__ import annotations

from typing import Final

from idp.domain import token_form

PREFIX: Final = "swscim_"


def with_check(chance: str) -> str:
    """Return the token made of ``chance``."""
    return token_form.with_check(PREFIX, chance)


def is_mistyped(token: str) -> bool:
    """Tell whether a text has our prefix and not our check digits: nothing can be stored under it."""
    return token_form.is_mistyped(PREFIX, token)
