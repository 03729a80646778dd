"""Builds what every deed of Registration stands on from its settings (:mod:`switchyard.wiring`)."""

from __future__ import annotations

import os

from kernel.store import Store
from registration.outbound.connect import connect_gateway
from registration.usecases.services import RegistrationServices
from switchyard.failpoints import failpoint_from
from switchyard.settings import RegistrationSystemSettings
from switchyard.wiring import open_store


def registration_services(
    settings: RegistrationSystemSettings, *, store: Store | None = None
) -> RegistrationServices:
    """Build what every deed of Registration stands on."""
    kernel = settings.kernel
    store = store or open_store(kernel)
    allowed = settings.registration.failpoints == "on"
    failpoint = failpoint_from(os.environ, allowed=allowed)
    gateway = connect_gateway(
        settings.registration, store.clock, store.randomness, event=failpoint if allowed else None
    )
    return RegistrationServices(
        store=store,
        settings=settings.registration,
        public_url=kernel.public_url,
        provider=gateway.provider,
        directory=gateway.directory,
        node=kernel.node,
        failpoint=failpoint,
    )
