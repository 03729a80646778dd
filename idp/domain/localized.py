"""Metadata for people in several languages: ``client_name#fr`` beside ``client_name`` (RFC 7591 §2.2)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

FOR_PEOPLE = ("client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri")
"""What people see, so that it may come in their languages."""

_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}")


def is_localized(name: str) -> bool:
    """Tell whether a name of metadata is one of those for people, with the language of its value."""
    base, separator, tag = name.partition("#")
    return bool(separator) and base in FOR_PEOPLE and _TAG.fullmatch(tag) is not None


def localized_names(metadata: Iterable[str], bases: Collection[str] = FOR_PEOPLE) -> list[str]:
    """Return the names in ``metadata`` that say one of ``bases`` in a language."""
    found = (name for name in metadata if "#" in name)
    return [name for name in found if is_localized(name) and name.partition("#")[0] in bases]


def in_language(values: Mapping[str, Any], name: str, language: str, default: str = "") -> str:
    """Return the value of ``name`` in ``language``, in another variety of it, or ``default``."""
    if not values:
        return default
    wanted = language.casefold()
    told = {
        each.partition("#")[2].casefold(): str(values[each])
        for each in values
        if each.partition("#")[0] == name and "#" in each
    }
    if wanted in told:
        return told[wanted]
    primary = wanted.partition("-")[0]
    close = sorted(tag for tag in told if tag.partition("-")[0] == primary)
    return told[close[0]] if close else default
