"""What every deed of Registration is given: store, settings and the ports to the Gateway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kernel.store import Store
from registration.domain.provisioning import Directory
from registration.domain.sign_in import OpenIdProvider
from registration.domain.user_names import NamePolicy
from registration.settings import RegistrationSettings


def no_failpoint(name: str) -> None:
    """Do nothing at the named point: what a running system does."""
    del name


@dataclass(frozen=True, slots=True)
class RegistrationServices:
    """The services of one process. ``failpoint`` lets a test stop the process at a named point."""

    store: Store
    settings: RegistrationSettings
    public_url: str
    provider: OpenIdProvider
    directory: Directory
    node: str = "node"
    failpoint: Callable[[str], None] = no_failpoint

    @property
    def name_policy(self) -> NamePolicy:
        """The words the operator keeps out of user names."""
        return NamePolicy(
            frozenset(self.settings.reserved_user_names), frozenset(self.settings.offensive_words)
        )

    @property
    def callback_url(self) -> str:
        """Where the Gateway sends a browser back to after signing in."""
        return f"{self.public_url}/callback"

    @property
    def signed_out_url(self) -> str:
        """Where the Gateway sends a browser back to after signing out."""
        return f"{self.public_url}/signed-out"

    def request_url(self, number: int) -> str:
        """Return the address of a request's page."""
        return f"{self.public_url}/requests/{number}"
