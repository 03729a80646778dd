"""Certificates of connections that a proxy in front of us ended, in the one header our endpoints read.

The header a proxy sets is believed from the addresses of our own proxies alone, and whatever comes in our own
header is taken off first, so that nobody can bring a certificate by saying so.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable, Collection, Iterable
from typing import Any
from urllib.parse import unquote

from kernel.web.proxies import variable

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_LONGEST = 16_384
_BEGIN, _END = "-----BEGINCERTIFICATE-----", "-----ENDCERTIFICATE-----"  # of PEM, without white space


class ClientCertificates:
    """A WSGI application around another: hands on, in ``header``, what a proxy says in its ``source``.

    ``proxies`` are addresses or networks.
    """

    def __init__(self, behind: Application, *, header: str, source: str, proxies: Collection[str]) -> None:
        self._behind = behind
        self._header = variable(header)
        self._source = variable(source)
        self._proxies = tuple(ipaddress.ip_network(each) for each in proxies)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        environ.pop(self._header, None)
        said = environ.pop(self._source, "")
        if said and self._is_ours(str(environ.get("REMOTE_ADDR") or "")):
            environ[self._header] = to_base64(said)
        return self._behind(environ, start_response)

    def _is_ours(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._proxies)


def to_base64(said: str) -> str:
    """Return base64 of the DER, from RFC 9440 (``:...:``) or from PEM, escaped or not; else nothing."""
    text = said.strip()
    if len(text) > _LONGEST:
        return ""
    if text.startswith(":") and text.endswith(":"):
        inner = text[1:-1]
    else:
        inner = "".join(unquote(text).split())
        if not (inner.startswith(_BEGIN) and inner.endswith(_END)):
            return ""
        inner = inner[len(_BEGIN) : -len(_END)]
    try:
        return base64.b64encode(base64.b64decode(inner, validate=True)).decode()
    except (binascii.Error, ValueError):
        return ""
