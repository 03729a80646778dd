"""How an authorization response travels (Multiple Response Types §2.1, Form Post, JARM §2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from idp.domain.oauth import ResponseMode


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where the parameters of a response stand, and whether they stand there as one signed JWT (JARM)."""

    carrier: ResponseMode
    signed: bool = False


_MODES: Mapping[str, Delivery] = MappingProxyType(
    {
        **{carrier.value: Delivery(carrier) for carrier in ResponseMode},
        **{f"{carrier.value}.jwt": Delivery(carrier, signed=True) for carrier in ResponseMode},
    }
)
_SHORT = "jwt"
_FRONT = frozenset({"id_token", "token"})

MODES = (*_MODES, _SHORT)
"""Every value of ``response_mode``; ``jwt`` is the signed form of the response type's own mode."""


def delivery(mode: str, response_type: str) -> Delivery | None:
    """Return how a response of this type travels in this mode, or None if it may not.

    Tokens never stand in a query, where logs and referrers see them. A request for a mode that is not
    allowed is answered in the response type's own mode.
    """
    own = own_mode(response_type)
    if not mode:
        return Delivery(own)
    if mode == _SHORT:
        return Delivery(own, signed=True)
    found = _MODES.get(mode)
    exposed = found is not None and found.carrier is ResponseMode.QUERY and own is ResponseMode.FRAGMENT
    return None if exposed else found


def own_mode(response_type: str) -> ResponseMode:
    """Return the mode of a response type where none is asked: the fragment for whatever carries a token.

    What is no response type at all is told as RFC 6749 §3.1.1 has it, in the query.
    """
    return ResponseMode.FRAGMENT if _FRONT & set(response_type.split()) else ResponseMode.QUERY
