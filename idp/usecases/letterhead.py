"""Who writes our letters, as the services know it."""

from __future__ import annotations

from idp.outbound.letters import Letterhead
from idp.usecases.services import IdpServices


def letterhead(services: IdpServices) -> Letterhead:
    """Return the letterhead of this system."""
    return Letterhead(
        product=services.product,
        environment=services.environment,
        public_url=services.public_url,
        support_email=services.support_email,
        support_phone=services.support_phone,
        zone=services.zone,
    )
