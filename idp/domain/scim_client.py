"""A SCIM client and its static tokens, as they stand in the register."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from idp.domain.security_events import Payload

_FINGERPRINT = 6


@dataclass(frozen=True, slots=True)
class StoredScimClient:
    """A SCIM client: ``id`` is the source of what it makes, and its OAuth client's id if it has one.

    ``events`` is how its stream, if it has one, tells of what it provisions (:class:`Payload`).
    ``allowed_addresses`` are the networks it may ask from, none meaning any; ``extension`` says whether it
    may state our own extension of the schemas, ``leave_out_unknown_members`` that members of a group that
    are none of its resources are left out, where they are refused otherwise.
    """

    id: str
    name: str
    profile: str
    scopes: frozenset[str]
    disabled: bool
    require_match: bool = False
    requests_per_second: int | None = None
    events: str = Payload.NONE
    allowed_addresses: tuple[str, ...] = ()
    extension: bool = False
    leave_out_unknown_members: bool = False


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A live static token as an operator sees it; ``fingerprint`` names it and opens nothing.

    ``label`` says where it is used, in the operator's words.
    """

    digest: bytes = field(repr=False)
    label: str
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None

    @property
    def fingerprint(self) -> str:
        """The first characters of the digest in hexadecimal."""
        return fingerprint(self.digest)


def fingerprint(digest: bytes) -> str:
    """Return the name under which operators and the audit speak of a static token."""
    return digest[:_FINGERPRINT].hex()
