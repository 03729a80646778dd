"""What a request shows and proves to possess, by its headers, and the nonce its client is told (RFC 9449)."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from idp.domain.client_certificate import HEADER, ClientCertificate, read_certificate
from idp.usecases.dpop_nonces import current_nonce
from idp.usecases.prove_possession import NOTHING, Shown
from idp.usecases.services import IdpServices
from kernel.web.http import Request, Response

_SCHEMES = frozenset({"bearer", "dpop"})


def scheme_of(request: Request) -> str:
    """Return how a token was announced, in small letters."""
    return request.header("authorization").partition(" ")[0].lower()


def token_of(request: Request) -> str:
    """Return the access token in a request's header, or nothing (RFC 6750 §2.1, RFC 9449 §7.1)."""
    token = request.header("authorization").partition(" ")[2]
    return token.strip() if scheme_of(request) in _SCHEMES else ""


def beside_token(services: IdpServices, request: Request) -> Shown:
    """Return what came beside an access token that it may be bound to."""
    return shown_by(services, request, as_dpop=scheme_of(request) == "dpop")


def shown_by(services: IdpServices, request: Request, *, as_dpop: bool = False) -> Shown:
    """Return what came beside a request; ``as_dpop`` tells that its token was announced as bound to a key."""
    certificate = certificate_of(services, request)
    proof = request.headers.get("dpop")
    if certificate is None and proof is None and not as_dpop:
        return NOTHING
    return Shown(
        method=request.method,
        uri=services.public_url + quote(request.path, encoding="latin-1"),
        proof=proof,
        certificate=certificate.thumbprint if certificate is not None else "",
        as_dpop=as_dpop,
    )


def certificate_of(services: IdpServices, request: Request) -> ClientCertificate | None:
    """Return the certificate that the request's connection was made with, where certificates are taken."""
    if not services.settings.certificate_header:
        return None
    said = request.header(HEADER)
    return read_certificate(said) if said else None


def with_nonce(services: IdpServices, request: Request, response: Response) -> Response:
    """Return the answer with the nonce for the next proof, for clients that prove a key."""
    if not services.settings.dpop_nonces or "dpop" not in request.headers:
        return response
    return replace(response, headers=(*response.headers, ("DPoP-Nonce", current_nonce(services))))
