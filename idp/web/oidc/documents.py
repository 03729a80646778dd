"""Documents that rarely change, served as prepared bytes: the discovery document and the key set."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping

from idp.domain.tokens import SIGNED_METADATA_TYPE
from idp.usecases.services import IdpServices
from kernel.web.http import Endpoint, Request, Response, json_bytes

_OPEN = (("Access-Control-Allow-Origin", "*"), ("Cross-Origin-Resource-Policy", "cross-origin"))
_METADATA_SECONDS = 300


def metadata_endpoint(document: dict[str, object]) -> Endpoint:
    """Return the endpoint of the discovery document (OIDC Discovery §4, RFC 8414 §3)."""
    body = json_bytes(document)
    etag = _etag(body)
    whole, unchanged = _prepared(body, etag, _METADATA_SECONDS)

    def endpoint(request: Request) -> Response:
        return unchanged if _has(request, etag) else whole

    return endpoint


def signed_metadata_endpoint(services: IdpServices, document: Mapping[str, object]) -> Endpoint:
    """Return the endpoint of the authorization server's metadata with ``signed_metadata`` (RFC 8414 §2.1).

    It is signed anew when the published keys change, and every few minutes, so that the key that signs now is
    never long in coming; equal facts under one key are equal bytes, on every node.
    """
    last: list[tuple[tuple[str, int], str, Response, Response]] = []

    def endpoint(request: Request) -> Response:
        now = int(services.store.clock.now().timestamp())
        mark = (services.signing.jwks().etag, now // _METADATA_SECONDS)
        if not last or last[0][0] != mark:
            signed = services.signing.sign(
                {"iss": services.issuer, **document},
                algorithm=services.settings.signing_algorithm,
                typ=SIGNED_METADATA_TYPE,
            )
            body = json_bytes({**document, "signed_metadata": signed})
            etag = _etag(body)
            last[:] = [(mark, etag, *_prepared(body, etag, _METADATA_SECONDS))]
        _mark, etag, whole, unchanged = last[0]
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


def _etag(body: bytes) -> str:
    return f'"{urlsafe_b64encode(hashlib.sha256(body).digest()[:12]).decode()}"'


def _has(request: Request, etag: str) -> bool:
    """Tell whether the client has it, compared weakly (RFC 9110 §13.1.2): compression makes tags weak."""
    known = [each.strip().removeprefix("W/") for each in request.header("if-none-match").split(",")]
    return etag in known or known == ["*"]
