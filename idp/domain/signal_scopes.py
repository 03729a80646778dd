"""Scopes of shared signals: what a receiver may do with its stream (CAEP Interoperability Profile §2.7.3)."""

from __future__ import annotations

from typing import Final

SIGNALS_READ: Final = "ssf.read"
SIGNALS_MANAGE: Final = "ssf.manage"
SCOPES: Final = (SIGNALS_READ, SIGNALS_MANAGE)


def may_signal(granted: frozenset[str], scope: str) -> bool:
    """Tell whether the granted scopes allow what needs ``scope``; managing includes reading."""
    return scope in granted or SIGNALS_MANAGE in granted
