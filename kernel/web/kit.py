"""What a system tells the page kit about itself, and where pages find it again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import flask

from kernel.clock import Clock, SystemClock
from kernel.crypto import Sealer
from kernel.randomness import Randomness
from kernel.translations import Translations
from kernel.web.proxies import FORWARDED
from kernel.web.skeletons import Skeletons

EXTENSION = "kernel.page_kit"


def _nobody() -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class PageKit:
    """The facts about a system that every one of its pages shows or obeys.

    ``environment`` is named in the strip and in titles; an empty text hides it (production).
    ``form_targets`` gives the origins, apart from our own, that a form of any page may end at: browsers hold
    ``form-action`` against every redirect that follows a form. It is asked for every page: keep its answer in
    memory.
    ``max_body`` bounds the body of a page's form, in bytes. ``zone`` is the zone in which times are shown.
    ``support_email`` and ``support_phone`` reach Customer Relations; pages name what is given.
    """

    product: str
    environment: str
    public_url: str
    cookie_prefix: str
    sealer: Sealer
    randomness: Randomness
    translations: tuple[Path, ...]
    trusted_proxies: int = 0
    forwarded_header: str = FORWARDED
    version: str = ""
    form_targets: Callable[[], Iterable[str]] = _nobody
    clock: Clock = field(default_factory=SystemClock)
    zone: str = "America/Toronto"
    max_body: int = 262_144
    support_email: str = ""
    support_phone: str = ""

    @property
    def https(self) -> bool:
        """Tell whether people reach the system over TLS."""
        return urlsplit(self.public_url).scheme == "https"

    @property
    def origin(self) -> str:
        """Our own web origin: scheme, host and port of the public address."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class Installed:
    """The kit of a running application with what was prepared at start."""

    kit: PageKit
    translations: Translations
    skeletons: Skeletons


def installed() -> Installed:
    """Return what :func:`kernel.web.pages.make_pages` prepared for the current application."""
    found: Installed = flask.current_app.extensions[EXTENSION]
    return found


def current_kit() -> PageKit:
    """Return the page kit of the current application."""
    return installed().kit
