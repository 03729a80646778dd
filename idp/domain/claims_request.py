"""The ``claims`` parameter (OIDC Core §5.5): which single claims are asked for, where, and with what value.

What it opens is bounded as scopes are: a claim is given only to a client that is registered for a scope
which opens it, and those about the session to any. Claims that every ID token carries need no asking; of
those only ``acr`` and ``sub`` count.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from idp.domain.claims import CLAIMS_TO_ASK_FOR
from idp.domain.client_profile import SESSION_CLAIMS
from kernel.foreign_json import read_json

LONGEST = 8_192
_MOST_NAMES = 100
_MOST_VALUES = 50
_MEMBERS = ("userinfo", "id_token")
_TEXTS = ("acr", "sub")

Wishes = Mapping[str, tuple[object, ...]]
"""Names of claims with the values that will do; none means that any will."""


@dataclass(frozen=True, slots=True)
class ClaimsRequest:
    """What is asked of userinfo and of the ID token, and which of it is essential."""

    userinfo: Wishes = field(default_factory=dict)
    id_token: Wishes = field(default_factory=dict)
    essential: frozenset[tuple[str, str]] = frozenset()

    @property
    def acr(self) -> tuple[str, ...]:
        """The classes that ``acr`` of the ID token may have, in order of preference (§5.5.1.1)."""
        return tuple(str(value) for value in self.id_token.get("acr", ()))

    @property
    def acr_is_essential(self) -> bool:
        """Tell whether a sign-in of another class is no answer."""
        return ("id_token", "acr") in self.essential and bool(self.acr)

    @property
    def subjects(self) -> frozenset[str]:
        """The subjects that ``sub`` is asked to be, of the ID token or of userinfo (§5.5.1)."""
        return frozenset(
            str(value) for wishes in (self.id_token, self.userinfo) for value in wishes.get("sub", ())
        )

    def granted(self, scopes: Collection[str]) -> dict[str, dict[str, list[object]]]:
        """Return what a client with these registered scopes gets of it, in the form that is stored."""
        opened = {name for scope in scopes for name in CLAIMS_TO_ASK_FOR.get(scope, ())}
        found = {
            member: {name: list(values) for name, values in wishes.items() if name in told}
            for member, wishes, told in (
                ("userinfo", self.userinfo, opened),
                ("id_token", self.id_token, opened | SESSION_CLAIMS),
            )
        }
        return {member: wishes for member, wishes in found.items() if wishes}


NOTHING = ClaimsRequest()


def read_claims(text: str) -> ClaimsRequest | None:
    """Return what a ``claims`` parameter asks for, or None if it is malformed; others do not count."""
    if not text:
        return NOTHING
    try:
        whole = read_json(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(whole, dict):
        return None
    found: dict[str, Wishes] = {}
    essential: set[tuple[str, str]] = set()
    for member in _MEMBERS:
        asked = whole.get(member)
        asked = {} if asked is None else asked
        if not isinstance(asked, dict) or len(asked) > _MOST_NAMES:
            return None
        wishes = {name: _values(name, wish) for name, wish in asked.items()}
        if any(values is None for values in wishes.values()):
            return None
        found[member] = {name: values for name, values in wishes.items() if values is not None}
        essential |= {
            (member, name) for name, wish in asked.items() if wish and wish.get("essential") is True
        }
    return ClaimsRequest(found["userinfo"], found["id_token"], frozenset(essential))


def _values(name: str, wish: Any) -> tuple[object, ...] | None:  # noqa: ANN401 - whatever JSON can say
    """Return the values one wish names, or None if it is malformed: a class or a subject is a text."""
    if wish is None:
        return ()
    if not isinstance(wish, dict) or not isinstance(wish.get("essential", False), bool):
        return None
    values: Any = wish.get("values", [wish["value"]] if "value" in wish else [])
    if not isinstance(values, list) or len(values) > _MOST_VALUES:
        return None
    if name in _TEXTS and not all(isinstance(value, str) for value in values):
        return None
    return tuple(values)


def chosen(claims: Mapping[str, object], wishes: Mapping[str, Sequence[object]]) -> dict[str, object]:
    """Return those of ``claims`` whose value is as it was asked for: another value answers nothing."""
    return {name: value for name, value in claims.items() if not wishes.get(name) or value in wishes[name]}
