"""Where a request comes from and whom it was addressed to.

Trust in proxies is a number of hops, never a guess: with none, forwarding headers are not read at all
(OR-04). The host a request names must be the host of our own public address (OR-03).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

FORWARDED = "X-Forwarded-For"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=16)
def variable(header: str) -> str:
    """Return the environ's name of a header. ``X_Forwarded_For`` has the same one as ``X-Forwarded-For``."""
    return f"HTTP_{header.upper().replace('-', '_')}"


def is_unmistakable(header: str) -> bool:
    """Tell whether no other header can be taken for this one: it holds nothing but letters and digits.

    A proxy sets or drops ``X-Name`` and hands on a client's ``X_Name``, unless it drops such names as nginx
    does; here both have the same name, and the later one counts.
    """
    return header.isascii() and header.isalnum()


def _address(text: str) -> str:
    """Return the IP address written in ``text`` (a port may follow), or an empty text."""
    candidate = text.strip()
    if candidate.startswith("["):
        candidate = candidate[1:].partition("]")[0]
    elif candidate.count(":") == 1:
        candidate = candidate.partition(":")[0]
    try:
        return str(ipaddress.ip_address(candidate))
    except ValueError:
        return ""


def peer_address(environ: Mapping[str, Any], trusted_proxies: int, header: str = FORWARDED) -> str:
    """Return the address a request comes from.

    With ``trusted_proxies`` = n, our own n proxies have each added one entry to ``header``, so the n-th from
    the right is the first address that is not ours. What is missing or invalid means the peer of
    the connection itself; nothing a client writes further left is ever believed (OR-04).
    """
    peer = str(environ.get("REMOTE_ADDR") or "")
    if trusted_proxies < 1:
        return peer
    hops = str(environ.get(variable(header)) or "").split(",")
    if len(hops) < trusted_proxies:
        return peer
    return _address(hops[-trusted_proxies]) or peer


def peer_by_hops(trusted_proxies: int, header: str = FORWARDED) -> Callable[[Mapping[str, Any]], str]:
    """Return :func:`peer_address` for a fixed number of trusted proxies, and the header they write to."""

    def peer(environ: Mapping[str, Any]) -> str:
        return peer_address(environ, trusted_proxies, header)

    return peer


def host_check(public_url: str) -> Callable[[str], bool]:
    """Return the question whether a ``Host`` header names the host and port of ``public_url`` (OR-03)."""
    ours = _host_and_port(public_url)
    scheme, literal = urlsplit(public_url)[:2]

    def host_is_ours(host: str) -> bool:
        if host and host == literal:  # nearly always, and cheaper than taking it apart
            return True
        if not host or any(character in host for character in "/\\@?#, \t"):
            return False
        try:
            return _host_and_port(f"{scheme}://{host}") == ours
        except ValueError:
            return False

    return host_is_ours


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
