"""Why a request was refused, in words from a fixed list, so that no value of the request is among them.

The detail of an error names attributes and says what is wrong, but a library, or a later change of ours, may
quote what was sent. So the record keeps only the words that our sentences are made of, and the names of
attributes and schemas. Whatever else a detail holds becomes an ellipsis.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from scim.domain.catalogue import GROUPS, USERS, Attribute
from scim.domain.models import GROUP_SCHEMA, USER_SCHEMA

_LONGEST = 240
_GAP = "\N{HORIZONTAL ELLIPSIS}"
_LIST = """
    a access account add added additional address after again all allowed already always an and
    another answering answers any application applied apply are around as ascending ask at attempted attribute
    attributes authorization base base64 based be bearer became been belongs between body both bound
    brackets bulk bulkid busy but by byte bytes calculate can cannot carries carry case change changed
    character characters circle client combination comes compare compared comparison compatible
    completed compressed conflicts conform contain contains context contradicts could count credentials
    current cursor cursortimeout cycle data datetime declared deep deeper delete delivery demands descending
    describing designates did different digits directly discovery do does due e each earlier either else empty
    encoded endpoint ends entry eq equal error events every exceeds exclude excludedattributes exist
    existent expected expired expires expressions failed failonerrors failure false few fewer field fields
    filter filtered first for from gateway goes got grant group groups had half has have header here hold
    holding holds host hour id if immutable in information initial insensitive invalid is it items iter its
    itself json key knows lacks large later letter letters levels limit limits list location lock
    locked long longer lower machine made mail make malformed manager many marked match matches maximum
    maxoperations maxpagesize may me meets member message meta method minute minutes missing model
    modification moment more most multi multiple must mutability name names narrower ne needed needs neither
    nested nests network never nextcursor no non none nor not notation nothing null number numbers
    oauth object objects occurred of on once one only op operated operation operations operator or
    out over own owner page pages parameter parameters part parts passing password patch path paths
    payload per percent permitted personal poll possible post precondition previouscursor primary
    process profile protected protectedaccount protocol provider push put qualify queries query range rate
    reach read
    recorded ref reference references remove removed replace request requests required requires reserved
    resource resourcetypes response results retry returnability rfc rows s says schema schemas scim
    scope scopes search second seconds secret see seen select selected selecting selection selects
    sensitive served server service serviceproviderconfig set settings share should single size small so
    something sort sortby sorted sortorder space specified staleversion startindex starts state stated states
    still stored stream string structure sub subsequent such supplied support supported syntax tag takes
    target targets terms text texts than that the them there this to token told too true try twice
    two type types unassigned under uniqueness unknown update uri urn use used user users utf valid value
    valued values version w wait wanted wants was went what which whole willing with without
    workspace would write written wrong yield yields you your zero
"""
_WORDS = frozenset(_LIST.split())


@lru_cache(maxsize=512)
def told_reason(detail: str) -> str:
    """Return ``detail`` with a gap wherever it may hold a value (SF-09, N6)."""
    masked = _TOKEN.sub(_known, _POSITION.sub("", detail[:2_048]))
    for around in _AROUND_GAP:
        masked = around.sub(_GAP, masked)
    return masked if len(masked) <= _LONGEST else masked[: _LONGEST - 1] + _GAP


def _known(match: re.Match[str]) -> str:
    token = match[0]
    uri, _, name = token.rpartition(":")
    if uri in _URIS and all(part.lower() in _VOCABULARY for part in name.split(".")):
        return token
    return token if token in _URIS or token.lower() in _VOCABULARY else _GAP


def _names(attributes: Iterable[Attribute]) -> Iterator[str]:
    for attribute in attributes:
        yield attribute.name.lower()
        yield from _names(attribute.parts.values())


_URIS = frozenset(
    {USER_SCHEMA, GROUP_SCHEMA, *USERS.extension_names.values(), *GROUPS.extension_names.values()}
)
_VOCABULARY = _WORDS | frozenset(_names(USERS.every())) | frozenset(_names(GROUPS.every()))
_POSITION = re.compile(r"\[[0-9]{1,4}\]")
"""Which entry of a list: the attribute is told without it."""
_TOKEN = re.compile(r"urn:[\w:.-]*\w|\w+")
_AROUND_GAP = (
    re.compile(rf"(?<=')[^']*{_GAP}[^']*(?=')"),  # what is quoted is told as a whole, or not at all
    re.compile(rf"(?<=\")[^\"]*{_GAP}[^\"]*(?=\")"),
    re.compile(rf"(?<=: )[^'\"]*{_GAP}.*", re.DOTALL),  # so is what comes after a colon
    re.compile(rf"[^\s'\"]*{_GAP}[^\s'\"]*"),
    re.compile(rf"{_GAP}(?:\s+{_GAP})+"),
)
