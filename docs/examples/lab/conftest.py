"""A fixture that runs a Gateway for the tests of an application: copy it beside your own tests."""

import json
import subprocess
from pathlib import Path

import pytest

LAB = Path(__file__).parent / "lab.json"


@pytest.fixture(scope="session")
def switchyard():
    """Give the addresses of a running laboratory: issuer, discovery, scim, mailbox."""
    command = ["switchyard", "lab", "--file", str(LAB)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            if not line:
                pytest.fail("the laboratory did not start; what it said stands above")
            yield json.loads(line)
        finally:
            process.terminate()
