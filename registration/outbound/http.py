"""HTTP to the Gateway and to nothing else: an allow-list of origins, no redirects, no proxies.

An address that comes out of a setting or of a discovery document is called only if its origin is on the list
(OB-13); otherwise whoever can change one of them could make us call any machine we can reach.
"""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar
from urllib.parse import urlsplit

import httpx
import structlog

from kernel.errors import SettingsError, SwitchyardError

Event = Callable[[str], None]

_TRACED = {
    "connection.connect_tcp.complete": "after-connect",
    "http11.send_request_body.complete": "after-send",
}


_log = structlog.get_logger(__name__)


class TargetRefusedError(SwitchyardError):
    """An address that is not on the allow-list; it was not called."""

    code: ClassVar[str] = "target_refused"
    public: ClassVar[str] = "The address is not one this system may call."


def origin_of(url: str) -> str:
    """Return scheme, host and port of ``url`` in one form.

    Raises:
        TargetRefusedError: if it is no http(s) address, or carries a user name.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        raise TargetRefusedError(url=url) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise TargetRefusedError(url=url)
    return f"{parts.scheme}://{parts.hostname.lower()}:{port}"


def trusted(ca_file: str) -> ssl.SSLContext:
    """Return how certificates are judged by the authorities of ``ca_file`` alone.

    Raises:
        SettingsError: if the file holds none.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        reason = "it holds no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise SettingsError(f"registration.gateway_ca_file: {ca_file} cannot be used: {reason}") from None


def reason_of(error: BaseException | None) -> str:
    """Return what the system says of a connection that did not come about, in its own few words.

    Nothing else that an error carries: it may hold a part of the request.
    """
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        if isinstance(error, ssl.SSLError):
            return error.reason or ""
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        error = error.__cause__ or error.__context__
    return ""


class Outbound:
    """Sends requests to allowed origins. Safe to share between threads."""

    def __init__(
        self,
        allowed: Iterable[str],
        *,
        timeout: dt.timedelta,
        ca_file: str = "",
        event: Event | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._allowed = frozenset(origin_of(url) for url in allowed)
        self._event = event
        verify = trusted(ca_file) if ca_file else True
        self._client = httpx.Client(
            timeout=timeout.total_seconds(),
            follow_redirects=False,
            trust_env=False,
            verify=verify,
            transport=transport,
            headers={"User-Agent": "switchyard-registration"},
        )

    def send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send one request and return the answer, whatever its status. Where none comes, the log says why.

        Raises:
            TargetRefusedError: if the address is not allowed; nothing was sent.
            httpx.HTTPError: if no answer came; whether the other side acted is unknown.
        """
        if origin_of(url) not in self._allowed:
            raise TargetRefusedError(url=url)
        extensions = {"trace": self._trace} if self._event else None
        try:
            return self._client.request(
                method,
                url,
                params=dict(params) if params else None,
                data=dict(form) if form is not None else None,
                json=json,
                headers=dict(headers) if headers else None,
                extensions=extensions,
            )
        except httpx.HTTPError as error:
            _log.warning(
                "gateway.no_answer",
                origin=origin_of(url),
                error=type(error).__name__,
                reason=reason_of(error),
            )
            raise

    def _trace(self, name: str, _info: Mapping[str, object]) -> None:
        point = _TRACED.get(name)
        if point and self._event:
            self._event(point)

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._client.close()
