"""Which clients get tokens that are bound to them, and nothing else."""

from __future__ import annotations

from idp.domain.client import Client
from idp.domain.confirmation import Binding, Confirmation
from idp.domain.oauth import ErrorCode, Fault


def binding_fault(client: Client, held: Confirmation | None) -> Fault | None:
    """Return why a client gets no token bound to ``held``: its registration or its profile asks for more.

    A missing proof is not a wrong one, so the code is not ``invalid_dpop_proof`` (RFC 9449 §5).
    """
    binding = held.binding if held is not None else None
    if client.dpop_bound and binding is not Binding.KEY:
        return Fault(ErrorCode.INVALID_REQUEST, "The client has to prove a key by DPoP.")
    if client.certificate_bound and binding is not Binding.CERTIFICATE:
        return Fault(ErrorCode.INVALID_REQUEST, "The client has to present its certificate.")
    if client.rules.sender_constrained and binding is None:
        return Fault(ErrorCode.INVALID_REQUEST, "The client has to prove a key by DPoP or by a certificate.")
    return None
