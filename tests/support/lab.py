"""A running laboratory as a real process, and a person with a browser who signs in at it."""

from __future__ import annotations

import base64
import hashlib
import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from switchyard.visitor import Page, read_page

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CALLBACK = "http://127.0.0.1:9000/callback"
VERIFIER = "a-verifier-that-has-at-least-forty-three-characters"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
_STOP_SECONDS = 60.0


@dataclass
class Lab:
    """A laboratory that is ready: what its line of JSON said, and its process."""

    said: dict[str, str]
    process: subprocess.Popen[str]
    verify: ssl.SSLContext | bool = True

    @property
    def issuer(self) -> str:
        """The Gateway's address."""
        return self.said["issuer"]

    def browser(self) -> httpx.Client:
        """Return a browser that follows no redirect by itself."""
        return httpx.Client(base_url=self.issuer, verify=self.verify, timeout=30)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Tell the laboratory to end, and return its exit code and what else it said on standard output."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=_STOP_SECONDS)
        return self.process.returncode, rest


def command(*options: str) -> list[str]:
    """Return the command line of a laboratory."""
    return [sys.executable, "-m", "switchyard", "lab", *options]


@contextmanager
def running_lab(
    folder: Path, file: Mapping[str, Any] | None, *options: str, verify: ssl.SSLContext | bool = True
) -> Iterator[Lab]:
    """Start a laboratory with this file, give it when it is ready, and end it if it has not ended yet."""
    if file is not None:
        (folder / "lab.json").write_text(json.dumps(file))
        options = ("--file", str(folder / "lab.json"), *options)
    with (folder / "errors").open("w") as errors:
        process = subprocess.Popen(command(*options), stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (folder / "errors").read_text()
            yield Lab(json.loads(line), process, verify)
        finally:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=_STOP_SECONDS)


def submit(browser: httpx.Client, page: Page, *, press: str = "", **values: str) -> httpx.Response:
    """Fill in the form of a page that has these fields and this button, and press it."""
    form = next(
        each
        for each in page.forms
        if set(values) <= each.names and any(press in button.text for button in each.buttons)
    )
    data = {name: held[0] for name, held in form.fields.items() if held} | values
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
    return browser.post(urljoin(page.url, form.action), data=data, headers={"Origin": origin})


def follow(browser: httpx.Client, answer: httpx.Response) -> Page | dict[str, str]:
    """Go where an answer leads: to a page of the Gateway, or back to the application with its parameters."""
    while answer.is_redirect:
        target = urljoin(str(answer.url), answer.headers["location"])
        if target.startswith(CALLBACK):
            return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        answer = browser.get(target)
    return read_page(str(answer.url), answer.status_code, answer.text)


def begin(
    browser: httpx.Client, client_id: str = "rp1", scope: str = "openid profile email address phone"
) -> Page | dict[str, str]:
    """Send a person from an application to the Gateway."""
    query = {
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": scope,
        "state": "st",
        "nonce": "no",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return follow(browser, browser.get("/oauth2/authorize", params=query))


def sign_in(browser: httpx.Client, user_name: str, password: str) -> Page | dict[str, str]:
    """Send a person from an application to the Gateway, and let them give user name and password."""
    page = begin(browser)
    assert isinstance(page, Page), page
    return follow(browser, submit(browser, page, username=user_name, password=password))


def redeem(browser: httpx.Client, code: str, *, client_id: str, secret: str) -> dict[str, Any]:
    """Exchange a code for tokens as the application does."""
    answer = browser.post(
        "/oauth2/token",
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        },
        auth=(client_id, secret),
    )
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens
