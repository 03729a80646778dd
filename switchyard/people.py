"""The people of the first story, and how each of them uses a browser, a mailbox and an authenticator app.

Sample data: the names are the manual's own examples, the rest is invented. A person here knows only what a
person knows: what stands on pages and in messages.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from switchyard.visitor import LostError, Visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from switchyard.local import Site
    from switchyard.mail_reader import MailReader
    from switchyard.visitor import Page

_SECRET = re.compile(r'id="totp-secret"[^>]*>([A-Z2-7 ]+)<')
_STEP = 30
_SIGN_IN = "Sign in"
_SECOND_STEP = "Enter your code"


@dataclass(frozen=True, slots=True)
class Particulars:
    """What Registration asks about a person."""

    first_name: str
    last_name: str
    email: str
    middle_name: str = ""
    phone: str = "+1 416 555 0100"

    def form(self) -> dict[str, str]:
        """Return the fields of the page Register a New Person."""
        return {
            "first_name": self.first_name,
            "middle_name": self.middle_name,
            "last_name": self.last_name,
            "main_email": self.email,
            "main_phone": self.phone,
            "address_1": "1 Sample Street",
            "city": "Toronto",
            "province": "ON",
            "postal_code": "M5H 1T1",
            "country": "CA",
        }


@dataclass
class Person:
    """One person of the story with a browser of her own."""

    role: str
    particulars: Particulars
    password: str
    visitor: Visitor = field(default_factory=Visitor)
    user_name: str = ""
    totp_secret: str = ""
    _last_step: int = 0

    @property
    def name(self) -> str:
        """How the person is called."""
        given = self.particulars
        return " ".join(part for part in (given.first_name, given.middle_name, given.last_name) if part)

    @property
    def page(self) -> Page:
        """The page the person looks at."""
        return self.visitor.page

    # --- the second factor ---

    def next_code(self) -> str:
        """Return a code of the authenticator app that was not used yet, waiting for it if need be."""
        step = max(int(_now()) // _STEP, self._last_step + 1)
        # A code one step ahead is accepted, as clocks differ; beyond that one waits like anybody with an app.
        while step > int(_now()) // _STEP + 1:
            time.sleep(0.5)
        self._last_step = step
        return totp(self.totp_secret, step)

    def wrong_code(self) -> str:
        """Return a code with one wrong digit, that is right at no step nearby."""
        now = int(_now()) // _STEP
        nearby = {totp(self.totp_secret, now + distance) for distance in range(-3, 4)}
        code = totp(self.totp_secret, now)
        wrong = (code[:-1] + str((int(code[-1]) + more) % 10) for more in range(1, 10))
        return next(candidate for candidate in wrong if candidate not in nearby)

    # --- what the person does at the Gateway ---

    def activate(self, mail: MailReader) -> None:
        """Open the activation link, create a password, set up question and app, and reach the dashboard."""
        address = self.particulars.email
        self.user_name = mail.find(r"User ID: (\S+)", to=address)
        self.visitor.open(mail.link(to=address, containing="/activate/"))
        self.visitor.expect("Create your password")
        self.visitor.submit({"password": self.password, "repeat": self.password}, press="Create My Account")
        self.finish_set_up()

    def finish_set_up(self) -> None:
        """Answer every page of the set-up, in whatever order they come, until the dashboard is there."""
        answers: dict[str, Callable[[], None]] = {
            "Choose a security question": self._choose_question,
            "Set up two-step verification": self._choose_app,
            "Set up an authenticator app": self._enrol_app,
            "Check and finish": self._finish,
        }
        for _ in range(len(answers) + 1):
            if self.page.heading not in answers:
                break
            answers[self.page.heading]()
        self.visitor.expect("Your applications")

    def _choose_question(self) -> None:
        question = self.page.form("Save").choices[0].value
        self.visitor.submit({"question": question, "answer": "somewhere quiet"}, press="Save")

    def _choose_app(self) -> None:
        self.visitor.submit({"method": "app"}, press="Continue")

    def _finish(self) -> None:
        self.visitor.submit(press="Finish")

    def _enrol_app(self) -> None:
        found = _SECRET.search(self.page.html)
        if found is None:
            raise LostError(f"no key for the authenticator app on {self.page}")
        self.totp_secret = found.group(1).replace(" ", "")
        self.visitor.submit({"code": self.next_code()}, press="Verify")

    def sign_in(self, url: str) -> None:
        """Open `url` and prove oneself wherever the Gateway asks."""
        self.visitor.open(url)
        if self.page.heading == _SIGN_IN:
            self.give_password()
        if self.page.heading == _SECOND_STEP:
            self.give_code()
        self.visitor.expect()

    def give_password(self, password: str = "", *, user_name: str = "") -> None:
        """Fill in the sign-in page."""
        values: Mapping[str, str] = {
            "username": user_name or self.user_name,
            "password": password or self.password,
        }
        self.visitor.submit(values, press=_SIGN_IN)

    def give_code(self, code: str = "") -> None:
        """Fill in the page of the second step."""
        self.visitor.submit({"code": code or self.next_code()}, press="Continue")

    def sign_out(self, site: Site) -> None:
        """Sign out at the Gateway, which ends the sessions at every application."""
        self.visitor.open(f"{site.gateway}/sign-out")
        self.visitor.submit(press="Sign out")
        self.visitor.expect("You are signed out")


def totp(secret: str, step: int) -> str:
    """Return the code of `secret` (base32) at a time step (RFC 6238, RFC 4226 §5.3)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = mac[-1] & 0x0F
    (number,) = struct.unpack(">I", mac[offset : offset + 4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06d}"


def current_code(secret: str) -> str:
    """Return the code that an authenticator app shows now."""
    return totp(secret, int(_now()) // _STEP)


def _now() -> float:
    from kernel.clock import SystemClock  # noqa: PLC0415 - the people use the machine's clock, like a phone

    return SystemClock().now().timestamp()
