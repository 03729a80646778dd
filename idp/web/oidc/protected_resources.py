"""What our own protected resources tell of themselves (RFC 9728): which tokens they take, and from whom.

A client that knows a resource by its identifier finds the document at its well-known address. The challenges
of the resources do not name it: §3.3 has clients compare ``resource`` with the very address they asked, and
ours lie below it.
"""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.dpop import ALGORITHMS as DPOP_ALGORITHMS
from idp.domain.scope import SIGN_IN_SCOPES
from idp.usecases.services import IdpServices
from idp.web.oidc.documents import metadata_endpoint
from kernel.web.http import Route

WELL_KNOWN = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True, slots=True)
class ProtectedResource:
    """One resource: its identifier is the issuer with ``path``, and the audience of its tokens."""

    path: str
    name: str
    scopes: tuple[str, ...]
    methods: tuple[str, ...] = ("header",)


OWN = ProtectedResource("", "Gateway userinfo", SIGN_IN_SCOPES, ("header", "body"))
"""Userinfo, whose tokens have the issuer for their audience."""


def resource_routes(services: IdpServices, *resources: ProtectedResource) -> tuple[Route, ...]:
    """Return the routes of the documents of these resources and of our own."""
    return tuple(
        Route(
            ("GET",),
            WELL_KNOWN + each.path,
            metadata_endpoint(resource_metadata(services, each)),
            f"protected_resource_{index}",
        )
        for index, each in enumerate((OWN, *resources))
    )


def resource_metadata(services: IdpServices, resource: ProtectedResource) -> dict[str, object]:
    """Return what a resource tells of itself (RFC 9728 §2)."""
    return {
        "resource": services.issuer + resource.path,
        "authorization_servers": [services.issuer],
        "scopes_supported": list(resource.scopes),
        "bearer_methods_supported": list(resource.methods),
        "resource_name": resource.name,
        "dpop_signing_alg_values_supported": list(DPOP_ALGORITHMS),
        "tls_client_certificate_bound_access_tokens": bool(services.settings.certificate_header),
    }
