"""What every test lives under: no network but this machine's own, and the shared fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import HealthCheck, settings
from pytest_socket import socket_allow_hosts

if TYPE_CHECKING:
    from collections.abc import Iterator

# How fast a machine is, no test asserts; the same examples each time, so that a change alone turns a test red.
settings.register_profile(
    "switchyard", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("switchyard")

pytest_plugins = [
    "tests.support.databases",
    "tests.support.browser",
    "tests.support.clock",
    "tests.support.gatehouse",
    "tests.support.mailbox",
    "tests.support.processes",
    "tests.support.tls_lab",
]


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup() -> None:
    """Let tests reach this machine and no other."""
    socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Undo what a test, or what it started in this process, set up for the log."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
