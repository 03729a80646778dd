"""A browser as a person would name it: "Chrome on Windows". For display only; nothing is decided by it."""

from __future__ import annotations

import ipaddress

# In order: names that hide behind others come first.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """Return the browser's name, or an empty text if it is none that we know."""
    return next((name for mark, name in _BROWSERS if mark in user_agent), "")


def system_name(user_agent: str) -> str:
    """Return the operating system's name, or an empty text if it is none that we know."""
    return next((name for mark, name in _SYSTEMS if mark in user_agent), "")


def shortened_address(address: str) -> str:
    """Return a network address without its end: enough to recognise, too little to point at."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if parsed.version == 4:
        return address.rpartition(".")[0] + ".x"
    return ":".join(parsed.exploded.split(":")[:3]) + ":x"
