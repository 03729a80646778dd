"""Documents that rarely change, served as prepared bytes: the discovery document and the key set."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from idp.domain.tokens import SIGNED_METADATA_TYPE
from idp.usecases.services import IdpServices
from kernel.web.http import Endpoint, Request, Response, json_bytes

_OPEN = (("Access-Control-Allow-Origin", "*"), ("Cross-Origin-Resource-Policy", "cross-origin"))
_METADATA_SECONDS = 300


@dataclass(frozen=True, slots=True)
class _Served:
    """A document as it is served. ``mark`` is what it was made of: another one needs another document."""

    mark: object
    etag: str
    whole: Response
    unchanged: Response

    def answer(self, request: Request) -> Response:
        """Return the document, or 304 for whoever has it."""
        return self.unchanged if _has(request, self.etag) else self.whole


def metadata_endpoint(document: dict[str, object]) -> Endpoint:
    """Return the endpoint of the discovery document (OIDC Discovery §4, RFC 8414 §3)."""
    body = json_bytes(document)
    return _served("always", body, _etag(body), _METADATA_SECONDS).answer


def signed_metadata_endpoint(services: IdpServices, document: Mapping[str, object]) -> Endpoint:
    """Return the endpoint of the authorization server's metadata with ``signed_metadata`` (RFC 8414 §2.1).

    It is signed anew when the published keys change, and every few minutes, so that a new signing key is
    soon used here, too; equal facts under one key are equal bytes, on every node.
    """
    current: _Served | None = None

    def endpoint(request: Request) -> Response:
        nonlocal current
        now = int(services.store.clock.now().timestamp())
        mark = (services.signing.jwks().etag, now // _METADATA_SECONDS)
        served = current
        if served is None or served.mark != mark:  # two threads may both make it: they make the same
            signed = services.signing.sign(
                {"iss": services.issuer, **document},
                algorithm=services.settings.signing_algorithm,
                typ=SIGNED_METADATA_TYPE,
            )
            body = json_bytes({**document, "signed_metadata": signed})
            served = current = _served(mark, body, _etag(body), _METADATA_SECONDS)
        return served.answer(request)

    return endpoint


def jwks_endpoint(services: IdpServices) -> Endpoint:
    """Return the endpoint of the key set (RFC 7517 §5): cached no longer than a rotation allows (DJ-07)."""
    current: _Served | None = None

    def endpoint(request: Request) -> Response:
        nonlocal current
        document = services.signing.jwks()
        served = current
        if served is None or served.mark != document.etag:
            seconds = int(document.max_age.total_seconds())
            served = current = _served(document.etag, document.body, document.etag, seconds)
        return served.answer(request)

    return endpoint


def _served(mark: object, body: bytes, etag: str, seconds: int) -> _Served:
    headers = (("ETag", etag), ("Cache-Control", f"public, max-age={seconds}"), *_OPEN)
    whole = Response(200, body, (("Content-Type", "application/json"), *headers))
    return _Served(mark, etag, whole, Response(304, b"", headers))


def _etag(body: bytes) -> str:
    return f'"{urlsafe_b64encode(hashlib.sha256(body).digest()[:12]).decode()}"'


def _has(request: Request, etag: str) -> bool:
    """Tell whether the client has it, compared weakly (RFC 9110 §13.1.2): compression makes tags weak."""
    known = [each.strip().removeprefix("W/") for each in request.header("if-none-match").split(",")]
    return etag in known or known == ["*"]
