"""The document behind ``sector_identifier_uri`` (OIDC Core §8.1, Registration §5). Part of a deed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from idp.usecases.services import IdpServices
from kernel.fetch import NotFetched


def sector_fault(services: IdpServices, metadata: Mapping[str, Any]) -> str:
    """Return what is wrong with the document that makes several hosts one sector, or an empty text.

    It is fetched as the client registers, by the rules of the guarded fetcher, and lists every redirect
    URI. It may wait: never within a unit of work.
    """
    address = metadata.get("sector_identifier_uri", "")
    if not address:
        return ""
    found = services.fetcher.get(address)
    if isinstance(found, NotFetched):
        return "cannot be fetched"
    try:
        listed = json.loads(found.body)
    except (ValueError, RecursionError):
        return "has to lead to JSON"
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        return "has to lead to a list of addresses"
    missing = set(metadata.get("redirect_uris", ())) - set(listed)
    return "leads to a list without every redirect URI" if missing else ""
