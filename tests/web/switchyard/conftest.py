"""The server as it is shipped, with an application that says back what reaches it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.ports import free_base_port, listens
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCRIPT = """
import sys
from switchyard.server import serve
serve("tests.support.echo:application", host="127.0.0.1", port=int(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve the echo by the product's own server."""
    found = free_base_port()
    process = subprocess.Popen([sys.executable, "-c", _SCRIPT, str(found)])
    try:
        wait_until(lambda: listens(found), "the server")
        yield found
    finally:
        process.terminate()
        process.wait(timeout=30)
