"""Nonces for proofs of possession (RFC 9449 §8): made of the time and a key, and stored nowhere. No deed."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from idp.usecases.services import IdpServices

_SPAN_SECONDS = 300
_BYTES = 18


def current_nonce(services: IdpServices) -> str:
    """Return the nonce to use from now on; every node knows it, and nobody can foretell the next."""
    return _nonce(services, 0)


def good_nonces(services: IdpServices) -> tuple[str, ...]:
    """Return the nonces that are taken now: each works for five minutes, and for five more."""
    return (_nonce(services, 0), _nonce(services, 1))


def _nonce(services: IdpServices, spans_ago: int) -> str:
    span = int(services.store.clock.now().timestamp()) // _SPAN_SECONDS - spans_ago
    mac = services.store.sealer.mac("dpop-nonce", str(span).encode())
    return urlsafe_b64encode(mac[:_BYTES]).decode()
