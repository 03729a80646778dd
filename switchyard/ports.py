"""Ports of this machine: whether one is free, and one that is."""

from __future__ import annotations

import os
import socket
from ipaddress import IPv6Address, ip_address

from kernel.errors import SettingsError

_HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def look_at_address(host: str, port: int) -> None:
    """Find out whether a server could listen at an address, before it says so in words of its own.

    Raises:
        SettingsError: if ``host`` is no IP address.
        OSError: naming the place, if it cannot be had or is in use.
    """
    try:
        family = socket.AF_INET6 if isinstance(ip_address(host), IPv6Address) else socket.AF_INET
    except ValueError:
        raise SettingsError(f"--host: {host} is not an IP address") from None
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            number = error.errno or 0
            raise OSError(number, os.strerror(number), f"{host} port {port}") from None
