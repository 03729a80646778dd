"""Registering a client by hand or by the wiring: judged by two readings of the standards."""

from __future__ import annotations

from idp.domain.client_metadata import MetadataError, MetadataFault, kept, metadata_faults
from idp.usecases.register_client import ClientOrder, Registered, RegistrationRefused, register_client
from idp.usecases.services import IdpServices
from idp.web.authlib_bridge import client_metadata_fault
from idp.web.oidc.routes import metadata_document
from kernel.audit import Actor


def register(
    services: IdpServices, order: ClientOrder, *, actor: Actor, replace: bool = False
) -> Registered | RegistrationRefused:
    """Register a client, or with ``replace`` change it; nothing the provider does not offer is accepted."""
    metadata = kept(order.metadata)
    # Our own rules speak first, because they name every fault; the second reading catches what they forgot.
    loopback = services.settings.loopback_http_clients
    if not metadata_faults(metadata, profile=order.profile, loopback_http=loopback):
        name = client_metadata_fault(metadata, metadata_document(services))
        if name:
            fault = MetadataFault(MetadataError.METADATA, name, "is against the standard or not offered here")
            return RegistrationRefused((fault,))
    return register_client(services, order, actor=actor, replace=replace)
