"""Documents that rarely change, served as prepared bytes: the discovery document and the key set."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

from idp.usecases.services import IdpServices
from kernel.web.http import Endpoint, Request, Response, json_bytes

_OPEN = (("Access-Control-Allow-Origin", "*"), ("Cross-Origin-Resource-Policy", "cross-origin"))
_METADATA_SECONDS = 300


def metadata_endpoint(document: dict[str, object]) -> Endpoint:
    """Return the endpoint of the discovery document (OIDC Discovery §4, RFC 8414 §3)."""
    body = json_bytes(document)
    etag = f'"{urlsafe_b64encode(hashlib.sha256(body).digest()[:12]).decode()}"'
    whole, unchanged = _prepared(body, etag, _METADATA_SECONDS)

    def endpoint(request: Request) -> Response:
        return unchanged if _has(request, etag) else whole

    return endpoint


def jwks_endpoint(services: IdpServices) -> Endpoint:
    """Return the endpoint of the key set (RFC 7517 §5): cached no longer than a rotation allows (DJ-07)."""
    last: list[tuple[str, Response, Response]] = []

    def endpoint(request: Request) -> Response:
        document = services.signing.jwks()
        if not last or last[0][0] != document.etag:
            seconds = int(document.max_age.total_seconds())
            last[:] = [(document.etag, *_prepared(document.body, document.etag, seconds))]
        etag, whole, unchanged = last[0]
        return unchanged if _has(request, etag) else whole

    return endpoint


def _prepared(body: bytes, etag: str, seconds: int) -> tuple[Response, Response]:
    headers = (("ETag", etag), ("Cache-Control", f"public, max-age={seconds}"), *_OPEN)
    return (
        Response(200, body, (("Content-Type", "application/json"), *headers)),
        Response(304, b"", headers),
    )


def _has(request: Request, etag: str) -> bool:
    return etag in [each.strip() for each in request.header("if-none-match").split(",")]
