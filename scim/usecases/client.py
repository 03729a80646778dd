"""Who provisions: an OAuth client that owns what it made."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.audit import Actor
from scim.domain.profile import Profile, Tolerance

READ = "scim.read"
WRITE = "scim.write"


@dataclass(frozen=True, slots=True)
class ScimClient:
    """A client whose token was accepted; ``id`` is the source of the resources it makes."""

    id: str
    profile: Profile = Profile.RFC

    @property
    def tolerance(self) -> Tolerance:
        """What the client may do beyond the standard."""
        return self.profile.tolerance

    @property
    def actor(self) -> Actor:
        """Who the audit says it was."""
        return Actor("client", self.id)
