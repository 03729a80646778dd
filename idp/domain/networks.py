"""Networks that may be asked from: written in CIDR notation, a single address being a network of one."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=1024)
def network(text: str) -> Network | None:
    """Return the network ``text`` writes, or None; bits beyond its prefix are a slip, not a network."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def is_of_somebody(text: str) -> bool:
    """Tell whether ``text`` writes a network that one machine can have: not everything, nobody, or a crowd.

    An address is written in one way only: with leading zeros or a zone it could be read as another (MA-02).
    """
    found = network(text)
    if found is None or "%" in text:
        return False
    return found.prefixlen > 0 and not found.is_unspecified and not found.is_multicast


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Tell whether ``address`` lies in one of ``networks``; what is no address lies nowhere (SA-11).

    An IPv4 address that is written as one of IPv6 is the IPv4 address.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    plain = getattr(found, "ipv4_mapped", None) or found
    known = (network(each) for each in networks)
    return any(plain in each for each in known if each is not None and each.version == plain.version)
